"""`make pictures`: the dashboard as docs/dashboard.md shows it, of the quickstart under demo traffic."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.test_quickstart import Quickstart, free_ports
from tests.support.pages import chromium, page_of, wait_for

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "images"
STATIC = ROOT / "gateway" / "control" / "dashboard" / "static"
MADE_OF = FOLDER / "dashboard.sha256"
#: seconds of demo traffic before the first picture
TRAFFIC = 100
ALERTS = """
alerts:
  - {name: shop-fails, when: "error_rate(1m) > 0.05%", severity: page}
  - {name: slow, when: "p99(route=items, 1m) > 2s", severity: warn}
"""
KINDS = {
    "light": {"viewport": {"width": 1280, "height": 1600}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 1600}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "device_scale_factor": 2},
}


def digest() -> str:
    """Of what the pictures show: the files of the page."""
    found = hashlib.sha256()
    for path in sorted(each for each in STATIC.iterdir() if each.is_file()):
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def main() -> int:
    """Write the pictures and what they were made of."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        ports = free_ports()
        quickstart = Quickstart(Path(folder), ports, ALERTS)
        try:
            quickstart.wait_until_ready()
            _visit(ports)
        finally:
            quickstart.end()
    MADE_OF.write_text(digest() + "\n")
    return 0


def _visit(ports: list[int]) -> None:
    demo = [sys.executable, "-m", "gateway.cli", "demo-traffic", f"http://127.0.0.1:{ports[0]}", "--for", "1h"]
    traffic = subprocess.Popen(demo, cwd=ROOT, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{ports[1]}/dashboard"
    try:
        with chromium() as browser:
            with page_of(browser, url) as page:
                page.wait_for_timeout(TRAFFIC * 1000)
            for kind, options in KINDS.items():
                with page_of(browser, url, **options) as page:
                    _look(page, kind)
    finally:
        traffic.terminate()
        traffic.wait()


def _look(page: Page, kind: str) -> None:
    expect(page.locator("#state")).to_have_text("live")
    expect(page.locator("#hours-chart canvas")).to_be_visible()
    if kind != "phone":
        page.locator("#routes-table").get_by_role("button", name="item", exact=True).click()
        expect(page.locator("#heatmap .words")).to_contain_text("most of them")
    wait_for(page, "document.querySelector('#now-requests').textContent !== '0/s'")
    page.evaluate("document.activeElement?.blur(), scrollTo({top: 0, behavior: 'instant'})")
    page.wait_for_timeout(1500)
    page.screenshot(path=FOLDER / f"dashboard-{kind}.png")


if __name__ == "__main__":
    sys.exit(main())
