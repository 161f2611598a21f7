"""The head of one part of a form (RFC 7578 section 4), read as all readers read it or not at all."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from gateway.errors import BODY_TOO_COMPLEX, MALFORMED_BODY, GatewayError
from gateway.http.media_type import parse

#: bytes of the longest head of a part
LONGEST: Final = 8192

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_FIELD: Final = re.compile(rf"({_WORD}):([^\x00-\x08\x0a-\x1f\x7f]*)")
_FORM_DATA: Final = re.compile(r"form-data(?=[ \t]*;)", re.IGNORECASE)
# NOTE: browsers write a quote as %22, and readers differ in what a backslash before one means, so it is refused.
_PARAMETER: Final = re.compile(rf'[ \t]*;[ \t]*({_WORD})=({_WORD}|"(?:[^"\\]|\\(?!"))*")')
#: codings that change nothing; RFC 7578 section 4.7 has no others
_AS_IT_IS: Final = frozenset(("7bit", "8bit", "binary"))


class Part(NamedTuple):
    """What a part says of itself; `media_type` is in lower case."""

    name: str
    media_type: str


def read_head(block: bytes, most: int) -> Part:
    """The head of a part, without its empty line, of at most `most` fields. Raises GatewayError."""
    lines = block.split(b"\r\n")
    if len(lines) > most:
        raise GatewayError(BODY_TOO_COMPLEX, f"A part has more than {most} header fields.")
    fields: dict[str, str] = {}
    for line in lines:
        try:
            found = _FIELD.fullmatch(line.decode())
        except UnicodeDecodeError:
            raise malformed("the header of a part is not UTF-8") from None
        if found is None:
            raise malformed("the header of a part cannot be read")
        name = found[1].lower()
        if name in fields:
            raise malformed(f"a part has {name} twice")
        fields[name] = found[2].strip(" \t")
    if fields.get("content-transfer-encoding", "binary").lower() not in _AS_IT_IS:
        raise malformed("a part has a Content-Transfer-Encoding")
    kind = parse(fields.get("content-type", "text/plain"))
    if kind is None:
        raise malformed("a part has a Content-Type that cannot be read")
    return Part(_name(fields.get("content-disposition", "")), kind[0])


def _name(disposition: str) -> str:
    """The name of a part. SECURITY: whatever readers may take for another name or file is refused."""
    form_data = _FORM_DATA.match(disposition)
    if form_data is None:
        raise malformed("a part is no form-data")
    found: dict[str, str] = {}
    at = form_data.end()
    while at < len(disposition):
        parameter = _PARAMETER.match(disposition, at)
        if parameter is None or parameter[1].lower() in found or parameter[1].endswith("*"):
            raise malformed("a part's Content-Disposition can be read in two ways, or not at all")
        found[parameter[1].lower()] = parameter[2].strip('"')
        at = parameter.end()
    if "name" not in found:
        raise malformed("a part has no name")
    return found["name"]


def malformed(what: str) -> GatewayError:
    """The error for a form that cannot be read."""
    return GatewayError(MALFORMED_BODY, f"The form cannot be read: {what}.")
