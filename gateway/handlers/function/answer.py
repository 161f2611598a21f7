"""Return values of a function, and the Response made of each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from gateway.exchange import Headers, Response

TEXT: Final = "text/plain; charset=utf-8"
JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"
#: RFC 9110 section 15: answers without content
EMPTY: Final = frozenset((204, 205, 304))
#: RFC 9110 section 7.6.1, and what the gateway says itself
_OURS: Final = frozenset(
    ("connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
)
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Answer:
    """An answer with a status and headers. `body` is text, bytes, a JSON value, or an iterator of texts or bytes."""

    def __init__(
        self, body: Any = None, status: int = 200, headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()
    ) -> None:
        self.body = body
        self.status = status
        self.headers = list(headers.items() if isinstance(headers, Mapping) else headers)


def response_of(value: Any) -> Response:
    """The Response for what a function gave: an Answer, or just its body.

    None is 204, text and bytes are themselves, an iterator is sent as it comes, anything else is JSON.
    Raises ValueError, TypeError for what cannot be sent.
    """
    answer = value if isinstance(value, Answer) else Answer(value, 204 if value is None else 200)
    check_status(answer.status)
    headers = checked(answer.headers)
    body, media_type = (b"", "") if answer.status in EMPTY else _body(answer.body)
    if media_type and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", media_type))
    return Response(answer.status, headers, body)


def check_status(status: int) -> None:
    """Raise ValueError for a status that is no final one."""
    if type(status) is not int or not 200 <= status <= 599:
        raise ValueError(f"{status!r} is no status from 200 to 599")


def checked(headers: Iterable[tuple[str, str]]) -> Headers:
    """The fields without those that belong to a connection.

    SECURITY: what is no field (RFC 9110 section 5.5) could end the head and begin an answer of its own: ValueError.
    """
    found = []
    for name, value in headers:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"the header {name!r} cannot be sent: it or its value is no field (RFC 9110 section 5.5)")
        if name.lower() not in _OURS:
            found.append((name, value))
    return found


def _body(value: Any) -> tuple[bytes | Iterable[bytes], str]:
    if value is None:
        return b"", ""
    if isinstance(value, str):
        return value.encode(), TEXT
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value), BYTES
    if isinstance(value, Iterator):
        return _Pieces(value), BYTES
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode(), JSON


class _Pieces:
    """An iterator of texts or bytes, as bytes; closed with it.

    The first piece is waited for: what fails before it is an error, and no answer that is cut.
    """

    __slots__ = ("_first", "_pieces", "_rest")

    def __init__(self, pieces: Iterator[Any]) -> None:
        self._pieces = pieces
        self._rest = filter(None, map(_bytes, pieces))
        try:
            self._first = next(self._rest, b"")
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return chain((self._first,), self._rest)

    def close(self) -> None:
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()


def _bytes(piece: Any) -> bytes:
    return piece.encode() if isinstance(piece, str) else bytes(memoryview(piece))
