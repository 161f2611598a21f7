"""Changes to a query string; what is not named stays byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import quote, unquote_plus

from gateway.exchange import Exchange

Pairs = Sequence[tuple[str, str]]
QueryChange = Callable[[str, Exchange], str]


def change(rename: Pairs, gone: frozenset[str], fields: Sequence[tuple[str, Callable[[Exchange], str]]]) -> QueryChange:
    """A function that makes of a query what `edited` does, its values made for each request."""

    def changed(query: str, exchange: Exchange) -> str:
        return edited(query, rename, gone, [(name, render(exchange)) for name, render in fields])

    return changed


def edited(query: str, rename: Pairs, gone: frozenset[str], fields: Pairs) -> str:
    """`query` with parameters renamed (in place of those of the new name), then without `gone`, then with `fields`.

    All names and values are decoded texts; they are encoded here.
    """
    pairs = query.split("&") if query else []
    names = [_name(pair) for pair in pairs]
    for old, new in rename:
        if old in names:
            kept = [(name, pair) for name, pair in zip(names, pairs, strict=True) if name != new]
            pairs = [_renamed(pair, new) if name == old else pair for name, pair in kept]
            names = [new if name == old else name for name, _ in kept]
    if gone:
        pairs = [pair for name, pair in zip(names, pairs, strict=True) if name not in gone]
    pairs += [f"{_encoded(name)}={_encoded(value)}" for name, value in fields]
    return "&".join(pairs)


def _name(pair: str) -> str:
    name = pair.partition("=")[0]
    return unquote_plus(name, errors="surrogateescape") if "%" in name or "+" in name else name


def _renamed(pair: str, new: str) -> str:
    _, mark, value = pair.partition("=")
    return f"{_encoded(new)}{mark}{value}"


def _encoded(text: str) -> str:
    return quote(text, safe="", errors="surrogateescape")
