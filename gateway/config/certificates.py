"""Can the certificates and keys be used that a configuration names? OpenSSL is asked, as it will be by whoever serves.

A file that cannot be read has no mistake here: it is told by whoever read it first.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

_LOCKED = "holds a private key that is encrypted; the gateway has no passphrase for it"
_NO_KEY = "holds no private key in PEM that can be read"


def authorities_mistake(path: str) -> str:
    """What is wrong with a file of certificates, "" for nothing."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return "holds no certificate in PEM that can be read"
    except OSError:
        pass
    return ""


def key_mistake(path: str, chain: str) -> str:
    """What is wrong with the private key of the first certificate in `chain`, or by itself where that has a mistake."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, path, _no_password)
    except _LockedError:
        return _LOCKED
    except ssl.SSLError as error:
        return _alone(path) if authorities_mistake(chain) else _key_words(error)
    except OSError:
        return _alone(path)
    return ""


def dates_mistake(path: str) -> str:
    """What the first certificate of a file says against being used now; "" for nothing."""
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(Path(path).read_bytes())
    except (OSError, ValueError):
        return ""
    now = datetime.now(UTC)
    if certificate.not_valid_after_utc < now:
        return f"holds a certificate that ended on {certificate.not_valid_after_utc:%Y-%m-%d}: clients refuse it"
    if certificate.not_valid_before_utc > now:
        return f"holds a certificate that begins on {certificate.not_valid_before_utc:%Y-%m-%d}: clients refuse it"
    return ""


class _LockedError(OSError):
    """The passphrase of a key was asked for."""


def _no_password() -> str:
    """NOTE: without this OpenSSL asks at the terminal."""
    raise _LockedError


def _alone(path: str) -> str:
    """What is wrong with a private key, whosesoever it is."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        load_pem_private_key(Path(path).read_bytes(), None)
    except TypeError:
        return _LOCKED
    except (ValueError, UnsupportedAlgorithm):
        return _NO_KEY
    except OSError:
        pass
    return ""


def _key_words(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if reason in ("KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED"):  # the latter where it is of another kind: EC, RSA
        return "holds the key of another certificate"
    if reason.endswith(("_TOO_SMALL", "_TOO_WEAK")):
        return f"and its certificate are too weak for OpenSSL: {reason.replace('_', ' ').lower()}"
    return _NO_KEY
