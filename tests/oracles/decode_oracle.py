"""The way there, for each way back: how a text is written in every encoding, and what is odd about a value."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from urllib.parse import quote_from_bytes, unquote_to_bytes

from gateway._fast import waf_decode as decode


def first(raw: bytes, kind: int) -> bytes:
    """What the application sees."""
    if kind == decode.TEXT:
        return raw
    return unquote_to_bytes(raw.replace(b"+", b" ") if kind == decode.FORM else raw)


def _each(write: Callable[[int], str]) -> Callable[[bytes], bytes]:
    return lambda text: "".join(write(byte) for byte in text).encode()


#: how a text of ASCII is written; each can be within another
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "percent": lambda text: quote_from_bytes(text, safe=b"").encode(),
    "all percent": _each(lambda byte: f"%{byte:02X}"),
    "%u": _each(lambda byte: f"%u{byte:04x}"),
    "decimal": _each(lambda byte: f"&#{byte};"),
    "decimal, zeros": _each(lambda byte: f"&#{byte:07};"),
    "hexadecimal": _each(lambda byte: f"&#x{byte:x};"),
    r"\x": _each(lambda byte: f"\\x{byte:02x}"),
    r"\u": _each(lambda byte: f"\\u{byte:04X}"),
    r"\u{}": _each(lambda byte: f"\\u{{{byte:x}}}"),
    "octal": _each(lambda byte: f"\\{byte:03o}"),
    "CSS": _each(lambda byte: f"\\{byte:06x}"),
    "CSS, blank": _each(lambda byte: f"\\{byte:04x} "),
}

#: written so only where nothing else is around it
WHOLE: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "base64, URL": base64.urlsafe_b64encode,
    "base64, bare": lambda text: base64.b64encode(text).rstrip(b"="),
    "data": lambda text: b"data:text/html;base64," + base64.b64encode(text),
    "hex": lambda text: b"0x" + text.hex().encode(),
    "overlong": lambda text: bytes(part for byte in text for part in (0xC0 | byte >> 6, 0x80 | byte & 0x3F)),
    "fullwidth": lambda text: "".join(chr(byte + 0xFEE0) if byte > 0x20 else chr(byte) for byte in text).encode(),
    "NUL": lambda text: b"\0".join(bytes((byte,)) for byte in text),
    "UTF-7": lambda text: b"+" + base64.b64encode(text.decode().encode("utf-16-be")).rstrip(b"=") + b"-",
}


def flags(value: bytes) -> int:
    """What is odd about a value as the application sees it, but for what is encoded deeper."""
    found = decode.NUL if b"\0" in value else 0
    found |= decode.CRLF if re.search(rb"[\r\n]", value) else 0
    found |= decode.CONTROL if re.search(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]", value) else 0
    found |= decode.TRAVERSAL if re.search(rb"(?:^|[/\\=])\.\.(?:\.\.)?[/\\]|[/\\=]\.\.(?:\Z|[;\0])", value) else 0
    short = rb"[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}"
    found |= decode.OVERLONG if re.search(short, value) else 0
    try:
        re.sub(short, b"", value).decode()
    except UnicodeDecodeError:
        found |= decode.INVALID
    return found
