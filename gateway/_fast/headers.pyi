from collections.abc import Iterable
from typing import final

from gateway.exchange import Headers

def joined(headers: Headers, name: str) -> str | None:
    """The value of the field `name` (lower case), those of repeated ones joined by ", " (RFC 9110 section 5.3)."""

@final
class Edit:
    def __new__(cls, gone: Iterable[str]) -> Edit: ...
    def apply(self, headers: Headers, fields: Iterable[tuple[str, str]]) -> None: ...
    def copy(self, headers: Headers, fields: Iterable[tuple[str, str]]) -> Headers: ...
