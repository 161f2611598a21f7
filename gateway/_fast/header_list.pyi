from collections.abc import Iterable
from typing import final

from gateway.exchange import Headers

@final
class Gather:
    def __new__(cls, names: Iterable[str]) -> Gather: ...
    def of(self, headers: Headers) -> dict[str, str] | None: ...
