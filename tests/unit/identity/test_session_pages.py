"""Login, callback, logout, and the callers that sessions make."""

import io
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.auth.model import Login
from gateway.auth.oidc.client import OpenIdClient
from gateway.auth.oidc.password import PasswordLogin
from gateway.auth.oidc.pending_logins import PendingLogins
from gateway.auth.session.authenticator import REMEMBERED, STATE, SessionAuthenticator
from gateway.auth.session.pages import SessionPages
from gateway.auth.session.refresh import TokenRefresher
from gateway.auth.session.return_to import login_redirect, safe_redirect
from gateway.auth.session.store import Sessions
from gateway.errors import (
    CSRF,
    IDENTITY_UNAVAILABLE,
    LOGIN_FAILED,
    MALFORMED_REQUEST,
    STORE_UNAVAILABLE,
    UNAUTHENTICATED,
    UPSTREAM_BAD_ANSWER,
    UPSTREAM_REFUSED,
    GatewayError,
)
from gateway.state import StoreUnavailableError
from tests.exchanges import exchange
from tests.support.openid import ISSUER, Enrich, FakeProvider, session_spec

FORM = ("Content-Type", "application/x-www-form-urlencoded")
ORIGIN = ("Origin", "https://api.example.com")


class Broken:
    """A store that is down while it is told so."""

    def __init__(self, store):
        self._store, self.is_down = store, False

    def __getattr__(self, name):
        if self.is_down:
            raise StoreUnavailableError("down")
        return getattr(self._store, name)


class Revoked:
    """Whom an operator shut out, as of a time."""

    def __init__(self):
        self.before = {}

    def is_revoked(self, provider, claims):
        assert provider == "browser"
        return claims["iat"] < self.before.get(claims["sub"], 0)


class Browser:
    """Keeps cookies as a browser does and walks through the pages."""

    def __init__(self, *pages):
        self.pages = {each.path: each for page in pages for each in page.endpoints()}
        self.cookies = {}

    def ask(self, method, target, body=b"", headers=()):
        path = target.partition("?")[0]
        assert method in self.pages[path].methods
        sent = [("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())), *headers]
        known = {"body": io.BytesIO(body), "body_length": len(body)} if body else {}
        self.response = self.pages[path].fetch(exchange(method, target, sent if self.cookies else sent[1:], **known))
        for field in self.fields():
            name, _, rest = field.partition("=")
            value, _, attributes = rest.partition(";")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return self.response

    def fields(self):
        return [value for name, value in self.response.headers if name == "Set-Cookie"]

    @property
    def location(self):
        return dict(self.response.headers)["Location"]


@pytest.fixture
def store(memory):
    return Broken(memory)


@pytest.fixture
def provider(clock):
    return FakeProvider(clock)


class Site:
    """Everything of one provider of sessions."""

    def __init__(self, provider, store, clock, **spec):
        self.spec = session_spec(**spec)
        self.sessions = Sessions("browser", self.spec, store, clock)
        self.client = OpenIdClient(self.spec.oidc, provider, provider.keys_at, clock)
        self.pages = SessionPages(
            self.sessions, self.spec, client=self.client, logins=PendingLogins("browser", self.client, store)
        )
        renewal = TokenRefresher(self.sessions, store, self.client, renew_before=60, clock=clock)
        self.provider, self.revoked = provider, Revoked()
        self.authenticator = SessionAuthenticator(
            self.sessions, self.spec, Enrich(), renewal, self.revoked, clock=clock
        )

    def browser(self):
        return Browser(self.pages)

    def log_in(self, browser, return_to="/app", iss=""):
        browser.ask("GET", f"/auth/login?return_to={return_to}")
        asked = self.provider.visit(browser.location)
        return browser.ask("GET", f"/auth/callback?code=the-code&state={asked['state']}{iss}")

    def identify(self, browser, **known):
        made = exchange(headers=[("Cookie", f"{name}={value}") for name, value in browser.cookies.items()], **known)
        return self.authenticator.identify(made), made


@pytest.fixture
def site(provider, store, clock):
    return Site(provider, store, clock)


def fails(kind, action, *arguments, **named):
    with pytest.raises(GatewayError) as raised:
        action(*arguments, **named)
    assert raised.value.kind is kind
    return raised.value


# The login at a provider


def test_the_way_to_the_provider(site):
    browser = site.browser()
    response = browser.ask("GET", "/auth/login?return_to=/app%3Fa=1")
    assert response.status == 302
    assert browser.location.startswith(ISSUER + "/authorize?")
    asked = parse_qs(urlsplit(browser.location).query)
    assert asked["redirect_uri"] == ["https://api.example.com/auth/callback"]
    (field,) = browser.fields()
    assert re.fullmatch(
        r"__Host-gw_session_login=[\w-]{43}; Max-Age=600; HttpOnly; Path=/; Secure; SameSite=Lax", field
    )
    assert dict(response.headers)["Cache-Control"] == "no-store"


def test_a_login(site):
    browser = site.browser()
    response = site.log_in(browser, "/app%3Fa=1%26b")
    assert (response.status, browser.location) == (303, "/app?a=1&b")
    session, csrf, over = browser.fields()
    attributes = "Path=/; Secure; SameSite=Lax"
    assert re.fullmatch(rf"__Host-gw_session=[\w-]{{43}}; Max-Age=43200; HttpOnly; {attributes}", session)
    assert re.fullmatch(rf"__Host-gw_csrf=[\w-]{{43}}; Max-Age=43200; {attributes}", csrf)
    assert over == f"__Host-gw_session_login=; Max-Age=0; HttpOnly; {attributes}"
    caller, made = site.identify(browser)
    assert (caller.provider, caller.subject) == ("browser", "ada")
    assert caller.scopes == {"openid", "offline_access"}
    assert caller.until == site.sessions.find(browser.cookies["__Host-gw_session"]).session.created + 43200
    assert made.state[STATE].caller is caller
    assert made.state[STATE].entry.session.tokens.access == "access-1"


def test_on_a_developers_machine(provider, store, clock):
    site = Site(provider, store, clock, is_secure=False, cookie="s", csrf_cookie="c", same_site="none")
    browser = site.browser()
    site.log_in(browser)
    assert set(browser.cookies) == {"s", "c"}
    assert not any("Secure" in field for field in browser.fields())
    assert "SameSite=None" in browser.fields()[0]
    assert site.identify(browser)[0].subject == "ada"


def test_strict_cookies_are_not_lost_on_the_way_back(provider, store, clock):
    site = Site(provider, store, clock, same_site="strict")
    browser = site.browser()
    response = site.log_in(browser, "/a%3Fx%3D%22%3E%3Cb%3E%26y")
    assert response.status == 200
    assert b'content="0;url=/a?x=&quot;&gt;&lt;b&gt;&amp;y"' in response.body
    assert browser.fields()[0].endswith("SameSite=Strict")
    assert browser.fields()[2].endswith("SameSite=Lax")


def test_a_new_login_ends_the_session_before(site):
    browser = site.browser()
    site.log_in(browser)
    before = browser.cookies["__Host-gw_session"]
    site.log_in(browser)
    assert browser.cookies["__Host-gw_session"] != before
    assert site.sessions.find(before) is None


def test_a_planted_session_is_not_taken_over(site):
    browser = site.browser()
    browser.cookies["__Host-gw_session"] = "a" * 43
    site.log_in(browser)
    assert browser.cookies["__Host-gw_session"] != "a" * 43


def test_logins_in_two_tabs(site, provider):
    browser = site.browser()
    browser.ask("GET", "/auth/login?return_to=/one")
    one = provider.visit(browser.location)
    browser.ask("GET", "/auth/login?return_to=/two")
    two = provider.visit(browser.location)
    assert one["state"] != two["state"]
    binding = browser.cookies["__Host-gw_session_login"]
    browser.ask("GET", f"/auth/callback?code=c&state={two['state']}")
    assert browser.location == "/two"
    browser.cookies["__Host-gw_session_login"] = binding  # the second tab began before the first was done
    provider.asked = one
    browser.ask("GET", f"/auth/callback?code=c&state={one['state']}")
    assert browser.location == "/one"


def test_a_tab_that_comes_back_after_another_has_logged_in(site, provider):
    browser = site.browser()
    browser.ask("GET", "/auth/login?return_to=/one")
    one = provider.visit(browser.location)
    browser.ask("GET", "/auth/login?return_to=/two")
    two = provider.visit(browser.location)
    browser.ask("GET", f"/auth/callback?code=c&state={two['state']}")  # which ends the binding
    session = browser.cookies["__Host-gw_session"]
    response = browser.ask("GET", f"/auth/callback?code=c&state={one['state']}")
    assert (response.status, browser.location) == (303, "/one")
    assert browser.cookies["__Host-gw_session"] == session
    assert len(provider.token_calls("authorization_code")) == 1  # nobody is logged in by it
    assert browser.ask("GET", "/auth/callback?code=c&state=x").status == 303
    assert browser.location == "/"
    site.sessions.end_everywhere("ada")
    fails(LOGIN_FAILED, browser.ask, "GET", f"/auth/callback?code=c&state={one['state']}")


def begun(site):
    browser = site.browser()
    browser.ask("GET", "/auth/login")
    return browser, site.provider.visit(browser.location)["state"]


def test_a_state_is_good_once(site):
    browser, state = begun(site)
    binding = browser.cookies["__Host-gw_session_login"]
    browser.ask("GET", f"/auth/callback?code=c&state={state}")
    browser.cookies["__Host-gw_session_login"] = binding
    fails(LOGIN_FAILED, browser.ask, "GET", f"/auth/callback?code=c&state={state}")
    assert len(site.provider.token_calls("authorization_code")) == 1


@pytest.mark.parametrize("binding", [None, "", "a" * 43, "ä"])
def test_a_state_is_good_in_one_browser(site, binding):
    browser, state = begun(site)
    stranger = site.browser()
    if binding is not None:
        stranger.cookies["__Host-gw_session_login"] = binding
    fails(LOGIN_FAILED, stranger.ask, "GET", f"/auth/callback?code=c&state={state}")
    assert browser.ask("GET", f"/auth/callback?code=c&state={state}").status == 303  # and is not spoilt


def test_a_state_is_good_for_ten_minutes(site, clock):
    browser, state = begun(site)
    clock.now += 600
    fails(LOGIN_FAILED, browser.ask, "GET", f"/auth/callback?code=c&state={state}")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=c",
        "code=c&state=",
        "code=c&state=" + "a" * 43,
        "code=c&state={state}&state={state}",
        "code=c&state={state}x",
        "state={state}",
        "state={state}&code=",
        "state={state}&code=c&code=d",
        "state={state}&error=access_denied",
        "state={state}&error=access_denied&code=c",
        "state={state}&code=c&iss=https://evil.test",
        "state={state}&code=" + "c" * 5000,
        "code=%ff&state={state}",
        "&" * 50 + "code=c&state={state}",
    ],
)
def test_answers_that_log_nobody_in(site, query):
    browser, state = begun(site)
    error = fails(LOGIN_FAILED, browser.ask, "GET", "/auth/callback?" + query.replace("{state}", state))
    assert "evil" not in error.detail
    assert "access_denied" not in error.detail
    assert site.provider.token_calls("authorization_code") == []


def test_an_answer_that_says_whose_it_is(site):
    site.provider.metadata["authorization_response_iss_parameter_supported"] = True
    browser = site.browser()
    assert site.log_in(browser, iss="&iss=https%3A%2F%2Fid.test").status == 303
    fails(LOGIN_FAILED, site.log_in, browser)


def test_a_code_that_is_refused(site):
    site.provider.status = 400
    error = fails(LOGIN_FAILED, site.log_in, site.browser())
    assert "invalid_grant" not in error.detail
    assert dict(error.headers)["Set-Cookie"].startswith("__Host-gw_session_login=; Max-Age=0")


def test_an_id_token_that_is_forged(site):
    site.provider.claims = {"nonce": "another"}
    fails(LOGIN_FAILED, site.log_in, site.browser())


def test_a_provider_that_is_down(site):
    site.provider.is_down = True
    fails(IDENTITY_UNAVAILABLE, site.browser().ask, "GET", "/auth/login")
    site.provider.is_down = False


def test_a_provider_that_goes_down(site):
    browser, state = begun(site)
    site.provider.is_down = True
    fails(IDENTITY_UNAVAILABLE, browser.ask, "GET", f"/auth/callback?code=c&state={state}")


def test_a_store_that_is_down(site, store):
    browser, state = begun(site)
    store.is_down = True
    for method, target in (("GET", "/auth/login"), ("GET", f"/auth/callback?code=c&state={state}")):
        fails(STORE_UNAVAILABLE, browser.ask, method, target)


# Where a login leads back to


@pytest.mark.parametrize("path", ["/", "/a", "/a/b?c=d&e=%2F#f", "/a//b", "/?//x", "/%5Cevil.test", "/~a!$'()*+,;=:@"])
def test_paths_of_this_site(path):
    assert safe_redirect(path) == path


@pytest.mark.parametrize(
    "path",
    [
        *("", "a", "//evil.test", "/\\evil.test", "\\\\evil.test", "https://evil.test", "/\t/evil.test", "/a\r\nX: y"),
        *(
            "javascript:alert(1)",
            " /a",
            "/ /evil.test",
            "/a b",
            "/ä",
            "/a\\b",
            "/a\x00",
            "/" + "a" * 2048,
            "///x",
            "\n/a",
        ),
        *("/\x7f", "/a\n", "data:text/html,x", "?a", "#a", ".", "../a"),
    ],
)
def test_no_other_place(path):
    assert safe_redirect(path) == "/"


@pytest.mark.parametrize(
    "query", ["//evil.test", "%2F%2Fevil.test", "/%09/evil.test", "https:evil.test", "/a&return_to=/b"]
)
def test_no_open_redirect(site, query):
    browser = site.browser()
    site.log_in(browser, query)
    assert browser.location == "/"


PAGE = [("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), ("Sec-Fetch-Mode", "navigate")]


@pytest.mark.parametrize("headers", [PAGE, PAGE[:1], [("accept", "TEXT/HTML")]])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_asks_for_a_page_is_led_to_the_login(headers, method):
    response = login_redirect(exchange(method, "/a%2Fb?c=d&e=%20", headers), [session_spec()])
    assert response.status == 302
    where = urlsplit(dict(response.headers)["Location"])
    assert (where.scheme, where.netloc, where.path) == ("", "", "/auth/login")
    assert parse_qs(where.query) == {"return_to": ["/a%2Fb?c=d&e=%20"]}
    assert dict(response.headers)["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", PAGE),
        ("OPTIONS", PAGE),
        ("GET", []),
        ("GET", [("Accept", "*/*")]),
        ("GET", [("Accept", "application/json")]),
        ("GET", [PAGE[0], ("Sec-Fetch-Mode", "cors")]),
        ("GET", [PAGE[0], ("Sec-Fetch-Mode", "websocket")]),
    ],
)
def test_others_get_their_401(method, headers):
    assert login_redirect(exchange(method, "/a", headers), [session_spec()]) is None


def test_a_password_is_asked_for_by_no_page_of_ours():
    spec = session_spec(oidc=None, login=Login("people", "/verify"))
    assert login_redirect(exchange(headers=PAGE), [spec]) is None
    assert login_redirect(exchange(headers=PAGE), [spec, session_spec(login_path="/in")]).status == 302
    assert login_redirect(exchange(headers=PAGE), []) is None


# Callers


def test_no_cookie_is_no_caller(site):
    caller, made = site.identify(site.browser())
    assert caller is None
    assert made.state is None


@pytest.mark.parametrize("value", ["", "x", "a" * 43, "a" * 9000])
def test_a_cookie_of_no_session_is_taken_away(site, value):
    browser = site.browser()
    browser.cookies["__Host-gw_session"] = value
    error = fails(UNAUTHENTICATED, site.identify, browser)
    gone = [field for name, field in error.headers if name == "Set-Cookie"]
    assert [field.partition(";")[0] for field in gone] == ["__Host-gw_session=", "__Host-gw_csrf="]
    assert all("Max-Age=0" in field and "Secure" in field for field in gone)


def test_the_same_caller_while_nothing_changes(site, clock):
    browser = site.browser()
    site.log_in(browser)
    first, second = (site.identify(browser)[0] for _ in range(2))
    assert first is second
    clock.now += 250  # renewed
    caller, made = site.identify(browser)
    assert made.state[STATE].entry.session.tokens.access == "access-2"
    assert site.identify(browser)[0] is caller


def test_an_ended_session_has_no_caller_at_once(site):
    browser = site.browser()
    site.log_in(browser)
    site.identify(browser)
    site.sessions.end_everywhere("ada")
    fails(UNAUTHENTICATED, site.identify, browser)


def test_a_subject_that_is_revoked(site, clock):
    browser, later = site.browser(), site.browser()
    site.log_in(browser)
    site.identify(browser)
    clock.now += 10
    site.revoked.before["ada"] = clock.now
    fails(UNAUTHENTICATED, site.identify, browser)
    assert site.sessions.find(browser.cookies["__Host-gw_session"]) is None
    site.log_in(later)
    assert site.identify(later)[0].subject == "ada"


def test_a_renewal_that_is_refused_ends_the_session(site, clock):
    browser = site.browser()
    site.log_in(browser)
    site.provider.status, clock.now = 400, clock.now + 300
    error = fails(UNAUTHENTICATED, site.identify, browser)
    assert [name for name, _ in error.headers] == ["Set-Cookie"] * 2
    assert site.sessions.find(browser.cookies["__Host-gw_session"]) is None


def test_a_renewal_that_fails_does_not(site, clock):
    browser = site.browser()
    site.log_in(browser)
    site.provider.status, clock.now = 500, clock.now + 250
    assert site.identify(browser)[0].subject == "ada"
    clock.now += 50
    fails(IDENTITY_UNAVAILABLE, site.identify, browser)
    site.provider.status, clock.now = 200, clock.now + 60
    assert site.identify(browser)[0].subject == "ada"


def test_a_store_that_is_down_is_no_401(site, store):
    browser = site.browser()
    site.log_in(browser)
    site.identify(browser)
    store.is_down = True
    fails(STORE_UNAVAILABLE, site.identify, browser)


def test_a_store_that_cannot_be_written_is_no_hindrance(site, store, clock, monkeypatch):
    browser = site.browser()
    site.log_in(browser)
    clock.now += 200

    def full(*arguments):
        raise StoreUnavailableError("read only")

    monkeypatch.setattr(store._store, "compare_and_set", full)
    assert site.identify(browser)[0].subject == "ada"


def test_what_a_worker_remembers(site, store, clock):
    site.authenticator = SessionAuthenticator(
        site.sessions, site.spec, Enrich(), None, site.revoked, on_store_failure="local", clock=clock
    )
    browser, other = site.browser(), site.browser()
    site.log_in(browser)
    site.log_in(other)
    site.identify(browser)
    store.is_down = True
    assert site.identify(browser)[0].subject == "ada"
    fails(STORE_UNAVAILABLE, site.identify, other)
    clock.now += 300  # its access token has ended
    fails(STORE_UNAVAILABLE, site.identify, browser)


def test_what_is_remembered_is_bounded(site):
    one = site.authenticator
    value, entry = site.sessions.begin("ada", {"sub": "ada"})
    held = one._held(entry)
    for number in range(REMEMBERED + 5):
        one._remember(str(number), held)
    assert len(one._known) == REMEMBERED
    assert "4" not in one._known


# The logout


def logged_in(site):
    browser = site.browser()
    site.log_in(browser)
    return browser, browser.cookies["__Host-gw_csrf"], browser.cookies["__Host-gw_session"]


def test_a_script_logs_out(site):
    browser, csrf, value = logged_in(site)
    response = browser.ask("POST", "/auth/logout", headers=[("X-CSRF-Token", csrf), ORIGIN])
    assert response.status == 204
    assert browser.cookies == {}
    assert site.sessions.find(value) is None


def test_a_form_logs_out_and_is_led_to_the_provider(site):
    browser, csrf, value = logged_in(site)
    response = browser.ask("POST", "/auth/logout", f"csrf_token={csrf}".encode(), [FORM, ORIGIN])
    assert response.status == 303
    assert browser.location.startswith(ISSUER + "/logout?id_token_hint=ey")
    assert browser.cookies == {}
    assert site.sessions.find(value) is None


def test_a_form_logs_out_where_the_provider_has_no_logout(site):
    del site.provider.metadata["end_session_endpoint"]
    browser, csrf, _ = logged_in(site)
    body = f"csrf_token={csrf}".encode()
    browser.ask("POST", "/auth/logout?return_to=/bye", body, [FORM, ORIGIN])
    assert browser.location == "/bye"


def test_a_form_logs_out_while_the_provider_is_out_of_reach(site, monkeypatch):
    browser, csrf, value = logged_in(site)

    def gone(id_token):
        raise GatewayError(IDENTITY_UNAVAILABLE)

    monkeypatch.setattr(OpenIdClient, "logout_url", lambda self, id_token: gone(id_token))
    assert browser.ask("POST", "/auth/logout", f"csrf_token={csrf}".encode(), [FORM]).status == 303
    assert browser.location == "/"
    assert site.sessions.find(value) is None


def test_everywhere(site):
    (browser, csrf, one), (_, _, two) = logged_in(site), logged_in(site)
    browser.ask("POST", "/auth/logout?everywhere=true", headers=[("X-CSRF-Token", csrf)])
    assert site.sessions.find(one) is site.sessions.find(two) is None


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([], b""),
        ([ORIGIN], b""),
        ([("X-CSRF-Token", "a" * 43)], b""),
        ([("X-CSRF-Token", "ä")], b""),
        ([("X-CSRF-Token", "")], b""),
        ([("X-CSRF-Token", "{csrf}"), ("Origin", "https://evil.test")], b""),
        ([("X-CSRF-Token", "{csrf}"), ("Origin", "null")], b""),
        ([("X-CSRF-Token", "{csrf}"), ("Origin", "http://api.example.com")], b""),
        ([FORM, ORIGIN], b"csrf_token=no"),
        ([FORM, ORIGIN], b"a=b"),
    ],
)
def test_a_logout_that_is_not_meant(site, headers, body):
    browser, csrf, value = logged_in(site)
    headers = [(name, text.replace("{csrf}", csrf)) for name, text in headers]
    fails(CSRF, browser.ask, "POST", "/auth/logout", body, headers)
    assert site.sessions.find(value)


def test_a_logout_without_a_session(site):
    browser = site.browser()
    browser.cookies["__Host-gw_session"] = "a" * 43
    assert browser.ask("POST", "/auth/logout", headers=[ORIGIN]).status == 204
    assert browser.cookies == {}


def test_a_logout_while_the_store_is_down(site, store):
    browser, csrf, _ = logged_in(site)
    store.is_down = True
    fails(STORE_UNAVAILABLE, browser.ask, "POST", "/auth/logout", headers=[("X-CSRF-Token", csrf)])


# The login with a password


class People:
    """The upstream that checks passwords."""

    def __init__(self):
        self.status, self.body, self.is_down = 200, b'{"sub": "ada", "tenant": "acme"}', False

    def request(self, method, url, *, headers=None, body=b"", timeout=5.0):
        assert (method, url) == ("POST", "/verify")
        if self.is_down:
            raise GatewayError(UPSTREAM_REFUSED)
        said = json.loads(body)
        return (self.status if said == {"username": "ada", "password": "secret&"} else 401), [], self.body


@pytest.fixture
def people():
    return People()


@pytest.fixture
def visitor(people, store, clock):
    spec = session_spec(oidc=None, login=Login("people", "/verify"))
    sessions = Sessions("browser", spec, store, clock)
    pages = SessionPages(sessions, spec, password=PasswordLogin(spec.login, people))
    browser = Browser(pages)
    browser.site = SessionAuthenticator(sessions, spec, Enrich(), None, Revoked(), clock=clock)
    return browser


JSON = ("Content-Type", "application/json")
GOOD = b'{"username": "ada", "password": "secret&"}'


def test_a_password_as_json(visitor):
    assert visitor.ask("POST", "/auth/login", GOOD, [JSON, ORIGIN]).status == 204
    assert set(visitor.cookies) == {"__Host-gw_session", "__Host-gw_csrf"}
    cookie = ("Cookie", f"__Host-gw_session={visitor.cookies['__Host-gw_session']}")
    caller = visitor.site.identify(exchange(headers=[cookie]))
    assert (caller.subject, caller.claims["tenant"]) == ("ada", "acme")


def test_a_password_in_a_form(visitor):
    body = b"username=ada&password=secret%26"
    assert visitor.ask("POST", "/auth/login?return_to=/app", body, [FORM, ORIGIN]).status == 303
    assert visitor.location == "/app"


def test_there_is_no_callback(visitor):
    assert set(visitor.pages) == {"/auth/login", "/auth/logout"}


@pytest.mark.parametrize(
    "body", [b'{"username": "ada", "password": "no"}', b'{"username": "eve", "password": "secret&"}']
)
def test_a_wrong_password(visitor, body):
    error = fails(LOGIN_FAILED, visitor.ask, "POST", "/auth/login", body, [JSON])
    assert error.detail == "The user name or the password is wrong."
    assert visitor.cookies == {}


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"", "application/json"),
        (b"{}", "application/json"),
        (b"[]", "application/json"),
        (b'{"username": "ada"}', "application/json"),
        (b'{"username": "ada", "password": 5}', "application/json"),
        (b'{"username": "ada", "password": ""}', "application/json"),
        (b"username=ada", "application/x-www-form-urlencoded"),
        (b"username=ada&username=bob&password=x", "application/x-www-form-urlencoded"),
        (GOOD, "text/plain"),
        (b'{"username": "ada", "password": "' + b"x" * 20_000 + b'"}', "application/json"),
    ],
)
def test_logins_that_cannot_be_read(visitor, body, media_type):
    fails(MALFORMED_REQUEST, visitor.ask, "POST", "/auth/login", body, [("Content-Type", media_type)])


@pytest.mark.parametrize(
    "header",
    [
        *(("Origin", "https://evil.test"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")),
        ("Sec-Fetch-Site", "same-site"),
    ],
)
def test_a_login_from_another_site(visitor, header):
    fails(CSRF, visitor.ask, "POST", "/auth/login", GOOD, [JSON, header])


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"is_down": True}, IDENTITY_UNAVAILABLE),
        ({"status": 500}, IDENTITY_UNAVAILABLE),
        ({"body": b"{}"}, UPSTREAM_BAD_ANSWER),
        ({"body": b"<html>"}, UPSTREAM_BAD_ANSWER),
    ],
)
def test_an_upstream_that_fails(visitor, people, change, kind):
    for name, value in change.items():
        setattr(people, name, value)
    fails(kind, visitor.ask, "POST", "/auth/login", GOOD, [JSON])
