"""Dictionaries of RFC 9651 (structured fields), as far as a cache has to tell their values apart."""

from __future__ import annotations

import re
from typing import Final

_KEY: Final = r"[a-z*][a-z0-9_.*-]*"
_ITEM: Final = (
    r"(?:-?[0-9]{1,12}\.[0-9]{1,3}(?![0-9])"
    r"|-?[0-9]{1,15}(?![0-9.])"
    r'|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"'
    r"|[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*"
    r"|:[A-Za-z0-9+/=]*:"
    r"|\?[01]"
    r"|@-?[0-9]{1,15}(?![0-9.])"
    r'|%"(?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*")'
)
_PARAMETERS: Final = rf"(?:; *{_KEY}(?:={_ITEM})?)*"
_INNER: Final = rf"\( *(?:{_ITEM}{_PARAMETERS}(?: +{_ITEM}{_PARAMETERS})* *)?\)"
_MEMBER: Final = re.compile(rf"(?P<key>{_KEY})(?:=(?P<value>{_ITEM}|{_INNER}))?{_PARAMETERS}")
_COMMA: Final = re.compile(r"[ \t]*,[ \t]*")
_INTEGER: Final = re.compile(r"-?[0-9]+")

Value = int | bool | str


def dictionary(text: str) -> dict[str, Value] | None:
    """The members: integers and booleans as what they are, all else as it is written; None where the text is none."""
    text = text.strip(" ")
    members: dict[str, Value] = {}
    at = 0
    while at < len(text):
        member = _MEMBER.match(text, at)
        if member is None:
            return None
        members[member["key"]] = _value(member["value"])
        at = member.end()
        if at == len(text):
            return members
        comma = _COMMA.match(text, at)
        if comma is None or comma.end() == len(text):
            return None
        at = comma.end()
    return members


def _value(text: str | None) -> Value:
    if text is None or text == "?1":
        return True
    if text == "?0":
        return False
    return int(text) if _INTEGER.fullmatch(text) else text
