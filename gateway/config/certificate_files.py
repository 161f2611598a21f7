"""Files of certificates and keys; their contents are checked by gateway.config.external_checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader


def read_pair(reader: OptionReader, cert: str, key: str) -> tuple[str, str]:
    """The absolute names of a chain of certificates and of the private key of its first one."""
    names = reader.file(cert), reader.file(key)
    chain, private = reader.one(cert), reader.one(key)
    if chain is not None:
        chain.leads_to("chain", names[0])
    if chain is not None and private is not None:
        private.leads_to("key", names[1], names[0])
    return names


def read_authorities(reader: OptionReader, key: str) -> str:
    """The absolute name of a file of certificates to verify others against."""
    name = reader.file(key)
    text = reader.one(key)
    if text is not None and name:
        text.leads_to("authorities", name)
    return name
