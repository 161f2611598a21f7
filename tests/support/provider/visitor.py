"""Somebody who logs in at the provider: httpx with cookies, led from page to page as a browser is."""

from __future__ import annotations

import re

import httpx

_ACTION = re.compile(r'action="([^"]+)"')
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


class Visitor:
    """A browser without scripts; `site` is what is asked for when no host is named."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.client = httpx.Client(trust_env=False, timeout=30.0)

    def open(self, path: str, **known: object) -> httpx.Response:
        """The answer where a page's redirects end."""
        return self.client.get(self._url(path), headers=PAGE, follow_redirects=True, **known)

    def log_in(self, path: str, account: str = "ada", password: str = "secret") -> httpx.Response:
        """Open a page that wants a login, and log in; the page itself, or what is shown instead of it."""
        page = self.open(path)
        action = _ACTION.search(page.text)
        assert action is not None, f"no login page at {page.url}: {page.status_code} {page.text}"
        url = page.url.join(action[1])
        form = {"login": account, "password": password}
        return self.client.post(url, data=form, headers=PAGE, follow_redirects=True)

    def api(self, method: str, path: str, **headers: str) -> httpx.Response:
        """A call of a page's script, with the csrf token where there is one."""
        token = self.cookie("csrf")
        known = {"X-CSRF-Token": token, "Origin": self.site} if token and method != "GET" else {}
        return self.client.request(method, self._url(path), headers={"Accept": "application/json", **known, **headers})

    def cookie(self, part: str) -> str:
        """The value of the gateway's cookie with this in its name; "" for none."""
        found = [each.value for each in self.client.cookies.jar if each.name.startswith("gw_") and part in each.name]
        return (found[0] or "") if found else ""

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _url(self, path: str) -> str:
        return path if "://" in path else self.site + path
