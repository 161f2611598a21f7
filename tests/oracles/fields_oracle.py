"""Header edits, the slow and obvious way."""

from collections.abc import Iterable

from gateway.exchange import Headers


def lower(name: str) -> str:
    """ASCII letters only: header names are ASCII (RFC 9110 section 5.1)."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def edited(headers: Headers, gone: Iterable[str], fields: Headers) -> Headers:
    names = set(gone)
    return [field for field in headers if lower(field[0]) not in names] + fields


def joined(headers: Headers, name: str) -> str | None:
    found = [value for key, value in headers if lower(key) == name]
    return ", ".join(found) if found else None
