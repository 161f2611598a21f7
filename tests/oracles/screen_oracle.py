"""Which values need a closer look, slowly."""

import re

from gateway._fast.waf_decode import CRLF, FORM, TEXT, URL, readings
from gateway._fast.waf_sql import sql_attack
from gateway._fast.waf_xss import xss_attack

PLAIN = re.compile(r"(?:[A-Za-z0-9_]|-(?!-)|\.(?!\.))*", re.ASCII)
WAY = re.compile(rb"\.\.|\.ini|(?:etc|proc|windows|web-inf)[/\\]", re.IGNORECASE)


def is_plain(text: str) -> bool:
    runs = text.split(".")
    return len(text) <= 64 and bool(PLAIN.fullmatch(text)) and all(len(run) < 8 for run in runs)


def needs_look(text: str, kind: int) -> bool:
    if is_plain(text):
        return False
    flags, found = readings(text, kind)
    if flags and not (kind == TEXT and flags == CRLF):
        return True
    return any(WAY.search(as_bytes(one)) or sql_attack(one) or xss_attack(one) for one in found)


def as_bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def name_needs_look(name: str, kind: int) -> bool:
    read = [name.encode("utf-8", "surrogatepass"), *map(as_bytes, readings(name, kind)[1])]
    return any(b"__proto__" in one or b"prototype" in one for one in read) or needs_look(name, kind)


def form_needs_look(text: str) -> bool:
    pairs = [pair.partition("=")[::2] for pair in text.split("&")]
    names = [name for name, _ in pairs]
    return len(set(names)) < len(names) or any(
        name_needs_look(name, FORM) or needs_look(value, FORM) for name, value in pairs
    )


def field_needs_look(value: str) -> bool:
    query = value.partition("?")[2] if value.startswith(("https://", "http://")) else ""
    return not value.isascii() or needs_look(value, URL) or form_needs_look(query)


def cookies_need_look(value: str) -> bool:
    contents = [pair.strip(" \t").partition("=")[2].strip('"') for pair in value.split(";")]
    return not value.isascii() or any(needs_look(content, URL) for content in contents)


def json_needs_look(value: object) -> bool:
    if isinstance(value, str):
        return needs_look(value, TEXT)
    if isinstance(value, dict):
        return any(name_needs_look(name, TEXT) or json_needs_look(member) for name, member in value.items())
    return isinstance(value, list) and any(map(json_needs_look, value))
