"""A real browser: login at the provider, calls with the cookie, renewal, logout."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.gateway import Gateway, wait_until
from tests.support.pages import page_of
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
#: on its console: what has no icon, what the provider's page asks of elsewhere and says of its own form, and a refusal
SAID = ("404", "net::ERR_NAME_NOT_RESOLVED", "autocomplete", "403")
READ = "/__Host-gw_csrf=([^;]+)/.exec(document.cookie)[1]"


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
        with page_of(browser, site + "/app/home?a=b", said=SAID) as page:
            logs_in(page, site, same_site)
            calls_and_renews(page, provider)
            logs_out(page, site, provider)
    finally:
        gateway.stop()
        provider.stop()
        upstream.close()
    assert "Traceback" not in gateway.output(), gateway.output()


def logs_in(page: Page, site: str, same_site: str) -> None:
    expect(page.locator("#words")).to_have_text("who are you?")
    assert page.evaluate("location.hostname") == "127.0.0.1"
    page.locator("[name=login]").fill("ada")
    page.locator("[name=password]").fill("secret")
    page.locator("button").click()
    page.wait_for_url(site + "/app/home?a=b")
    expect(page.locator("body")).to_contain_text("X-User: ada")
    cookie = cookies(page, site)["__Host-gw_session"]
    assert (cookie["httpOnly"], cookie["secure"], cookie["path"]) == (True, True, "/")
    assert (cookie["sameSite"], cookie["domain"]) == (same_site.capitalize(), "localhost")
    assert "gw_session" not in page.evaluate("document.cookie")


def calls_and_renews(page: Page, provider: Provider) -> None:
    assert page.evaluate(SEND.replace("TOKEN", READ)) == 200
    assert page.evaluate(SEND.replace("TOKEN", "''")) == 403
    before, renewed = page.evaluate(TOKEN), provider.calls().get("refresh_token success", 0)
    wait_until(lambda: page.evaluate(TOKEN) != before, "the access token is renewed")
    assert provider.calls()["refresh_token success"] == renewed + 1


def logs_out(page: Page, site: str, provider: Provider) -> None:
    form = "<form method=post action=/auth/logout><input name=csrf_token><button>Log out</button></form>"
    page.evaluate(f"document.body.innerHTML = '{form}'")
    page.locator("input").fill(page.evaluate(READ))
    page.locator("button").click()
    expect(page.locator("#words")).to_have_text("log out?")
    assert page.evaluate("location.origin") == provider.issuer
    assert [name for name in cookies(page, site) if "gw_" in name] == []
    page.locator("button").click()
    page.wait_for_url("**/session/end/success*")


def cookies(page: Page, site: str) -> dict[str, dict[str, object]]:
    """The cookies that go to a site, by name, with their attributes."""
    return {each["name"]: dict(each) for each in page.context.cookies(site)}
