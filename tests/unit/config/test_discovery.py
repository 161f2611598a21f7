"""`dns` and `kubernetes` of an upstream: what is read, and every complaint about them."""

import pytest

from gateway.config.document import loads
from gateway.upstream.discovery.options import Dns, Kubernetes

HEAD = "version: 1\nroutes: []\nupstreams:\n  app: "


def upstream(rest: str) -> str:
    """An upstream on line 4; what is given begins in column 9."""
    return f"{HEAD}{{{rest}}}\n"


def read(rest: str):
    return loads(upstream(rest), "x.yaml")


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("dns: 'catalog.svc:8080'", Dns("http", "catalog.svc", 8080, "")),
        ("dns: 'http://Catalog.svc.:80'", Dns("http", "catalog.svc.", 80, "")),
        ("dns: 'https://catalog.svc:8443'", Dns("https", "catalog.svc", 8443, "")),
        ("dns: _http._tcp.catalog.svc", Dns("http", "_http._tcp.catalog.svc", 0, "")),
        ("dns: {name: 'a.consul:80', server: '127.0.0.1:8600'}", Dns("http", "a.consul", 80, "127.0.0.1:8600")),
        ("dns: {name: 'a.consul:80', server: '[::1]:8600'}", Dns("http", "a.consul", 80, "[::1]:8600")),
        ("kubernetes: {service: catalog}", Kubernetes("catalog", "", "", "http")),
        ("kubernetes: {service: catalog, namespace: shop, port: http}", Kubernetes("catalog", "shop", "http", "http")),
        ("kubernetes: {service: catalog, port: 8080, scheme: https}", Kubernetes("catalog", "", "8080", "https")),
    ],
)
def test_what_is_written_is_read(rest: str, expected: Dns | Kubernetes):
    document = read(rest)
    assert document.upstreams[0].discovery == expected
    assert document.upstreams[0].targets == ()
    assert not [one for one in document.warnings if one.path.startswith("upstreams")]


def test_written_targets_are_not_looked_for():
    assert read("targets: [http://h]").upstreams[0].discovery is None


def test_tls_is_for_https():
    assert "`tls` has no effect" in str(read("dns: 'a:80', tls: {insecure: false}").warnings)
    assert "`tls` has no effect" not in str(read("dns: 'https://a:80', tls: {insecure: false}").warnings)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (Dns("http", "catalog.svc", 8080, ""), "dns catalog.svc:8080"),
        (Dns("http", "_http._tcp.a", 0, ""), "dns _http._tcp.a"),
        (Kubernetes("catalog", "", "", "http"), "kubernetes catalog"),
        (Kubernetes("catalog", "shop", "http", "http"), "kubernetes shop/catalog, port http"),
    ],
)
def test_in_words(spec: Dns | Kubernetes, words: str):
    assert str(spec) == words


DNS = "x.yaml:4:14: upstreams.app.dns"
WRONG = [
    ("dns: 8080", f"{DNS}: expected a name and a port such as catalog.svc:8080"),
    ("dns: catalog.svc", f"{DNS}: \"catalog.svc\" has no port from 1 to 65535 (write catalog.svc:8080"),
    ("dns: 'catalog.svc:0'", "has no port from 1 to 65535"),
    ("dns: 'catalog.svc:http'", "has no port from 1 to 65535"),
    ("dns: '10.0.0.1:80'", "is an address, not a name; write it under `targets`"),
    ("dns: '[::1]:80'", "is an address, not a name; write it under `targets`"),
    ("dns: 'cata log:80'", "has a name that is not a host name"),
    ("dns: 'catalog.svc:80/x'", "has a path; use `rewrite` for paths"),
    ("dns: 'htp://catalog.svc:80'", "http://, https://, grpc:// or grpcs:// (did you mean `http`?)"),
    ("dns: '_http._tcp.a:80'", "has a port, which its SRV records say"),
    ("dns: {server: '127.0.0.1:53'}", "upstreams.app.dns.name: is missing"),
    ("dns: {name: 'a:80', server: ns.example}", "is not an IP address with a port (write 127.0.0.1:53)"),
    ("dns: {name: 'a:80', server: 127.0.0.1}", "has no port from 1 to 65535"),
    ("dns: {name: 'a:80', servr: '127.0.0.1:53'}", "unknown key (did you mean `server`?)"),
    ("kubernetes: {}", "upstreams.app.kubernetes.service: is missing"),
    (
        "kubernetes: {service: Catalog}",
        "\"Catalog\" is no name in Kubernetes (small letters, digits and hyphens, 63 at most)",
    ),
    ("kubernetes: {service: a, namespace: a.b}", "\"a.b\" is no name in Kubernetes"),
    ("kubernetes: {service: a, port: 0}", "expected a whole number from 1 to 65,535, found the number 0"),
    ("kubernetes: {service: a, scheme: ftp}", "expected `http` or `https` or `grpc` or `grpcs`, found \"ftp\""),
    ("targets: [http://h], dns: 'a:80'", "an upstream has either `targets` or `dns`, not both"),
    ("dns: 'a:80', kubernetes: {service: a}", "an upstream has either `dns` or `kubernetes`, not both"),
]  # fmt: skip


@pytest.mark.parametrize(("rest", "expected"), WRONG)
def test_one_mistake_gets_one_complaint(complaints, rest: str, expected: str):
    found = complaints(upstream(rest))
    assert len(found) == 1, found
    assert expected in found[0]
