"""Who the client is and what it asked, told to the upstream: by trusted proxies and by everybody else."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway
from tests.support.raw import Upstream
from tests.support.through import ask, config, get, logged, serving

CLAIMS = (
    "X-Forwarded-For: 192.0.2.1, 10.1.2.3",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: shop.example.com",
    "X-Forwarded-Port: 8443",
    "X-Forwarded-Prefix: /shop",
    "X-Real-IP: 192.0.2.1",
    "X-Request-ID: id-of-the-proxy",
)
ID = re.compile("[0-9a-f]{32}")


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    text = config({"up": f'targets: ["{upstream.url}"]'}, server='trusted_proxies: ["127.0.0.0/8", 10.0.0.0/8]')
    with serving(tmp_path_factory.mktemp("trusting"), text) as made:
        yield made


@pytest.fixture(scope="module")
def wary(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    text = config({"up": f'targets: ["{upstream.url}"]'}, server="trusted_proxies: [10.0.0.0/8]")
    with serving(tmp_path_factory.mktemp("wary"), text) as made:
        yield made


def seen(gateway: Gateway, *lines: str, path: str = "/up/") -> dict[str, list[str]]:
    """What the upstream got, by lower-case name."""
    status, headers, body = ask(gateway, get(path, *lines))
    assert status == 200
    fields: dict[str, list[str]] = {"answered id": [headers["x-request-id"]]}
    for line in body.decode("latin-1").split("\r\n")[1:-2]:
        name, _, value = line.partition(": ")
        fields.setdefault(name.lower(), []).append(value)
    return fields


def test_an_untrusted_peer_is_not_believed(wary: Gateway) -> None:
    fields = seen(wary, *CLAIMS, "Forwarded: for=192.0.2.1;proto=https", path="/up/wary")
    assert fields["x-forwarded-for"] == ["127.0.0.1"]
    assert fields["x-forwarded-proto"] == ["http"]
    assert fields["x-forwarded-host"] == ["a.example"]
    assert fields["x-forwarded-port"] == ["80"]
    assert fields["forwarded"] == ['for=127.0.0.1;host="a.example";proto=http']
    assert ID.fullmatch(fields["x-request-id"][0])
    assert fields["x-request-id"] == fields["answered id"]
    assert "x-forwarded-prefix" not in fields and "x-real-ip" not in fields
    line = logged(wary, "/up/wary")
    assert (line["client"], line["scheme"], line["id"]) == ("127.0.0.1", "http", fields["x-request-id"][0])


def test_a_trusted_proxy_is_believed_and_added_to(trusting: Gateway) -> None:
    fields = seen(trusting, *CLAIMS, path="/up/trusting")
    assert fields["x-forwarded-for"] == ["192.0.2.1, 10.1.2.3, 127.0.0.1"]
    assert fields["x-forwarded-proto"] == ["https"]
    assert fields["x-forwarded-host"] == ["shop.example.com"]
    assert fields["x-forwarded-port"] == ["8443"]
    assert fields["x-forwarded-prefix"] == ["/shop"]
    assert fields["x-real-ip"] == ["192.0.2.1"]
    assert fields["x-request-id"] == ["id-of-the-proxy"] == fields["answered id"]
    assert fields["forwarded"][0].startswith("for=192.0.2.1, for=10.1.2.3, for=127.0.0.1;")
    line = logged(trusting, "/up/trusting")
    assert (line["client"], line["peer"], line["scheme"]) == ("192.0.2.1", "127.0.0.1", "https")
    assert line["id"] == "id-of-the-proxy"


def test_forwarded_alone_is_believed_too(trusting: Gateway) -> None:
    fields = seen(trusting, 'Forwarded: for="[2001:db8::7]:4711";proto=https;host=shop.example', path="/up/rfc7239")
    assert fields["forwarded"] == [
        'for="[2001:db8::7]:4711";proto=https;host=shop.example, for=127.0.0.1;host="a.example";proto=https'
    ]
    assert logged(trusting, "/up/rfc7239")["client"] == "2001:db8::7"


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("192.0.2.9, 198.51.100.1", "198.51.100.1"),
        ("192.0.2.9, 10.9.9.9, 127.0.0.5", "192.0.2.9"),
        ("10.9.9.9", "10.9.9.9"),
        ("192.0.2.9, nonsense, 10.9.9.9", "10.9.9.9"),
        ("192.0.2.9, nonsense", "127.0.0.1"),
        ("[2001:db8::1]:80", "2001:db8::1"),
        ("192.0.2.9:4711", "192.0.2.9"),
        ("", "127.0.0.1"),
    ],
)
def test_the_client_is_the_last_one_that_is_no_trusted_proxy(trusting: Gateway, chain: str, client: str) -> None:
    path = f"/up/chain?{chain.replace(' ', '')}"
    seen(trusting, f"X-Forwarded-For: {chain}", path=path)
    assert logged(trusting, path)["client"] == client


@pytest.mark.parametrize("bad", ["", "with space", "x" * 129, "t\u00e4g"])
def test_a_request_id_that_is_none_is_made_anew(trusting: Gateway, bad: str) -> None:
    fields = seen(trusting, f"X-Request-ID: {bad}")
    assert ID.fullmatch(fields["x-request-id"][0])
    assert fields["x-request-id"] == fields["answered id"]


def test_each_request_has_an_id_of_its_own(wary: Gateway) -> None:
    assert len({seen(wary)["x-request-id"][0] for _ in range(20)}) == 20
