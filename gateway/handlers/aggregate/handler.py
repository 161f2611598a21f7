"""An upstream over upstreams: several requests at once, and one answer made of theirs.

A part starts as soon as those that it `needs` are there.  The route's deadline bounds all of them; where the answer is
decided before they ended, those that are left are ended, and their connections with them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from gateway.errors import CLIENT_CLOSED, INTERNAL, PART_FAILED, PART_TIMEOUT, UPSTREAM_TIMEOUT, GatewayError
from gateway.exchange import Exchange, Headers, Response
from gateway.handlers.aggregate.merging import cache_control, vary
from gateway.handlers.aggregate.part import AggregatePart, PartResult
from gateway.upstream.greenlets import GreenletPool
from gateway.upstream.task_group import TaskGroup

log = logging.getLogger("gateway")

#: the room in `exchange.state` for the values of the parts that are there
STATE: Final = "parts"
#: what the log calls it
NAME: Final = "aggregate"
COMPLETE: Final = "X-Gateway-Complete"
#: seconds between two looks at whether the client is still there
LOOK_EVERY: Final = 0.1

#: PERF: json.dumps would make an encoder for each answer; perf/scenarios/aggregate.toml
_encoded = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

#: of a part its answer, or None and what kind of failure it was
Answered = tuple[AggregatePart, PartResult | None, str]


@dataclass(frozen=True, slots=True)
class AggregateRules:
    """What becomes of the parts' values.

    `shape` makes the answer's JSON value of theirs, None = an object with all of them by name; `partial` is the status
    where parts failed, 0 = then it fails; `tells` adds a member `meta`; `taken` are (header field, part) that the
    answer has as the part's had it; `varies` are the client's fields that parts are asked for by.
    """

    shape: Callable[[Mapping[str, Any]], Any] | None
    partial: int
    tells: bool
    taken: tuple[tuple[str, str], ...]
    varies: tuple[str, ...] = ()


class Aggregate:
    """`parts` in an order in which each stands behind those that it needs."""

    __slots__ = ("_hands", "_members", "_parts", "_rules")

    def __init__(self, parts: tuple[AggregatePart, ...], rules: AggregateRules, hands: GreenletPool) -> None:
        self._hands = hands
        self._parts = parts
        self._rules = rules
        self._members = tuple((part.name, f"{_encoded(part.name)}:".encode()) for part in parts)

    def fetch(self, exchange: Exchange) -> Response:
        """The answer. Raises GatewayError where a required part failed, or the time is up."""
        exchange.upstream = NAME
        run = AggregateRun(exchange, self._parts, self._hands, is_strict=not self._rules.partial)
        try:
            run.go()
        finally:
            run.end()
        exchange.upstream_time = monotonic() - run.started
        return self._answer(exchange, run)

    def _answer(self, exchange: Exchange, run: AggregateRun) -> Response:
        rules, is_complete = self._rules, not run.failed
        try:
            body = self._body(run)
        except (ValueError, RecursionError) as error:
            raise GatewayError(PART_FAILED, f"The answer cannot be made of the parts: {error}") from None
        headers = [("Content-Type", "application/json")]
        if not is_complete:
            headers += ((COMPLETE, "false"), ("Cache-Control", "no-store"))
        elif said := cache_control(run.headers.values()):
            headers.append(("Cache-Control", said))
        if said := vary(run.headers.values(), rules.varies):
            headers.append(("Vary", said))
        for name, part in rules.taken:
            lower = name.lower()
            headers += [(name, field) for key, field in run.headers.get(part, ()) if key.lower() == lower]
        status = 200 if is_complete else rules.partial
        return Response(status, headers, b"" if exchange.method == "HEAD" else body, len(body))

    def _body(self, run: AggregateRun) -> bytes:
        rules = self._rules
        meta = {"complete": not run.failed, "failed": run.failed} if rules.tells else None
        if rules.shape is None:
            # PERF: what came as JSON is not written anew; perf/scenarios/aggregate.toml.
            said = [name + (run.texts.get(part) or _json(run.values.get(part))) for part, name in self._members]
            if meta is not None:
                said.append(b'"meta":' + _json(meta))
            return b"{%b}" % b",".join(said)
        value = rules.shape(run.values)
        if meta is not None:
            value["meta"] = meta
        return _json(value)


def _json(value: Any) -> bytes:
    return _encoded(value).encode("utf-8", "replace")


def _has_failed(answer: Answered) -> bool:
    return answer[1] is None


class AggregateRun:
    """One request's parts on their way."""

    def __init__(
        self, exchange: Exchange, parts: tuple[AggregatePart, ...], hands: GreenletPool, *, is_strict: bool
    ) -> None:
        self.started = monotonic()
        self.values: dict[str, Any] = {}
        #: the same as JSON, of those of which it came so
        self.texts: dict[str, bytes] = {}
        self.headers: dict[str, Headers] = {}
        #: the part -> what kind of failure it was
        self.failed: dict[str, str] = {}
        self._exchange = exchange
        self._waiting = list(parts)
        self._is_strict = is_strict
        self._running: set[str] = set()
        self._crew = TaskGroup(hands, _has_failed)
        state = exchange.state
        if state is None:
            state = exchange.state = {}
        state[STATE] = self.values

    def go(self) -> None:
        """Until every part has a value or has failed."""
        self._start()
        while self._running:
            answer = self._crew.ready() or self._crew.next(self._patience())
            if answer is None:
                self._look()
                continue
            self._running.discard(answer[0].name)
            self._note(*answer)
            if self._waiting:
                self._start()

    def end(self) -> None:
        """End what still runs: nobody waits for it."""
        self._crew.end()

    def _patience(self) -> float:
        left = self._exchange.deadline - monotonic()
        return LOOK_EVERY if left > LOOK_EVERY else max(0.001, left)

    def _look(self) -> None:
        """Whether there is time left, and somebody who waits."""
        if monotonic() >= self._exchange.deadline:
            late = ", ".join(self._running)
            raise GatewayError(UPSTREAM_TIMEOUT, f"There was no time left for the parts {late}.")
        channel = self._exchange.environ.get("gateway.channel")
        if channel is not None and channel.gone:
            raise GatewayError(CLIENT_CLOSED, "The client went away.")

    def _start(self) -> None:
        """Start the parts whose needs are met; those whose needs failed fail with them."""
        still: list[AggregatePart] = []
        waiting, self._waiting = self._waiting, still
        values, failed = self.values, self.failed
        for part in waiting:
            # PERF: most parts need none; perf/scenarios/aggregate.toml.
            missing = [name for name in part.needs if name not in values] if part.needs else ()
            if not missing:
                self._running.add(part.name)
                self._crew.start(self._ask, part)
            elif any(name in failed for name in missing):
                self._note(part, None, "needs-failed")
            else:
                still.append(part)
        self._crew.is_eager = bool(still)

    def _ask(self, part: AggregatePart) -> Answered:
        try:
            return part, part.ask(self._exchange), ""
        except GatewayError as error:
            return part, None, error.kind.slug
        except Exception as error:
            log.error("the part %s of request %s failed", part.name, self._exchange.request_id, exc_info=error)
            return part, None, INTERNAL.slug

    def _note(self, part: AggregatePart, said: PartResult | None, failure: str) -> None:
        if said is None:
            if part.is_required or self._is_strict:
                kind = PART_TIMEOUT if failure.endswith("timeout") else PART_FAILED
                raise GatewayError(kind, f"The part {part.name} failed: {failure}.")
            self.failed[part.name] = failure
            if part.default is None:
                return
            self.values[part.name] = json.loads(part.default)
            return
        self.values[part.name], text, self.headers[part.name] = said
        if text:
            self.texts[part.name] = text
