"""A document as a value: frozen, sent between processes, shown to people, and large."""

import contextlib
import gc
import json
import pickle
import subprocess
import sys
import time
from dataclasses import fields, is_dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from gateway.config.document import ConfigError, load, loads, redacted
from gateway.http.frozen import FrozenDict, freeze


def is_value(value):
    return is_dataclass(value) or isinstance(value, Struct)


def walk(value):
    yield value
    if isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from walk(getattr(value, name))
    elif is_dataclass(value):
        for field in fields(value):
            yield from walk(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from walk(item)
    elif isinstance(value, FrozenDict):
        yield from walk(tuple(value.items()))


def full(folder):
    (folder / "pem").touch()
    return loads(
        "version: 1\nserver: {tls: {cert: pem, key: pem, sni: [{hosts: [a], cert: pem, key: pem}]}}\n"
        "upstreams: {a: {targets: [http://h, https://h], tls: {ca: pem}}, b: {}}\n"
        "defaults: {headers: {request: {set: {A: b}}}, policies: [p]}\n"
        "routes:\n"
        "  - {name: r, match: {path: /, methods: [GET], query: {a: b}}, upstream: a, rewrite: /x, timeout: 1s,\n"
        "     headers: {response: {remove: [B]}}, policies: [{name: q, with: {a: {b: [c]}}}]}\n"
        "  - {name: s, match: {path: /y}, respond: {status: 200, body: x}}\n",
        base=folder,
    )


def test_nothing_in_a_document_can_change(tmp_path):
    document = full(tmp_path)
    for value in walk(document):
        assert isinstance(value, str | int | float | bool | None | tuple | FrozenDict) or is_value(value), value
        hash(value)
    with pytest.raises(AttributeError):
        document.routes[0].name = "x"
    assert replace(document.routes[0], name="x").name == "x"


def test_it_travels_between_processes(tmp_path):
    document = full(tmp_path)
    assert pickle.loads(pickle.dumps(document)) == document


def test_a_worker_needs_neither_yaml_nor_the_schema_to_receive_it(tmp_path):
    (tmp_path / "document").write_bytes(pickle.dumps(full(tmp_path)))
    script = (
        "import pickle, sys; document = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(len(document.routes), [m for m in ('yaml', 'jsonschema_rs', 'difflib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "document")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "2 []"


def test_frozen_mappings_are_mappings():
    frozen = freeze({"a": [1, {"b": None}], "c": "d"})
    assert dict(frozen) == {"a": (1, FrozenDict((("b", None),))), "c": "d"}
    assert frozen["c"] == "d"
    assert frozen.get("x") is None
    assert frozen == freeze({"c": "d", "a": [1, {"b": None}]})
    assert hash(frozen) == hash(freeze({"c": "d", "a": [1, {"b": None}]}))
    assert repr(freeze({"a": 1})) == "FrozenMap({'a': 1})"


def test_what_is_shown_has_the_defaults_of_the_server_filled_in(smallest):
    shown = redacted(loads(smallest + "server: {limits: {headers: 7}}\n"))
    assert shown["server"]["limits"] == {
        "request_line": 8190, "headers": 7, "header_size": 8190, "body": "10MB",
        "header_timeout": "10s", "body_timeout": "60s",
    }  # fmt: skip
    assert (shown["server"]["bind"], shown["store"], shown["version"]) == ("127.0.0.1:8000", "memory", 1)
    assert shown["observability"]["access_log"] == {"format": "json", "to": "stdout", "sample": "100%"}
    assert "tracing" not in shown["observability"]
    assert "tls" not in shown["server"]
    assert shown["routes"] == [{"name": "all", "match": {"path": "/{rest:path}"}, "upstream": "app"}]


@pytest.mark.thorough
def test_ten_thousand_routes(tmp_path):
    """Bounds are several times what it takes (0.8 s and 40 ms), so that a busy machine does not fail them."""
    lines = ["version: 1", "upstreams: {a: {targets: [http://h]}}", "routes:"]
    for number in range(10_000):
        lines.append(f"  - name: r{number}")
        lines.append(f"    match: {{path: '/a{number}/{{id:int}}', methods: [GET]}}")
        lines += ["    upstream: a", "    rewrite: '/{id}'", "    timeout: 2s"]
    path = tmp_path / "main.yaml"
    path.write_text("\n".join(lines))
    started = time.process_time()
    document = load(path)
    assert time.process_time() - started < 4
    assert gc.isenabled()
    assert len(document.routes) == 10_000
    data = pickle.dumps(document)
    took = []
    for _ in range(3):
        started = time.process_time()
        assert pickle.loads(data).version == document.version
        took.append(time.process_time() - started)
    assert min(took) < 0.2


JUNK_KEYS = ["url", "name", "path", "set", "remove", "with", "cert", "hosts", "total", "status", "request"]
JUNK = st.recursive(
    st.sampled_from(
        [
            None,
            True,
            False,
            -1,
            0,
            70000,
            "",
            "x",
            "5s",
            "/{a}",
            "http://h",
            "unix:",
            "${env:X}",
            "\0",
            "unix:\0",
            "${file:\0}",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(JUNK_KEYS), inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    "include", "server", "server.bind", "server.admin", "server.tls", "server.tls.sni", "server.limits", "upstreams",
    "upstreams.a", "upstreams.a.targets", "upstreams.a.timeout", "upstreams.a.tls", "defaults", "defaults.headers",
    "defaults.policies", "routes", "routes.0", "routes.0.match", "routes.0.match.path", "routes.0.headers",
    "routes.0.headers.request", "routes.0.policies", "routes.0.respond", "routes.0.rewrite", "routes.0.timeout",
    "observability", "observability.access_log", "observability.metrics", "plugins", "store",
]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(PLACES), JUNK), min_size=1, max_size=3))
def test_no_shape_of_file_breaks_the_loader(changes):
    tree = {
        "version": 1, "server": {"tls": {}}, "upstreams": {"a": {}}, "defaults": {}, "observability": {},
        "routes": [{"name": "r", "match": {"path": "/"}, "headers": {}, "upstream": "a"}],
    }  # fmt: skip
    for place, junk in changes:
        holder = tree
        *steps, last = [int(step) if step.isdigit() else step for step in place.split(".")]
        with contextlib.suppress(KeyError, IndexError, TypeError):  # an earlier change took the place away
            for step in steps:
                holder = holder[step]
            holder[last] = junk
    try:
        loads(json.dumps(tree), "x.json", env={})
    except ConfigError as error:
        assert error.complaints
