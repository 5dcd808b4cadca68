"""Several nodes, one hub and bad weather, all from one seed; and what has to be true when it clears up."""

from __future__ import annotations

import contextlib
import copy
import random
from collections import Counter
from collections.abc import Callable, Iterable

import msgspec

from skerry.sync import change as wire
from skerry.sync.change import Known, Later
from skerry.sync.clock import Stamp
from skerry.sync.cursor import Step
from skerry.sync.drift import Verdict
from skerry.sync.log import Answer, Batch, Head, LogName
from skerry.sync.merge.record import Record
from skerry.sync.merge.view import view
from skerry.sync.snapshot import Key
from tests.support import histories
from tests.support.partition.copy import Copy
from tests.support.partition.hub import Hub, HubDisk, Reply
from tests.support.partition.node import Cut, Disk, Node

START_MS = 1_764_000_000_000
DAY_MS = 86_400_000
KEYS: list[Key] = [("s", "a"), ("s", "b"), ("s", "c")]

INVERTING = ("restamped", "rescued", "node cloned", "node restored")


class World:
    """`step` lets one thing happen, `clear_up` ends the weather and `check` looks."""

    def __init__(self, seed: int, nodes: int = 3) -> None:
        self.chance = random.Random(seed)
        self.met: Counter[str] = Counter()
        self.now_ms = START_MS
        self.hub = Hub(self.met)
        self.nodes: list[Node] = []
        for number in range(nodes):
            name = LogName("state", "p", self.chance.randbytes(5), 1)
            self.add(Disk(name))
            self.restart(self.nodes[number])
        self.air: list[tuple[int, Batch | Reply]] = []  # (node or -1 for the hub, message)
        self.token = 0
        self.acknowledged: set[int] = set()
        self.excused: set[int] = set()
        self.backups: list[HubDisk] = []
        self.images: list[tuple[int, Disk]] = []
        self.after: dict[int, int] = {}  # mark → that of the change its writer saw as the latest
        self.epoch = 1
        # each world has weather of its own: some of this never, some of it all the time
        self.weather: list[tuple[Callable[[], None], float]] = [
            (self.write, 30),
            (self.connect, 12),
            (self.push, 20),
            (self.ask, 25),
            (self.deliver, 40),
            *(
                (action, weight * self.chance.choice((0, 1, 1, 4)))
                for action, weight in (
                    (self.disconnect, 4),
                    (self.crash, 3),
                    (self.back_up, 2),
                    (self.keep_image, 2),
                    (self.trim, 1),
                    (self.forget, 4),
                    (self.lose_tail, 1),
                    (self.restore_image, 1),
                    (self.clone, 0.5),
                    (self.set_hub_clock, 0.5),
                    (self.silence, 0.5),
                )
            ),
        ]

    def add(self, disk: Disk) -> None:
        self.nodes.append(Node(len(self.nodes), disk, self.chance, self.met))

    # ------------------------------------------------------------ what happens
    def step(self) -> None:
        """One thing."""
        self.now_ms += self.chance.randint(1, 20_000)
        actions = [action for action, _ in self.weather]
        self.chance.choices(actions, [weight for _, weight in self.weather])[0]()

    def any_node(self) -> Node:
        return self.chance.choice(self.nodes)

    def write(self) -> None:
        self.token += 1
        token, action = self.token, self.chance.randrange(9)
        where, what = self.chance.randrange(7), self.chance.randrange(4)

        def edit(record: Record, stamp: Stamp) -> list[Known | Later]:
            return histories.operations(record, action, where, what, stamp)

        node, key = self.any_node(), self.chance.choice(KEYS)
        seen = view(node.disk.records.get(key, Record()), self.now_ms)
        if seen is not None:
            self.after.update((token, mark) for mark in node.marks(seen.stamp))
        node.write(key, edit, token, self.now_ms)
        self.acknowledged.add(token)

    def connect(self) -> None:
        try:
            self.greet(self.any_node())
        except Cut:
            self.met["cut"] += 1

    def greet(self, node: Node) -> None:
        """A session begins. What a node knows by effect alone may not be told apart from another life's."""
        before, given_up = self.stored(), self.met["given up"]
        try:
            node.connect(self.hub, self.now_ms)
        finally:
            if self.met["given up"] > given_up:
                self.excused |= before - self.stored()

    def disconnect(self) -> None:
        self.any_node().session = None

    def push(self) -> None:
        node = self.any_node()
        batch = node.push()
        if batch is not None:
            self.air.append((-1 - node.number, batch))

    def ask(self) -> None:
        """A node reads on in some log; the hub tells the floor with it."""
        node = self.any_node()
        if node.session is None or node.session.epoch != self.hub.disk.epoch:
            return
        heads = node.heads()
        self.hub.disk.peers[node.number].heads = heads
        self.hub.disk.peers[node.number].heard_ms = self.hub.time(self.now_ms).now_ms
        for name, held in self.hub.disk.copies.items():
            begin = heads.get(name, name.start).position
            if held.log.floor.position <= begin < held.head.position:
                self.air.append((node.number, held.batch(begin, self.chance.randint(1, 4))))
            elif begin < held.log.floor.position:
                node.session = None  # trimmed away meanwhile
        if self.chance.random() < 0.5 and node.session is not None:
            told = {name: held.head for name, held in self.hub.disk.copies.items()}
            node.told_floor(self.hub.disk.floor, told, self.now_ms)

    def deliver(self) -> None:
        """Any message, however old; sometimes it stays to be delivered again, sometimes it is lost."""
        if not self.air:
            return
        at = self.chance.randrange(len(self.air))
        to, message = self.air[at]
        luck = self.chance.random()
        if luck > 0.15:
            del self.air[at]
        if luck > 0.9:
            self.met["message lost"] += 1
            return
        if isinstance(message, Reply):
            self.nodes[to].replied(message)
        elif to < 0:
            self.air.append((-1 - to, self.hub.receive(message, self.now_ms)))
        else:
            self.nodes[to].receive(message)

    def crash(self) -> None:
        self.restart(self.any_node())

    def restart(self, node: Node) -> None:
        """A new boot, with a wall clock that is right, in 1970, or in the future."""
        offset = self.chance.choice([0, 0, None, 30_000, -20_000, 400 * DAY_MS])
        self.met[f"clock {offset}"] += 1
        node.boot(self.now_ms, offset)

    def back_up(self) -> None:
        """The hub's disk; the last two are kept."""
        self.backups = [*self.backups[-1:], self.hub.backup()]
        self.hub.safe = self.safe() if len(self.backups) == 2 else {}

    def keep_image(self) -> None:
        """A node's disk; the last three are kept."""
        node = self.any_node()
        self.images = [*self.images[-2:], (node.number, copy.deepcopy(node.disk))]

    def safe(self) -> dict[LogName, Head]:
        """Of each log the head up to which both backups have the same."""
        old, new = (disk.copies for disk in self.backups)
        found = {}
        for name in old.keys() & new.keys():
            shorter, longer = sorted((old[name], new[name]), key=lambda held: held.head.position)
            if longer.hash_at(shorter.head.position) == shorter.head.hash:
                found[name] = shorter.head
        return found

    def trim(self) -> None:
        """Drop what all backups have, here and there; images that are older are too old to be restored."""
        self.any_node().trim(self.hub.safe)
        for name, head in self.hub.safe.items():
            held = self.hub.disk.copies.get(name)
            if held is not None and held.hash_at(head.position) == head.hash:
                held.trim(head.position)
                self.met["trimmed"] += 1
        self.images.clear()

    def forget(self) -> None:
        self.hub.forget(self.now_ms)

    def fault(self, happens: Callable[[], None]) -> None:
        """A disk goes, and with it what lay nowhere else: that is excused."""
        before = self.stored()
        happens()
        self.excused |= before - self.stored()

    def lose_tail(self) -> None:
        """The hub comes back from a backup, and knows it or does not."""
        if not self.backups:
            return
        disk = self.chance.choice(self.backups)
        known = self.chance.random() < 0.5
        self.epoch += 1
        epoch = self.epoch if known else self.hub.disk.epoch
        self.fault(lambda: self.hub.restore(disk, epoch))
        self.met["hub restored" if known else "hub lost its tail"] += 1
        for node in self.nodes:  # its process is a new one
            node.session = None

    def restore_image(self) -> None:
        if self.images:
            number, disk = self.chance.choice(self.images)
            node = self.nodes[number]
            self.fault(lambda: setattr(node, "disk", copy.deepcopy(disk)))
            self.restart(node)
            self.met["node restored"] += 1

    def clone(self) -> None:
        if len(self.nodes) < 5:
            self.add(copy.deepcopy(self.any_node().disk))
            self.restart(self.nodes[-1])
            self.met["node cloned"] += 1

    def set_hub_clock(self) -> None:
        self.hub.offset_ms = self.chance.choice([0, 0, -self.now_ms, 100 * DAY_MS])
        self.met["hub clock wrong"] += self.hub.offset_ms != 0

    def silence(self) -> None:
        """Weeks in which nothing happens but that some of the nodes are heard of."""
        if self.hub.offset_ms or not self.lies_at_the_hub():
            return
        for _ in range(2):
            self.now_ms += 20 * DAY_MS
            for node in self.nodes[1:]:
                peer = self.hub.disk.peers.get(node.number)
                if peer is not None and node.session is not None:
                    peer.heard_ms = self.hub.time(self.now_ms).now_ms
        self.nodes[0].session = None
        self.met["weeks of silence"] += 1

    def lies_at_the_hub(self) -> bool:
        """Whether nothing is missing there that some backup once had."""
        there = tokens(self.at_hub())
        return all(tokens(self.whole(b.copies.values())) <= there for b in self.backups)

    # ------------------------------------------------------------ what has to be true
    def whole(self, copies: Iterable[Copy]) -> list[bytes]:
        """Every change of these logs, also those of which only the effect is kept."""
        found = []
        for held in copies:
            found += held.after(held.log.floor.position)
            rolled = held.log.floor.hash
            while rolled in self.hub.ever:
                rolled, raw = self.hub.ever[rolled]
                found.append(raw)
        return found

    def at_hub(self) -> list[bytes]:
        return self.whole(self.hub.disk.copies.values())

    def stored(self) -> set[int]:
        """The tokens that lie on any disk."""
        found = tokens(self.at_hub())
        for node in self.nodes:
            found |= tokens(self.whole(node.disk.copies.values()))
        return found

    def clear_up(self) -> None:
        """The weather ends: clocks are right, links hold, everybody talks until all are level."""
        self.hub.offset_ms = 0
        self.now_ms = max(self.now_ms, self.hub.heard_ms()) + 1_000
        for node in self.nodes:
            node.cut_chance = 0.0
            node.boot(self.now_ms, 0)
        for _ in range(12):
            self.now_ms += 1_000
            for node in self.nodes:
                with contextlib.suppress(Cut):  # a twin was faster: again in the next round
                    self.level(node)
        assert all(self.is_level(node) for node in self.nodes), "they never get level"

    def level(self, node: Node) -> None:
        if node.session is None or node.session.epoch != self.hub.disk.epoch:
            self.greet(node)
        while node.session is not None and node.session.up < node.own().head.position:
            batch = node.own().batch(node.session.up, 512)
            node.replied(self.hub.receive(batch, self.now_ms))
        for name, held in list(self.hub.disk.copies.items()):
            begin = node.heads().get(name, name.start).position
            if node.session is not None and begin < held.head.position:
                if begin < held.log.floor.position:
                    node.session = None
                else:
                    node.receive(held.batch(begin, 512))

    def is_level(self, node: Node) -> bool:
        heads = {n: h for n, h in node.heads().items() if h.position}
        return heads == {name: held.head for name, held in self.hub.disk.copies.items()}

    def check(self) -> None:
        """Nothing acknowledged is lost or doubled, all copies show the same, and it is what was written."""
        assert not self.met[f"append {Verdict.DISORDER}"], "somebody's stamps do not rise"
        raws = self.at_hub()
        found = Counter(token for raw in raws for token in tokens([raw]))
        lost = self.acknowledged - self.excused - set(found)
        assert not lost, f"lost: {sorted(lost)}"
        doubled = [token for token, times in found.items() if times > 1]
        # births of what is known by effect alone are not known: a twin may have stamped the same otherwise
        assert not doubled or self.met["absorbed"], f"doubled: {sorted(doubled)}"
        stamps = {msgspec.msgpack.decode(raw)[5]: wire.stamp_in(raw) for raw in raws}
        # twins stamp one intent twice, and what is lifted stays below what is newer
        if not any(self.met[what] for what in INVERTING):
            for later, earlier in self.after.items():
                if later in stamps and earlier in stamps:
                    assert stamps[later] > stamps[earlier], f"{later} was written after {earlier}"
        changes = [wire.decode(raw) for raw in raws]
        for key in KEYS:
            made = [change for change in changes if (change.space, change.key) == key]
            wanted = histories.fold(made, self.now_ms)
            for name, records in self.everybody():
                record = records.get(key)
                seen = None if record is None else view(record, self.now_ms)
                shown = None if seen is None else seen.value
                assert shown == wanted, f"{name} shows {key} as {shown}, and it is {wanted}"

    def everybody(self) -> Iterable[tuple[str, dict[Key, Record]]]:
        yield "the hub", self.hub.disk.records
        for node in self.nodes:
            yield f"node {node.number}", node.disk.records


def tokens(raws: Iterable[bytes]) -> set[int]:
    """The marks that the writes of a history carry, one each, in a field that this version does not know."""
    return {msgspec.msgpack.decode(raw)[5] for raw in raws}


def run(seed: int, steps: int) -> World:
    """A history, its end, and the look at it."""
    world = World(seed)
    for _ in range(steps):
        world.step()
    world.clear_up()
    world.check()
    return world


def worlds(seeds: Iterable[int], steps: int) -> Counter[str]:
    """What many of them met. A red one tells its seed."""
    met: Counter[str] = Counter()
    for seed in seeds:
        try:
            met += run(seed, steps).met
        except Exception as error:  # whatever it is, the seed has to be told
            raise AssertionError(f"seed {seed}, {steps} steps: {error}") from error
    return met


# what every few hundred worlds meet, and what only thousands do. (Nobody here damages or misorders what he sends.)
RARE = {f"step {Step.SALVAGE}", f"append {Answer.BELOW_FLOOR}", "rescued", "absorbed", "given up"}
COMMON = {
    *(f"step {step}" for step in Step),
    *(f"append {answer}" for answer in Answer if answer is not Answer.DAMAGED),
    *(f"append {verdict}" for verdict in (Verdict.CLOCK_AHEAD, Verdict.STALE, Verdict.DOUBLED)),
    *("settled", "restamped", "replaced", "trimmed", "peer expired", "weeks of silence"),
    *("hub restored", "hub lost its tail", "hub clock wrong", "hub forgot", "node forgot"),
    *("node restored", "node cloned", "message lost", "cut", "clock None"),
} - RARE


def missing(met: Counter[str], wanted: set[str]) -> list[str]:
    """What should have been met and was not."""
    return sorted(what for what in wanted if not met[what])
