"""TLS towards clients: one context per certificate, chosen by SNI (RFC 6066 section 3), read again when changed.

Clients are asked for a certificate of their own where the configuration names authorities to verify it against.
"""

from __future__ import annotations

import logging
import os
import ssl
from typing import Any

from gateway.config.diagnostics import ConfigError, Diagnostic
from gateway.config.model import Document
from gateway.server.options import Certificate, ServerTLS

log = logging.getLogger("gateway")

#: what ALPN calls the protocols (RFC 7301 section 6, RFC 9113 section 3.2)
HTTP1, HTTP2 = "http/1.1", "h2"

Stamp = tuple[tuple[int, int, int], ...]


def make_context(
    certificate: Certificate, client_ca: str = "", is_required: bool = False, protocols: tuple[str, ...] = (HTTP1,)
) -> ssl.SSLContext:
    """A server context: TLS 1.2 and up, `protocols` by ALPN, the best one first.

    Raises OSError or ssl.SSLError for files it cannot use.

    With a `client_ca` every certificate that a client shows is verified, or the handshake fails; `is_required`: without
    one it fails too.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate.cert, certificate.key, _no_password)
    context.set_alpn_protocols(protocols)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED if is_required else ssl.CERT_OPTIONAL
    return context


def _stamp(certificate: Certificate, client_ca: str) -> Stamp:
    """What tells one content of the files from another without reading them."""
    names = (certificate.cert, certificate.key, *([client_ca] if client_ca else ()))
    stats = [os.stat(name) for name in names]
    return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)


class Contexts:
    """The contexts of one configuration. `refresh` is called every few seconds; a connection keeps its context."""

    def __init__(self, tls: ServerTLS) -> None:
        self._certificates = (tls.default, *tls.sni)
        self._client_ca = tls.client_ca
        self._is_required = tls.client_auth == "required"
        self._protocols = (HTTP2, HTTP1) if tls.http2 else (HTTP1,)
        self._contexts: list[ssl.SSLContext] = []
        self._stamps: list[Stamp] = []
        self._exact: dict[str, ssl.SSLContext] = {}
        for certificate in self._certificates:
            self._stamps.append(_stamp(certificate, self._client_ca))
            self._contexts.append(self._make(certificate))
        self._index()

    def _make(self, certificate: Certificate) -> ssl.SSLContext:
        """NOTE: what is asked of clients is the same by every name, since OpenSSL takes it from the default context."""
        return make_context(certificate, self._client_ca, self._is_required, self._protocols)

    @property
    def asks_clients(self) -> bool:
        """Whether clients are asked for certificates."""
        return bool(self._client_ca)

    def _index(self) -> None:
        self._exact = {
            host: context
            for certificate, context in zip(self._certificates, self._contexts, strict=True)
            for host in certificate.hosts
        }
        self.default = self._contexts[0]
        self.default.sni_callback = self._choose

    def _choose(self, sock: Any, name: str | None, _: ssl.SSLContext) -> None:
        context = self.find(name) if name else None
        if context is not None:
            sock.context = context

    def find(self, name: str) -> ssl.SSLContext | None:
        """The context for a server name: exact, then the longest wildcard; None = the default one."""
        host = name.lower().rstrip(".")
        if host in self._exact:
            return self._exact[host]
        while "." in host:
            host = host.partition(".")[2]
            if "*." + host in self._exact:
                return self._exact["*." + host]
        return None

    def refresh(self) -> bool:
        """Read changed files again; whether anything changed. A pair that cannot be used leaves the old one."""
        changed = False
        for at, certificate in enumerate(self._certificates):
            try:
                stamp = _stamp(certificate, self._client_ca)
                if stamp == self._stamps[at]:
                    continue
                self._contexts[at] = self._make(certificate)
            except (OSError, ssl.SSLError) as error:
                log.warning("certificate %s is not read again: %s", certificate.cert, error)
                continue
            self._stamps[at] = stamp
            changed = True
            log.info("certificate %s was read again", certificate.cert)
        if changed:
            self._index()
        return changed


def contexts(document: Document) -> Contexts | None:
    """The TLS contexts of a document, None when it has no `tls`. Raises ConfigError for files that cannot be used."""
    tls = document.server.tls
    if tls is None:
        return None
    try:
        return Contexts(tls)
    except OSError as error:  # ssl.SSLError is one
        pairs = [f"{each.cert} and {each.key}" for each in (tls.default, *tls.sni)]
        names = ", ".join([*pairs, *([tls.client_ca] if tls.client_ca else [])])
        message = f"the certificates cannot be used ({names}): {error.strerror or error}"
        hint = (
            "each file is PEM; `cert` holds the chain, the server's own certificate first, and `key` is that one's key"
        )
        place = document.place("server.tls", document.server.where)
        raise ConfigError([Diagnostic(*place, "server.tls", message, hint)], document.files) from None


def _no_password() -> str:
    """Asked for the passphrase of a key; without this OpenSSL asks at the terminal."""
    raise OSError("the key is encrypted, and nobody is there to give its passphrase")
