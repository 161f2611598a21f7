"""Roles, and what routes say of who may call: `auth`, `ip` and templates with {claim.name}."""

# ruff: noqa: E501 (a table has a row a line)

import pytest

from gateway.auth.model import Access, ClaimRule, Role
from gateway.config.document import loads
from gateway.config.header_edits_model import HeaderEdit
from gateway.policies.ip.options import IpRules

NOTHING = HeaderEdit((), (), ())
PROVIDERS = (
    "auth: {staff: {jwt: {algorithms: [ES256], jwks: https://h/k, audience: a}}, partners: {api_key: {stored: true}}}\n"
)
ROLES = "roles: {viewer: {allow: [items:read]}, editor: {inherits: [viewer]}}\n"
UPSTREAMS = "upstreams: {app: {targets: [http://h]}}\n"


def document(route: str = "", rest: str = "", path: str = "/v1/{tenant}/{id:int}") -> str:
    """A route on line 6; what is given begins in column 11."""
    body = f"  - {{{route}{', ' if route else ''}name: r, match: {{path: '{path}'}}, upstream: app}}\n"
    return f"version: 1\n{UPSTREAMS}{PROVIDERS}{ROLES}routes:\n{body}{rest}"


def read(route: str = "", rest: str = "", **env: str):
    return loads(document(route, rest), "x.yaml", env=env)


def access(auth: str, **env: str):
    return read(f"auth: {auth}", **env).routes[0].access


def test_a_route_without_auth_lets_everybody_in():
    route = read().routes[0]
    assert (route.access, route.cors, route.ip) == (None, None, None)
    assert (read().defaults.access, read().defaults.cors, read().defaults.ip) == (None, None, None)


def test_the_short_form():
    assert access("staff") == Access(("staff",), (), (), (), is_optional=False, where="x.yaml:6")


def test_all_that_a_route_may_ask_for():
    found = access(
        "{use: [staff, partners], scopes: [items:read, a], roles: [viewer], optional: true, claims: {tenant: '{tenant}',"
        " level: 5, trial: false, region: [eu, us, 1.5, true], path: {prefix: 'org/{tenant}/'}, 'https://x.test/y': z}}"
    )
    rules = (
        ClaimRule("tenant", "equals", ("{tenant}",)),
        ClaimRule("level", "equals", (5,)),
        ClaimRule("trial", "equals", (False,)),
        ClaimRule("region", "one_of", ("eu", "us", 1.5, True)),
        ClaimRule("path", "prefix", ("org/{tenant}/",)),
        ClaimRule("https://x.test/y", "equals", ("z",)),
    )
    assert found == Access(
        ("staff", "partners"), ("items:read", "a"), ("viewer",), rules, is_optional=True, where="x.yaml:6"
    )


@pytest.mark.parametrize("asked", ["scopes: [a]", "roles: [viewer]", "claims: {a: b}"])
def test_what_is_asked_of_strangers_is_asked_of_nobody(asked):
    found = read(f"auth: {{use: staff, optional: true, {asked}}}")
    (told,) = map(str, found.warnings)
    words = f"`{asked.partition(':')[0]}` is asked of callers who show a credential; who shows none gets in"
    assert told == f"x.yaml:6:25: routes[0].auth.optional: {words}"
    assert not read("auth: {use: staff, optional: true}").warnings


def test_a_claim_from_a_reference_stays_a_string():
    found = access("{use: staff, claims: {a: '${env:N}', b: ['${env:T}', 7]}}", N="42", T="true")
    assert [rule.values for rule in found.claims] == [("42",), ("true", 7)]


def test_the_defaults_hold_for_routes_that_say_nothing():
    rest = "defaults: {auth: {use: staff, scopes: [a]}, cors: web, ip: {allow: [10.0.0.0/8]}}\ncors: {web: {origins: ['*']}}\n"
    said = Access(("staff",), ("a",), (), (), is_optional=False, where="x.yaml:7")
    ip = IpRules(("10.0.0.0/8",), (), "x.yaml:7")
    route = read("", rest).routes[0]
    assert (route.access, route.cors, route.ip) == (said, "web", ip)
    assert read("", rest).defaults.access == said
    route = read("auth: partners, ip: {deny: [1.2.3.4]}", rest).routes[0]
    assert route.access == Access(("partners",), (), (), (), is_optional=False, where="x.yaml:6")
    assert route.ip == IpRules((), ("1.2.3.4/32",), "x.yaml:6")
    route = read("auth: off, cors: off, ip: off", rest).routes[0]
    assert (route.access, route.cors, route.ip) == (None, None, None)


def test_roles_have_what_they_inherit():
    text = "version: 1\nroles: {a: {inherits: [b, c], allow: [x]}, b: {inherits: [d], allow: [y, x]}, c: {inherits: [d]}, d: {allow: [z]}, e: {}}\n"
    assert loads(text).roles == (
        Role("a", ("a", "b", "c", "d"), ("x", "y", "z")),
        Role("b", ("b", "d"), ("y", "x", "z")),
        Role("c", ("c", "d"), ("z",)),
        Role("d", ("d",), ("z",)),
        Role("e", ("e",), ()),
    )


def test_a_long_line_of_heirs():
    roles = ", ".join(f"r{number}: {{inherits: [r{number + 1}]}}" for number in range(1500))
    assert len(loads(f"version: 1\nroles: {{{roles}, r1500: {{allow: [x]}}}}\n").roles[0].counts_as) == 1501


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ("{a: {inherits: [b]}}", ['x.yaml:2:24: roles.a.inherits[0]: there is no role "b"']),
        (
            "{admin: {inherits: [editr]}, editor: {}}",
            ['roles.admin.inherits[0]: there is no role "editr" (did you mean `editor`?)'],
        ),
        ("{a: {inherits: [a]}}", ["x.yaml:2:13: roles.a.inherits: it inherits itself: a -> a"]),
        (
            "{a: {inherits: [b]}, b: {inherits: [c]}, c: {inherits: [a]}}",
            ["roles.a.inherits: it inherits itself: a -> b -> c -> a"],
        ),
        (
            "{x: {inherits: [a]}, a: {inherits: [b]}, b: {inherits: [a]}}",
            ["roles.a.inherits: it inherits itself: a -> b -> a"],
        ),
        ("{a: {inherits: [a]}, b: {inherits: [b]}}", ["itself: a -> a", "itself: b -> b"]),
        ("{a: {allow: ['x y']}}", ["roles.a.allow[0]: expected a scope without spaces"]),
        ("{a: {allow: ['']}}", ["roles.a.allow[0]: expected a scope without spaces"]),
        ("{a: {alow: [x]}}", ["roles.a.alow: unknown key (did you mean `allow`?)"]),
        ("{off: {}}", ["roles.off: `off` cannot be a name"]),
        ("{'a b': {}}", ["expected a name of letters, digits, `_`, `-` and `.` as a key"]),
    ],
)
def test_roles_that_cannot_be(complaints, roles, expected):
    found = complaints(f"version: 1\nroles: {roles}\n")
    assert len(found) == len(expected)
    for one, words in zip(found, expected, strict=True):
        assert words in one


AUTH = [
    ("auth: stuff", 'x.yaml:6:12: routes[0].auth: there is no "stuff" under `auth` (did you mean `staff`?)'),
    ("auth: ''", 'routes[0].auth: there is no "" under `auth`'),
    ("auth: true", "routes[0].auth: expected a name under `auth`, `off`, or a mapping with `use`, found true"),
    ("auth: [staff]", "routes[0].auth: expected a name under `auth`, `off`, or a mapping with `use`, found a list"),
    ("auth: {}", "routes[0].auth.use: is missing"),
    ("auth: {use: []}", "routes[0].auth.use: the list is empty"),
    ("auth: {use: [staff, partner]}", 'routes[0].auth.use[1]: there is no "partner" under `auth` (did you mean `partners`?)'),
    ("auth: {use: off}", 'routes[0].auth.use: there is no "off" under `auth`'),
    ("auth: {use: [staff, staff]}", 'routes[0].auth.use[1]: "staff" is there twice'),
    ("auth: {use: staff, roles: [vewer]}", 'routes[0].auth.roles[0]: there is no role "vewer" (did you mean `viewer`?)'),
    ("auth: {use: staff, roles: []}", "routes[0].auth.roles: the list is empty"),
    ("auth: {use: staff, scopes: ['a b']}", "routes[0].auth.scopes[0]: expected a scope without spaces"),
    ("auth: {use: staff, scopes: ['']}", "routes[0].auth.scopes[0]: expected a scope without spaces"),
    ("auth: {use: staff, scopes: [a, a]}", 'routes[0].auth.scopes[1]: "a" is there twice'),
    ("auth: {use: staff, scope: [a]}", "routes[0].auth.scope: unknown key (did you mean `scopes`?)"),
    ("auth: {use: staff, claims: {a: '{tennant}'}}", "routes[0].auth.claims.a: the variable {tennant} is no parameter of the path (did you mean `tenant`?)"),
    ("auth: {use: staff, claims: {a: [b, '{no}']}}", "routes[0].auth.claims.a[1]: the variable {no} is no parameter of the path"),
    ("auth: {use: staff, claims: {a: '{header.X}'}}", "routes[0].auth.claims.a: a claim may be compared with parameters of the path only"),
    ("auth: {use: staff, claims: {a: '{claim.b}'}}", "a claim may be compared with parameters of the path only"),
    ("auth: {use: staff, claims: {a: ''}}", "routes[0].auth.claims.a: the value is empty"),
    ("auth: {use: staff, claims: {a: []}}", "routes[0].auth.claims.a: the list is empty"),
    ("auth: {use: staff, claims: {a: null}}", "routes[0].auth.claims.a: expected a value, a list of values, or {prefix: ...}, found nothing"),
    ("auth: {use: staff, claims: {a: [[b]]}}", "routes[0].auth.claims.a[0]: expected a string, a number, true or false, found a list"),
    ("auth: {use: staff, claims: {a: {prefix: ''}}}", "routes[0].auth.claims.a.prefix: the value is empty"),
    ("auth: {use: staff, claims: {a: {prefix: '{tenant}'}}}", "routes[0].auth.claims.a.prefix: a prefix that ends with a parameter is one that callers could shorten"),
    ("auth: {use: staff, claims: {a: {prefix: x, suffix: y}}}", "routes[0].auth.claims.a.suffix: unknown key (known here: prefix)"),
    ("auth: {use: staff, optional: 1}", "routes[0].auth.optional: expected true or false"),
    ("ip: {}", "routes[0].ip: it says nothing (write `allow` or `deny`)"),
    ("ip: on", "routes[0].ip: expected `off`, or a mapping with `allow` or `deny`"),
    ("ip: {allow: [10.0.0.1/8]}", 'x.yaml:6:19: routes[0].ip.allow[0]: "10.0.0.1/8" is not an address or a network (did you mean `10.0.0.0/8`?)'),
    ("ip: {deny: [nobody]}", '"nobody" is not an address or a network'),
    ("ip: {deny: []}", "routes[0].ip.deny: the list is empty"),
    ("ip: {deny: ['::/0', 10.0.0.1]}", None),
    ("cors: web", 'routes[0].cors: there is no "web" under `cors`'),
    ("rewrite: '/x/{claim.sub}'", "routes[0].rewrite: the variable {claim.sub} cannot be known here (the route has no `auth`)"),
    ("rewrite: '/x/{claim.sub}', auth: off", "the variable {claim.sub} cannot be known here"),
    ("rewrite: '/x/{claim.sub}', auth: staff", None),
    ("headers: {request: {set: {X-A: '{claim.realm.name}'}}}", "routes[0].headers.request.set.X-A: the variable {claim.realm.name} cannot be known here"),
    ("headers: {request: {set: {X-A: '{claim.realm.name}'}}}, auth: staff", None),
    ("headers: {preset: security}", None),
    ("headers: {preset: secure}", "routes[0].headers.preset: expected `security`"),
]  # fmt: skip


@pytest.mark.parametrize(("route", "expected"), AUTH)
def test_one_mistake_gets_one_complaint(complaints, route, expected):
    found = complaints(document(route))
    if expected is None:
        assert found == []
        return
    (one,) = found
    assert expected in one


@pytest.mark.parametrize(
    ("defaults", "expected"),
    [
        ("auth: stuff", 'x.yaml:7:18: defaults.auth: there is no "stuff" under `auth`'),
        ("auth: {use: staff, roles: [no]}", 'defaults.auth.roles[0]: there is no role "no"'),
        ("auth: {use: staff, claims: {a: '{tenant}'}}", "defaults.auth.claims.a: the variable {tenant} cannot be known in `defaults`"),
        ("cors: web", 'defaults.cors: there is no "web" under `cors`'),
        ("ip: {allow: [x]}", 'defaults.ip.allow[0]: "x" is not an address'),
        ("auth: staff, headers: {request: {set: {X-A: '{claim.sub}'}}}", "the variable {claim.sub} cannot be known in `defaults`"),
    ],
)  # fmt: skip
def test_a_mistake_in_defaults(complaints, defaults, expected):
    (found,) = complaints(document("", f"defaults: {{{defaults}}}\n"))
    assert expected in found


def test_a_preset_of_headers_is_the_routes_own_or_that_of_the_defaults():
    rest = "defaults: {headers: {preset: security}}\n"
    assert read("", rest).routes[0].headers.preset == "security"
    assert read("", rest).defaults.headers.preset == "security"
    own = read("headers: {response: {set: {X-A: b}}}", rest).routes[0].headers
    assert (own.preset, own.response.set) == ("security", (("X-A", "b"),))
    assert read("headers: {preset: security}").routes[0].headers.request == NOTHING
    assert read("headers: {request: {remove: [X-A]}}").routes[0].headers.preset == ""


def test_a_leg_of_a_split_has_no_preset(complaints):
    legs = "[{upstream: app, headers: {preset: security}}]"
    (found,) = complaints(f"version: 1\n{UPSTREAMS}routes: [{{name: r, match: {{path: /}}, split: {legs}}}]\n")
    assert "routes[0].split[0].headers.preset: a preset is for all of a route, not for a leg" in found
