"""Functions over lists, sets and maps."""

from __future__ import annotations

import itertools

from skerry.readers.terraform.value import (
    Set,
    Unknown,
    Wrong,
    as_set,
    boolean,
    kind,
    mapping,
    number,
    ordered,
    plain,
    same,
    sequence,
    text,
    unified,
    whole,
)


def length(value: object) -> object:
    """length of a list, set, map or string."""
    if isinstance(value, list | dict | str):
        return len(value)
    raise Wrong(f"length() takes a list, map or string, not a {kind(value)}")


def lookup(found: object, key: object, *default: object) -> object:
    """lookup."""
    items, name = mapping(found), text(key)
    if name in items:
        return items[name]
    if not default:
        raise Wrong(
            "the map has no key {0}", "give lookup() a third argument for that case", (name,)
        )
    return default[0]


def element(values: object, index: object) -> object:
    """element: the index starts over at the list's end."""
    items = sequence(values)
    if not items:
        raise Wrong("element() of an empty list")
    return items[whole(index) % len(items)]


def index(values: object, value: object) -> object:
    """index."""
    for at, item in enumerate(sequence(values)):
        if same(item, value):
            return at
    raise Wrong("the list does not hold this value")


def contains(values: object, value: object) -> object:
    """contains."""
    return any(same(item, value) for item in sequence(values))


def concat(*lists: object) -> object:
    """concat."""
    return [item for values in lists for item in sequence(values)]


def merge(*maps: object) -> object:
    """merge: the last one wins, null counts as empty."""
    items: dict[str, object] = {}
    for found in maps:
        items.update(mapping(found) if found is not None else {})
    return ordered(items.items())


def keys(found: object) -> object:
    """keys."""
    return list[object](mapping(found))


def values(found: object) -> object:
    """values, in the order of keys."""
    return list(mapping(found).values())


def zipmap(names: object, items: object) -> object:
    """zipmap."""
    left, right = sequence(names), sequence(items)
    if len(left) != len(right):
        raise Wrong(f"zipmap() has {len(left)} keys and {len(right)} values")
    return ordered((text(name), item) for name, item in zip(left, right, strict=True))


def flatten(found: object) -> object:
    """flatten, to any depth."""
    flat: list[object] = []
    for item in sequence(found):
        if isinstance(item, list):
            deeper = flatten(item)
            flat.extend(deeper if isinstance(deeper, list) else [])
        else:
            flat.append(item)
    return flat


def distinct(found: object) -> object:
    """distinct: the first of each stays where it is."""
    kept: list[object] = []
    for item in unified(sequence(found)):
        if not any(same(item, other) for other in kept):
            kept.append(item)
    return kept


def compact(found: object) -> object:
    """compact: without null and empty strings."""
    return [text(item) for item in sequence(found) if item is not None and item != ""]


def reverse(found: object) -> object:
    """reverse."""
    return list(reversed(sequence(found)))


def sort(found: object) -> object:
    """sort, as strings by code point."""
    return list[object](sorted(text(item) for item in sequence(found)))


def part(found: object, start: object, end: object) -> object:
    """slice."""
    items, first, last = sequence(found), whole(start), whole(end)
    if isinstance(found, Set):
        raise Wrong("the elements of a set have no indices", "make a list of it with tolist()")
    if not 0 <= first <= last <= len(items):
        raise Wrong(f"a list of {len(items)} has no part from {{0}} to {{1}}", values=(first, last))
    return items[first:last]


def numbers(*limits: object) -> object:
    """range."""
    bounds = [number(limit) for limit in limits]
    start, limit = (0, bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[1])
    step = bounds[2] if len(bounds) == 3 else (1 if start <= limit else -1)
    if step == 0:
        raise Wrong("range() with a step of zero")
    if (step > 0) != (limit > start) and limit != start:
        raise Wrong("range() would never reach its limit with this step")
    found: list[object] = []
    while (start < limit) if step > 0 else (start > limit):
        found.append(plain(start))
        start += step
        if len(found) > 1024:  # Terraform's own bound
            raise Wrong("range() makes at most 1024 elements")
    return found


def chunks(found: object, size: object) -> object:
    """chunklist."""
    items, step = sequence(found), whole(size)
    if step == 0:
        return [list(items)] if items else []
    if step < 0:
        raise Wrong("chunklist() with a negative size")
    return [items[at : at + step] for at in range(0, len(items), step)]


def coalesce(*found: object) -> object:
    """coalesce: the first that is neither null nor an empty string; all of them get one type."""
    known = [item for item in found if not isinstance(item, Unknown)]
    for item in unified(known) if len(known) == len(found) else found:
        if item is not None and item != "":
            return item
    raise Wrong("coalesce() has nothing but null and empty strings")


def coalesce_list(*found: object) -> object:
    """coalescelist: the first that is not empty."""
    for items in found:
        if isinstance(items, Unknown) or sequence(items):
            return items
    raise Wrong("coalescelist() has nothing but empty lists")


def one(found: object) -> object:
    """one: the only element, or null."""
    items = sequence(found)
    if len(items) > 1:
        raise Wrong(f"one() of {len(items)} elements")
    return items[0] if items else None


def all_true(found: object) -> object:
    """alltrue."""
    return all(item is not None and boolean(item) for item in sequence(found))


def any_true(found: object) -> object:
    """anytrue."""
    return any(item is not None and boolean(item) for item in sequence(found))


def match_keys(found: object, names: object, wanted: object) -> object:
    """matchkeys."""
    items, keyed, search = sequence(found), sequence(names), sequence(wanted)
    if len(items) != len(keyed):
        raise Wrong("matchkeys() needs as many keys as values")
    return [
        item
        for item, key in zip(items, keyed, strict=True)
        if any(same(key, one) for one in search)
    ]


def transpose(found: object) -> object:
    """transpose: a map of lists of strings the other way round."""
    turned: dict[str, list[object]] = {}
    for name, items in mapping(found).items():
        for item in sequence(items):
            turned.setdefault(text(item), []).append(name)
    return ordered((name, items) for name, items in turned.items())


def set_union(*sets: object) -> object:
    """setunion."""
    return as_set(item for found in sets for item in sequence(found))


def set_intersection(first: object, *sets: object) -> object:
    """setintersection."""
    return as_set(
        item
        for item in sequence(first)
        if all(any(same(item, other) for other in sequence(found)) for found in sets)
    )


def set_subtract(found: object, less: object) -> object:
    """setsubtract."""
    gone = sequence(less)
    return as_set(item for item in sequence(found) if not any(same(item, other) for other in gone))


def set_product(*sets: object) -> object:
    """setproduct."""
    rows: list[object] = [
        list(row) for row in itertools.product(*(unified(sequence(found)) for found in sets))
    ]
    return Set(rows) if any(isinstance(found, Set) for found in sets) else rows


def to_set(found: object) -> object:
    """toset."""
    return None if found is None else as_set(sequence(found))


def to_list(found: object) -> object:
    """tolist."""
    return None if found is None else list(unified(sequence(found)))


def to_map(found: object) -> object:
    """tomap."""
    if found is None:
        return None
    items = mapping(found)
    return dict(zip(items, unified(list(items.values())), strict=True))
