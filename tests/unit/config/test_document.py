import pytest

from gateway.config.document import loads
from gateway.config.header_edits_model import HeaderEdit
from gateway.config.model import Match, PluginPolicy, RouteTimeout
from gateway.handlers.respond_model import Respond
from gateway.http.frozen import FrozenDict
from gateway.policies.rewrite.model import Rewrite
from gateway.server.options import Certificate, Limits
from gateway.upstream.balance.options import Balance
from gateway.upstream.options import Pool, Target, UpstreamTimeout, UpstreamTLS


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
    assert (upstream.name, upstream.balance, upstream.where) == ("app", Balance("p2c"), "x.yaml:3")
    assert upstream.timeout == UpstreamTimeout(2.0, 30.0, 60.0)
    assert upstream.pool == Pool(256, 60.0)
    assert upstream.tls == UpstreamTLS("", "", "", "", insecure=False)
    assert (document.plugins, document.files, document.patterns, document.warnings) == ((), (), (), ())


def test_what_is_not_written_has_a_safe_default(smallest):
    server = loads(smallest).server
    assert (server.bind, server.admin, server.admin_token) == (("127.0.0.1:8000",), "127.0.0.1:8001", "")
    assert (server.workers, server.connections, server.keepalive, server.graceful_timeout) == (None, 4000, 75.0, 30.0)
    assert (server.trusted_proxies, server.tls, server.proxy_protocol) == ((), None, False)
    assert server.drain_delay == 0.0
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
        "version: 1\nupstreams:\n  a:\n    targets: [{url: https://H, weight: 3}, 'http://[::1]:81/', unix:/run/a]\n"
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


def test_a_websocket_may_be_idle_for_longer_than_a_request_may_take():
    document = loads("version: 1\nupstreams: {a: {targets: [http://h], timeout: {total: 1s, idle: 1h}}}\n")
    assert document.upstreams[0].timeout == UpstreamTimeout(1.0, 1.0, 1.0, 3600.0)


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
    options = FrozenDict((("any", (1, FrozenDict((("x", None),)))), ("on", "yes")))
    assert one.policies == (
        PluginPolicy("plain", FrozenDict(), "x.yaml:12"), PluginPolicy("full", options, "x.yaml:13"),
    )  # fmt: skip
    assert one.priority == -3


def test_an_answer_of_our_own(route):
    document = route(
        "match: {path: '/old/{rest:path}'}",
        "respond:",
        "  status: 301",
        "  headers: {Location: '/v1/{rest}'}",
        "  body: b",
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
    own = "headers: {response: {set: {x-a: o, x-e: o}, add: {X-B: o}, remove: [x-c, X-D]}, request: {remove: [X-F]}}"
    merged = route(*lines, own, "policies: [three, two]", before=defaults).routes[0]
    assert merged.headers.response == HeaderEdit(
        set=(("x-a", "o"), ("x-e", "o")), add=(("X-B", "o"),), remove=("x-c", "X-D", "Server")
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
            "upstreams: {a: {timeout: {total: 1s}}}\nroutes: [{name: r, match: {path: /}, upstream: a, timeout: 2s}]",
            "x.yaml:3:10: routes[0]: `timeout` has no effect: the upstream a ends at 1s",
        ),
    ],
)
def test_what_is_allowed_but_odd_gets_a_warning(text, words):
    warnings = [str(one) for one in loads(f"version: 1\n{text}\n", "x.yaml").warnings]
    assert any(words in one for one in warnings), warnings


def test_where_a_target_runs_is_kept() -> None:
    targets = "[{url: 'http://h', weight: 3, zone: eu-west-1a, region: eu}]"
    target = loads(f"version: 1\nupstreams:\n  a: {{targets: {targets}}}\nroutes: []\n").upstreams[0].targets[0]
    assert (target.weight, target.zone, target.region) == (3, "eu-west-1a", "eu")


@pytest.mark.parametrize(
    ("path", "strange"), [("/a/*", "*"), ("/a/**", "**"), ("/u/:id", ":id"), ("/u/<int:id>/b", "<int:id>")]
)
def test_paths_as_others_write_them_are_warned_of(path, strange):
    document = loads(
        f"version: 1\nroutes: [{{name: a, match: {{path: '{path}'}}, respond: {{status: 204}}}}]\n", "x.yaml"
    )
    (warning,) = document.warnings
    assert str(warning) == (
        f"x.yaml:2:34: routes[0].match.path: `{strange}` is compared as it is; a parameter is {{name}}, "
        "the rest of the path {name:path}"
    )
