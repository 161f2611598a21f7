"""Networks: `server.trusted_proxies`, and `ip` of a route and of `defaults`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader, ScalarNode


def read_networks(reader: OptionReader, key: str) -> tuple[str, ...]:
    """The networks in a list, each in its shortest spelling."""
    return tuple(dict.fromkeys(_networks(reader.texts(key))))


def _networks(texts: Iterator[ScalarNode]) -> Iterator[str]:
    for text in texts:
        try:
            yield str(ipaddress.ip_network(text.value))
        except ValueError:
            text.complain(f"{text.shown} is not an address or a network", _hint(text.value))


def _hint(text: str) -> str:
    try:
        return f"did you mean `{ipaddress.ip_network(text, strict=False)}`?"
    except ValueError:
        return ""
