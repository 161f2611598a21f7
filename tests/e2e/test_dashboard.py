"""The dashboard in a real browser: numbers move, tables are filtered and sorted, a route is looked into, an alert."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.gateway import Gateway, wait_until
from tests.support.pages import page_of, violations, wait_for
from tests.support.raw import Upstream, echo
from tests.support.through import serving
from tests.support.watched import observer_of

CONFIG = """
version: 1
server: {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: 1MORE}
observability: {access_log: {format: "off"}}
upstreams:
  echo: {targets: ["ECHO"]}
  away: {targets: ["http://127.0.0.1:9"]}
routes:
  - {name: items, match: {path: "/items/{rest:path}"}, upstream: echo, rewrite: "/{rest}", timeout: 9s}
  - {name: people, match: {path: "/people/{id}"}, upstream: echo}
  - {name: broken, match: {path: /broken}, upstream: away}
  - {name: hello, match: {path: /hello}, respond: {status: 200, body: hello}}
alerts:
  - {name: failing, when: "error_rate(2s) > 20%", keep_firing_for: 1s, severity: page, summary: "{value} fail"}
"""
TOKEN = "a-token-of-thirty-two-characters-"
#: more of what is shown in a column: whether it is in the order of its numbers
COLUMN = "[...document.querySelectorAll('#routes-table tbody tr')].map(row => row.children[%d].textContent)"
#: from now on `seen` is what these places said, however short
WATCH = """(() => {
  window.seen = [];
  for (const place of ['state', 'announcer'].map(name => document.getElementById(name))) {
    new MutationObserver(() => seen.push(place.textContent)).observe(place, {childList: true, subtree: true});
  }
})()"""


class Load:
    """Somebody who asks for `paths`, again and again."""

    def __init__(self, gateway: Gateway) -> None:
        self.paths = ["/items/1?a=b", "/items/2", "/items/3", "/people/4", "/nothing"]
        self._port = gateway.port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                for path in list(self.paths):
                    connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
                    connection.request("GET", path)
                    connection.getresponse().read()
                    connection.close()
            self._over.wait(0.05)

    def stop(self) -> None:
        self._over.set()
        self._thread.join()


def observed(gateway: Gateway, headers: dict[str, str] | None = None) -> None:
    wait_until(lambda: gateway.admin("/api/overview", headers=headers)[0] == 200, "it is observed")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    upstream = Upstream(echo)
    text = CONFIG.replace("ECHO", upstream.url).replace("MORE", "")
    with serving(tmp_path_factory.mktemp("dashboard"), text) as made:
        observed(made)
        yield made
    upstream.close()


@pytest.fixture(scope="module")
def load(gateway: Gateway) -> Iterator[Load]:
    made = Load(gateway)
    yield made
    made.stop()


@pytest.fixture
def page(browser: Browser, gateway: Gateway, load: Load, request: pytest.FixtureRequest) -> Iterator[Page]:
    said = ("503", "net::ERR_") if "comes_back" in request.node.name else ()
    with page_of(browser, f"http://127.0.0.1:{gateway.admin_port}/dashboard", said=said) as made:
        expect(made.locator("#state")).to_have_text("live")
        yield made


def test_numbers_move_under_load(page: Page) -> None:
    requests = page.locator("#now-requests")
    expect(requests).not_to_have_text("0/s")
    seen = requests.text_content()
    expect(requests).not_to_have_text(str(seen))
    for name in ("p50", "p95", "p99"):
        expect(page.locator(f"#now-{name}")).to_contain_text("s")
    wait_for(page, "[...document.querySelectorAll('#routes-table th')].some(each => each.textContent === 'items')")
    expect(page.locator("#upstreams")).to_contain_text("serving")
    expect(page.locator("#by-client")).to_contain_text("127.0.0.1")
    expect(page.locator("#workers tbody tr")).to_have_count(1)
    expect(page.locator("#errors-chart .words")).to_contain_text("client")
    expect(page.locator("#hours-chart .words")).to_contain_text("this day")


def test_charts_are_drawn_and_told_in_words(page: Page) -> None:
    expect(page.locator("#requests-chart canvas")).to_be_visible()
    expect(page.locator("#requests-chart .words")).to_contain_text("2xx")
    page.locator("#latency-chart summary").click()
    expect(page.locator("#latency-chart tbody tr").first).to_be_visible()


def test_the_table_is_filtered_and_sorted(page: Page) -> None:
    rows = page.locator("#routes-table tbody tr")
    expect(page.locator("#routes-table")).to_contain_text("people")
    page.get_by_label("Filter").fill("ITEM")
    expect(rows).to_have_count(1)
    expect(page.locator("#filtered")).to_contain_text("1 of")
    page.get_by_label("Filter").fill("")
    expect(page.locator("#routes-table")).to_contain_text("people")
    head = page.locator("#routes-table th[data-column=name]")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    names = page.evaluate(COLUMN % 0)
    assert len(names) >= 3 and names == sorted(names, key=str.lower)
    head.get_by_role("button").press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert page.evaluate(COLUMN % 0) == names[::-1]


def test_a_route_is_looked_into(page: Page) -> None:
    button = page.locator("#routes-table").get_by_role("button", name="items", exact=True)
    button.press("Enter")
    expect(page.locator("#detail")).to_be_focused()
    expect(page.locator("#detail-title")).to_have_text("Route items")
    expect(page.locator("#detail-facts")).to_contain_text("/items/{rest:path}")
    expect(page.locator("#detail-facts ol li").first).to_be_visible()
    expect(page.locator("#heatmap .words")).to_contain_text("most of them")
    pixels = """(() => {
      const heat = document.querySelector('#heatmap canvas');
      return heat.getContext('2d').getImageData(0, 0, heat.width, heat.height).data.some(byte => byte);
    })()"""
    wait_for(page, pixels)
    page.locator("#heatmap canvas").press("ArrowLeft")
    expect(page.locator("#heatmap .words")).to_contain_text("took")
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    expect(button).to_be_focused()


def test_another_range_is_chosen_by_keyboard_and_kept(page: Page) -> None:
    page.get_by_label("5 min").focus()
    page.keyboard.press("ArrowRight")
    wait_for(page, "location.hash === '#1h'")
    expect(page.locator("#state")).to_have_text("live")
    page.reload()
    expect(page.get_by_label("1 h")).to_be_checked()


def test_dark_and_light(page: Page) -> None:
    colour = "getComputedStyle(document.body.parentElement).backgroundColor"
    assert page.evaluate(colour) == "rgb(244, 246, 248)"
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(colour) == "rgb(15, 19, 24)"
    page.locator("#theme").click()
    expect(page.locator("#theme")).to_have_text("Theme: light")
    assert page.evaluate(colour) == "rgb(244, 246, 248)"
    page.reload()
    assert page.evaluate(colour) == "rgb(244, 246, 248)"


@pytest.mark.parametrize("width", [360, 768])
def test_nothing_is_wider_than_a_phone(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.locator("#routes-table").get_by_role("button", name="items", exact=True).click()
    expect(page.locator("#heatmap .words")).to_contain_text("most of them")
    canvas = "document.querySelector('#requests-chart canvas').clientWidth"
    wait_for(page, f"{canvas} > 250 && {canvas} <= {width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_keeps_the_rules_of_accessibility(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.locator("#routes-table").get_by_role("button", name="items", exact=True).click()
    expect(page.locator("#heatmap .words")).to_contain_text("most of them")
    assert violations(page) == []


def test_an_alert_fires_and_is_over(page: Page, load: Load) -> None:
    expect(page.locator("#alerts-words")).to_have_text("None of 1 alerts fires.")
    before, load.paths = load.paths, ["/broken", "/hello"]
    try:
        row = page.locator("#alerts tbody tr", has_text="failing")
        expect(row).to_contain_text("firing")
        expect(page.locator("#announcer")).to_have_text("Alert: failing")
        expect(page).to_have_title("(1) Gateway")
        expect(page.locator("#failures")).to_contain_text("broken")
        row.get_by_role("button", name="Acknowledge failing").click()
        expect(row).to_contain_text("dashboard")
    finally:
        load.paths = before
    expect(row).to_contain_text("resolved")
    expect(page.locator("#announcer")).to_have_text("Over: failing")
    expect(page).to_have_title("Gateway")


def test_errors_are_told_by_type_and_by_upstream(page: Page, load: Load) -> None:
    load.paths.append("/broken")
    try:
        legend = page.locator("#errors-chart .legend")
        expect(legend).to_contain_text("gateway")
        page.get_by_label("type", exact=True).check(force=True)
        expect(legend).to_contain_text("route-not-found")
        page.get_by_label("upstream", exact=True).check(force=True)
        expect(legend).to_contain_text("away")
    finally:
        load.paths.remove("/broken")


def test_a_past_that_did_not_come_is_asked_for_again_until_it_comes_back(page: Page) -> None:
    page.route("**/api/history?range=1h", lambda route: route.abort(), times=1)
    with page.expect_response(lambda answer: "/api/history?range=1h" in answer.url, timeout=10_000):
        page.locator("#range input[value='1h']").dispatch_event("click")
    expect(page.locator("#state")).to_have_text("live")


def test_it_comes_back_when_the_observer_does(page: Page, gateway: Gateway) -> None:
    page.evaluate(WATCH)
    os.kill(observer_of(gateway).pid, signal.SIGKILL)
    for words in ("no connection", "The connection to the gateway is lost.", "live", "The gateway answers again."):
        wait_for(page, f"seen.includes('{words}')")
    expect(page.locator("#state")).to_have_text("live")
    expect(page.locator("#announcer")).to_have_text("The gateway answers again.")
    expect(page.locator("#routes-table")).to_contain_text("people")


def test_it_is_small_and_soon_there(browser: Browser, gateway: Gateway) -> None:
    paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    times = []
    for _ in range(10):  # one of them when this machine does nothing else
        with page_of(browser, f"http://127.0.0.1:{gateway.admin_port}/dashboard") as page:
            expect(page.locator("#state")).to_have_text("live")
            times.append(wait_for(page, paint))
            assert page.context.cookies() == []
            sent = page.evaluate(
                "performance.getEntriesByType('resource').reduce((sum, each) => sum + each.transferSize, 0)"
            )
            hosts = page.evaluate(
                "[...new Set(performance.getEntriesByType('resource').map(each => new URL(each.name).host))]"
            )
        assert 10_000 < sent < 300_000
        assert hosts == [f"127.0.0.1:{gateway.admin_port}"]
        if times[-1] < 300:
            return
    raise AssertionError(times)


def test_without_charts_there_are_tables(browser: Browser, gateway: Gateway, load: Load) -> None:
    with page_of(browser, "about:blank", said=("ERR_FAILED",)) as page:
        page.route("**/vendor/**", lambda route: route.abort())
        page.goto(f"http://127.0.0.1:{gateway.admin_port}/dashboard")
        expect(page.locator("#state")).to_have_text("live")
        expect(page.locator("#requests-chart tbody tr").first).to_be_visible()
        expect(page.locator("#requests-chart canvas")).to_have_count(0)


def test_the_token_is_asked_for(browser: Browser, tmp_path) -> None:
    text = CONFIG.replace("ECHO", "http://127.0.0.1:9").replace("MORE", f", admin_token: {TOKEN}")
    with serving(tmp_path, text) as gateway:
        observed(gateway, {"Authorization": f"Bearer {TOKEN}"})
        url = f"http://127.0.0.1:{gateway.admin_port}/dashboard"
        with page_of(browser, url, said=("401",)) as page:
            field = page.get_by_role("textbox", name="Token")
            expect(field).to_be_focused()
            field.fill("wrong")
            field.press("Enter")
            expect(page.get_by_role("alert")).to_have_text("The gateway refused this token.")
            field.fill(TOKEN)
            field.press("Enter")
            expect(page.locator("#state")).to_have_text("live")
            expect(page.locator("#token-dialog")).to_be_hidden()
            page.reload()
            expect(page.locator("#state")).to_have_text("live")
            assert page.evaluate("document.cookie + JSON.stringify(localStorage)") == "{}"
