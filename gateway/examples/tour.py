"""What to try once the quickstart is up."""

from __future__ import annotations

import shlex


def commands(base: str, gateway: str, config: str) -> list[tuple[str, str]]:
    """(what it shows, the command to paste) for conf/quickstart.yaml served at `base`, like http://127.0.0.1:8000."""
    explain = shlex.join([gateway, "explain", "-c", config, "GET", "/items/7/reviews"])
    return [
        ("a list, from the catalog", f"curl -s '{base}/items?category=outdoor&limit=3'"),
        ("reviews of one item: another service, its path rewritten", f"curl -s {base}/items/7/reviews"),
        ("what matches no route gets an RFC 9457 problem", f"curl -si {base}/items/seven"),
        ("events as they come, one a second", f"curl -sN '{base}/live/reviews?count=3'"),
        ("why a request goes where it goes", explain),
    ]


def text(base: str, gateway: str, config: str) -> str:
    """The lines shown when everything is up."""
    lines = [f"\nThe gateway is up at {base}. In a second terminal:\n"]
    for about, command in commands(base, gateway, config):
        lines.append(f"  # {about}\n  {command}")
    lines.append(f"\nOr open {base}/ in a browser. Ctrl-C ends all of it.\n")
    return "\n".join(lines)
