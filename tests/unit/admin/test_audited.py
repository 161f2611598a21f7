"""What the admin API tells the audit log."""

import json

import pytest

from gateway.observability.audit.options import Audit


@pytest.fixture
def told(site, tmp_path):
    """What was told so far."""
    path = tmp_path / "audit.log"
    site.audit.configure(Audit(str(path), "", "x:1"))

    def lines():
        site.audit.drain(1)
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    yield lines
    site.audit.close()


def test_looking_is_not_told(site, told):
    for path in ("/", "/api/config", "/api/workers", "/healthz", "/api/none"):
        site.ask("GET", path)
    assert told() == []


def test_a_change(site, told):
    assert site.change().status == 200
    (line,) = told()
    assert (line["event"], line["outcome"], line["status"], line["who"]) == (
        "config.reload",
        "done",
        200,
        "anybody on this machine",
    )


def test_a_change_that_failed(site, told):
    site.ask("DELETE", "/api/keys/none", x_gateway_admin="1")
    site.ask("POST", "/api/none", x_gateway_admin="1")
    first, second = told()
    assert (first["event"], first["outcome"], first["what"]) == ("key.revoke", "failed", {"path": "/api/keys/none"})
    assert (second["event"], second["status"], second["why"]) == ("admin.post", 404, "route-not-found")


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"host": "evil.example"}, "admin-host"),
        ({"origin": "http://evil.example"}, "admin-origin"),
        ({}, "admin-header"),
    ],
)
def test_who_was_refused(site, told, headers, why):
    site.ask("POST", "/api/reload", **headers)
    (line,) = told()
    assert (line["event"], line["outcome"], line["why"]) == ("admin.denied", "denied", why)
    assert line["what"] == {"method": "POST", "path": "/api/reload"}


def test_nothing_is_told_where_it_is_off(site):
    assert site.change().status == 200
    assert not site.audit.is_on
