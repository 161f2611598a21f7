"""The certificate that a client showed on its connection; imports nothing, since every TLS listener imports it."""

from __future__ import annotations

from typing import Any, Final

ENVIRON_KEY: Final = "gateway.client_cert"
"""Where the environ of a connection has it: only there where it was verified against `server.tls.client_ca`."""


class ClientCertificate:
    """DER bytes of a verified certificate, and what was read out of them; one for all requests of a connection.

    `facts` and `seen` belong to gateway/auth/mtls/authenticator.py: here so that they end with the connection.
    """

    __slots__ = ("der", "facts", "seen")

    def __init__(self, der: bytes) -> None:
        self.der = der
        self.facts: Any = None
        self.seen: tuple[Any, Any] | None = None
