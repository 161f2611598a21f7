"""The texts in a body, each with the name of its field: what a screening looks at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple
from xml.parsers import expat

from gateway.errors import BODY_TOO_COMPLEX, MALFORMED_BODY, GatewayError

#: most fields of a form, and most parts of a multipart body
MOST_FIELDS: Final = 10_000
#: bounds of JSON and XML: levels; values, or elements and attributes
DEPTH, MEMBERS = 100, 100_000
#: characters of one step in the name of a place, and of those that lead to it where they are looked at
_LONGEST_STEP, _NEAR = 256, 16
# NOTE: readers differ in what a backslash before a quote means, and some take ' for a quote.
_PARAMETER: Final = re.compile(
    rb"""[ \t]*;[ \t]*([!#$%&*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\(?!"))*)"|([^\s";\\]+))"""
)
_DISPOSITION: Final = re.compile(rb"^content-disposition:[ \t]*form-data[ \t]*(?=;)(.*)$", re.IGNORECASE | re.MULTILINE)


class Place:
    """A step of the way to a text in a document: `str` is a JSON pointer (RFC 6901), or "a/b@c" in XML.

    SECURITY: written out only where it is told, and long steps are cut: of many texts below a long name, each with its
    whole way, a small body would make gigabytes (tests/unit/screening/test_bodies.py).
    """

    __slots__ = ("_above", "_mark", "_step")

    def __init__(self, step: str, above: Place | None, mark: str = "/") -> None:
        self._step, self._above, self._mark = step, above, mark

    def __str__(self) -> str:
        pieces: list[str] = []
        at: Place | None = self
        while at is not None:
            # NOTE: no pointer has a ~ that neither 0 nor 1 follows, so what is cut is no other place.
            pieces += (at._step if len(at._step) <= _LONGEST_STEP else f"{at._step[:_LONGEST_STEP]}~", at._mark)
            at = at._above
        return "".join(reversed(pieces))

    @property
    def way(self) -> str:
        """The step, and the end of those that lead to it."""
        way, at = self._step, self
        for _ in range(2):
            if at._above is None:
                break
            way, at = f"{at._above._step[-_NEAR:]}{at._mark}{way}", at._above
        return way


class Field(NamedTuple):
    """One text: `name` is a form's field, or where it stands; `way` is there for a name, and says what leads to it."""

    name: str | Place
    text: str
    way: str = ""


def pairs(text: str) -> Iterator[tuple[str, str]]:
    """The pairs of a query or of a form, as they stand. Raises GatewayError where there are too many."""
    found = text.split("&")
    if len(found) > MOST_FIELDS:
        raise GatewayError(BODY_TOO_COMPLEX, f"The form has more than {MOST_FIELDS} fields.")
    for pair in found:
        name, _, value = pair.partition("=")
        if pair:
            yield name, value


def json_fields(value: Any) -> Iterator[Field]:
    """Every text in a JSON value that was read, names of members included."""
    waiting: list[tuple[Place | None, Any]] = [(None, value)]
    while waiting:
        at, one = waiting.pop()
        if isinstance(one, str):
            yield Field(at or "", one)
        elif isinstance(one, dict):
            for name, member in one.items():
                where = Place(name.replace("~", "~0").replace("/", "~1"), at)
                yield Field(where, name, where.way)
                waiting.append((where, member))
        elif isinstance(one, list):
            waiting.extend((Place(str(index), at), item) for index, item in enumerate(one))


def multipart_fields(data: bytes, boundary: str) -> Iterator[Field]:
    """The fields, and the names of files, of a multipart/form-data body (RFC 7578); files themselves are passed over.

    Raises GatewayError for what is none: readers differ in what they make of it.
    """
    mark = b"--" + boundary.encode("latin-1")
    pieces = (b"\r\n" + data).split(b"\r\n" + mark)
    if len(pieces) > MOST_FIELDS:
        raise GatewayError(BODY_TOO_COMPLEX, f"The body has more than {MOST_FIELDS} parts.")
    if len(pieces) < 2 or pieces[-1][:2] != b"--":
        raise _malformed("its last boundary is missing")
    for piece in pieces[1:-1]:
        start, _, rest = piece.partition(b"\r\n")
        head, blank, content = (b"\r\n" + rest).partition(b"\r\n\r\n")
        found = _DISPOSITION.findall(head.replace(b"\r\n", b"\n"))
        if start.strip(b" \t") or not blank or len(found) != 1:
            raise _malformed("a part has no head that says what it is")
        yield from _part(found[0], content)


def _part(disposition: bytes, content: bytes) -> Iterator[Field]:
    found = _parameters(disposition)
    if b"name" not in found:
        raise _malformed("a part has no name")
    name = decoded(found[b"name"])
    yield Field(name, name, name)
    for key, value in found.items():
        if key.startswith(b"filename"):
            yield Field(name, decoded(value))
    if b"filename" not in found:  # to many services `filename*` is no file's
        yield Field(name, decoded(content))


def _parameters(disposition: bytes) -> dict[bytes, bytes]:
    """What a part says of itself. SECURITY: what some take for a file and others for a field is refused."""
    found: dict[bytes, bytes] = {}
    at, end = 0, len(disposition.rstrip(b" \t;"))
    while at < end:
        parameter = _PARAMETER.match(disposition, at)
        key = b"" if parameter is None else parameter[1].lower()
        if parameter is None or key in found or (parameter[3] or b"").count(b"'") % 2:
            raise _malformed("a part's Content-Disposition can be read in two ways, or not at all")
        found[key] = parameter[2] if parameter[3] is None else parameter[3]
        at = parameter.end()
    return found


def xml_fields(data: bytes, on_doctype: Callable[[], None]) -> list[Field]:
    """The texts and attributes of an XML document. Raises GatewayError for what is not well-formed, or too large.

    `on_doctype` is called for a document type with entities or a DTD. SECURITY: where it lets that pass, nothing is
    fetched, entities stay as they are in texts, and what they stand for is a text too; in attributes they may add as
    much as the document has (tests/unit/screening/test_bodies.py).
    """
    found: list[Field] = []
    path: list[Place] = []
    left, room = MEMBERS, len(data) + MEMBERS
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal left, room
        left -= 1 + len(attributes)
        room -= sum(map(len, attributes.values()))
        if len(path) >= DEPTH or left < 0 or room < 0:
            raise GatewayError(BODY_TOO_COMPLEX, f"The body has more than {DEPTH} levels, or {MEMBERS} elements.")
        at = Place(name, path[-1], "/") if path else Place(name, None, "")
        path.append(at)
        found.append(Field(at, "", at.way))
        for key, value in attributes.items():
            place = Place(key, at, "@")
            found.append(Field(place, value, place.way))

    def doctype(_name: str, system: str | None, public: str | None, has_subset: int) -> None:
        if system or public or has_subset:
            on_doctype()
            parser.DefaultHandler = lambda _text: None  # NOTE: else the parser expands what it knows
            parser.EntityDeclHandler = lambda *told: found.append(Field("", told[2])) if told[2] else None

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: path.pop()
    parser.CharacterDataHandler = lambda text: found.append(Field(path[-1], text))
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise _malformed(f"it is not XML at line {error.lineno}") from None
    except (ValueError, LookupError):
        raise _malformed("its encoding is not known here") from None
    return [field for field in found if not field.text.isspace()]


def decoded(data: bytes) -> str:
    """UTF-8, or what else there is byte by byte: nothing is left out."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _malformed(what: str) -> GatewayError:
    return GatewayError(MALFORMED_BODY, f"The body cannot be read: {what}.")
