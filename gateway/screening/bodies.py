"""The texts in a body, each with the name of its field: what a screening looks at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple
from xml.parsers import expat

from gateway.errors import BODY_TOO_COMPLEX, MALFORMED_BODY, GatewayError

#: most fields of a form, and most parts of a multipart body
MOST_FIELDS: Final = 10_000
_NAME: Final = re.compile(rb'[; \t]name=(?:"((?:[^"\\]|\\.)*)"|([^\s";]+))', re.IGNORECASE)
_FILE_NAME: Final = re.compile(rb'[; \t]filename\*?=(?:"((?:[^"\\]|\\.)*)"|([^\s";]+))', re.IGNORECASE)
_DISPOSITION: Final = re.compile(rb"^content-disposition:[ \t]*form-data[ \t]*(?=;)(.*)$", re.IGNORECASE | re.MULTILINE)


class Field(NamedTuple):
    """One text: `name` is a form's field, a JSON pointer (RFC 6901), or where it stands in an XML document."""

    name: str
    text: str


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
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        at, one = waiting.pop()
        if isinstance(one, str):
            yield Field(at, one)
        elif isinstance(one, dict):
            for name, member in one.items():
                where = f"{at}/{name.replace('~', '~0').replace('/', '~1')}"
                yield Field(where, name)
                waiting.append((where, member))
        elif isinstance(one, list):
            waiting.extend((f"{at}/{index}", item) for index, item in enumerate(one))


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
    names, files = _NAME.findall(disposition), _FILE_NAME.findall(disposition)
    if len(names) != 1:
        raise _malformed("a part has no name, or two")
    name = decoded(names[0][0] or names[0][1])
    yield Field(name, name)
    for quoted, bare in files:
        yield Field(name, decoded(quoted or bare))
    if not files:
        yield Field(name, decoded(content))


class XmlFound(Exception):
    """A document type that defines entities or names a DTD."""


def xml_fields(data: bytes, on_doctype: Callable[[], None]) -> list[Field]:
    """The texts and attributes of an XML document. Raises GatewayError for what is not well-formed.

    `on_doctype` is called for a document type with entities or a DTD; SECURITY: entities are never expanded and nothing
    is fetched: reading ends there (tests/unit/screening/test_bodies.py).
    """
    found: list[Field] = []
    path: list[str] = []
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        path.append(name)
        found.extend(Field(f"{'/'.join(path)}@{key}", value) for key, value in attributes.items())

    def doctype(_name: str, system: str | None, public: str | None, has_subset: int) -> None:
        if system or public or has_subset:
            raise XmlFound

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: path.pop()
    parser.CharacterDataHandler = lambda text: found.append(Field("/".join(path), text))
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)
    except XmlFound:
        on_doctype()
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
