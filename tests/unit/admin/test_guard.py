"""Who may ask the admin API: not a web page, and off loopback only who has the token."""

import os

import pytest

from gateway.admin.access import is_known_host, is_same_site
from tests.unit.admin.admin_site import AdminSite

PATHS = ["/", "/api/routes", "/api/config", "/api/workers", "/api/reload", "/nothing", "/healthz/", "//healthz"]


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """An admin listener that others can reach."""
    monkeypatch.setenv("ADMIN_TOKEN", "correct-horse")
    made = AdminSite(tmp_path, admin="0.0.0.0:8001")
    yield made
    os.close(made.page.fd)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8001", "", None])
def test_a_name_that_is_not_ours_is_misdirected(site, path, host):
    answer = site.ask("GET", path, host=host)
    assert answer.status == 421
    assert answer.json["type"] == "urn:gateway:error:admin-host"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1", "127.0.0.1:8001", "[::1]:8001", "[::1]"])
def test_names_of_this_machine_are_answered_whatever_the_port(site, host):
    assert site.ask("GET", "/api/workers", host=host).status == 200


@pytest.mark.parametrize(
    ("host", "admin", "known"),
    [
        ("10.1.2.3:8001", "10.1.2.3:8001", True),
        ("10.1.2.4:8001", "10.1.2.3:8001", False),
        ("10.1.2.4:8001", "0.0.0.0:8001", True),
        ("[2001:db8::1]:8001", "0.0.0.0:8001", True),
        ("[2001:db8::1]:8001", "[::]:8001", True),
        ("evil.example", "0.0.0.0:8001", False),
        ("evil.example", "[::]:8001", False),
        ("Gateway.Internal", "gateway.internal:8001", True),
        ("localhost", "unix:/run/admin.sock", True),
        ("evil.example", "unix:/run/admin.sock", False),
        ("localhost:80x", "127.0.0.1:8001", False),
        ("localhost:\u0661", "127.0.0.1:8001", False),
        ("localhost@evil.example", "127.0.0.1:8001", False),
        (":8001", "127.0.0.1:8001", False),
    ],
)
def test_known_hosts(host, admin, known):
    assert is_known_host(host, admin) is known


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "http://127.0.0.1:8000", "file://", "127.0.0.1:8001"]
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/config"), ("POST", "/api/reload"), ("GET", "/")])
def test_a_page_of_another_origin_is_refused(site, method, path, origin):
    answer = site.ask(method, path, origin=origin, x_gateway_admin="1")
    assert answer.status == 403
    assert answer.json["type"] == "urn:gateway:error:admin-origin"
    assert site.page.reload_wanted.load() == 0


def test_a_page_of_our_own_may_ask(site):
    assert site.ask("GET", "/api/workers", origin="http://127.0.0.1:8001").status == 200
    assert is_same_site("https://LOCALHOST:8001", "localhost:8001")


@pytest.mark.parametrize("header", [None, "", "0", "true"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "FOO"])
def test_a_change_needs_the_header_even_here(site, method, header):
    answer = site.ask(method, "/api/reload", x_gateway_admin=header)
    assert answer.status == 403
    assert answer.json["type"] == "urn:gateway:error:admin-header"
    assert "X-Gateway-Admin: 1" in answer.json["detail"]
    assert site.page.reload_wanted.load() == 0


@pytest.mark.parametrize("host", ["10.9.8.7:8001", "evil.example", "", None])
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_answered_under_any_name_and_without_a_token(remote, path, host):
    assert remote.ask("GET", path, host=host, origin="http://evil.example").status == 200


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/"])
@pytest.mark.parametrize(
    "field",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer correct-hors",
        "Basic correct-horse",
        "correct-horse",
        "\xff",
    ],
)
def test_without_the_token_nothing_is_told(remote, path, field):
    answer = remote.ask("GET", path, authorization=field)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="gateway admin"'
    assert answer.json["type"] == "urn:gateway:error:admin-token"
    assert b"correct-horse" not in answer.body


@pytest.mark.parametrize("field", ["Bearer correct-horse", "bearer  correct-horse"])
def test_with_the_token_all_is_told(remote, field):
    assert remote.ask("GET", "/api/workers", authorization=field).status == 200


@pytest.mark.parametrize(
    "path",
    ["/dashboard", "/dashboard/main.js", "/dashboard/style.css", "/dashboard/vendor/uPlot.iife.min.js"],
)
def test_the_dashboards_files_need_no_token(remote, path):
    assert remote.ask("GET", path, authorization=None).status != 401
    assert remote.ask("HEAD", path, authorization=None).status != 401
    assert remote.ask("POST", path, authorization=None, x_gateway_admin="1").status == 401
    assert remote.ask("GET", path, authorization=None, host="evil.example").status == 421
    assert remote.ask("GET", path, authorization=None, origin="http://evil.example").status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/",
        "/dashboardx",
        "/dashboard/../api/config",
        "/dashboard/..",
        "/dashboard/.",
        "/dashboard/vendor/../../api/config",
        "/dashboard/vendor/vendor/a.js",
        "/dashboard/%2e%2e/api/config",
        "/dashboard//api/config",
        "/dashboard/main.js\n",
        "/dashboard/a/b",
        "/dashboard/a..js",
        "//dashboard",
        "/api/live",
        "/api/overview",
        "/api/history",
        "/api/alerts",
        "/metrics",
    ],
)
def test_what_is_not_one_of_the_dashboards_files_needs_it(remote, path):
    assert remote.ask("GET", path, authorization=None).status == 401


def test_the_token_does_not_stand_in_for_the_header(remote):
    assert remote.ask("POST", "/api/reload", authorization="Bearer correct-horse").status == 403


def test_a_new_token_counts_after_a_reload(remote, monkeypatch):
    monkeypatch.setenv("ADMIN_TOKEN", "battery-staple")
    assert remote.change(authorization="Bearer correct-horse").status == 200
    assert remote.ask("GET", "/api/workers", authorization="Bearer correct-horse").status == 401
    assert remote.ask("GET", "/api/workers", authorization="Bearer battery-staple").status == 200
