"""The report of a recorded result in a real browser: plots are drawn, nothing is fetched or complained of."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from perf.__main__ import main
from tests.support.gateway import ROOT
from tests.support.pages import page_of, violations

PHONE = {"width": 375, "height": 800}
#: places of what is drawn, of those whose place is no number, and of those that lie outside of their drawing
STRAY = """[...document.querySelectorAll('svg circle.mark, svg line.whisker, svg path.line')].filter(each => {
    const box = each.getBoundingClientRect(), frame = each.ownerSVGElement.getBoundingClientRect();
    return !Number.isFinite(box.x) || box.left < frame.left - 1 || box.right > frame.right + 1 ||
        box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
}).length"""


class Folder:
    """A folder by HTTP, and what was asked of it."""

    def __init__(self, at: Path) -> None:
        asked: list[str] = []

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, _: str, *what: object) -> None:
                asked.append(str(what[0]))

        self.asked = asked
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(at)))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    at = tmp_path_factory.mktemp("report")
    assert main(["report", str(ROOT / "tests/data/perf-result.json"), "-o", str(at / "page.html")]) == 0
    made = Folder(at)
    yield made
    made.close()


def test_plots_are_drawn_and_nothing_else_is_asked_for(browser: Browser, folder: Folder) -> None:
    folder.asked.clear()
    with page_of(browser, f"{folder.url}/page.html") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("What a request costs")
        expect(page.locator("figure svg")).to_have_count(10)
        latency = page.locator("figure", has_text="Latency percentiles")
        expect(latency.locator("path.line")).to_have_count(3)
        expect(latency.locator("polygon.band")).to_have_count(3)
        expect(latency.locator("circle.mark")).to_have_count(12)
        per_request = page.locator("figure.tall", has_text="CPU per request")
        expect(per_request.locator("circle.mark")).to_have_count(
            20
        )  # 3 of bare, 6 of body, 5 of routes, 3 of workers, 3 with a token
        expect(page.locator(".bars svg.bar")).to_have_count(13)
        assert page.evaluate(STRAY) == 0
        shown = latency.locator("path.line").first.bounding_box()
        assert shown and shown["width"] > 200 and shown["height"] > 50
        assert page.evaluate("performance.getEntriesByType('resource').length") == 0
        assert folder.asked == ["GET /page.html HTTP/1.1"]
        href = page.get_by_role("link", name="JSON").get_attribute("href")
        assert json.loads(page.request.get(f"{folder.url}/{href}").text())["format"] == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_legible_on_a_phone_and_by_everybody(browser: Browser, folder: Folder, scheme: str) -> None:
    # what looks for violations runs as a script, which the page's own policy forbids
    with page_of(browser, f"{folder.url}/page.html", viewport=PHONE, color_scheme=scheme, bypass_csp=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        page.get_by_text("bare: Bare proxy").click()
        expect(page.get_by_role("region", name="Table: bare").get_by_role("row")).to_have_count(4)
        assert violations(page) == []
