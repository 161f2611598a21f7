"""The clients that people use all get the same page."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import requests
from playwright.sync_api import Browser

from tests.support.gateway import Gateway
from tests.support.nginx import nginx
from tests.support.pages import page_of
from tests.support.through import config, serving

PAGE = """<!DOCTYPE html><html lang="de"><head><meta charset="utf-8"><title>Kaffee</title></head>
<body><h1>Größe: 250 g, 8,90 €</h1><p id="p">{filler}</p></body></html>
""".replace("{filler}", "Bohnen und Wasser. " * 2000)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder: Path = tmp_path_factory.mktemp("clients")
    servers = "server { listen 127.0.0.1:{port}; root .; types { text/html html; } gzip on; gzip_min_length 1; }"
    with nginx(folder / "nginx", servers) as web:
        (web.folder / "page.html").write_text(PAGE)
        with serving(folder / "gateway", config({"up": f'targets: ["{web.url}"]'})) as made:
            yield made


@pytest.fixture(autouse=True)
def _directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of this machine stands between."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("options", [[], ["--http1.0"], ["--compressed"], ["--http2"], ["--no-keepalive"]], ids="".join)
def test_curl(gateway: Gateway, options: list[str]) -> None:
    command = ["curl", "-sS", "--fail", *options, f"{gateway.url}/up/page.html"]
    assert subprocess.run(command, capture_output=True, check=True).stdout.decode() == PAGE


def test_curl_uploads(gateway: Gateway) -> None:
    """curl asks with Expect: 100-continue before a large body; the answer (405) comes without one."""
    command = ["curl", "-sS", "-o", "-", "-w", "%{http_code}", "-H", "Expect: 100-continue", "-X", "POST"]
    command += ["--data-binary", "@-", f"{gateway.url}/up/page.html"]
    done = subprocess.run(command, input=b"x" * 2_000_000, capture_output=True, check=True)
    assert done.stdout.endswith(b"405")


def test_requests(gateway: Gateway) -> None:
    with requests.Session() as session:
        for _ in range(3):
            answer = session.get(f"{gateway.url}/up/page.html", timeout=10)
            answer.encoding = "utf-8"
            assert answer.text == PAGE


def test_httpx(gateway: Gateway) -> None:
    with httpx.Client() as client:
        for _ in range(3):
            answer = client.get(f"{gateway.url}/up/page.html")
            assert answer.text == PAGE
            assert answer.http_version == "HTTP/1.1"


def test_a_browser(gateway: Gateway, browser: Browser) -> None:
    with page_of(browser, f"{gateway.url}/up/page.html", said=("404",)) as page:  # it asks for an icon too
        shown = page.content()
    assert "".join(shown.split()) == "".join(PAGE.split())
