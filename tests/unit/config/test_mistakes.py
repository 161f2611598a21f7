"""Bad files, and every complaint about them."""

# ruff: noqa: E501 (a table has a row a line)

import pytest

HEAD = "version: 1\nupstreams: {app: {targets: [http://127.0.0.1:9000]}}\n"
"""Two lines, so a server or a route begins on line 3."""


def route(rest: str, match: str = "{path: '/x/{id}'}", action: str = "upstream: app") -> str:
    """One route on line 4; what is given begins in column 8."""
    return f"{HEAD}routes:\n  - {{name: r, match: {match}, {action}{', ' if rest else ''}{rest}}}\n"


def upstream(rest: str) -> str:
    return f"version: 1\nroutes: []\nupstreams:\n  app: {{{rest}}}\n"


def server(rest: str) -> str:
    return f"{HEAD}server: {{{rest}}}\n"


UNBUILT = "is part of the configuration language but not built yet in this version"

SCHEMA = [
    (HEAD + "routs: []\n", "x.yaml:3:1: routs: unknown key (did you mean `routes`?)"),
    (HEAD + "zzz: 1\n", "x.yaml:3:1: zzz: unknown key (known here: version, include, server,"),
    (HEAD.replace("version: 1", "store: memory"), "x.yaml:1:1: version: is missing (The version of the config"),
    (HEAD.replace("1\n", "2\n", 1), "x.yaml:1:10: version: expected `1`, found the number 2"),
    (HEAD.replace("1\n", "true\n", 1), "x.yaml:1:10: version: expected `1`, found true"),
    (HEAD + "routes:\n", "x.yaml:3:8: routes: expected a list, found nothing"),
    (HEAD + "routes: {a: 1}\n", "x.yaml:3:9: routes: expected a list, found a mapping"),
    (HEAD + "routes: [x]\n", 'x.yaml:3:10: routes[0]: expected a mapping, found "x"'),
    (HEAD + "retries: 1\n", "x.yaml:3:1: retries: unknown key"),
    (HEAD + "server: {<<: {bind: x}}\n", 'x.yaml:3:10: server["<<"]: unknown key (YAML 1.2 has no merge keys)'),
    (HEAD + "plugins: [a-b]\n", 'x.yaml:3:11: plugins[0]: expected a Python module, found "a-b"'),
    (server("workers: many"), 'x.yaml:3:19: server.workers: expected `auto` or a whole number from 1 to 1,024, found "man'),
    (server("workers: auot"), "server.workers: expected `auto` or a whole number from 1 to 1,024, found \"auot\" (did you"),
    (server("workers: 0"), "x.yaml:3:19: server.workers: expected `auto` or a whole number from 1 to 1,024, found the number 0"),
    (server("keepalive: 75"), "found the number 75 (a number needs its unit: `75s`?)"),
    (server("keepalive: '75'"), 'found "75" (a number needs its unit: `75s`?)'),
    (server("keepalive: soon"), "server.keepalive: expected a duration such as 250ms, 5s, 10m or 1h, found \"soon\""),
    (server("graceful_timeout: 0s"), "expected a duration longer than zero such as 250ms"),
    (server("limits: {body: 10}"), "x.yaml:3:25: server.limits.body: expected a size such as 512B, 64KB or 10MB"),
    (server("limits: {headers: 201}"), "server.limits.headers: expected a whole number from 1 to 200, found the number 201"),
    (server("limits: {request_line: 32769}"), "expected a whole number from 64 to 32,768"),
    (server("limits: {header_size: 8KB}"), "expected a whole number from 64 to 32,768, found \"8KB\""),
    (server("proxy_protocol: off"), 'server.proxy_protocol: expected true or false, found "off"'),
    (server("connections: 1.5"), "expected a whole number from 1 to 1,000,000, found the number 1.5"),
    (server('bind: "unix:/a\\0"'), 'x.yaml:3:16: server.bind: expected an address such as'),
    (server('tls: {cert: "a\\e[1m\\n", key: b}'), 'server.tls.cert: expected a file name, found "a\\u001b[1m\\n"'),
    (server("bind: []"), "x.yaml:3:16: server.bind: the list is empty"),
    (server("bind: 8000"), "server.bind: expected an address or a list of addresses, found the number 8000"),
    (server("bind: ':8000'"), "server.bind: expected an address such as 127.0.0.1:8000, [::1]:8000 or unix:/run/gateway"),
    (server("admin_token: 12345"), "server.admin_token: expected a string, found something else (put it in quotes)"),
    (server("tls: {cert: a}"), "x.yaml:3:15: server.tls.key: is missing (PEM private key."),
    (server("tls: {cert: a, key: b, http2: true}"), f"x.yaml:3:40: server.tls.http2: `http2: true` {UNBUILT}"),
    (server("overload: {queue: 1}"), f"x.yaml:3:10: server.overload: `overload` {UNBUILT}"),
    (HEAD + "store: redis://x/0\n", f"x.yaml:3:8: store: `store: redis://` {UNBUILT}"),
    (HEAD + "store: memroy\n", 'store: expected `memory`, found "memroy" (did you mean `memory`?)'),
    (HEAD + "auth: {x: {nonsense: '${env:NOPE}'}}\n", f"x.yaml:3:1: auth: `auth` {UNBUILT}"),
    (upstream("retry: {attempts: 2}"), f"x.yaml:4:9: upstreams.app.retry: `retry` {UNBUILT}"),
    (upstream("retri: {attempts: 2}"), "x.yaml:4:9: upstreams.app.retri: unknown key (did you mean `retry`?)"),
    (upstream("balance: p2c"), f"x.yaml:4:18: upstreams.app.balance: `balance: p2c` {UNBUILT}"),
    (upstream("balance: {hash: ip}"), f"upstreams.app.balance: `balance: {{hash: ...}}` {UNBUILT}"),
    (upstream("balance: roundrobin"), "expected `round_robin`, found \"roundrobin\" (did you mean `round_robin`?)"),
    (upstream("targets: [5]"), "upstreams.app.targets[0]: expected a target, found the number 5"),
    (upstream("targets: [{url: http://h, uri: x}]"), "x.yaml:4:35: upstreams.app.targets[0].uri: unknown key (did you mean `url`?)"),
    (upstream("targets: [{url: http://h, weight: 0}]"), "targets[0].weight: expected a whole number from 1 to 65,535"),
    (upstream("targets: [{url: http://h, zone: a}]"), f"upstreams.app.targets[0].zone: `zone` {UNBUILT}"),
    (upstream("pool: {idle: 1x}"), "upstreams.app.pool.idle: expected a duration"),
    ("version: 1\nroutes: []\nupstreams:\n  'a b': {}\n", 'x.yaml:4:3: upstreams["a b"]: expected a name of letters'),
    (route("rate_limit: []"), f"routes[0].rate_limit: `rate_limit` {UNBUILT}"),
    (route("timeout: 5"), "routes[0].timeout: expected a duration longer than zero"),
    (route("rewrite: items"), 'routes[0].rewrite: expected a path such as /items/{id}, found "items"'),
    (route("", match="{}"), "x.yaml:4:22: routes[0].match.path: is missing ({name} is one"),
    (route("", match="{path: x}"), 'routes[0].match.path: expected a path template such as /items/{id:int}, found "x"'),
    (route("", match="{path: /x, headers: {X-Beta: 1}}"), "expected a string, found the number 1 (put it in quotes)"),
    (route("", match="{path: /x, headers: {'X Beta': a}}"), 'headers["X Beta"]: expected a header name (RFC 9110 token)'),
    (route("", match="{path: /x, methods: GET}"), 'routes[0].match.methods: expected a list, found "GET"'),
    (route("policies: [{with: {}}]"), "routes[0].policies[0].name: is missing"),
    (route("", action="respond: {status: 199}"), "respond.status: expected a whole number from 200 to 599, found the num"),
    (HEAD + "observability: {access_log: {format: jsn}}\n", "expected `json` or `combined` or `off`, found \"jsn\" (did you"),
    (HEAD + "observability: {access_log: {sample: 20}}\n", "(a number needs its unit: `20%`?)"),
    (HEAD + "observability: {access_log: off}\n", 'observability.access_log: expected a mapping, found "off"'),
]  # fmt: skip

MEANING = [
    (server("bind: '127.0.0.1:99999'"), 'x.yaml:3:16: server.bind: "127.0.0.1:99999" has no port from 0 to 65535'),
    (server("bind: ['a:1', 'a:1']"), 'x.yaml:3:24: server.bind[1]: "a:1" is named twice'),
    (server("bind: '1.2.3.400:1'"), "is not an IPv4 address"),
    (server("bind: '[::1:1'"), "server.bind: expected an address such as"),
    (server("bind: '[1.2.3.4]:1'"), "is not an IPv6 address in brackets"),
    (server("bind: '127.0.0.1:8001'"), None),
    (server("bind: '127.0.0.1:8001', admin: '127.0.0.1:8001'"), "the admin API may not share an address with `bind`"),
    (server("admin: 0.0.0.0:8001"), "server.admin: the admin API beyond this machine requires `admin_token` (write"),
    (server("admin: 0.0.0.0:8001, admin_token: ''"), "the admin API beyond this machine requires `admin_token`"),
    (server("admin: 0.0.0.0:8001, admin_token: abc"), None),
    (server("admin: '[::1]:8001'"), None),
    (server("admin: localhost:8001"), None),
    (server("admin: 'unix:/run/admin.sock'"), None),
    (server("admin_token: 'a b'"), "a token may hold only visible ASCII characters, and no spaces"),
    (server("trusted_proxies: [10.0.0.1/8]"), '"10.0.0.1/8" is not an address or a network (did you mean `10.0.0.0/8`'),
    (server("trusted_proxies: [nobody]"), '"nobody" is not an address or a network'),
    (server("trusted_proxies: [10.0.0.1, '::/0', 10.0.0.0/8]"), None),
    (server("tls: {cert: nope.crt, key: nope.key}"), 'server.tls.cert: the file "nope.crt" cannot be read: no such file'),
    (upstream("targets: ['http://h:1', 'http://H:1/']"), 'targets[1]: the target "http://H:1/" is written twice'),
    (upstream("targets: ['http://h', 'http://h:80']"), "is written twice (give it a `weight` instead)"),
    (upstream("targets: ['http://h/x']"), '"http://h/x" has a path, a query or a fragment'),
    (upstream("targets: ['http://h?']"), "has a path, a query or a fragment"),
    (upstream("targets: ['http://h#a']"), "has a path, a query or a fragment"),
    (upstream("targets: ['http://me:pw@h']"), "holds a user name"),
    (upstream("targets: ['http://h:0']"), "has no port from 1 to 65535"),
    (upstream("targets: ['http://h:']"), "has no port from 1 to 65535"),
    (upstream("targets: ['http://']"), "has a host that is not a host name"),
    (upstream("targets: ['http://a_b.c:1']"), None),
    (upstream("targets: ['http://-a']"), "has a host that is not a host name"),
    (upstream("targets: ['http://[::1']"), "is not a url (write http://host:port)"),
    (upstream("targets: ['http://::1']"), "has a host that is not a host name: it has a colon"),
    (upstream("targets: ['http://[::1]:80', 'https://[::1]', 'unix:/run/x']"), None),
    (upstream("targets: ['127.0.0.1:80']"), "does not begin with http://, https:// or unix:/ (write http://127.0.0.1:80)"),
    (upstream("targets: ['htp://h']"), "does not begin with http://, https:// or unix:/ (did you mean `http`?)"),
    (upstream("targets: ['grpc://h:1']"), f"upstreams.app.targets[0]: `grpc://` {UNBUILT}"),
    (upstream('targets: ["unix:/a\\0"]'), 'upstreams.app.targets[0]: expected a target such as'),
    (upstream("targets: ['unix:']"), '"unix:" names no socket (write unix:/run/app.sock)'),
    (upstream("targets: ['unix://x']"), "names no socket"),
    (upstream("timeout: {connect: 9s, total: 8s}"), "app.timeout.connect: `connect` is longer than `total`"),
    (upstream("timeout: {read: 90s}"), "`read` is longer than `total`, which is 60s when it is not written"),
    (upstream("timeout: {total: 1s}"), None),
    (upstream("tls: {client_cert: x}"), "upstreams.app.tls: `client_cert` and `client_key` need each other"),
    (upstream("tls: {ca: nope}"), 'upstreams.app.tls.ca: the file "nope" cannot be read'),
    (upstream("tls: {server_name: 'a b'}"), 'upstreams.app.tls.server_name: "a b" is not a host name'),
    (route("", action="upstream: ap"), 'routes[0].upstream: there is no upstream "ap" (did you mean `app`?)'),
    (route("", action="upstream: zzz"), 'routes[0].upstream: there is no upstream "zzz"'),
    (route("", action="priority: 1"), "x.yaml:4:5: routes[0]: the route does nothing (it needs `upstream` or `respond`)"),
    (route("respond: {status: 200}"), "x.yaml:4:56: routes[0].respond: a route has either `upstream` or `respond`, not both"),
    (route("rewrite: /x", action="respond: {status: 200}"), "routes[0].rewrite: `rewrite` has no effect beside `respond`"),
    (route("timeout: 1s", action="respond: {status: 200}"), "routes[0].timeout: `timeout` has no effect beside"),
    (route("", action="split: []"), f"`split` {UNBUILT}"),
    (route("", match="{path: '/a//b'}"), "routes[0].match.path: the path has an empty segment (//)"),
    (route("", match="{path: '/a/../b'}"), "the path has a `..` segment"),
    (route("", match="{path: '/./b'}"), "the path has a `.` segment"),
    (route("", match="{path: '/a?b'}"), "the path has a space, a control character, \\, ?, # or a lone % in it"),
    (route("", match="{path: '/a b'}"), "(encode it as %XX)"),
    (route("", match="{path: '/a%2'}"), "a lone %"),
    (route("", match="{path: '/a%20b/é/~!$&()*+,;=:@'}"), None),
    (route("", match="{path: '/a/{id}.json'}"), "a parameter is a whole segment: {name} or {name:int}"),
    (route("", match="{path: '/a/{1}'}"), "a parameter is a whole segment"),
    (route("", match="{path: '/a/{id:integer}'}"), "has no type among int, float, uuid, dt, path (did you mean `int`?)"),
    (route("", match="{path: '/{id}/{id:int}'}"), "the parameter {id} is there twice"),
    (route("", match="{path: '/{r:path}/x'}"), "{r:path} takes the rest of the path, so it must be the last segment"),
    (route("", match="{path: '/{r:path}/'}"), "so it must be the last segment"),
    (route("", match="{path: '/'}"), None),
    (route("", match="{path: '/a/{b:uuid}/{c:dt}/{d:float}/{e:int}/{f:path}'}"), None),
    (route("", match="{path: /x, methods: [get]}"), '"get" is not a method in upper case (RFC 9110 section 9.1) (did you m'),
    (route("", match="{path: /x, methods: ['GE T']}"), '"GE T" is not a method in upper case'),
    (route("", match="{path: /x, methods: [TRACE]}"), '"TRACE" is never routed'),
    (route("", match="{path: /x, methods: [CONNECT]}"), '"CONNECT" is never routed'),
    (route("", match="{path: /x, methods: [GET, GET]}"), 'routes[0].match.methods[1]: "GET" is there twice'),
    (route("", match="{path: /x, methods: [PURGE, M-SEARCH]}"), None),
    (route("", match="{path: /x, hosts: ['a.*.com']}"), '"a.*.com" is not a host name (a wildcard stands only in front'),
    (route("", match="{path: /x, hosts: ['*']}"), "for any host leave `hosts` out"),
    (route("", match="{path: /x, hosts: ['x.com:80']}"), "(hosts are compared without port: `x.com`)"),
    (route("", match="{path: /x, hosts: ['bücher.de']}"), "(write it as it travels, in punycode (xn--…))"),
    (route("", match="{path: /x, hosts: [a.com, A.com]}"), '"A.com" is there twice'),
    (route("", match="{path: /x, hosts: ['*.a.com', a.com, '[::1]', 10.0.0.1]}"), None),
    (route("", match="{path: /x, headers: {X-A: a, x-a: b}}"), 'the header "x-a" is there twice; names are compared'),
    (route("rewrite: '/{idd}'"), "routes[0].rewrite: the variable {idd} is no parameter of the path (did you mean `id`?)"),
    (route("rewrite: '/{claim.sub}'"), f"`{{claim.name}}` {UNBUILT}"),
    (route("rewrite: '/{id'"), "a brace that is no variable"),
    (route("rewrite: '/a b'"), "a rewrite may hold only visible ASCII, and no #"),
    (route("rewrite: '/a#b'"), "a rewrite may hold only visible ASCII, and no #"),
    (route("rewrite: '/{id}?v={query.v}&h={header.X-A}'"), None),
    (route("headers: {request: {set: {Connection: close}}}"), 'the header "Connection" belongs to one connection'),
    (route("headers: {response: {add: {content-length: '1'}}}"), 'the header "content-length" belongs to one connection'),
    (route("headers: {response: {remove: [Transfer-Encoding]}}"), 'the header "Transfer-Encoding" belongs to one connec'),
    (route("headers: {request: {set: {X-A: '{nope}'}}}"), "the variable {nope} is no parameter of the path"),
    (route('headers: {request: {set: {X-A: "a\\nb"}}}'), "a header's value may not hold line breaks"),
    (route('headers: {request: {set: {X-A: "a\\0"}}}'), "a header's value may not hold line breaks"),
    (route("headers: {request: {set: {X-A: a}, remove: [x-a]}}"), 'the header "x-a" is in `set` already'),
    (route("headers: {request: {set: {X-A: a}, add: {X-A: b}}}"), 'the header "X-A" is in `set` already'),
    (route("headers: {request: {set: {Host: a}}}"), None),
    (route("headers: {request: {add: {Host: a}}}"), "Host can only be set, and only on the request"),
    (route("headers: {request: {set: {X-A: \"a\\tb é\"}}}"), None),
    (route("", action="respond: {status: 204, body: x}"), "an answer with status 204 has no body"),
    (route("", action="respond: {status: 200, body: '{\"ok\": true, \"id\": \"{id}\"}'}"), None),
    (route("", action="respond: {status: 200, body: '{nope}'}"), "routes[0].respond.body: the variable {nope} is no param"),
    (route("", action="respond: {status: 200, headers: {TE: x}}"), 'the header "TE" belongs to one connection'),
    (route("policies: [a, {name: a}]"), 'routes[0].policies[1].name: the policy "a" is there twice'),
    (HEAD + "defaults: {headers: {request: {set: {X-A: '{id}'}}}}\n", "the variable {id} cannot be known in `defaults`"),
    (HEAD + "defaults: {headers: {request: {set: {X-A: '{query.v}{header.Y}'}}}}\n", None),
    (HEAD + "observability: {access_log: {to: /nope/x.log}}\n", 'access_log.to: the folder of "/nope/x.log" does not exist'),
    (HEAD + "observability: {access_log: {to: /tmp}}\n", 'observability.access_log.to: "/tmp" is a folder'),
    (HEAD + "include: [nope.yaml]\n", 'x.yaml:3:11: include[0]: the file "nope.yaml" does not exist'),
    (HEAD + "include: ['nope/*.yaml']\n", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SCHEMA + MEANING)
def test_one_mistake_gets_one_complaint(complaints, text, expected):
    found = complaints(text)
    if expected is None:
        assert found == []
        return
    assert expected in "\n".join(found)
    others = [one for one in found if expected not in one and "cannot be read" not in one]
    assert others == []
