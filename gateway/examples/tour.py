"""Commands to try once the quickstart is up."""

from __future__ import annotations

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where conf/quickstart.yaml is served and administered, like http://127.0.0.1:8000, and by which command."""

    base: str
    admin: str
    gateway: str
    config: str


def commands(place: Place, port: int, pid: int | None) -> list[tuple[str, str]]:
    """(what it shows, the command to paste); `pid` is the process of the catalog on `port`."""
    target = f"{place.admin}/api/upstreams/catalog/targets/127.0.0.1:{port}"
    watch = f"for s in 1 2 3 4 5 6 7 8 9; do curl -s {target}; echo; sleep 1; done"
    token = shlex.join([place.gateway, "token", "-c", place.config, "--sub", "alice", "--scope", "profile:read"])
    return [
        ("a list, from the catalog", f"curl -s '{place.base}/items?category=outdoor&limit=3'"),
        ("a page that is made of three services' answers", f"curl -s {place.base}/pages/7"),
        ("kept for ten seconds: ask twice, and look at Cache-Status", f"curl -si {place.base}/v1/stock/KT-1402"),
        ("a service that speaks gRPC, by plain HTTP", f"curl -s '{place.base}/v1/prices/KT-1402?currency=CHF'"),
        ("what matches no route gets an RFC 9457 problem", f"curl -si {place.base}/items/seven"),
        ("events as they come, one a second", f"curl -sN '{place.base}/live/reviews?count=3'"),
        (
            "why a request goes where it goes: another service, its path rewritten",
            shlex.join([place.gateway, "explain", "-c", place.config, "GET", "/items/7/reviews"]),
        ),
        (
            "a route that asks who calls: 401 without this token",
            f'curl -si -H "Authorization: Bearer $({token})" {place.base}/me',
        ),
        ("kill one of the two catalogs and watch it go down and heal; no request fails", f"kill {pid}; {watch}"),
    ]


def text(place: Place, port: int, pid: int | None) -> str:
    """The lines shown when everything is up."""
    lines = [f"\nThe gateway is up at {place.base}. In a second terminal:\n"]
    for about, command in commands(place, port, pid):
        lines.append(f"  # {about}\n  {command}")
    demo = shlex.join([place.gateway, "demo-traffic", place.base])
    lines.append(f"\nWatch it at {place.admin}/dashboard; so that there is something to see:\n\n    {demo}")
    lines.append(f"\nOr open {place.base}/ in a browser. Ctrl-C ends all of it.\n")
    return "\n".join(lines)
