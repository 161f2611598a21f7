"""Pages in a real browser: Debian's chromium without a window, driven by Playwright's core."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.gateway import ROOT, wait_until

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",  # no page asks anything of elsewhere
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
)
AXE = ROOT / "build" / "web" / "node_modules" / "axe-core" / "axe.min.js"
#: seconds; it has some 300 MB to read when nothing of it is in memory, and the machine may have much else to do
PATIENCE = 120
#: what WCAG 2.2 asks for up to AA
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
expect.set_options(timeout=20_000)  # the machine may have much else to do


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with nothing in it."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS), timeout=PATIENCE * 1000)
        try:
            yield made
        finally:
            made.close()


@contextmanager
def page_of(browser: Browser, url: str, *, said: tuple[str, ...] = (), **options: Any) -> Iterator[Page]:
    """A page in a profile of its own, that may say nothing on its console but what has one of `said` in it."""
    options = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options}
    context = browser.new_context(**options)
    page = context.new_page()
    words: list[str] = []
    page.on("console", lambda message: words.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: words.append(f"error: {error}"))
    try:
        page.goto(url)
        yield page
        others = [each for each in words if not any(known in each for known in said)]
        assert not others, others
    finally:
        context.close()


def wait_for(page: Page, script: str) -> Any:
    """The first true value of an expression. NOTE: the page's policy forbids what Playwright's own waiting does."""

    def look() -> Any:
        page.wait_for_timeout(20)  # lets the page go on
        return page.evaluate(script)

    return wait_until(look, script)


def violations(page: Page) -> list[str]:
    """What axe-core finds against the rules of accessibility, in words."""
    if not AXE.exists():
        subprocess.run([ROOT / "tools" / "web.sh", "test"], check=True, cwd=ROOT)
    page.evaluate(AXE.read_text())
    # where it is scrolled to hangs on what came when, and what its sticky line half covers is no target of full size
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    found = page.evaluate("rules => axe.run({runOnly: {type: 'tag', values: rules}})", list(RULES))
    return [
        f"{each['id']}: {each['help']}: " + json.dumps([node["html"][:160] for node in each["nodes"][:3]])
        for each in found["violations"]
    ]
