"""Takes a credential out of what goes on, where the upstream is not to have it (`pass_credential: false`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import unquote_plus

from gateway._fast.headers import Edit
from gateway.auth.model import Credential
from gateway.auth.session.cookies import without
from gateway.exchange import Exchange

Hide = Callable[[Exchange], None]


def strip_credentials(credentials: Iterable[Credential]) -> Hide | None:
    """What takes these out of the request that goes on; None for none.  The request as it came stays for the log."""
    places = tuple(credentials)
    hides: list[Hide] = []
    for kind, make in (("header", _headers), ("cookie", _cookies), ("query", _parameters)):
        names = frozenset(each.name for each in places if each.place == kind)
        if names:
            hides.append(make(names))
    if not hides:
        return None
    return hides[0] if len(hides) == 1 else lambda exchange: _all(hides, exchange)


def _all(hides: Iterable[Hide], exchange: Exchange) -> None:
    for hide in hides:
        hide(exchange)


def _headers(names: frozenset[str]) -> Hide:
    apply = Edit(sorted(name.lower() for name in names)).apply
    return lambda exchange: apply(exchange.edit_headers(), ())


def _cookies(names: frozenset[str]) -> Hide:
    def hide(exchange: Exchange) -> None:
        kept = [(name, without(value, names) if name.lower() == "cookie" else value) for name, value in _sent(exchange)]
        exchange.outgoing = [(name, value) for name, value in kept if value or name.lower() != "cookie"]

    return hide


def _sent(exchange: Exchange) -> list[tuple[str, str]]:
    return exchange.headers if exchange.outgoing is None else exchange.outgoing


def _parameters(names: frozenset[str]) -> Hide:
    """The steps that follow find it neither in the query that they read nor in the target that is forwarded."""

    def hide(exchange: Exchange) -> None:
        pairs = exchange.query.split("&")
        kept = [pair for pair in pairs if unquote_plus(pair.partition("=")[0]) not in names]
        if len(kept) != len(pairs):
            exchange.query = "&".join(kept)
            path = exchange.target.partition("?")[0]
            exchange.upstream_path = f"{path}?{exchange.query}" if kept else path

    return hide
