"""Token buckets, slow and obvious: one with tokens, and a table of them in one block of entries, for one process."""


class TokenBucket:
    """What everybody means by rate and burst; it counts in nanoseconds of rate, so nothing is ever rounded."""

    def __init__(self, interval_ns: int, burst: int) -> None:
        self.interval_ns = interval_ns
        self.full = burst * interval_ns
        self.level = self.full
        self.at = 0

    def take(self, cost: int, now_ns: int) -> int:
        """As Buckets.take, for a clock that does not go back."""
        self.refill(now_ns)
        wanted = cost * self.interval_ns
        if wanted > self.full:
            return -1
        if wanted > self.level:
            return wanted - self.level
        self.level -= wanted
        return 0

    def give(self, cost: int, now_ns: int) -> None:
        self.refill(now_ns)
        self.level = min(self.full, self.level + cost * self.interval_ns)

    def left(self, now_ns: int) -> tuple[int, int]:
        self.refill(now_ns)
        return self.level // self.interval_ns, self.full - self.level

    def refill(self, now_ns: int) -> None:
        self.level = min(self.full, self.level + now_ns - self.at)
        self.at = now_ns


class Buckets:
    """A table of one block: what is full may go, and what does not fit shares a bucket with all of its rate."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.entries: dict[int, int] = {}  # key: TAT
        self.shared: dict[int, int] = {}  # interval: TAT
        self.horizon = 0
        self.overflowed = 0

    def start(self, key: int, interval_ns: int) -> int:
        return self.entries.get(key, max(self.horizon, self.shared.get(interval_ns, 0)))

    def take(self, key: int, interval_ns: int, tolerance_ns: int, cost: int, now_ns: int) -> int:
        if cost * interval_ns > tolerance_ns:
            return -1
        return max(0, self.debit(key, interval_ns, tolerance_ns, cost, now_ns))

    def debit(self, key: int, interval_ns: int, tolerance_ns: int, cost: int, now_ns: int) -> int:
        more = cost * interval_ns
        tat = max(self.start(key, interval_ns), now_ns) + more
        wait = tat - now_ns - tolerance_ns
        shares = more > 0 and key not in self.entries and self.is_crowded(now_ns)
        self.overflowed += shares
        if wait > 0:
            return wait
        if shares:
            self.shared[interval_ns] = tat
        elif more:
            self.put(key, tat)
        return now_ns - tat

    def charge(self, key: int, interval_ns: int, cost: int, now_ns: int) -> None:
        if cost < 0:
            self.give(key, interval_ns, -cost, now_ns)
        else:
            self.debit(key, interval_ns, 10**30, cost, now_ns)

    def give(self, key: int, interval_ns: int, cost: int, now_ns: int) -> None:
        tat = self.entries.get(key, 0)
        if tat > now_ns:
            self.entries[key] = max(now_ns, tat - cost * interval_ns)

    def left(self, key: int, interval_ns: int, tolerance_ns: int, now_ns: int) -> tuple[int, int]:
        debt = max(0, self.start(key, interval_ns) - now_ns)
        return max(0, tolerance_ns - debt) // interval_ns, debt

    def reset(self, key: int) -> bool:
        return self.entries.pop(key, None) is not None

    def top(self, limit: int, now_ns: int) -> list[tuple[int, int]]:
        owing = [pair for pair in self.entries.items() if pair[1] > now_ns]
        return sorted(owing, key=lambda pair: -pair[1])[:limit]

    def is_crowded(self, now_ns: int) -> bool:
        return len(self.entries) == self.capacity and all(tat > now_ns for tat in self.entries.values())

    def put(self, key: int, tat: int) -> None:
        if key not in self.entries and len(self.entries) == self.capacity:
            old, gone = min((tat, key) for key, tat in self.entries.items())
            del self.entries[gone]
            self.horizon = max(self.horizon, old)
        self.entries[key] = tat


class Rate:
    """What `told`, `left`, `fields` and `least` say, with the means of Python."""

    def __init__(
        self, name: str, interval_ns: int, burst: int, cost: int, is_told: bool, policy: tuple[str, str], shown: int
    ) -> None:
        self.name, self.is_told, self.policy, self.shown = name, is_told, policy, shown
        self.tolerance, self.units = burst * interval_ns, cost * interval_ns

    def left(self, debt_ns: int) -> int:
        return max(0, self.tolerance - debt_ns) // self.units

    def told(self, left: int, wait_ns: int) -> str:
        return f'"{self.name}";r={left};t={-(-wait_ns // 10**9)}'

    def fields(self, left: int, wait_ns: int) -> list[tuple[str, str]]:
        older = {"Limit": self.shown, "Remaining": left, "Reset": -(-wait_ns // 10**9)} if self.shown else {}
        told = ("RateLimit", self.told(left, wait_ns))
        return [self.policy, told, *((f"X-RateLimit-{name}", str(value)) for name, value in older.items())]


def least(taken: list[tuple[Rate, int]]) -> int | None:
    """The place of the one that is told."""
    told = [(rate.left(debt), -debt, at) for at, (rate, debt) in enumerate(taken) if rate.is_told]
    return min(told)[2] if told else None
