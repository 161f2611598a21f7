"""`_fast.ingress` beside a slow twin; who else has a say is in tests/unit/server/test_ingress.py."""

from __future__ import annotations

import os
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.ingress import is_plain, new_id
from gateway.http.path import canonical_path
from gateway.routing import ingress
from tests.oracles import ingress_oracle
from tests.unit.server.test_ingress import PLAN

PIECES = [
    "/",
    "/items",
    "/items/7",
    "/items/7/b",
    "//",
    "/.",
    "/..",
    "%2F",
    "%41",
    "a",
    "é",
    "\\",
    "#",
    "?",
    "a=b",
    "\x7f",
    " ",
    "\t",
]
targets = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)
hosts = st.sampled_from(["", "a", "API.example.", "api.example:80", "[::1]:80", "[::1]", "a:b:c", "é"])


@given(targets)
def test_a_plain_path_is_its_own_canonical_form(path: str) -> None:
    assert is_plain(path) is ingress_oracle.is_plain(path)
    if is_plain(path):
        assert canonical_path(path) == (path, None, None, None)


@given(targets, st.sampled_from(["GET", "POST", "OPTIONS"]), hosts, st.booleans(), st.sampled_from(["1.0", "1.1", "2"]))
def test_what_is_decided(target: str, method: str, host: str, is_refused: bool, version: str) -> None:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "RAW_URI": "/" + target,
        "SERVER_PROTOCOL": f"HTTP/{version}",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": host,
        "wsgi.url_scheme": "https",
        "gateway.headers": [("Host", host)],
    }
    if is_refused:
        environ["gateway.refusal"] = ("malformed-request", "It was refused.")
    exchange = ingress.decide(PLAN, environ, 100.0)
    expected = ingress_oracle.decided(PLAN, environ, 100.0)
    seen = {name: getattr(exchange, name) for name in expected}
    assert seen == expected


def test_every_exchange_has_its_own_values() -> None:
    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": "/",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "",
        "wsgi.url_scheme": "http",
        "gateway.headers": [],
    }
    one, other = ingress.decide(PLAN, environ, 1.0), ingress.decide(PLAN, dict(environ), 2.0)
    one.response, one.sent = object(), 7
    assert (other.response, other.sent, other.started, one.started) == (None, 0, 2.0, 1.0)


def test_ids_are_never_the_same() -> None:
    made = [new_id() for _ in range(10_000)]
    assert len(set(made)) == len(made)
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in made)
    assert len(set("".join(made))) == 16


def test_a_forked_process_gives_out_others() -> None:
    """The randomness that lies ready is the parent's."""
    new_id()
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(write, new_id().encode())
        os._exit(0)
    os.waitpid(pid, 0)
    childs = os.read(read, 100).decode()
    os.close(read)
    os.close(write)
    assert len(childs) == 32 and childs not in [new_id() for _ in range(300)]
