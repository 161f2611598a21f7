"""JSON from strangers: bounds are held before and while it is parsed (RFC 8259; RFC 7493 where it is stricter)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from gateway._fast.json import Reader
from gateway.errors import BODY_TOO_COMPLEX, MALFORMED_BODY, GatewayError

_ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)
_STRING: Final = re.compile(rb'"[^"]*"')
_NOT_STRUCTURE: Final = bytes(byte for byte in range(256) if byte not in b"[]{},")
# Which of the two closes which is for the parser to say.
_AS_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class JsonReader:
    """Reads bodies with at most `depth` arrays and objects in each other, and at most `members` values in all.

    Values are counted as commas, arrays and objects: what is in an array of 1,000 numbers counts 1,000.
    `names` are those that members will mostly have.
    """

    __slots__ = ("_decode", "_depth", "_members", "_read")

    def __init__(self, depth: int, members: int, names: Iterable[str] = ()) -> None:
        self._read = Reader(depth, members, names).read
        self._depth = depth
        self._members = members
        self._decode = json.JSONDecoder(
            object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_float
        ).decode

    def read(self, data: bytes) -> Any:
        """The value that `data` says. Raises GatewayError."""
        try:
            return self._read(data)
        except ValueError:  # which does not say why
            return self._slowly(data)

    def _slowly(self, data: bytes) -> Any:
        """The same with words for what is wrong."""
        self._look(data)
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise _malformed(f"it is not UTF-8 at byte {error.start}") from None
        try:
            value = self._decode(text)
        except json.JSONDecodeError as error:
            raise _malformed(
                f"{error.msg[:1].lower()}{error.msg[1:]} (line {error.lineno}, column {error.colno})"
            ) from None
        except ValueError:  # NOTE: from int(), which has a bound of its own, since its time is quadratic
            raise _malformed("a number has too many digits") from None
        if "\\u" in text:
            # NOTE: RFC 8259 section 8.2 leaves it open what half a character means; RFC 7493 2.1 says there is none.
            _check_text(value)
        return value

    def _look(self, data: bytes) -> None:
        """SECURITY: by counting alone, so that nothing deep or wide is ever parsed (tests/unit/validating)."""
        opened = data.count(b"[") + data.count(b"{")
        parts = opened + data.count(b",")
        if opened <= self._depth and parts <= self._members:
            return
        structure = _STRING.sub(b"", _ESCAPE.sub(b"", data)).translate(_AS_BRACKETS, _NOT_STRUCTURE)
        brackets = structure.replace(b",", b"")
        closed = brackets.count(b"]")
        if len(structure) - closed > self._members:
            raise GatewayError(BODY_TOO_COMPLEX, f"The body has more than {self._members} values.")
        if 2 * closed > len(brackets):
            raise _malformed("more is closed than was opened")
        for _ in range(self._depth):
            shorter = brackets.replace(b"[]", b"")  # the innermost
            if len(shorter) == len(brackets):
                break
            brackets = shorter
        if brackets:
            raise GatewayError(BODY_TOO_COMPLEX, f"The body is nested deeper than {self._depth}, or not closed.")


def _check_text(value: Any) -> None:
    """Every text in a value is one that UTF-8 can write."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if _SURROGATE.search(one):
                raise _malformed("a string has half of a surrogate pair")
        elif isinstance(one, dict):
            waiting += one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # SECURITY: readers differ in which of the two they take (tests/unit/validating/test_reading.py).
        raise _malformed("an object has a member twice")
    return found


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _malformed("a number is larger than any that can be held")
    return value


def _no_constant(word: str) -> NoReturn:
    raise _malformed(f"{word} is no number of JSON's")


def _malformed(what: str) -> GatewayError:
    return GatewayError(MALFORMED_BODY, f"The body is not JSON that can be read: {what}.")
