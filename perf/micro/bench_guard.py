"""What validating and screening a POST of 1 KB add to it: the steps as routes have them, and their parts."""

from __future__ import annotations

import json
from functools import partial

from gateway.exchange import Exchange
from gateway.http.body import ReplayedBody, read_whole
from gateway.validation import policy as guard
from gateway.validation.schema import Schema
from gateway.validation.waf import policy as screen
from perf.micro.bench_json import BODIES
from perf.micro.bench_waf_scan import HEADERS, RULES_ALL
from perf.micro.run import Bench

LOOPS = 10_000


class _Arriving:
    """A body that comes in one piece, as from a connection."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def read(self, size: int = -1, /) -> bytes:
        """All of it, once."""
        data, self.rest = self.rest, b""
        return data


def benches() -> list[Bench]:
    """What is run."""
    found: list[Bench] = []
    for name, (value, rules) in BODIES.items():
        data = json.dumps(value, separators=(",", ":")).encode()
        schema = Schema(name, "file:///s", {"file:///s": json.dumps(rules)})
        checks = guard.ValidationRules(
            1 << 20, methods=("POST",), content_types=("application/json",), body=schema, is_written=True
        )
        validate, sanitize = guard.compile(checks).on_request, screen.compile(RULES_ALL).on_request
        assert validate is not None and sanitize is not None
        posted = Exchange("POST", "/items", [*HEADERS, ("Content-Type", "application/json")], {}, 0.0)
        posted.query, posted.request_id, posted.body_length = "", "x", len(data)

        def read(posted: Exchange = posted, data: bytes = data) -> None:
            posted.body = _Arriving(data)
            read_whole(posted, 1 << 20)

        def run(hooks: tuple[object, ...], posted: Exchange = posted, data: bytes = data) -> None:
            posted.body = _Arriving(data)
            for hook in hooks:
                hook(posted)  # type: ignore[operator]

        found += [
            (f"{name}, {len(data)} bytes: take the body", read, LOOPS),
            (f"{name}: validate", partial(run, (validate,)), LOOPS),
            (f"{name}: sanitize", partial(run, (sanitize,)), LOOPS),
            (f"{name}: both", partial(run, (validate, sanitize)), LOOPS),
            (f"{name}: sanitize a body that was read", partial(_again, sanitize, posted, data), LOOPS),
        ]
    return found


def _again(hook: object, posted: Exchange, data: bytes) -> None:
    posted.body = ReplayedBody(data)
    hook(posted)  # type: ignore[operator]
