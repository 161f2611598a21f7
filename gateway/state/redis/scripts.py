"""Scripts in a Redis, asked by many requests at once: those that wait at the same time share a round trip.

One greenlet for each process sends while there is something to send.  Whoever comes while a batch is under way goes in
the next one, so nothing waits for others to come.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Any, Final, NamedTuple

import gevent
from gevent.event import Event
from redis import exceptions as redis_errors

from gateway._fast.trace_context import waited
from gateway.state.fail_fast_store import FailFastStore
from gateway.state.redis.address import RedisAddress
from gateway.state.redis.client import PATIENCE
from gateway.state.redis.store import RedisStore, Script
from gateway.state.store import StoreError, StoreUnavailableError

log = logging.getLogger("gateway")

#: calls of one round trip
BATCH: Final = 256
#: calls that may wait, over all; more are refused at once
QUEUE: Final = 4096
#: seconds without an answer after which whoever has another way does not queue up behind those who wait
SUSPECT: Final = 0.05
#: seconds between two looks whether a store that is down may be asked again
_LOOK: Final = 0.1


class Call(NamedTuple):
    """One run of a script. The keys are sent as they are; on a cluster they lie on one node."""

    script: Script
    keys: tuple[bytes, ...]
    arguments: tuple[bytes, ...]


class ScriptStore(RedisStore):
    """A store that runs many scripts in one round trip."""

    def run(self, calls: Sequence[Call]) -> list[Any]:
        """What each call gives; a StoreError in place of what the server refused. Raises StoreUnavailableError."""
        answers = self._ask(lambda client: _sent(client, [_by_digest(call) for call in calls]))
        unknown = [at for at, answer in enumerate(answers) if isinstance(answer, redis_errors.NoScriptError)]
        if unknown:
            again = self._ask(lambda client: _sent(client, [_by_text(calls[at]) for at in unknown]))
            for at, answer in zip(unknown, again, strict=True):
                answers[at] = answer
        return [self._failure(answer) if isinstance(answer, Exception) else answer for answer in answers]

    def ping(self) -> None:
        """Ask for nothing. Raises StoreError when there is no answer."""
        self._command("EXISTS", b"gw:limit")

    def _failure(self, error: Exception) -> Exception:
        """NOTE: what is out of reach is raised, that all who wait know of it."""
        failure = super()._failure(error)
        if isinstance(failure, StoreUnavailableError):
            raise failure from None
        return failure


class _Entry:
    """The calls of one request; `ready` once there are answers, or None for a store that is out of reach."""

    __slots__ = ("answers", "calls", "is_given_up", "ready")

    def __init__(self, calls: Sequence[Call], ready: Event | None) -> None:
        self.calls = calls
        self.ready = ready
        self.answers: list[Any] | None = None
        self.is_given_up = False


class Scripts:
    """One Redis for the scripts of one process. It connects with the first call, so it may be made before a fork."""

    def __init__(self, address: RedisAddress) -> None:
        #: whether keys of one call must lie on one node
        self.is_cluster = address.kind == "cluster"
        #: calls without an answer, and of those that nobody waits for, such as were never sent
        self.failures = 0
        self._store = ScriptStore(address)
        self._guard = FailFastStore(self._store)
        self._waiting: deque[_Entry] = deque()
        self._length = 0
        self._is_sending = self._is_looking = False
        #: when the batch that is under way was sent, 0 = there is none
        self._sent_at = 0.0

    @property
    def is_down(self) -> bool:
        """Whether the store failed and has not answered since."""
        return self._guard.is_down

    def run(self, calls: Sequence[Call], *, is_patient: bool = True) -> list[Any]:
        """What each call gives, in one round trip; a StoreError in place of what the server refused.

        Raises StoreUnavailableError at once while the store is down, and after 0.1 s without an answer.  Who is not
        patient does not wait behind a round trip that is late already.
        """
        entry = _Entry(calls, Event())
        if not self._queue(entry, PATIENCE if is_patient else SUSPECT):
            self.failures += len(calls)
            raise StoreUnavailableError("the store is out of reach, or asked more than it can answer")
        assert entry.ready is not None
        began = monotonic()
        entry.ready.wait(PATIENCE)
        waited(began)
        if entry.answers is None:
            entry.is_given_up = True
            self.failures += len(calls)
            raise StoreUnavailableError("the store did not answer in time")
        self.failures += sum(isinstance(answer, StoreError) for answer in entry.answers)
        return entry.answers

    def post(self, calls: Sequence[Call]) -> None:
        """Send calls whose answers nobody waits for; those that cannot be sent are counted and lost."""
        if not self._queue(_Entry(calls, None)):
            self.failures += len(calls)

    def close(self) -> None:
        """Let go of the connections; the next call opens them again."""
        self._store.close()

    def _queue(self, entry: _Entry, patience: float = PATIENCE) -> bool:
        if self._guard.is_down:
            self._look()
            return False
        is_late = self._sent_at and monotonic() - self._sent_at > patience
        if is_late or self._length + len(entry.calls) > QUEUE:
            return False
        self._waiting.append(entry)
        self._length += len(entry.calls)
        if not self._is_sending:
            self._is_sending = True
            gevent.spawn(self._send)
        return True

    def _send(self) -> None:
        try:
            while self._waiting:
                batch = self._batch()
                calls = [call for entry in batch for call in entry.calls]
                answers = self._answers(calls) if calls else []
                _hand_out(batch, answers)
        finally:
            self._is_sending = False

    def _batch(self) -> list[_Entry]:
        batch: list[_Entry] = []
        size = 0
        while self._waiting and size < BATCH:
            entry = self._waiting.popleft()
            self._length -= len(entry.calls)
            if not entry.is_given_up:
                batch.append(entry)
                size += len(entry.calls)
        return batch

    def _answers(self, calls: list[Call]) -> list[Any] | None:
        self._sent_at = monotonic()
        try:
            return self._guard.ask(self._store.run, calls)
        except StoreError:
            return None
        except Exception:
            log.exception("asking the store failed")
            return None
        finally:
            self._sent_at = 0.0

    def _look(self) -> None:
        """Ask a store that is down from beside, so that no request waits to find out that it still is."""
        if not self._is_looking:
            self._is_looking = True
            gevent.spawn(self._look_until_it_is_back)

    def _look_until_it_is_back(self) -> None:
        try:
            while self._guard.is_down:
                try:
                    self._guard.ask(self._store.ping)
                except StoreError:
                    gevent.sleep(_LOOK)
        finally:
            self._is_looking = False


def _hand_out(batch: Iterable[_Entry], answers: list[Any] | None) -> None:
    at = 0
    for entry in batch:
        if answers is not None:
            entry.answers = answers[at : at + len(entry.calls)]
            at += len(entry.calls)
        if entry.ready is not None:
            entry.ready.set()


def _by_digest(call: Call) -> tuple[Any, ...]:
    return ("EVALSHA", call.script.digest, len(call.keys), *call.keys, *call.arguments)


def _by_text(call: Call) -> tuple[Any, ...]:
    return ("EVAL", call.script.text, len(call.keys), *call.keys, *call.arguments)


def _sent(client: Any, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """The answers, errors among them."""
    if len(commands) == 1:
        try:
            return [client.execute_command(*commands[0])]
        except redis_errors.ResponseError as error:
            return [error]
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    return answers
