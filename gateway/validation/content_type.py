"""Checks of what a body says it is, and of what the client takes in return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.errors import MALFORMED_REQUEST, NOT_ACCEPTABLE, UNSUPPORTED_MEDIA_TYPE, GatewayError
from gateway.exchange import Exchange
from gateway.http.accept import accepts
from gateway.http.media_type import UTF_8, is_allowed, parse

Check = Callable[[Exchange], None]
#: by which methods a refusal may tell of types once more (W3C LDP section 7.1; RFC 5789 section 3.1)
_TOLD_BY: Final = (("POST", "Accept-Post"), ("PATCH", "Accept-Patch"))


def content_type(ranges: tuple[str, ...], charsets: tuple[str, ...]) -> Check:
    """Whether a body is of a kind in `ranges`, and in one of `charsets` where it names one; lower case, () = any."""
    taken = frozenset(charsets) | (UTF_8 if "utf-8" in charsets else frozenset())
    ends = ("", "; charset=utf-8", "; charset=UTF-8") if not taken or "utf-8" in taken else ("",)
    plain = frozenset(each + end for each in ranges if "*" not in each for end in ends)

    def on_request(exchange: Exchange) -> None:
        if not exchange.body_length:
            return
        text = exchange.header("content-type")
        if text in plain:  # PERF: most are, and reading one costs 3 us
            return
        found = parse(text) if text is not None else None
        if found is None:
            if text is None and not ranges:
                return
            raise _unreadable(exchange, text, ranges)
        media_type, parameters = found
        if ranges and not is_allowed(media_type, ranges):
            raise _refusal(exchange, f"The route does not take {media_type}.", ranges)
        if taken and parameters.get("charset", charsets[0]).lower() not in taken:
            raise _refusal(exchange, f"The route takes {' and '.join(charsets)} only.", ranges)

    return on_request


def accept(produces: tuple[str, ...]) -> Check:
    """Whether the client takes one of the kinds that the route answers with."""

    def on_request(exchange: Exchange) -> None:
        if not accepts(exchange.header("accept"), produces):
            raise GatewayError(NOT_ACCEPTABLE, f"The route answers with {', '.join(produces)}.")

    return on_request


def _unreadable(exchange: Exchange, text: str | None, ranges: tuple[str, ...]) -> GatewayError:
    if text is None:
        return _refusal(exchange, "The body has no Content-Type.", ranges)
    if sum(name.lower() == "content-type" for name, _ in exchange.headers) > 1:
        # SECURITY: the upstream might read the other one of the two (tests/unit/policies/test_guard.py).
        return GatewayError(MALFORMED_REQUEST, "The request has more than one Content-Type.")
    return _refusal(exchange, "The body has a Content-Type that cannot be read.", ranges)


def _refusal(exchange: Exchange, words: str, ranges: tuple[str, ...]) -> GatewayError:
    listed = ", ".join(ranges)
    names = ("Accept", *(name for method, name in _TOLD_BY if method == exchange.method))
    headers = tuple((name, listed) for name in names) if ranges else ()
    return GatewayError(UNSUPPORTED_MEDIA_TYPE, words, headers=headers)
