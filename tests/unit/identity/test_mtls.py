"""Callers by certificate: what is read out of one, which ones are known, and for how long."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.auth.caller import Caller
from gateway.auth.claim_mapper import ClaimMapper
from gateway.auth.model import ForwardedIdentity, Mtls, Provider
from gateway.auth.mtls.authenticator import CertificateAuthenticator, normal_subject, read
from gateway.auth.providers import Revocable
from gateway.auth.revocation_list import RevocationList
from gateway.errors import INVALID_TOKEN, GatewayError
from gateway.exchange import Exchange
from gateway.http.client_certificate import ClientCertificate
from gateway.state import MemoryStore
from tests.exchanges import exchange
from tests.support.certs import Pair, authority
from tests.support.client_certs import NOW, der, issue_client
from tests.support.clock import Clock

SUBJECT = "CN=billing,OU=Services,O=Example"
SANS = ("DNS:Billing.Example.com", "URI:spiffe://example.com/billing", "EMAIL:ops@example.com", "IP:192.0.2.7",
        "IP:2001:db8::7")  # fmt: skip
UNTIL = NOW + datetime.timedelta(hours=1)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def billing(tmp_path_factory: pytest.TempPathFactory, ca: Pair) -> bytes:
    return der(issue_client(tmp_path_factory.mktemp("billing"), ca, "billing", SUBJECT, *SANS, until=UNTIL))


@pytest.fixture
def make(tmp_path: Path, ca: Pair) -> Callable[..., bytes]:
    return lambda subject, *sans: der(issue_client(tmp_path, ca, "made", subject, *sans))


def provider(spec: Mtls, *forward: tuple[str, str]) -> Provider:
    return Provider("services", spec, ForwardedIdentity(forward, "", None, False), "deny", "f:1")


def authenticator(
    subjects: tuple[str, ...] = (),
    sans: tuple[str, ...] = (),
    fingerprints: tuple[str, ...] = (),
    clock: Callable[[], float] = lambda: NOW.timestamp(),
) -> CertificateAuthenticator:
    spec = Mtls(subjects, sans, fingerprints)
    return CertificateAuthenticator("services", spec, ClaimMapper(provider(spec, ("X-Service", "sub")), ()), clock)


def shown(certificate: bytes | None) -> Exchange:
    asked = exchange()
    if certificate is not None:
        asked.environ["gateway.client_cert"] = ClientCertificate(certificate)
    return asked


def test_who_is_shut_out_by_name(billing: bytes, clock: Clock, store: MemoryStore) -> None:
    revoked = RevocationList(store, clock)
    services = Revocable(authenticator(), revoked)
    assert services.identify(shown(billing)) is not None
    assert services.identify(shown(None)) is None
    revoked.revoke(provider="services", sub=SUBJECT, ttl=60)
    with pytest.raises(GatewayError) as caught:
        services.identify(shown(billing))
    assert (caught.value.kind, caught.value.headers) == (INVALID_TOKEN, ())
    assert services.identify(shown(None)) is None
    clock.now += 60
    assert services.identify(shown(billing)) is not None


def test_what_a_certificate_says(billing: bytes) -> None:
    caller = authenticator().identify(shown(billing))
    assert caller is not None
    assert (caller.provider, caller.subject, caller.until) == ("services", SUBJECT, UNTIL.timestamp())
    assert caller.forward == (("X-Service", SUBJECT),)
    assert caller.claims == {
        "sub": SUBJECT,
        "san": ["Billing.Example.com", *(name.partition(":")[2] for name in SANS[1:])],
        "fingerprint": hashlib.sha256(billing).hexdigest(),
        "serial": f"{0xABC0 + len(SUBJECT):x}",
        "issuer": "CN=ca",
    }


def test_nobody_without_a_certificate_whatever_headers_say() -> None:
    asked = exchange(headers=[("X-Forwarded-Client-Cert", f'Subject="{SUBJECT}"'), ("X-SSL-Client-S-DN", SUBJECT)])
    asked.environ = {"HTTP_X_FORWARDED_CLIENT_CERT": f'Subject="{SUBJECT}"', "HTTP_GATEWAY.CLIENT_CERT": SUBJECT}
    assert authenticator().identify(asked) is None


@pytest.mark.parametrize(
    "known",
    [
        {"subjects": (SUBJECT,)},
        {"subjects": ("CN=other", SUBJECT)},
        {"sans": ("billing.example.com",)},
        {"sans": ("BILLING.example.COM",)},
        {"sans": ("*.example.com",)},
        {"sans": ("*.Com",)},
        {"sans": ("spiffe://example.com/billing",)},
        {"sans": ("ops@example.com",)},
        {"sans": ("192.0.2.7",)},
        {"sans": ("2001:DB8:0::7",)},
        {"subjects": ("CN=other",), "sans": ("other.test", "billing.example.com")},
        {"subjects": ("CN=other",), "sans": ("ops@example.com",), "fingerprints": ("0" * 64,)},
    ],
)
def test_who_is_in_any_of_the_lists_is_known(billing: bytes, known: dict[str, tuple[str, ...]]) -> None:
    assert authenticator(**known).identify(shown(billing)) is not None


@pytest.mark.parametrize(
    "known",
    [
        {"subjects": ("CN=billing",)},
        {"subjects": ("O=Example,OU=Services,CN=billing",)},
        {"subjects": ("CN=billing,OU=Services,O=Example,C=DE",)},
        {"sans": ("example.com",)},
        {"sans": ("*.billing.example.com",)},
        {"sans": ("*.ample.com",)},
        {"sans": ("illing.example.com",)},
        {"sans": ("spiffe://example.com/",)},
        {"sans": ("spiffe://example.com/billing/x",)},
        {"sans": ("spiffe://EXAMPLE.com/billing",)},
        {"sans": ("192.0.2.70",)},
        {"sans": ("billing",)},
        {"fingerprints": ("0" * 64,)},
    ],
)
def test_who_is_in_none_is_nobody(billing: bytes, known: dict[str, tuple[str, ...]]) -> None:
    assert authenticator(**known).identify(shown(billing)) is None


def test_by_fingerprint(billing: bytes) -> None:
    digest = hashlib.sha256(billing).hexdigest()
    assert authenticator(fingerprints=("0" * 64, digest)).identify(shown(billing)) is not None


def test_a_wildcard_does_not_take_the_name_itself(make: Callable[..., bytes]) -> None:
    apex = make("CN=a", "DNS:example.com", "DNS:.example.com")
    assert authenticator(sans=("*.example.com",)).identify(shown(apex)) is None


@pytest.mark.parametrize("name", ["URI:https://evil.test/.example.com", "EMAIL:x@a.example.com"])
def test_a_wildcard_is_for_dns_names_only(make: Callable[..., bytes], name: str) -> None:
    assert authenticator(sans=("*.example.com",)).identify(shown(make("CN=a", name))) is None


@pytest.mark.parametrize("written", ["spiffe://example.com/billing", "192.0.2.7", "ops@example.com"])
def test_no_dns_name_poses_as_something_else(make: Callable[..., bytes], written: str) -> None:
    assert authenticator(sans=(written,)).identify(shown(make("CN=a", f"DNS:{written}"))) is None


@pytest.mark.parametrize("written", ["a.test", "192.0.2.7"])
def test_a_uri_poses_as_no_name_or_address(make: Callable[..., bytes], written: str) -> None:
    assert authenticator(sans=("a.test",)).identify(shown(make("CN=a", f"URI:{written}"))) is None


def test_the_common_name_is_no_alternative_name(make: Callable[..., bytes]) -> None:
    assert authenticator(sans=("a.example.com",)).identify(shown(make("CN=a.example.com"))) is None


def test_who_has_no_subject_is_called_by_the_alternative_name(make: Callable[..., bytes]) -> None:
    caller = authenticator().identify(shown(make("", "URI:spiffe://example.com/a")))
    assert caller is not None and caller.subject == "spiffe://example.com/a"


def test_who_has_no_name_at_all_is_called_by_the_fingerprint(make: Callable[..., bytes]) -> None:
    certificate = make("")
    caller = authenticator().identify(shown(certificate))
    assert caller is not None and caller.subject == hashlib.sha256(certificate).hexdigest()


def test_a_name_cannot_end_a_header(make: Callable[..., bytes]) -> None:
    caller = authenticator().identify(shown(make("CN=a\\0D\\0AX-Admin: 1")))
    assert caller is not None
    assert all("\r" not in value and "\n" not in value for _, value in caller.forward)


def test_a_certificate_ends_while_its_connection_lasts(billing: bytes) -> None:
    now = [UNTIL.timestamp() - 0.1]
    known, asked = authenticator(clock=lambda: now[0]), shown(billing)
    assert known.identify(asked) is not None
    now[0] = UNTIL.timestamp()
    assert known.identify(asked) is None


class Counting(ClaimMapper):
    """Counts how often a caller is made."""

    __slots__ = ("made",)

    def caller(self, *args: object, **known: object) -> Caller:
        self.made = getattr(self, "made", 0) + 1
        return super().caller(*args, **known)


def test_a_connection_is_looked_at_once_by_each_provider(billing: bytes) -> None:
    spec = Mtls((), (), ())
    enrich = Counting(provider(spec), ())
    first = CertificateAuthenticator("services", spec, enrich, lambda: 0.0)
    second = CertificateAuthenticator("services", Mtls(("CN=other",), (), ()), enrich, lambda: 0.0)
    asked = shown(billing)
    assert first.identify(asked) is first.identify(asked) is not None
    assert enrich.made == 1
    assert second.identify(asked) is None, "what another provider said does not count"
    assert first.identify(asked) is not None


def test_what_cannot_be_read_is_nobody_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    asked, known = shown(b"\x30\x03nonsense"), authenticator()
    assert known.identify(asked) is None
    assert known.identify(asked) is None
    assert caplog.text.count("cannot be read") == 1


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("CN=billing,O=Example", "CN=billing,O=Example"),
        ("CN=a\\,b", "CN=a\\,b"),
        ("CN=caf\\C3\\A9", "CN=café"),
        ("2.5.4.3=billing", "CN=billing"),
        ("emailAddress=ops@example.com,O=Example", "1.2.840.113549.1.9.1=ops@example.com,O=Example"),
    ],
)
def test_how_a_subject_may_be_written(written: str, normal: str) -> None:
    assert normal_subject(written) == normal


@pytest.mark.parametrize("written", ["billing", "CN = billing, O = Example", "/CN=billing/O=Example"])
def test_what_is_no_subject(written: str) -> None:
    with pytest.raises(ValueError, match="nameopt RFC2253"):
        authenticator(subjects=(written,))


def test_every_subject_that_is_read_can_be_written(make: Callable[..., bytes]) -> None:
    for subject in (SUBJECT, 'CN=a\\"b\\+c\\,d,O=\\#e', "CN=a+OU=b", "1.2.840.113549.1.9.1=ops@example.com"):
        facts = read(make(subject))
        assert normal_subject(facts.subject) == facts.subject
