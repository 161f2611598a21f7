"""Cache-Control directives of a request (RFC 9111 section 5.2.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from gateway._fast.header_list import Gather
from gateway.cache.cache_control import NOTHING, Directives, parse
from gateway.exchange import Headers

#: what makes an answer less than whole, or none at all
_PARTIAL: Final = frozenset(("if-none-match", "if-modified-since", "range", "if-range"))
#: preconditions that only the origin can check (RFC 9111 section 4.3.2)
_OF_THE_ORIGIN: Final = frozenset(("if-match", "if-unmodified-since"))
_FIELDS: Final = Gather(sorted(_PARTIAL | _OF_THE_ORIGIN | {"cache-control", "pragma", "authorization"}))


@dataclass(slots=True)
class RequestDirectives:
    """A request, as far as a cache reads it."""

    method: str
    control: Directives = NOTHING
    has_authorization: bool = False
    #: whether it can only be answered by the origin
    is_for_origin: bool = False
    #: whether it wants the whole answer of a GET, whatever it has already
    is_plain: bool = True
    if_none_match: str | None = None
    if_modified_since: str | None = None
    range: str | None = None
    if_range: str | None = None

    @classmethod
    def of(cls, method: str, headers: Headers) -> RequestDirectives:
        """Read the headers, once."""
        found = _FIELDS.of(headers)
        if found is None:
            return cls(method, is_plain=method == "GET")
        return cls(
            method,
            _control(found),
            "authorization" in found,
            not _OF_THE_ORIGIN.isdisjoint(found),
            method == "GET" and _PARTIAL.isdisjoint(found),
            found.get("if-none-match"),
            found.get("if-modified-since"),
            found.get("range"),
            found.get("if-range"),
        )


def bare(headers: Headers) -> Headers:
    """The headers that ask for the whole answer."""
    return [field for field in headers if field[0].lower() not in _PARTIAL]


def _control(found: dict[str, str]) -> Directives:
    """Pragma counts where there is no Cache-Control (RFC 9111 section 5.4)."""
    text = found.get("cache-control")
    if text is not None:
        return parse(text)
    if "no-cache" in found.get("pragma", "").lower():
        return replace(NOTHING, no_cache=True)
    return NOTHING
