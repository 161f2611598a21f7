"""Forms with files (multipart/form-data, RFC 7578) held against their rules on the way: nothing is kept of the files.

Where a rule is broken, reading raises: the upstream then has a beginning that does not end as it was announced, and
never the last boundary.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from gateway.errors import BODY_TOO_COMPLEX, BODY_TOO_LARGE, INVALID_BODY, GatewayError
from gateway.exchange import BodyReader
from gateway.http.body import PIECE
from gateway.http.media_type import is_allowed
from gateway.validation.fault import pointer
from gateway.validation.part import LONGEST, Part, malformed, read_head

#: RFC 2046 section 5.1.1
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_END: Final = b"\r\n"


@dataclass(frozen=True, slots=True)
class Field:
    """What the parts of one name must be; `content_types` () = any, `count` is how many there may be."""

    content_types: tuple[str, ...] = ()
    is_required: bool = False
    max_size: int | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class FormRules:
    """What a form must be: at most `parts` of `part_size` bytes with `headers` header fields each.

    With `is_closed` there may be no others than `fields`.
    """

    parts: int
    part_size: int
    headers: int
    is_closed: bool = False
    fields: Mapping[str, Field] = field(default_factory=lambda: MappingProxyType({}))


class ValidatedForm:
    """A form on its way; raises GatewayError as soon as it breaks a rule, and where it ends early."""

    __slots__ = ("_body", "_left", "_scan")

    def __init__(self, body: BodyReader, length: int, boundary: str, rules: FormRules) -> None:
        """`length` is the body's, -1 = not told. Raises GatewayError for what is no boundary."""
        if not _BOUNDARY.fullmatch(boundary):
            raise malformed("its Content-Type has no boundary that is one")
        self._body = body
        self._left = length
        self._scan = _Scan(boundary.encode(), rules)

    @property
    def done(self) -> bool:
        """Whether all of it was given."""
        return self._left == 0 or bool(getattr(self._body, "done", False))

    def read(self, size: int = -1, /) -> bytes:
        """As the body's own. Raises GatewayError, also for what the body raises."""
        if size == 0:
            return b""
        piece = self._body.read(PIECE if size < 0 else size)
        if self._left > 0:
            self._left -= len(piece)
        self._scan.feed(piece)
        if not piece or self.done:
            self._scan.finish()
        if size < 0 and piece:
            pieces = [piece]
            while not self.done and (more := self.read(PIECE)):
                pieces.append(more)
            return b"".join(pieces)
        return piece


class _Scan:
    """Where in a form one is; `_held` is what is not decided yet, never more than a piece and a head."""

    __slots__ = ("_counts", "_delimiter", "_held", "_part", "_parts", "_rules", "_size", "_state")

    def __init__(self, boundary: bytes, rules: FormRules) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._rules = rules
        self._held = _END  # NOTE: so that the first boundary is like any other
        self._state: Callable[[], bool] = self._begin
        self._part = Part("", "")
        self._parts = self._size = 0
        self._counts: dict[str, int] = {}

    def feed(self, piece: bytes) -> None:
        """Look at the next piece. Raises GatewayError."""
        self._held += piece
        while self._state():
            pass

    def finish(self) -> None:
        """It is over. Raises GatewayError where it should not be, or something is missing."""
        if self._state != self._over or self._held not in (b"", _END):
            raise malformed("it ends before its last boundary")
        for name, rule in self._rules.fields.items():
            if rule.is_required and name not in self._counts:
                raise _unfit(name, "is missing")

    def _begin(self) -> bool:
        """Nothing may stand before the first boundary: readers differ in what they make of it."""
        if len(self._held) < len(self._delimiter):
            return False
        if not self._held.startswith(self._delimiter):
            raise malformed("it does not begin with its boundary")
        return self._goes_to(self._behind, len(self._delimiter))

    def _behind(self) -> bool:
        """Behind a boundary: another part, or the end."""
        if len(self._held) < 2:
            return False
        if self._held.startswith(b"--"):
            return self._goes_to(self._over, 2)
        if not self._held.startswith(_END):
            raise malformed("a boundary goes on, or does not end its line")
        self._parts += 1
        if self._parts > self._rules.parts:
            raise GatewayError(BODY_TOO_COMPLEX, f"The form has more than {self._rules.parts} parts.")
        return self._goes_to(self._head, 2)

    def _head(self) -> bool:
        """The head of a part, up to its empty line."""
        at = self._held.find(b"\r\n\r\n", 0, LONGEST + 4)
        if at < 0:
            if len(self._held) >= LONGEST + 4:
                raise GatewayError(BODY_TOO_COMPLEX, f"The head of a part has more than {LONGEST} bytes.")
            return False
        self._part = read_head(self._held[:at], self._rules.headers)
        self._enter(self._part)
        self._size = -len(_END)  # the empty line's, which may be no boundary's
        return self._goes_to(self._content, at + 2)

    def _enter(self, part: Part) -> None:
        """Hold the head of a part against the rules."""
        name, media_type = part
        if media_type.startswith("multipart/"):
            raise _unfit(name, "is a form in the form")
        rule = self._rules.fields.get(name)
        if rule is None:
            if self._rules.is_closed:
                raise _unfit(name, "is not taken")
            return
        self._counts[name] = self._counts.get(name, 0) + 1
        if self._counts[name] > rule.count:
            raise _unfit(name, f"is there more than {rule.count} times" if rule.count > 1 else "is there twice")
        if rule.content_types and not is_allowed(media_type, rule.content_types):
            raise _unfit(name, f"is of a type that is not taken; {', '.join(rule.content_types)} is")

    def _content(self) -> bool:
        """The content of a part, up to the next boundary."""
        at = self._held.find(self._delimiter)
        if at == 0 and self._size < 0:
            raise malformed("a part has no content, not even an empty one")
        passed = at if at >= 0 else max(0, len(self._held) - len(self._delimiter) + 1)
        self._size += passed
        rule = self._rules.fields.get(self._part.name)
        most = self._rules.part_size if rule is None or rule.max_size is None else rule.max_size
        if self._size > most:
            raise GatewayError(BODY_TOO_LARGE, f"A part of the form has more than the {most} bytes that are taken.")
        if at < 0:
            self._held = self._held[passed:]
            return False
        return self._goes_to(self._behind, at + len(self._delimiter))

    def _over(self) -> bool:
        """Behind the last boundary may be the end of its line, and nothing else."""
        if not _END.startswith(self._held):
            raise malformed("something follows its last boundary")
        return False

    def _goes_to(self, state: Callable[[], bool], at: int) -> bool:
        self._held = self._held[at:]
        self._state = state
        return True


def _unfit(name: str, words: str) -> GatewayError:
    error = GatewayError(INVALID_BODY, "The form does not fit.")
    error.extensions = {"errors": [{"pointer": pointer((name,)), "detail": words}]}
    return error
