"""Methods in a configuration: of a match, and of CORS."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader


def read_methods(reader: OptionReader) -> tuple[str, ...]:
    """The methods of a section."""
    found: dict[str, None] = {}
    for text in reader.texts("methods"):
        if text.value not in found and (mistake := _method_mistake(text.value)):
            text.complain(f"{text.shown} {mistake[0]}", mistake[1])
        elif text.value in found:
            text.complain(f"{text.shown} is there twice")
        found[text.value] = None
    return tuple(found)


_METHOD = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]+")


@lru_cache(maxsize=64)
def _method_mistake(method: str) -> tuple[str, str] | None:
    if not _METHOD.fullmatch(method):
        hint = f"did you mean `{method.upper()}`?" if _METHOD.fullmatch(method.upper()) else ""
        return "is not a method in upper case (RFC 9110 section 9.1)", hint
    if method in ("CONNECT", "TRACE"):
        return "is never routed", ""
    return None
