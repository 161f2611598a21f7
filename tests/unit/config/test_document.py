import gc
import json
import os
import pickle
import subprocess
import sys
import time
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.document import ConfigError, load, loads, redacted
from gateway.config.frozen import FrozenMap, freeze
from gateway.config.model import (
    Certificate,
    HeaderEdit,
    Limits,
    Match,
    Pool,
    PolicyUse,
    Respond,
    Rewrite,
    RouteTimeout,
    Target,
    UpstreamTimeout,
    UpstreamTLS,
)


def test_the_smallest_useful_file(smallest):
    document = loads(smallest, "x.yaml")
    (route,) = document.routes
    (upstream,) = document.upstreams
    assert (route.name, route.upstream, route.where) == ("all", "app", "x.yaml:5")
    assert route.match == Match("/{rest:path}", (), (), (), ())
    assert (route.respond, route.rewrite, route.timeout, route.headers, route.policies, route.priority) == (
        None, None, None, None, (), 0,
    )  # fmt: skip
    assert upstream.targets == (Target("http://127.0.0.1:9000", "http", "127.0.0.1", 9000, "", 1),)
    assert (upstream.name, upstream.balance, upstream.where) == ("app", "round_robin", "x.yaml:3")
    assert upstream.timeout == UpstreamTimeout(2.0, 30.0, 60.0)
    assert upstream.pool == Pool(256, 60.0)
    assert upstream.tls == UpstreamTLS("", "", "", "", insecure=False)
    assert (document.plugins, document.files, document.patterns, document.warnings) == ((), (), (), ())


def test_what_is_not_written_has_a_safe_default(smallest):
    server = loads(smallest).server
    assert (server.bind, server.admin, server.admin_token) == (("127.0.0.1:8000",), "127.0.0.1:8001", "")
    assert (server.workers, server.connections, server.keepalive, server.graceful_timeout) == (None, 4000, 75.0, 30.0)
    assert (server.trusted_proxies, server.tls, server.proxy_protocol) == ((), None, False)
    assert server.limits == Limits(8190, 100, 8190, 10 * 1024 * 1024, 10.0, 60.0)
    log = loads(smallest).access_log
    assert (log.format, log.to, log.sample) == ("json", "stdout", 1.0)


def test_a_whole_server(smallest, tmp_path):
    (tmp_path / "a.crt").touch()
    (tmp_path / "a.key").touch()
    document = loads(
        smallest + "server:\n"
        "  bind: ['127.0.0.1:80', '[::1]:80', 'unix:run/gw.sock']\n"
        "  workers: 2\n"
        "  trusted_proxies: [10.0.0.0/8, '::1']\n"
        "  tls: {cert: a.crt, key: a.key, http2: false, sni: [{hosts: ['*.Example.com'], cert: a.crt, key: a.key}]}\n"
        "  proxy_protocol: true\n"
        "observability: {access_log: {format: off, to: access.log, sample: 5%}}\n",
        base=tmp_path,
    )
    server, cert, key = document.server, str(tmp_path / "a.crt"), str(tmp_path / "a.key")
    assert server.bind == ("127.0.0.1:80", "[::1]:80", f"unix:{tmp_path}/run/gw.sock")
    assert (server.workers, server.trusted_proxies, server.proxy_protocol) == (2, ("10.0.0.0/8", "::1/128"), True)
    assert server.tls.default == Certificate((), cert, key)
    assert server.tls.sni == (Certificate(("*.example.com",), cert, key),)
    assert (document.access_log.format, document.access_log.to) == ("off", str(tmp_path / "access.log"))
    assert document.access_log.sample == 0.05
    assert set(document.files) == {cert, key}


def test_targets():
    document = loads(
        "version: 1\nroutes: []\nupstreams:\n  a:\n    targets: [{url: https://H, weight: 3}, 'http://[::1]:81/', unix:/run/a]\n"
    )
    assert document.upstreams[0].targets == (
        Target("https://h:443", "https", "h", 443, "", 3),
        Target("http://[::1]:81", "http", "::1", 81, "", 1),
        Target("unix:/run/a", "unix", "", 0, "/run/a", 1),
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{connect: 1s, read: 5s, total: 8s}", (1, 5, 8)),
        ("{total: 1s}", (1, 1, 1)),
        ("{total: 10s}", (2, 10, 10)),
        ("{total: 5m}", (2, 30, 300)),
        ("{read: 60s}", (2, 60, 60)),
    ],
)
def test_a_total_cuts_only_what_nobody_wrote(written, expected):
    document = loads(f"version: 1\nupstreams: {{a: {{targets: [http://h], timeout: {written}}}}}\n")
    assert document.upstreams[0].timeout == UpstreamTimeout(*map(float, expected))


def test_every_part_of_a_route_knows_its_line(route):
    document = route(
        "match: {path: '/x/{id:int}', methods: [GET], hosts: [API.example.com], headers: {X-B: '1'}, query: {v: '*'}}",
        "upstream: app",
        "rewrite: /items/{id}",
        "timeout: 2s",
        "headers:",
        "  request: {set: {X-A: a}}",
        "policies:",
        "  - plain",
        "  - name: full",
        "    with: {any: [1, {x: null}], on: yes}",
        "priority: -3",
    )
    (one,) = document.routes
    assert one.where == "x.yaml:4"
    assert one.match == Match("/x/{id:int}", ("GET",), ("api.example.com",), (("X-B", "1"),), (("v", "*"),))
    assert one.rewrite == Rewrite("/items/{id}", "x.yaml:7")
    assert one.timeout == RouteTimeout(2.0, "x.yaml:8")
    assert (one.headers.request.set, one.headers.where) == ((("X-A", "a"),), "x.yaml:9")
    options = FrozenMap((("any", (1, FrozenMap((("x", None),)))), ("on", "yes")))
    assert one.policies == (
        PolicyUse("plain", FrozenMap(), "x.yaml:12"), PolicyUse("full", options, "x.yaml:13"),
    )  # fmt: skip
    assert one.priority == -3


def test_an_answer_of_our_own(route):
    document = route(
        "match: {path: '/old/{rest:path}'}", "respond:", "  status: 301", "  headers: {Location: '/v1/{rest}'}", "  body: b"
    )
    assert document.routes[0].respond == Respond(301, (("Location", "/v1/{rest}"),), "b", "x.yaml:6")


def test_defaults_are_merged_under_every_route_name_by_name(route):
    defaults = (
        "defaults:\n"
        "  headers:\n"
        "    response: {set: {X-A: default, X-B: default, X-C: default}, add: {X-D: default}, remove: [Server, X-E]}\n"
        "  policies: [one, {name: two, with: {a: 1}}]\n"
    )
    lines = ("match: {path: /}", "upstream: app")
    plain = route(*lines, before=defaults)
    assert plain.routes[0].headers == plain.defaults.headers
    assert plain.routes[0].policies == plain.defaults.policies
    own = "headers: {response: {set: {x-a: own, x-e: own}, add: {X-B: own}, remove: [x-c, X-D]}, request: {remove: [X-F]}}"
    merged = route(*lines, own, "policies: [three, two]", before=defaults).routes[0]
    assert merged.headers.response == HeaderEdit(
        set=(("x-a", "own"), ("x-e", "own")), add=(("X-B", "own"),), remove=("x-c", "X-D", "Server")
    )
    assert merged.headers.request == HeaderEdit((), (), ("X-F",))
    assert merged.headers.where == "x.yaml:11, x.yaml:4"
    assert [(use.name, len(use.options), use.where) for use in merged.policies] == [
        ("one", 0, "x.yaml:6"), ("two", 0, "x.yaml:12"), ("three", 0, "x.yaml:12"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("upstreams: {a: {}}", "x.yaml:2:13: upstreams.a: the upstream has no targets: every request to it gets 503"),
        ("routes: []", "there are no routes: every request gets 404"),
        ("upstreams: {a: {targets: [http://h], tls: {server_name: x}}}", "`tls` has no effect: no target is https"),
        ("upstreams: {a: {targets: [https://h], tls: {insecure: true}}}", "the upstream's certificate is not verified"),
        (
            "upstreams: {a: {targets: [http://h], timeout: {total: 1s, read: 1s, connect: 1s}}}\n"
            "routes: [{name: r, match: {path: /}, upstream: a, timeout: 2s}]",
            "x.yaml:3:10: routes[0]: `timeout` has no effect: the upstream a ends at 1s",
        ),
    ],
)
def test_what_is_allowed_but_odd_gets_a_warning(text, words):
    warnings = [str(one) for one in loads(f"version: 1\n{text}\n", "x.yaml").warnings]
    assert any(words in one for one in warnings), warnings


# --- several files


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "main.yaml"


MAIN = "version: 1\ninclude: [routes/*.yaml, more.json]\nupstreams:\n  a: {targets: [http://a]}\n"


def test_included_files_add_to_the_first(tmp_path):
    path = write(tmp_path, {
        "main.yaml": MAIN,
        "routes/2.yaml": "routes:\n  - {name: two, match: {path: /2}, upstream: b}\n",
        "routes/1.yaml": "version: 1\nroutes:\n  - {name: one, match: {path: /1}, upstream: a}\n",
        "routes/3.txt": "not read",
        "more.json": '{"upstreams": {"b": {"targets": ["unix:b.sock"], "tls": {"ca": "certs/ca.crt"}}}, "include": ["deep/*"]}',
        "certs/ca.crt": "pem",
        "deep/plugins.yaml": "plugins: [x.y]\nserver: {bind: 'unix:gw.sock'}\n",
    })  # fmt: skip
    document = load(path)
    assert [(route.name, os.path.basename(route.where)) for route in document.routes] == [
        ("one", "1.yaml:3"), ("two", "2.yaml:2"),
    ]  # fmt: skip
    assert document.upstreams[1].targets[0].socket == str(tmp_path / "b.sock")
    assert document.server.bind == (f"unix:{tmp_path}/deep/gw.sock",)
    assert document.plugins == ("x.y",)
    assert set(document.files) == {
        str(tmp_path / name)
        for name in ("main.yaml", "routes/1.yaml", "routes/2.yaml", "more.json", "certs/ca.crt", "deep/plugins.yaml")
    }
    assert document.patterns == (str(tmp_path / "routes/*.yaml"), str(tmp_path / "deep/*"))


def test_names_are_unique_over_all_files_and_complaints_name_both_places(tmp_path, monkeypatch):
    write(tmp_path, {
        "main.yaml": MAIN + "server: {}\nroutes: [{name: r, match: {path: /}, upstream: a}]\n",
        "routes/1.yaml": "upstreams:\n  a: {targets: [http://b]}\nserver: {}\n",
        "more.json": '{"routes": [{"name": "r", "match": {"path": "/2"}, "upstream": "nope"}], "bad": 1}',
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load("main.yaml")
    assert [str(one) for one in caught.value.complaints] == [
        "routes/1.yaml:2:3: upstreams.a: the upstream is written twice, first at main.yaml:4",
        "routes/1.yaml:3:1: server: the section is in two files; the other is at main.yaml:5",
        'more.json:1:22: routes[0].name: the route "r" is written twice, first at main.yaml:6',
        'more.json:1:64: routes[0].upstream: there is no upstream "nope"',
        "more.json:1:74: bad: unknown key (known here: version, include, server, store, upstreams, defaults, routes,"
        " observability, plugins)",
    ]


def test_a_broken_included_file_brings_no_complaints_about_what_it_would_have_held(tmp_path, monkeypatch):
    write(tmp_path, {
        "main.yaml": MAIN + "routes: [{name: r, match: {path: x}, upstream: b}]\n",
        "more.json": "{",
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load("main.yaml")
    assert [str(one)[:40] for one in caught.value.complaints] == [
        "main.yaml:5:34: routes[0].match.path: ex",
        "more.json:2:1: YAML syntax: did not find",
    ]


def test_files_that_include_each_other_are_read_once(tmp_path):
    path = write(tmp_path, {"main.yaml": "version: 1\ninclude: ['*.yaml']\n", "b.yaml": "include: [main.yaml, b.yaml]\n"})
    assert load(path).files == (str(tmp_path / "main.yaml"), str(tmp_path / "b.yaml"))


def test_secret_files_are_among_the_files_even_of_a_bad_configuration(tmp_path):
    path = write(tmp_path, {"main.yaml": "version: 1\nserver: {admin_token: '${file:token}', bad: 1}\n", "token": "x"})
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert set(caught.value.files) == {str(path), str(tmp_path / "token")}


# --- the version


def test_form_order_and_comments_do_not_change_the_version(smallest, tmp_path):
    same = (
        "# a comment\n{\"routes\": [{\"upstream\": \"app\", 'name': all, match: {path: '/{rest:path}'}}], 'version': 1,\n"
        " upstreams: {app: {targets: ['${env:T:-http://127.0.0.1:9000}']}}}"
    )
    assert loads(same, env={}).version == loads(smallest, base=tmp_path).version
    assert len(loads(same, env={}).version) == 16


def test_written_defaults_and_the_split_into_files_do_not_change_it(smallest, tmp_path):
    version = loads(smallest).version
    assert loads(smallest + "store: memory\nserver: {workers: auto, limits: {headers: 100}}\n").version == version
    head, routes = smallest.split("routes:\n")
    path = write(tmp_path, {"main.yaml": head + "include: [r.yaml]\n", "r.yaml": "routes:\n" + routes})
    assert load(path).version == version


def test_content_changes_it_whether_in_the_text_a_secret_or_a_certificate(smallest, tmp_path):
    text = smallest + "    headers: {request: {set: {X-Key: '${file:key}'}}}\n"
    text = text.replace("9000]", "9000], tls: {ca: ca.crt}")
    versions = set()
    for key, ca, status in (("1", "1", 1), ("2", "1", 1), ("2", "2", 1), ("2", "2", 2)):
        write(tmp_path, {"key": key, "ca.crt": ca})
        versions.add(loads(text + f"    priority: {status}\n", base=tmp_path).version)
    assert len(versions) == 4


ROUTES = st.lists(st.integers(0, 30), unique=True, min_size=1, max_size=6)


@given(ROUTES, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_routes_and_keys_never_changes_it(numbers, random, as_json):
    def text(order):
        routes = []
        for number in order:
            members = [("name", f"r{number}"), ("match", {"path": f"/{number}"}), ("upstream", "a"), ("priority", number)]
            random.shuffle(members)
            routes.append(dict(members))
        return json.dumps({"version": 1, "upstreams": {"a": {"targets": ["http://h"]}}, "routes": routes}, indent=random.choice([None, 2]))

    shuffled = numbers[:]
    random.shuffle(shuffled)
    assert loads(text(numbers)).version == loads(text(shuffled)).version
    assert loads(text(numbers)).version != loads(text(numbers[1:])).version


# --- as a value


def walk(value):
    yield value
    if is_dataclass(value):
        for field in fields(value):
            yield from walk(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from walk(item)
    elif isinstance(value, FrozenMap):
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
        assert isinstance(value, str | int | float | bool | None | tuple | FrozenMap) or is_dataclass(value), value
        hash(value)
    with pytest.raises(FrozenInstanceError):
        document.routes[0].name = "x"
    assert replace(document.routes[0], name="x").name == "x"


def test_it_travels_between_processes(tmp_path):
    document = full(tmp_path)
    assert pickle.loads(pickle.dumps(document)) == document


def test_a_worker_needs_neither_yaml_nor_the_schema_to_receive_it(tmp_path):
    (tmp_path / "document").write_bytes(pickle.dumps(full(tmp_path)))
    script = (
        "import pickle, sys; document = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(len(document.routes), [m for m in ('yaml', 'fastjsonschema', 'gateway.config.schema') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "document")], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2 []"


def test_frozen_mappings_are_mappings():
    frozen = freeze({"a": [1, {"b": None}], "c": "d"})
    assert dict(frozen) == {"a": (1, FrozenMap((("b", None),))), "c": "d"}
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
    assert shown["observability"] == {"access_log": {"format": "json", "to": "stdout", "sample": "100%"}}
    assert "tls" not in shown["server"]
    assert shown["routes"] == [{"name": "all", "match": {"path": "/{rest:path}"}, "upstream": "app"}]


# --- in large


def test_ten_thousand_routes(tmp_path):
    """Bounds are several times what it takes (0.8 s and 40 ms), so that a busy machine does not fail them."""
    lines = ["version: 1", "upstreams: {a: {targets: [http://h]}}", "routes:"]
    for number in range(10_000):
        lines += [f"  - name: r{number}", f"    match: {{path: '/a{number}/{{id:int}}', methods: [GET]}}", "    upstream: a",
                  "    rewrite: '/{id}'", "    timeout: 2s"]  # fmt: skip
    path = write(tmp_path, {"main.yaml": "\n".join(lines)})
    started = time.process_time()
    document = load(path)
    assert time.process_time() - started < 4
    assert gc.isenabled()
    assert len(document.routes) == 10_000
    data = pickle.dumps(document)
    started = time.process_time()
    assert pickle.loads(data).version == document.version
    assert time.process_time() - started < 0.2


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70000) | st.sampled_from(["", "x", "5s", "/{a}", "http://h", "unix:", "${env:X}"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["url", "name", "path", "set", "remove", "with", "cert", "hosts", "total", "status", "request"]), inner, max_size=3
    ),
    max_leaves=6,
)  # fmt: skip
PLACES = [
    "include", "server", "server.bind", "server.admin", "server.tls", "server.tls.sni", "server.limits", "upstreams",
    "upstreams.a", "upstreams.a.targets", "upstreams.a.timeout", "upstreams.a.tls", "defaults", "defaults.headers",
    "defaults.policies", "routes", "routes.0", "routes.0.match", "routes.0.match.path", "routes.0.headers",
    "routes.0.headers.request", "routes.0.policies", "routes.0.respond", "routes.0.rewrite", "routes.0.timeout",
    "observability", "observability.access_log", "plugins", "store",
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
        for step in steps:
            inner = holder[step] if isinstance(holder, dict) and step in holder else None
            inner = holder[step] if isinstance(holder, list) and isinstance(step, int) and step < len(holder) else inner
            holder = inner
        if isinstance(holder, dict):
            holder[last] = junk
        elif isinstance(holder, list) and holder and isinstance(last, int):
            holder[last] = junk
    try:
        loads(json.dumps(tree), "x.json", env={})
    except ConfigError as error:
        assert error.complaints
