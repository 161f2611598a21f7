"""JSON and base64url from strangers, read in one way only: what two readers could read differently is refused."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, NoReturn

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+\Z")


def base64url(text: str) -> bytes:
    """The bytes of unpadded base64url (RFC 7515 section 2). ValueError for anything else, unused bits that are set too.

    SECURITY: one value has one spelling, so that a token cannot be changed and stay good.
    """
    if not _BASE64URL.match(text) or len(text) % 4 == 1:
        raise ValueError("it is not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text.encode():
        raise ValueError("it is not base64url")
    return data


def json_object(data: bytes | str) -> dict[str, Any]:
    """The object that a JSON text is. ValueError for another value, repeated names, NaN, or what is not Unicode."""
    try:
        text = data if isinstance(data, str) else data.decode()
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
        if "\\u" in text:  # half of a surrogate pair can be written only so
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeError:
        raise ValueError("it is not Unicode") from None
    if isinstance(value, dict):
        return value
    raise ValueError("it is not a JSON object")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name is repeated")
    return made


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
