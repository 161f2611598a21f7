"""Certificates of clients for tests: any subject, any names beside it, any dates and purposes."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.certs import Pair

FOR_CLIENTS = ExtendedKeyUsageOID.CLIENT_AUTH
FOR_SERVERS = ExtendedKeyUsageOID.SERVER_AUTH
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)


def issue_client(
    folder: Path,
    ca: Pair,
    name: str,
    subject: str,
    *sans: str,
    until: datetime.datetime = NOW + DAY,
    purpose: x509.ObjectIdentifier = FOR_CLIENTS,
) -> Pair:
    """A certificate of `ca`; `subject` as in RFC 4514, `sans` such as DNS:a.test, URI:, EMAIL:, IP:."""
    key = ec.generate_private_key(ec.SECP256R1())
    by = x509.load_pem_x509_certificate(ca.cert.read_bytes())
    signs = serialization.load_pem_private_key(ca.key.read_bytes(), None)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string(subject) if subject else x509.Name([]))
        .issuer_name(by.subject)
        .public_key(key.public_key())
        .serial_number(0xABC0 + len(subject))
        .not_valid_before(min(NOW, until) - DAY)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    )
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(_names(sans)), critical=not subject)
    pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    pair.cert.write_bytes(builder.sign(signs, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    pair.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pair


def der(pair: Pair) -> bytes:
    """The certificate as it travels."""
    return x509.load_pem_x509_certificate(pair.cert.read_bytes()).public_bytes(serialization.Encoding.DER)


def _names(sans: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for each in sans:
        kind, _, value = each.partition(":")
        if kind == "IP":
            found.append(x509.IPAddress(ipaddress.ip_address(value)))
        else:
            makers = {"DNS": x509.DNSName, "URI": x509.UniformResourceIdentifier, "EMAIL": x509.RFC822Name}
            found.append(makers[kind](value))
    return found
