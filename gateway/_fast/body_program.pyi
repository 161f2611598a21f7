from typing import final

STEPS: dict[str, int]
ORDERS: dict[str, int]
MOST_REGISTERS: int
MOST_CONSTANTS: int

@final
class Verdict:
    def __new__(
        cls, steps: list[tuple[int, int, int, int, int, int]], constants: tuple[object, ...], start: int, registers: int
    ) -> Verdict: ...
    def __call__(self, value: object) -> bool: ...
