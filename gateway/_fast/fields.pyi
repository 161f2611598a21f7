from collections.abc import Iterable
from typing import final

from gateway.exchange import Headers

@final
class Edit:
    def __new__(cls, gone: Iterable[str]) -> Edit: ...
    def apply(self, headers: Headers, fields: Iterable[tuple[str, str]]) -> None: ...
