"""Logins at a real OpenID provider and with a password, through a real gateway with two workers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.gateway import Gateway, wait_until
from tests.support.provider.process import Provider
from tests.support.provider.visitor import PAGE, Visitor
from tests.support.raw import Connection, Upstream, echo

LIFE = 4  # seconds that an access token lives; it is renewed after half of them

CONFIG = """
version: 1
server: {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: 2}
upstreams:
  echo: {targets: ["ECHO"]}
  people: {targets: ["PEOPLE"]}
auth:
  browser:
    session:
      secure: false
      oidc:
        issuer: ISSUER
        client_id: web
        client_secret: "SECRET"
        scopes: [openid, offline_access, profile]
        renew_before: 3s
        insecure: true
      forward: {X-User: sub, X-Tenant: tenant}
  office:
    session:
      cookie: gw_office
      csrf: {cookie: gw_office_csrf}
      secure: false
      paths: {login: /office/login, logout: /office/logout}
      login: {upstream: people, path: /verify}
      forward: {X-User: sub}
routes:
  - {name: app, match: {path: "/app/{rest:path}"}, upstream: echo, auth: {use: browser}}
  - {name: acme, match: {path: /acme}, upstream: echo, auth: {use: browser, claims: {tenant: acme}}}
  - {name: files, match: {path: /files}, upstream: echo, auth: {use: office}}
  - {name: public, match: {path: /public}, upstream: echo}
"""


def people(connection: Connection) -> None:
    """Knows one password."""
    _, body = connection.request()
    is_known = json.loads(body) == {"username": "eve", "password": "apple"}
    answer = b'{"sub": "eve"}' if is_known else b"{}"
    status = b"200 OK" if is_known else b"401 Unauthorized"
    connection.send(b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, len(answer), answer))


class Site:
    """The gateway, what stands behind it, and the provider."""

    def __init__(self, gateway: Gateway, provider: Provider) -> None:
        self.gateway, self.provider = gateway, provider

    @contextmanager
    def visitor(self, *, logged_in: bool = True) -> Iterator[Visitor]:
        visitor = Visitor(self.gateway.url)
        try:
            if logged_in:
                assert visitor.log_in("/app/home").status_code == 200
            yield visitor
        finally:
            visitor.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    upstream, office = Upstream(echo), Upstream(people)
    gateway = Gateway(tmp_path_factory.mktemp("oidc"), "")
    provider = Provider(gateway.url + "/auth/callback", access_ttl=LIFE)
    text = CONFIG.replace("ECHO", upstream.url).replace("PEOPLE", office.url)
    gateway.write(text.replace("ISSUER", provider.issuer).replace("SECRET", provider.secret))
    try:
        yield Site(gateway.start(), provider)
    finally:
        gateway.stop()
        provider.stop()
        upstream.close()
        office.close()
    assert "Traceback" not in gateway.output(), gateway.output()


def seen(text: str) -> dict[str, str]:
    """What the upstream got: the fields of the head that it echoes."""
    lines = text.split("\r\n\r\n", maxsplit=1)[0].split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def token(visitor: Visitor) -> str:
    answer = visitor.api("GET", "/app/api")
    assert answer.status_code == 200, answer.text
    return seen(answer.text)["authorization"]


def test_a_page_leads_to_the_login_and_back(site: Site) -> None:
    with site.visitor(logged_in=False) as visitor:
        page = visitor.log_in("/app/a%20b?c=d&e=%2F")
        assert page.status_code == 200
        assert page.url == visitor.site + "/app/a%20b?c=d&e=%2F"
        got = seen(page.text)
        assert (got["x-user"], got["x-tenant"]) == ("ada", "acme")
        assert got["authorization"].startswith("Bearer ")
        assert "gw_" not in got.get("cookie", "")
        assert visitor.cookie("session") and visitor.cookie("csrf")


def test_a_script_gets_a_401(site: Site) -> None:
    with site.visitor(logged_in=False) as visitor:
        answer = visitor.api("GET", "/app/api")
        assert answer.status_code == 401
        assert answer.json()["type"] == "urn:gateway:error:unauthenticated"


def test_a_stale_cookie_is_taken_away(site: Site) -> None:
    with site.visitor(logged_in=False) as visitor:
        visitor.client.cookies.set("gw_session", "a" * 43, domain="127.0.0.1")
        answer = visitor.api("GET", "/app/api")
        assert answer.status_code == 401
        assert "gw_session=; Max-Age=0" in answer.headers["set-cookie"]
        assert visitor.log_in("/app/home").status_code == 200


def test_the_cookie_is_no_business_of_other_routes(site: Site) -> None:
    with site.visitor() as visitor:
        visitor.client.cookies.set("mine", "1")
        got = seen(visitor.api("GET", "/public").text)
        assert "gw_" not in got["cookie"] and "mine=1" in got["cookie"]
        assert "authorization" not in got and "x-user" not in got


def test_claims_are_those_of_the_login(site: Site) -> None:
    with site.visitor() as ada, site.visitor(logged_in=False) as bob:
        assert ada.api("GET", "/acme").status_code == 200
        assert bob.log_in("/app/home", "bob").status_code == 200
        assert bob.api("GET", "/acme").status_code == 403


def test_who_may_not_log_in(site: Site) -> None:
    with site.visitor(logged_in=False) as visitor:
        assert "wrong" in visitor.log_in("/app/home", password="no").text
        assert visitor.log_in("/app/home", "nobody").status_code == 401
        assert visitor.cookie("session") == ""


def test_a_callback_that_nobody_asked_for(site: Site) -> None:
    with site.visitor(logged_in=False) as visitor, site.visitor(logged_in=False) as victim:
        begun = visitor.client.get(visitor.site + "/auth/login", headers=PAGE)
        state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
        assert victim.client.get(f"{victim.site}/auth/callback?code=c&state={state}").status_code == 401
        assert victim.cookie("session") == ""


def test_no_open_redirect(site: Site) -> None:
    with site.visitor() as visitor:
        page = visitor.open("/auth/login?return_to=//evil.test/x")
        assert str(page.url) == visitor.site + "/"


def test_unsafe_methods_need_the_token(site: Site) -> None:
    with site.visitor() as visitor:
        refused = visitor.client.post(visitor.site + "/app/api", json={})
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:gateway:error:csrf")
        assert visitor.api("POST", "/app/api", Origin="http://evil.test").status_code == 403
        assert visitor.api("POST", "/app/api").status_code == 200


def test_a_logout(site: Site) -> None:
    with site.visitor() as one, site.visitor() as two:
        stolen = one.cookie("session")
        assert one.client.post(one.site + "/auth/logout").status_code == 403
        form = {"csrf_token": one.cookie("csrf")}
        page = one.client.post(one.site + "/auth/logout", data=form, follow_redirects=True)
        assert str(page.url).startswith(site.provider.issuer + "/session/end") and "log out?" in page.text
        assert one.cookie("session") == one.cookie("csrf") == ""
        one.client.cookies.set("gw_session", stolen, domain="127.0.0.1")
        assert one.api("GET", "/app/api").status_code == 401
        assert two.api("GET", "/app/api").status_code == 200


def test_a_logout_everywhere(site: Site) -> None:
    with site.visitor() as one, site.visitor() as two, site.visitor(logged_in=False) as bob:
        bob.log_in("/app/home", "bob")
        assert one.api("POST", "/auth/logout?everywhere=true").status_code == 204
        assert two.api("GET", "/app/api").status_code == 401
        assert bob.api("GET", "/app/api").status_code == 200


def test_many_requests_renew_once(site: Site) -> None:
    with site.visitor() as visitor:
        cookie, before, refreshed = visitor.cookie("session"), token(visitor), site.provider.calls()
        last, wrong = [], []

        def ask() -> None:
            other = Visitor(visitor.site)
            other.client.cookies.set("gw_session", cookie, domain="127.0.0.1")
            try:
                last.append(wait_until(lambda: (token(other) != before) and token(other), "a new token"))
            except BaseException as error:
                wrong.append(error)
            finally:
                other.close()

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert len(set(last)) == 1
        name = "refresh_token success"
        assert site.provider.calls()[name] - refreshed.get(name, 0) == 1


def test_a_provider_that_fails_and_one_that_refuses(site: Site) -> None:
    with site.visitor() as visitor:
        try:
            site.provider.fail(503)
            answers = []

            def is_out() -> bool:
                answers.append(visitor.api("GET", "/app/api"))
                return answers[-1].status_code != 200

            wait_until(is_out, "the access token ends")
            assert site.provider.calls()["failed"] >= 1
            assert answers[-1].status_code == 503
            assert answers[-1].json()["type"] == "urn:gateway:error:identity-unavailable"
            site.provider.fail(400)
            wait_until(lambda: visitor.api("GET", "/app/api").status_code == 401, "the session ends")
            assert visitor.cookie("session") == visitor.cookie("csrf") == ""
        finally:
            site.provider.fail(0)


def test_a_password(site: Site) -> None:
    with site.visitor(logged_in=False) as visitor:
        wrong = visitor.api("POST", "/office/login", **{"Content-Type": "application/json"})
        assert wrong.status_code == 400
        url = visitor.site + "/office/login"
        refused = visitor.client.post(url, json={"username": "eve", "password": "pear"})
        assert (refused.status_code, refused.json()["type"]) == (401, "urn:gateway:error:login-failed")
        assert visitor.client.post(url, json={"username": "eve", "password": "apple"}).status_code == 204
        got = seen(visitor.api("GET", "/files").text)
        assert got["x-user"] == "eve" and "authorization" not in got and "cookie" not in got
        assert visitor.api("GET", "/app/api").status_code == 401
        assert visitor.api("POST", "/files").status_code == 200
        assert visitor.api("POST", "/office/logout").status_code == 204
        assert visitor.api("GET", "/files").status_code == 401
