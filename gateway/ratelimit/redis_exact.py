"""Limits that all hosts hold together, exactly: every decision is made by a script in the Redis that they share."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic_ns
from typing import Final, NamedTuple

from gateway.ratelimit.exact_scripts import CHARGE, CLEAR, TAKE
from gateway.ratelimit.keys import STORE_PREFIX, StoreKeys
from gateway.ratelimit.limit import Limit
from gateway.ratelimit.pace import TICK, LimitRate
from gateway.state.redis.scripts import Call, Scripts
from gateway.state.store import StoreError

LATELY: Final = 100  # keys that were refused and are remembered for people

_NO_PENALTY: Final = (b"0", b"0", b"0")


class CheckRequest(NamedTuple):
    """One limit that a request asks, with the bucket that is meant."""

    limit: Limit
    name: str
    pace: LimitRate


class CheckResult(NamedTuple):
    """What became of it: as `Ledger.take` in nanoseconds, and whether it is a penalty that refuses."""

    missing_ns: int
    is_blocked: bool


class RedisGcra:
    """A Ledger over Redis. Wherever it waits, it is for one round trip and at most 0.1 s."""

    __slots__ = ("_keys", "_lately", "_scripts", "is_whole")

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._keys = StoreKeys()
        self._lately: dict[str, int] = {}
        #: whether all limits of a request are asked at once, so that a refusal takes from none of them
        self.is_whole = not scripts.is_cluster

    def ask(self, asked: Sequence[CheckRequest]) -> list[CheckResult | StoreError]:
        """What each limit says, in order; a StoreError where there is no answer.

        Nothing is taken when one refuses that is no shadow.  NOTE: on a cluster what the others took is: they lie on
        nodes of their own, so whoever asks gives it back.
        """
        keys = [self._keys.key(each.name) for each in asked]
        arguments = [_arguments(each.limit, each.pace) for each in asked]
        if self.is_whole:
            calls = [Call(TAKE, tuple(keys), tuple(part for each in arguments for part in each))]
        else:
            calls = [Call(TAKE, (key,), each) for key, each in zip(keys, arguments, strict=True)]
        try:
            answers = self._scripts.run(calls, is_patient=any(each.limit.on_failure == "deny" for each in asked))
        except StoreError as error:
            return [error] * len(asked)
        found = answers if len(answers) == len(asked) else _split(answers[0], len(asked))
        return [self._read(each, answer) for each, answer in zip(asked, found, strict=True)]

    def _read(self, asked: CheckRequest, answer: list[int] | StoreError) -> CheckResult | StoreError:
        if isinstance(answer, StoreError):
            return answer
        missing, is_blocked = answer[0] * TICK, answer[1] == 1
        if missing > 0 and not asked.limit.is_shadow:
            self._lately.pop(asked.name, None)
            if len(self._lately) >= LATELY:
                del self._lately[next(iter(self._lately))]
            full = missing if is_blocked else missing + asked.pace.tolerance - asked.pace.units
            self._lately[asked.name] = monotonic_ns() + full
        return CheckResult(missing, is_blocked)

    def lately(self) -> list[tuple[str, str, int]]:
        """Those refused last: (digits of the key, name, ns until it is full or its block ends)."""
        now = monotonic_ns()
        owing = [(name, until - now) for name, until in self._lately.items() if until > now]
        return [(self._keys.key(name).removeprefix(STORE_PREFIX).decode(), name, owed) for name, owed in owing]

    def charge(self, name: str, number: int, pace: LimitRate, cost: int, now_ns: int) -> None:
        """See Ledger; it is sent, and nobody waits for it."""
        ticks = cost * pace.interval // TICK
        self._scripts.post([Call(CHARGE, (self._keys.key(name),), (b"%d" % ticks,))])

    def clear(self, digest: str) -> bool:
        """Fill a bucket, by the hexadecimal digits of its key; whether there was one. Raises StoreError."""
        key = STORE_PREFIX + digest.encode()
        (answer,) = self._scripts.run([Call(CLEAR, (key,), ())])
        if isinstance(answer, StoreError):
            raise answer
        self._lately = {name: until for name, until in self._lately.items() if self._keys.key(name) != key}
        return bool(answer)


def _split(answer: list[int] | StoreError, count: int) -> list[list[int] | StoreError]:
    """The answer of one script, by limit."""
    if isinstance(answer, StoreError):
        return [answer] * count
    return [answer[at : at + 2] for at in range(0, 2 * count, 2)]


def _arguments(limit: Limit, pace: LimitRate) -> tuple[bytes, ...]:
    """What the script is told of a limit."""
    penalty = limit.penalty
    times = (penalty.each, penalty.most, penalty.block) if penalty else ()
    ticks = tuple(b"%d" % (each // TICK) for each in times) or _NO_PENALTY
    own = (b"%d" % (pace.units // TICK), b"%d" % (pace.tolerance // TICK), b"1" if limit.is_shadow else b"0")
    return own + ticks
