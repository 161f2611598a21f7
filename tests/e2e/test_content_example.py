"""conf/examples/content.yaml, served in front of the example services: but for two short timeouts as it stands."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.examples import example_services
from tests.support.gateway import Gateway
from tests.support.through import ask, get, serving

EXAMPLE = Path(__file__).parents[2] / "conf" / "examples" / "content.yaml"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with example_services() as services:
        text = services.text(EXAMPLE)
        assert text.count("timeout: 300ms") == 2, "how long a page waits for two of its parts: here it is to have them"
        with serving(tmp_path_factory.mktemp("content"), text.replace("timeout: 300ms", "timeout: 5s")) as made:
            yield made


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
