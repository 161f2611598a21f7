"""The store, slow and obvious: a dict, and every method first throws out what is over."""

from collections.abc import Callable, Iterator


class DictStore:
    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.entries: dict[bytes, tuple[bytes, int | None]] = {}

    def live(self) -> dict[bytes, tuple[bytes, int | None]]:
        now = self.clock()
        self.entries = {key: entry for key, entry in self.entries.items() if entry[1] is None or entry[1] > now}
        return self.entries

    def end(self, ttl: float | None) -> int | None:
        return None if ttl is None else self.clock() + int(ttl * 1e9)

    def get(self, key: bytes) -> bytes | None:
        return self.live()[key][0] if key in self.live() else None

    def set(self, key: bytes, value: bytes, ttl: float | None) -> None:
        self.live()[key] = (value, self.end(ttl))

    def set_if_absent(self, key: bytes, value: bytes, ttl: float | None) -> bool:
        if key in self.live():
            return False
        self.set(key, value, ttl)
        return True

    def compare_and_set(self, key: bytes, old: bytes, new: bytes, ttl: float | None) -> bool:
        if self.get(key) != old:
            return False
        self.set(key, new, ttl)
        return True

    def delete(self, key: bytes) -> bool:
        return self.live().pop(key, None) is not None

    def incr(self, key: bytes, by: int, ttl: float | None) -> int:
        value, end = self.live().get(key, (b"0", self.end(ttl)))
        if not value.removeprefix(b"-").isdigit():
            raise ValueError(value)
        self.entries[key] = (str(int(value) + by).encode(), end)
        return int(value) + by

    def expire(self, key: bytes, ttl: float | None) -> bool:
        if key not in self.live():
            return False
        self.set(key, self.entries[key][0], ttl)
        return True

    def scan(self, prefix: bytes) -> Iterator[bytes]:
        return iter(sorted(key for key in self.live() if key.startswith(prefix)))

    def clear(self, prefix: bytes) -> int:
        gone = list(self.scan(prefix))
        for key in gone:
            del self.entries[key]
        return len(gone)
