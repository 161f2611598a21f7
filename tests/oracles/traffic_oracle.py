"""Figures about targets, slow and obvious: ordinary numbers, and one class for each that is shared."""


class Window:
    def __init__(self, buckets: int, lanes: int, span_ms: int) -> None:
        self.lanes = lanes
        self.span_ms = span_ms
        self.width_ms = -(-span_ms // (buckets - 1))
        self.buckets: list[tuple[int, list[int]]] = [(0, [0] * lanes)] * buckets  # (number of the time slice, counts)
        self.top = 2 ** (48 // lanes) - 1

    def add(self, now_ms: int, *more: int) -> None:
        number = now_ms // self.width_ms
        index = number % len(self.buckets)
        found, counts = self.buckets[index]
        if found == number + len(self.buckets):
            return
        if found != number:
            counts = [0] * self.lanes
        steps = [min(step, 65_535) for step in (*more, 0, 0)][: self.lanes]
        while any(count + step > self.top for count, step in zip(counts, steps, strict=True)):
            counts = [count // 2 for count in counts]
        self.buckets[index] = (number, [count + step for count, step in zip(counts, steps, strict=True)])

    def sums(self, now_ms: int, span_ms: int = 0) -> tuple[int, ...]:
        span_ms = span_ms if 0 < span_ms <= self.span_ms else self.span_ms
        first, last = max(0, now_ms - span_ms) // self.width_ms, now_ms // self.width_ms
        seen = [counts for number, counts in self.buckets if first <= number <= last]
        return tuple(sum(counts[lane] for counts in seen) for lane in range(self.lanes))


class Ewma:
    def __init__(self, half_life_ms: int) -> None:
        self.half_life_ms = half_life_ms
        self.seconds = 0.0
        self.last = 0

    def observe(self, now_ms: int, seconds: float) -> None:
        seconds = min(max(seconds, 1e-9), (2**40 - 1) / 1e9)
        self.seconds = max(seconds, seconds + (self.seconds - seconds) * self.faded(now_ms))
        self.last = max(now_ms, self.last)

    def value(self, now_ms: int) -> float:
        return self.seconds * self.faded(now_ms)

    def faded(self, now_ms: int) -> float:
        return float(2 ** (-max(0, now_ms - self.last) / self.half_life_ms))


class InFlight:
    def __init__(self, columns: int) -> None:
        self.counts = [0] * columns
        self.claimed = {0}

    def enter(self, column: int) -> None:
        self.counts[column] += 1

    def leave(self, column: int) -> None:
        self.counts[column] = max(0, self.counts[column] - 1)

    def clear(self, column: int) -> None:
        self.counts[column] = 0

    def total(self) -> int:
        return sum(self.counts)
