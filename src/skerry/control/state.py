"""What control knows, told: state, status, explanations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from skerry.base.errors import CallerError, SkerryError
from skerry.control.api import Ask
from skerry.control.engines import EngineLink
from skerry.control.reload import Reload
from skerry.pop.compile import Ports
from skerry.pop.rates import Rates


def describe(
    reload: Reload, links: Mapping[str, EngineLink], ports: Mapping[str, Ports], bind: str
) -> dict[str, object]:
    """What is served now, and what the last edit would have changed had it been good."""
    desired = reload.desired
    host = f"[{bind}]" if ":" in bind else bind
    project = desired.project if desired else None
    at = {pop.name: pop for pop in project.local.pops} if project else {}
    pops = [
        {
            "name": name,
            "at": at[name].at if name in at else "",
            "origin_rtt_ms": at[name].origin_rtt_ms if name in at else 0.0,
            "http": f"http://{host}:{port.http}",
            "https": f"https://{host}:{port.https}" if port.https else "",
            "pid": links[name].pid,
            "version": links[name].applied,
            "refused": links[name].refused,
        }
        for name, port in ports.items()
    ]
    targets = (
        next(iter(desired.snapshots.values())).targets if desired and desired.snapshots else {}
    )
    return {
        "name": project.name if project else "",
        "root": project.root if project else "",
        "level": project.level if project else "",
        "profile": project.profile if project else "",
        "version": desired.version if desired else 0,
        "pops": pops,
        "aliases": [alias for each in project.distributions for alias in each.aliases]
        if project
        else [],
        "origins": [
            {"id": origin.id, "domain": origin.domain, "target": targets.get(origin.id)}
            for each in (project.distributions if project else ())
            for origin in each.origins
        ],
        "functions": [
            {
                "name": each.name,
                "handler": each.handler,
                "version": desired.versions.get(each.name, ""),
            }
            for each in (project.functions if project else ())
        ]
        if desired
        else [],
        "findings": desired.findings if desired else (),
        "rejected": reload.rejected,
    }


async def counters(link: EngineLink) -> dict[str, float]:
    """The numbers at the top of an engine's status; empty while it is away."""
    try:
        _head, body = await link.ask("status")
    except SkerryError:
        return {}  # the next sample comes in a second
    return {
        name: value for name, value in json.loads(body).items() if isinstance(value, int | float)
    }


async def statuses(links: Mapping[str, EngineLink], rates: Rates) -> list[dict[str, object]]:
    """Every engine's own status, with the rate of requests; `error` where it is away."""
    found: list[dict[str, object]] = []
    for name, link in links.items():
        try:
            _head, body = await link.ask("status")
        except SkerryError as error:
            found.append({"pop": name, "error": error.message})
            continue
        requests_per_s = round(rates.per_second(name, "requests"), 2)
        found.append(
            {
                "pop": name,
                "pid": link.pid,
                "requests_per_s": requests_per_s,
                "status": json.loads(body),
            }
        )
    return found


def chosen(links: Mapping[str, EngineLink], names: Sequence[str]) -> list[EngineLink]:
    """Links by name; all where none is named. Raises CallerError for a stranger."""
    for name in names:
        if name not in links:
            raise CallerError(
                "pop.unknown",
                f"there is no PoP {name}",
                hint=f"there are {', '.join(links)}",
                about=name,
            )
    return [link for name, link in links.items() if not names or name in names]


async def explain_request(links: Mapping[str, EngineLink], request_id: str) -> dict[str, object]:
    """What happened to a request, from whichever engine still has it in its ring."""
    for name, link in links.items():
        head, body = await link.ask("explain_request", id=request_id)
        if head.get("found"):
            return {"pop": name, "explained": json.loads(body)}
    raise CallerError(
        "explain.unknown_request",
        f"no PoP remembers a request {request_id}",
        hint="the last few thousand are remembered; `skerry logs --id` looks into the logs;"
        " the id stands in X-Amz-Cf-Id",
        about=request_id,
    )


async def explain_url(
    links: Mapping[str, EngineLink], ports: Mapping[str, Ports], ask: Ask
) -> dict[str, object]:
    """What would happen to a request: at the PoP that is named, or whose port the URL has, or the first."""
    url = str(ask.get("url", ""))
    parts = urlsplit(url)
    name = str(ask.get("pop") or "")
    if not name:
        by_port = {
            port: pop for pop, each in ports.items() for port in (each.http, each.https) if port
        }
        by_host = (parts.hostname or "").removesuffix(".skerry.localhost")
        name = by_port.get(parts.port or 0) or (by_host if by_host in links else next(iter(links)))
    (link,) = chosen(links, [name])
    request = {"url": url, "method": ask.get("method", "GET"), "headers": ask.get("headers", [])}
    _head, body = await link.ask("explain_url", json.dumps(request).encode())
    return {"pop": name, "explained": json.loads(body)}
