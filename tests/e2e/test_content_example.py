"""conf/examples/content.yaml, served as it stands in front of the example services."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway, free_port, wait_until
from tests.support.raw import Client
from tests.support.through import ask, get, serving

EXAMPLE = Path(__file__).parents[2] / "conf" / "examples" / "content.yaml"


def listens(port: int) -> bool:
    try:
        Client(port).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    ports = {old: free_port() for old in (9101, 9201, 9202, 9102, 9203)}
    text = EXAMPLE.read_text().replace("127.0.0.1:8000", "127.0.0.1:{port}")
    text = text.replace("127.0.0.1:8001", "127.0.0.1:{admin}")
    for old, new in ports.items():
        text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
    command = [sys.executable, "-m", "gateway.examples", "--ports", ",".join(map(str, ports.values()))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as services:
        try:
            for port in ports.values():
                wait_until(lambda port=port: listens(port), "the services listen")
            with serving(tmp_path_factory.mktemp("content"), text) as made:
                yield made
        finally:
            services.terminate()


def test_an_item_is_kept(gateway: Gateway) -> None:
    first, second = (ask(gateway, get("/v1/items/7?utm_source=a")), ask(gateway, get("/v1/items/7?utm_source=b")))
    assert first[0] == second[0] == 200 and first[2] == second[2]
    assert "hit" in second[1]["cache-status"] and "age" in second[1]


def test_a_list_is_shortened_and_compressed(gateway: Gateway) -> None:
    status, headers, body = ask(gateway, get("/v1/names?limit=100", "Accept-Encoding: gzip"))
    assert (status, headers["content-encoding"]) == (200, "gzip")
    names = json.loads(gzip.decompress(body))
    assert len(names) > 1 and set(names[0]) == {"id", "name"}


def test_a_page_of_three_services(gateway: Gateway) -> None:
    status, _, body = ask(gateway, get("/v1/pages/7"))
    page = json.loads(body)
    assert status == 200 and page["meta"] == {"complete": True, "failed": {}}
    assert page["product"]["sku"] and page["availability"] != "unknown" and page["reviews"][0]["who"]


def test_a_function(gateway: Gateway) -> None:
    assert ask(gateway, get("/hello/you"))[2] == b"Hello, you!\n"
