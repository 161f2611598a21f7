from collections.abc import Callable, Iterable
from typing import Any, Self, final

from typing_extensions import disjoint_base

from gateway._fast.atomics import Memory
from gateway.exchange import Exchange, Response

@disjoint_base
class Rate:
    @property
    def interval(self) -> int: ...
    @property
    def tolerance(self) -> int: ...
    @property
    def units(self) -> int: ...
    @property
    def is_told(self) -> bool: ...
    @property
    def policy(self) -> tuple[str, str]: ...
    @property
    def shown(self) -> int: ...
    def __new__(
        cls,
        name: str,
        interval_ns: int,
        burst: int,
        cost: int,
        is_told: bool,
        policy: tuple[str, str] = ("RateLimit-Policy", ""),
        shown: int = 0,
    ) -> Self: ...
    def left(self, debt_ns: int) -> int: ...
    def told(self, left: int, wait_ns: int) -> str: ...
    def fields(self, left: int, wait_ns: int) -> tuple[tuple[str, str], ...]:
        """The fields of draft-ietf-httpapi-ratelimit-headers-10, for requests left and the time until there are more.

        Seconds are rounded up.
        """

def least(taken: list[Any]) -> tuple[Any, int, int] | None: ...

@final
class Buckets:
    @property
    def capacity(self) -> int: ...
    @property
    def used(self) -> int: ...
    @property
    def overflowed(self) -> int: ...
    def __new__(cls, memory: Memory, start: int, size: int) -> Buckets: ...
    @staticmethod
    def bytes_for(capacity: int) -> int: ...
    def take(self, key: int, interval_ns: int, tolerance_ns: int, cost: int, now_ns: int) -> int: ...
    def debit(self, key: int, interval_ns: int, tolerance_ns: int, cost: int, now_ns: int) -> int: ...
    def draw(self, key: int, rate: Rate, now_ns: int) -> int: ...
    def charge(self, key: int, interval_ns: int, cost: int, now_ns: int) -> None: ...
    def give(self, key: int, interval_ns: int, cost: int, now_ns: int) -> None: ...
    def left(self, key: int, interval_ns: int, tolerance_ns: int, now_ns: int) -> tuple[int, int]: ...
    def reset(self, key: int) -> bool: ...
    def top(self, limit: int, now_ns: int) -> list[tuple[int, int]]: ...
    def owing(self, now_ns: int) -> int: ...

@final
class Asks:
    """An on_request hook: takes from one bucket after the other, and keeps what was taken in the exchange's state."""

    def __init__(
        self,
        buckets: Buckets,
        ledger: Any,
        limits: Iterable[Any],
        clock: Callable[[], int],
        late: Callable[..., None],
        blocked: Callable[..., None],
        room: str,
    ) -> None:
        """Of a limit the attributes `number`, `pace`, `bucket` and `penalty` are read; `clock` gives nanoseconds.

        `late(exchange, taken, limit, pace, number, wait_ns, now_ns)` is called when a bucket cannot give: it raises,
        or lets the request go on; `blocked(taken, limit, pace, number, now_ns)` where a limit has a penalty.
        """

    def __call__(self, exchange: Exchange, /) -> None: ...

@final
class Tells:
    """An on_response hook: tells of the limit with the fewest requests left, of those that Asks put into `room`."""

    def __init__(self, room: str) -> None: ...
    def __call__(self, exchange: Exchange, response: Response, /) -> None: ...
