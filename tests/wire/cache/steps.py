"""The words that the rules of a cache are written in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from gateway.http.dates import date_of

#: what must come of a step
HIT, MISS, VALIDATED, REFRESHED, TIMEOUT = "hit", "miss", "validated", "refreshed", "504"
_NOW = re.compile(r"\{now([+-][0-9]+)?\}")


class Reply(NamedTuple):
    """What the upstream answers; `{now-5}` in a line is the date five seconds ago."""

    lines: tuple[str, ...] = ()
    status: int = 200
    body: bytes = b"first"

    def headers(self, now: float) -> list[tuple[str, str]]:
        """The lines as fields."""
        fields = (line.partition(":") for line in self.lines)
        return [(name, dated(value.strip(), now)) for name, _, value in fields]


class Step(NamedTuple):
    """One request, `wait` seconds after the one before it, and what must come of it.

    Without a `reply` the upstream answers 304 to conditions, and else 200 with the body "other", which is not stored.
    """

    expect: str
    ask: tuple[str, ...] = ()
    reply: Reply | None = None
    method: str = "GET"
    wait: float = 0.0
    status: int = 200
    #: None = that of the first reply on HIT and VALIDATED, else that of the upstream's
    body: bytes | None = None
    #: "name: value" that must be among the fields of the answer, and names that must not
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    #: what is appended to the path
    more: str = ""


class Rule(NamedTuple):
    """A row: `kind` names the route that it is tried on (ROUTES of rules.py)."""

    section: str
    name: str
    kind: str
    steps: tuple[Step, ...]

    @property
    def waits(self) -> bool:
        """Whether time has to pass, and so only a clock that can be set will do."""
        return any(step.wait for step in self.steps)


class Got(NamedTuple):
    """An answer as the client saw it, fields lower-case, and the upstream's share in it."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes
    #: the headers of each request that the upstream got meanwhile, names lower-case
    asked: list[dict[str, str]]


def again(
    section: str,
    name: str,
    lines: tuple[str, ...] | str,
    expect: str,
    *ask: str,
    kind: str = "plain",
    status: int = 200,
    first: tuple[str, ...] = (),
    wait: float = 0.0,
    has: tuple[str, ...] = (),
) -> Rule:
    """A rule of two steps: something is answered, and asked for again."""
    reply = Reply((lines,) if isinstance(lines, str) else lines, status)
    seen = status if expect in (HIT, VALIDATED, REFRESHED) else 504 if expect == TIMEOUT else 200
    steps = (Step(MISS, first, reply, status=status), Step(expect, ask, wait=wait, status=seen, has=has))
    return Rule(section, name, kind, steps)


def dated(text: str, now: float) -> str:
    """`text` with its dates filled in."""
    return _NOW.sub(lambda found: date_of(int(now) + int(found[1] or 0)), text)


def replied(reply: Reply | None, conditions: bool, now: float) -> tuple[int, list[tuple[str, str]], bytes]:
    """What the upstream answers to a request with or without conditions."""
    if reply is not None:
        return reply.status, reply.headers(now), reply.body
    return (304, [], b"") if conditions else (200, [("Cache-Control", "no-store")], b"other")


def check(step: Step, got: Got, first: bytes, now: float) -> None:
    """Raises AssertionError where `got` is not what the step wants."""
    conditions = [request for request in got.asked if {"if-none-match", "if-modified-since"} & request.keys()]
    outcome = {HIT: (0, 0), TIMEOUT: (0, 0), MISS: (1, 0), VALIDATED: (1, 1)}.get(step.expect)
    assert step.expect == REFRESHED or (len(got.asked), len(conditions)) == outcome, got
    assert step.expect != REFRESHED or len(got.asked) == 1, got
    assert got.status == step.status, got
    if step.status not in (304, 416, 504) and step.method != "HEAD":
        other = b"other" if step.reply is None else step.reply.body
        default = first if step.expect in (HIT, VALIDATED, REFRESHED) else other
        assert got.body == (default if step.body is None else step.body), got
    for line in step.has:
        name, _, value = line.partition(":")
        assert (name.lower(), dated(value.strip(), now)) in got.fields, (line, got)
    assert not {name for name, _ in got.fields} & set(step.lacks), got


Play = Callable[[Step, float], Got]
