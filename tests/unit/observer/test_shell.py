"""The page's files: all of them there, small, and nothing in them that the policy or a closed network would refuse."""

from __future__ import annotations

import gzip
import re
from importlib.resources import files

import falcon
import pytest
from falcon import testing

from gateway.control.dashboard import static_files as shell
from gateway.control.dashboard.static_files import MARK, PAGE, StaticFiles, load
from gateway.errors import GatewayError

STATIC = files("gateway.control.dashboard").joinpath("static")
OURS = [each for each in STATIC.iterdir() if each.is_file()]
LONGEST = 250


@pytest.fixture(scope="module")
def client():
    made = StaticFiles()

    class Any:
        def on_get(self, req, resp, name=PAGE):
            try:
                made.answer(req, resp, name)
            except GatewayError as error:
                resp.status = error.kind.status

    app = falcon.App()
    app.add_route("/dashboard", Any())
    app.add_route("/dashboard/{name:path}", Any())
    return testing.TestClient(app)


def test_everything_that_the_page_names_is_there(client):
    page = client.simulate_get("/dashboard")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    names = re.findall(r'(?:href|src)="(dashboard/[^"]+)"', page.text)
    assert len(names) > 5
    for name in names:
        assert client.simulate_get(f"/{name}").status_code == 200, name


def test_every_module_is_there_that_another_imports(client):
    imports = {
        name
        for each in OURS
        if each.name.endswith(".js")
        for name in re.findall(r"from '\./([^']+)'", each.read_text())
    }
    assert "dom.js" in imports
    for name in imports:
        assert client.simulate_get(f"/dashboard/{name}").status_code == 200, name


def test_nothing_else_runs_or_is_fetched(client):
    policy = client.simulate_get("/dashboard").headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "style-src 'self';" in policy
    assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
    page = client.simulate_get("/dashboard").text
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page)
    for each in OURS:
        assert not re.search(r"https?://", each.read_text()), each.name
    for each in OURS:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", each.read_text()), (
            each.name
        )


def test_all_of_it_is_small():
    loaded = load()
    assert sum(len(file.data) for file in loaded.values()) < 300_000
    assert sum(len(file.packed) for file in loaded.values()) < 100_000
    assert [each.name for each in OURS if each.read_text().count("\n") > LONGEST] == []


def test_it_is_sent_packed_and_once(client):
    packed = client.simulate_get("/dashboard/main.js", headers={"Accept-Encoding": "gzip, br"})
    plain = client.simulate_get("/dashboard/main.js")
    assert gzip.decompress(packed.content) == plain.content
    assert packed.headers["vary"] == "Accept-Encoding"
    again = client.simulate_get("/dashboard/main.js", headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_styles_come_as_one(client):
    style = client.simulate_get("/dashboard/style.css").text
    assert "--page:" in style and "#tiles" in style and ".u-wrap" in style
    assert client.simulate_get("/dashboard/parts.css").status_code == 404


@pytest.mark.parametrize("name", ["nothing.js", "vendor/LICENSE", "vendor/nothing.js", "../shell.py", "vendor", ""])
def test_no_other_file_is_served(client, name):
    assert client.simulate_get(f"/dashboard/{name}").status_code == 404


def test_without_charts_the_page_names_none(monkeypatch, tmp_path):
    for each in OURS:
        (tmp_path / "static").mkdir(exist_ok=True)
        (tmp_path / "static" / each.name).write_bytes(each.read_bytes())
    monkeypatch.setattr(shell, "files", lambda package: tmp_path)
    page = load()[PAGE].data
    assert b"vendor" not in page and MARK not in page and b"main.js" in page
