"""A real browser: login at the provider, calls with the cookie, renewal, logout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.gateway import Gateway, wait_until
from tests.support.provider.process import Provider
from tests.support.raw import Upstream, echo

# NOTE: "localhost" for the gateway and 127.0.0.1 for the provider: two sites, so that SameSite means something; and
# browsers take Secure cookies from localhost without TLS.
CONFIG = """
version: 1
server: {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: 1}
upstreams:
  echo: {targets: ["ECHO"]}
auth:
  browser:
    session:
      same_site: SAME_SITE
      oidc:
        issuer: ISSUER
        client_id: web
        client_secret: "SECRET"
        scopes: [openid, offline_access]
        renew_before: 2s
        insecure: true
      forward: {X-User: sub}
routes:
  - {name: app, match: {path: "/app/{rest:path}"}, upstream: echo, auth: {use: browser}}
"""
TOKEN = "fetch('/app/api').then(answer => answer.text()).then(text => /authorization: bearer (\\S+)/i.exec(text)[1])"
SEND = """fetch('/app/api', {method: 'POST', headers: TOKEN ? {'X-CSRF-Token': TOKEN} : {}})
.then(answer => answer.status)"""
#: a page of the provider's, all of it
SHOWS = "document.readyState === 'complete' && document.querySelector('#words')?.textContent === '{}'"
READ = "/__Host-gw_csrf=([^;]+)/.exec(document.cookie)[1]"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    made = Browser(tmp_path_factory.mktemp("browser"))
    yield made
    made.close()


@pytest.mark.parametrize("same_site", ["lax", "strict"])
def test_login_calls_renewal_logout(browser: Browser, tmp_path: Path, same_site: str) -> None:
    upstream = Upstream(echo)
    gateway = Gateway(tmp_path, "")
    site = f"http://localhost:{gateway.port}"
    provider = Provider(site + "/auth/callback", access_ttl=4)
    text = CONFIG.replace("ECHO", upstream.url).replace("SAME_SITE", same_site).replace("SECRET", provider.secret)
    gateway.write(text.replace("ISSUER", provider.issuer))
    try:
        gateway.start()
        logs_in(browser, site, same_site)
        calls_and_renews(browser, provider)
        logs_out(browser, site, provider)
    finally:
        gateway.stop()
        provider.stop()
        upstream.close()
    assert "Traceback" not in gateway.output(), gateway.output()


def logs_in(browser: Browser, site: str, same_site: str) -> None:
    browser.open(site + "/app/home?a=b")
    browser.wait(SHOWS.format("who are you?"))
    assert browser.run("location.hostname") == "127.0.0.1"
    browser.run("document.querySelector('[name=login]').value = 'ada'")
    browser.run("document.querySelector('[name=password]').value = 'secret'")
    browser.run("document.querySelector('button').click()")
    browser.wait(f"location.href === '{site}/app/home?a=b' && document.readyState === 'complete'")
    assert "X-User: ada" in browser.run("document.body.textContent")
    cookie = browser.cookies(site)["__Host-gw_session"]
    assert (cookie["httpOnly"], cookie["secure"], cookie["path"]) == (True, True, "/")
    assert (cookie["sameSite"], cookie["domain"]) == (same_site.capitalize(), "localhost")
    assert "gw_session" not in browser.run("document.cookie")


def calls_and_renews(browser: Browser, provider: Provider) -> None:
    assert browser.run(SEND.replace("TOKEN", READ)) == 200
    assert browser.run(SEND.replace("TOKEN", "''")) == 403
    before, renewed = browser.run(TOKEN), provider.calls().get("refresh_token success", 0)
    wait_until(lambda: browser.run(TOKEN) != before, "the access token is renewed")
    assert provider.calls()["refresh_token success"] == renewed + 1


def logs_out(browser: Browser, site: str, provider: Provider) -> None:
    form = "<form method=post action=/auth/logout><input name=csrf_token></form>"
    browser.run(f"document.body.innerHTML = '{form}'")
    browser.run(f"document.querySelector('input').value = {READ}")
    browser.run("document.querySelector('form').submit()")
    browser.wait(SHOWS.format("log out?"))
    assert browser.run("location.origin") == provider.issuer
    assert [name for name in browser.cookies(site) if "gw_" in name] == []
    browser.run("document.querySelector('button').click()")
    browser.wait("location.pathname === '/session/end/success' && document.readyState === 'complete'")
    browser.open(site + "/app/home")  # and everything begins anew
    browser.wait(SHOWS.format("who are you?"))
