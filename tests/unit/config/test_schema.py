import json
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import unsupported as not_built
from gateway.config.schema import ID, children, json_schema, json_text, resolve, types_at
from gateway.config.validate import Explainer, _validator
from gateway.config.yaml import Source

PUBLISHED = Path(__file__).parents[3] / "conf" / "gateway.schema.json"


def nodes(schema, path=()):
    """Every schema in the schema that describes a value under a key."""
    for name, part in schema.get("properties", {}).items():
        yield (*path, name), part
        yield from nodes(resolve(part), (*path, name))
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from nodes(resolve(schema[name]), (*path, name))
    for branch in schema.get("anyOf", ()):
        yield from nodes(resolve(branch), path)


def test_the_published_schema_is_current():
    assert PUBLISHED.read_text() == json_text(), "run: gateway schema > conf/gateway.schema.json"


def test_it_is_draft_07_with_a_title_and_an_address_of_its_own():
    schema = json.loads(json_text())
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["$id"] == ID and urlsplit(ID).scheme == "https"
    assert schema["title"]


def test_every_key_is_described_for_editors():
    found = dict(nodes(json_schema()))
    assert len(found) > 100
    for path, schema in found.items():
        assert resolve(schema).get("description", "").strip(), path


def patterns():
    found = re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', json_text())
    return sorted({json.loads(f'"{each}"') for each in found})


def test_every_pattern_is_plain_enough_for_any_engine():
    assert len(patterns()) > 8
    for pattern in patterns():
        re.compile(pattern)
        assert not re.search(r"\(\?[^:=!]|\\[AZzpPdwb]", pattern), pattern


def test_every_pattern_compiles_in_javascript():
    code = """for (const each of JSON.parse(require("fs").readFileSync(0)))
                try { new RegExp(each, "u") } catch (error) { console.log(each) }"""
    wrong = '["]$'.replace('"', '\\"')
    done = subprocess.run(
        ["node", "-e", code], input=json.dumps([*patterns(), wrong]), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [wrong]


def test_what_is_not_built_is_not_published():
    assert '"not"' not in json_text() and "x-not-built" not in json_text()
    keys = {key for names in not_built.KEYS.values() for key in names}
    assert keys and not keys & {path[-1] for path, _ in nodes(json.loads(json_text()))}


def test_editors_accept_references_where_numbers_belong():
    validator = jsonschema_rs.Draft7Validator({key: value for key, value in json_schema().items() if key != "$id"})
    text = """{"version": 1, "server": {"workers": "${env:W}", "connections": "${env:C}", "keepalive": "${env:K:-5s}",
              "proxy_protocol": "${env:P}"}, "observability": {"access_log": {"format": "${env:F}"}}}"""
    assert validator.is_valid(json.loads(text))


@pytest.mark.parametrize(("place", "keys"), not_built.KEYS.items())
def test_every_row_of_the_table_of_what_is_not_built_is_in_the_schema(place, keys):
    path = [0 if step == "[]" else step for step in re.findall(r"[^.\[]+|\[\]", place)]
    found = [json_schema()]
    for step in path:
        found = [child for schema in found for child in children(schema, step)]
    for key in keys:
        assert [part["not"] for schema in found for part in children(schema, key)] == [{}], (place, key)


def test_types_at_a_path():
    assert types_at(("server", "connections")) == {"integer", "string"}
    assert types_at(("upstreams", "any", "tls", "insecure")) == {"boolean", "string"}
    assert types_at(("routes", 3, "name")) == {"string"}
    assert types_at(("routes", 3, "policies", 0, "with", "x")) == set()


WHOLE = """\
version: 1
include: []
server: {bind: [127.0.0.1:1, "unix:/x"], workers: 2, tls: {cert: a, key: b, sni: [{hosts: [a], cert: b, key: c}]},
  limits: {headers: 5, body: 1MB}, keepalive: 1s, proxy_protocol: false}
store: memory
auth:
  j: {jwt: {issuer: [a], audience: b, algorithms: [RS256], jwks: {url: https://h/k, stale: 1h}, from: [header:A],
     forward: {X-A: sub}, internal_token: {key: k}, required: [exp]}, on_store_failure: deny}
  k: {api_key: {keys: ["a:b"], consumers: {a: {roles: [b], plan: gold, size: 1.5}}}}
  s: {session: {oidc: {issuer: https://h, client_id: c, scopes: [openid]}, csrf: {cookie: a}, paths: {login: /l}}}
  i: {issuer: {algorithm: EdDSA, key: k, login: {upstream: a, path: /v}, from: cookie:t}}
  m: {mtls: {subjects: [CN=a], sans: [b]}}
roles: {r: {inherits: [s], allow: [x]}}
cors: {w: {origins: ["*"], methods: [GET], headers: [A], credentials: true, max_age: 1m}}
upstreams: {a: {targets: [http://h, {url: http://i, weight: 2}], timeout: {read: 1s}, balance: round_robin},
  b: {balance: {hash: ip, headroom: 5%}, slow_start: 1s}}
defaults: {auth: {use: [j, k], scopes: [x], roles: [r], claims: {a: {prefix: b}, c: [1, x], d: true}, optional: true},
  cors: w, ip: {allow: [10.0.0.0/8]}, headers: {preset: security, response: {set: {A: b}, remove: [B]}}, policies: [x]}
routes:
  - {name: r, match: {path: /x, methods: [GET], hosts: [h], headers: {A: b}, query: {c: d}}, upstream: a, timeout: 2s,
     policies: [x, {name: y, with: {any: [1, null]}}], priority: 3,
     auth: {use: s, claims: {a: 1.5}}, cors: off, ip: off}
  - {name: s, match: {path: /y}, respond: {status: 200, headers: {A: b}, body: c}}
observability: {access_log: {format: off, to: stdout, sample: 5%}}
plugins: [a.b]
"""
VALUES = st.sampled_from(
    [None, True, False, 0, 1, -1, 10**9, 1.5, "", "x", "5s", "0s", "1MB", "5%", "auto", "off", "memory", "${env:X}",
     "5s\n", "redis://x", "p2c", "a b", [], {}, ["x"], {"x": 1}, {"hash": "ip"}, {"url": "x"}, {"name": "z"}, [{}],
     [None]]
)  # fmt: skip
KEYS = st.sampled_from(
    [
        "x",
        "retry",
        "auth",
        "jwt",
        "claims",
        "prefix",
        "use",
        "ip",
        "name",
        "url",
        "timeout",
        "tls",
        "overload",
        "version",
        "zone",
        "<<",
        "a b",
    ]
)


def tree(value):
    """A plain value as the loader would hold it."""
    return Source(json.dumps({"value": value}).encode(), "x.yaml").root["value"]


def spots(tree, found=()):
    """All (holder, key) in a tree."""
    found = list(found)
    for key, value in list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree)):
        found.append((tree, key))
        if isinstance(value, dict | list):
            found += spots(value)
    return found


@given(st.data())
def test_the_walk_that_explains_agrees_with_the_validator(data):
    """Whatever is changed in a good file, both refuse it or neither does: an error never goes without words."""
    root = Source(WHOLE.encode(), "x.yaml").root
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(spots(root)))
        change = data.draw(st.sampled_from(["replace", "delete", "add"]))
        if change == "replace":
            holder[key] = tree(data.draw(VALUES))
        elif isinstance(holder, dict) and change == "delete":
            del holder[key]
        elif isinstance(holder, dict):
            holder[data.draw(KEYS)] = tree(data.draw(VALUES))
    assert (Explainer().explain(root) == []) is _validator().is_valid(root)
