from collections.abc import Iterable
from typing import final

from typing_extensions import disjoint_base

from gateway._fast.log_buffer import Batch
from gateway.exchange import Exchange

@final
class Secrets:
    def __new__(cls, names: Iterable[str], endings: Iterable[str]) -> Secrets: ...
    def hides(self, name: str) -> bool: ...

@disjoint_base
class Line:
    def __new__(cls, batch: Batch, names: Iterable[str], secrets: Secrets, threshold: int = ...) -> Line: ...
    def __call__(self, exchange: Exchange) -> None: ...
    def add(self, exchange: Exchange, now: float, ended: float) -> None: ...

@final
class JsonLine(Line): ...

@final
class CombinedLine(Line): ...
