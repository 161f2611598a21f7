"""Callers known by the certificate that they showed in the TLS handshake (RFC 8446 section 4.4.2), mutual TLS.

The handshake verified it against `server.tls.client_ca`: chain, dates, and that it is meant for clients.  What is left
is whose it is, and whether the configuration knows them.

SECURITY: only the connection's own certificate counts.  A proxy that ends TLS before the gateway is the caller itself:
no header is believed, neither X-Forwarded-Client-Cert nor Client-Cert (RFC 9440).
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography import x509
from cryptography.x509.oid import NameOID

from gateway.auth.caller import Caller
from gateway.auth.model import Mtls
from gateway.exchange import Exchange
from gateway.http.client_certificate import ENVIRON_KEY, ClientCertificate

if TYPE_CHECKING:
    from gateway.auth.claim_mapper import ClaimMapper

log = logging.getLogger("gateway")


class CertificateFields(NamedTuple):
    """What is read out of a certificate, once for each connection. `dns` is in lower case, `until` Unix time."""

    claims: dict[str, Any]
    subject: str
    fingerprint: str
    dns: tuple[str, ...]
    others: frozenset[str]
    until: float


class CertificateAuthenticator:
    """One provider of callers by certificate.

    With lists in `spec` a certificate must be in at least one of them; without any, every verified one will do.  Who is
    in none is nobody to this provider, as if no certificate had been shown, so that another one may know the caller by
    something else: a certificate that many share proves a machine, and a token its user.
    """

    __slots__ = ("_allows_all", "_clock", "_dns", "_enrich", "_fingerprints", "_others", "_subjects", "_suffixes",
                 "name", "scheme")  # fmt: skip

    def __init__(self, name: str, spec: Mtls, enrich: ClaimMapper, clock: Callable[[], float] = time.time) -> None:
        """Raises ValueError for a subject that is no RFC 4514 name."""
        self.name = name
        self.scheme = ""  # TLS asks for it, no challenge of HTTP does
        self._enrich = enrich
        self._clock = clock
        self._allows_all = not (spec.subjects or spec.sans or spec.fingerprints)
        self._subjects = frozenset(map(normal_subject, spec.subjects))
        self._fingerprints = frozenset(spec.fingerprints)
        self._suffixes = tuple(name[1:].lower() for name in spec.sans if name.startswith("*."))
        # SECURITY: a kind of name is compared with its own kind: no DNS name may pose as a URI or an address.
        dns = [name for name in spec.sans if not (":" in name or "@" in name or _is_address(name))]
        self._dns = frozenset(map(str.lower, dns))
        self._others = frozenset(_normal(name) for name in spec.sans if name not in dns)

    def identify(self, exchange: Exchange) -> Caller | None:
        """Whose certificate the connection has; None without one, and for one that is not known or no longer valid."""
        shown: ClientCertificate | None = exchange.environ.get(ENVIRON_KEY)
        if shown is None:
            return None
        seen = shown.seen
        if seen is None or seen[0] is not self:
            seen = shown.seen = (self, self._look(shown))
        caller: Caller | None = seen[1]
        # A connection, and a session that is resumed, may outlive the certificate that began it.
        return caller if caller is not None and self._clock() < caller.until else None

    def _look(self, shown: ClientCertificate) -> Caller | None:
        if shown.facts is None:
            try:
                shown.facts = read(shown.der)
            except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
                log.warning("a client certificate was verified but cannot be read: %s", error)
                return None
        facts: CertificateFields = shown.facts
        if not self._knows(facts):
            log.debug("the client certificate %s is not one of %s", facts.fingerprint, self.name)
            return None
        return self._enrich.caller(facts.claims["sub"], facts.claims, until=facts.until)

    def _knows(self, facts: CertificateFields) -> bool:
        return (
            self._allows_all
            or facts.fingerprint in self._fingerprints
            or facts.subject in self._subjects
            or not self._others.isdisjoint(facts.others)
            or any(name in self._dns or self._is_below(name) for name in facts.dns)
        )

    def _is_below(self, name: str) -> bool:
        return any(name.endswith(suffix) and len(name) > len(suffix) for suffix in self._suffixes)


def normal_subject(text: str) -> str:
    """An RFC 4514 name as `read` writes it: "CN=billing,O=Example". Raises ValueError for what is none."""
    try:
        name = x509.Name.from_rfc4514_string(text, {"emailAddress": NameOID.EMAIL_ADDRESS})
    except ValueError:
        hint = "such as CN=billing,O=Example; `openssl x509 -noout -subject -nameopt RFC2253` shows it"
        raise ValueError(f"{text!r} is no name of RFC 4514, {hint}") from None
    return name.rfc4514_string()


def read(der: bytes) -> CertificateFields:
    """What a certificate says of its holder. Raises ValueError, or an error of x509, for one that cannot be read."""
    certificate = x509.load_der_x509_certificate(der)
    subject = certificate.subject.rfc4514_string()
    fingerprint = sha256(der).hexdigest()
    dns, others = _names(certificate)
    names = [*dns, *others]
    claims = {
        # Certificates of workloads (SPIFFE) may have no subject, then their alternative name says who it is.
        "sub": subject or next(iter(names), fingerprint),
        "san": names,
        "fingerprint": fingerprint,
        "serial": f"{certificate.serial_number:x}",
        "issuer": certificate.issuer.rfc4514_string(),
    }
    until = certificate.not_valid_after_utc.timestamp()
    return CertificateFields(
        claims, subject, fingerprint, tuple(name.lower() for name in dns), frozenset(others), until
    )


def _names(certificate: x509.Certificate) -> tuple[list[str], list[str]]:
    """(DNS names, then URIs, e-mail addresses and IP addresses) that stand beside the subject."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [], []
    others = names.get_values_for_type(x509.UniformResourceIdentifier) + names.get_values_for_type(x509.RFC822Name)
    others += map(str, names.get_values_for_type(x509.IPAddress))
    return names.get_values_for_type(x509.DNSName), others


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _normal(name: str) -> str:
    """A name that is not of DNS, as `_names` writes it."""
    return str(ipaddress.ip_address(name)) if _is_address(name) else name
