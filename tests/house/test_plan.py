"""A Plan is a value: whoever walks it meets nothing that could be changed, but for the places where state lives."""

import ipaddress
import re
import types

import pytest

from gateway._fast.token_bucket import Buckets
from gateway.auth.api_key.authenticator import StoredApiKeys
from gateway.auth.jwt.jwks import RemoteJwks
from gateway.auth.oidc.client import OpenIdClient
from gateway.auth.revocation_list import RevocationList
from gateway.auth.runtime import AuthRuntime
from gateway.auth.session.authenticator import SessionAuthenticator
from gateway.auth.session.refresh import TokenRefresher
from gateway.cache.flights import Flights
from gateway.cache.memory_tier import MemoryTier
from gateway.cache.purge import PurgeLog
from gateway.cache.runtime import CacheRuntime
from gateway.config.compile import compile
from gateway.config.document import load
from gateway.handlers.grpc.reflection import ReflectedSchema, ReflectionClient
from gateway.http.json_reader import JsonReader
from gateway.ratelimit.keys import Keys
from gateway.ratelimit.limit import Limit
from gateway.state import MemoryStore
from gateway.upstream.discovery.source import DiscoverySubscription, Source
from gateway.upstream.greenlets import GreenletPool
from gateway.upstream.mirror import MirrorQueue
from gateway.upstream.pool.pool import TargetPool
from gateway.upstream.resilience.adaptive_limit import AdaptiveLimit
from gateway.upstream.resilience.concurrency_limit import ConcurrencyLimit
from gateway.upstream.resilience.hedge import Latencies
from gateway.upstream.target_state import UpstreamState
from gateway.upstream.targets import TargetSet
from gateway.validation.schema import Schema
from tests.house.tree import ROOT
from tests.support.certs import authority

#: where state lives, of one worker or, through the page, of all
STATE = (
    CacheRuntime,  # what a worker keeps of answers, and who waits for one
    MemoryTier,
    Flights,
    PurgeLog,
    TargetSet,  # the targets, with what is known of them
    TargetPool,  # connections
    DiscoverySubscription,  # what discovery found
    Source,
    MirrorQueue,  # copies on their way
    GreenletPool,  # greenlets that wait for work
    UpstreamState,  # words of the page
    ConcurrencyLimit,  # who waits for a turn
    AdaptiveLimit,  # how many at once an upstream was found to take
    Latencies,  # after how long a second try is made
    AuthRuntime,  # the store, and what providers know that outlives a plan
    RevocationList,
    MemoryStore,
    RemoteJwks,
    OpenIdClient,
    SessionAuthenticator,  # the sessions and keys that a worker has just seen
    StoredApiKeys,
    TokenRefresher,  # who waits for a token
    Schema,  # no state: what other libraries made of a schema, which they do not change
    JsonReader,
    Buckets,  # words of the page
    Keys,  # the numbers of keys that a worker has just met
    Limit,
    ReflectedSchema,  # what an upstream said of itself
    ReflectionClient,
)
ATOMS = (str, bytes, int, float, bool, type(None), type, types.ModuleType, types.BuiltinFunctionType, re.Pattern)
#: ours, without attributes; and keys of others, which have no way to be changed
OPAQUE = ("gateway._fast.", "cryptography.", "jwt.algorithms", "jmespath.")
NETWORKS = (ipaddress.IPv4Network, ipaddress.IPv6Network)

RICH = """\
version: 1
server: {trusted_proxies: [10.0.0.0/8, "::1"], tls: {cert: ca.crt, key: ca.key, http2: true}}
observability: {server_timing: true, tracing: {otlp: "http://127.0.0.1:4318", response_header: true}}
upstreams:
  one:
    targets: [http://127.0.0.1:9101, "unix:/run/one.sock"]
    health: {path: /healthz}
    outlier: {}
    retry: {attempts: 2}
    hedge: {after: p95}
    circuit_breaker: {}
    overload: {max_concurrency: adaptive, queue: 10}
  two: {targets: [https://127.0.0.1:9443]}
  named: {dns: "https://two.test:443"}
  pods: {kubernetes: {service: pods}}
  rpc: {targets: [grpc://127.0.0.1:9401]}
auth:
  staff: {jwt: {algorithms: [HS256], audience: api, secret: "0123456789abcdef0123456789abcdef", forward: {X-User: sub}}}
  remote: {jwt: {algorithms: [ES256], audience: api, jwks: "https://id.test/jwks"}, on_store_failure: deny}
  keys: {api_key: {stored: true, consumers: {acme: {roles: [viewer]}}}}
  web: {session: {oidc: {issuer: "https://id.test", client_id: gateway}}}
  login: {session: {login: {upstream: one, path: /verify}, paths: {login: /in, logout: /out}}}
roles: {viewer: {allow: [read]}, editor: {inherits: [viewer]}}
cors: {web: {origins: ["https://*.example.com"]}}
defaults:
  cors: web
  ip: {deny: [192.0.2.0/24]}
  headers: {preset: security, response: {set: {X-A: a}, remove: [Server]}}
routes:
  - {name: rpc, match: {path: "/rpc/{rest:path}"}, grpc: {upstream: rpc, reflection: true}}
  - {name: through, match: {path: "/rpc.Service/{method}"}, upstream: rpc}
  - name: everything
    match: {path: "/a/{id:int}", methods: [GET], hosts: ["*.example.com"], headers: {X-Beta: "1"}, query: {q: "*"}}
    upstream: one
    auth: {use: [staff, remote, keys, web, login], scopes: [read], roles: [viewer], claims: {id: "{id}", n: [1, 2]}}
    rewrite: "/b/{id}?q={query.q}"
    timeout: 2s
    headers: {request: {set: {X-Q: "{query.q}"}, add: {X-Id: "{id}"}, remove: [Accept]}}
  - {name: said, match: {path: "/s/{x}"}, respond: {status: 200, headers: {Location: "/{x}"}, body: "{header.Accept}"}}
  - name: canary
    match: {path: /c}
    split:
      legs: [{upstream: one, weight: 9}, {upstream: two, headers: {request: {set: {X-Side: b}}}}, {upstream: named}]
      sticky: cookie
      override: X-Canary
    mirror: {upstream: pods, share: 10%}
  - name: page
    match: {path: "/p/{id}"}
    aggregate:
      parts: {first: {upstream: one, path: "/{id}"}, then: {upstream: one, path: "/{first.id}", retry: {attempts: 1}}}
  - name: checked
    match: {path: "/v/{id:int}", methods: [POST]}
    upstream: two
    validate: {body: {type: object}, query: {}, headers: {}, params: {properties: {id: {maximum: 3}}}, max_body: 1KB}
  - {name: capped, match: {path: /v}, upstream: two, validate: {content_type: [image/*]}}
  - name: once
    match: {path: /once, methods: [POST]}
    upstream: two
    idempotency: {wait: 1s}
    validate: {produces: [text/html], charset: [utf-8], multipart: {fields: {a: {content_type: [image/*]}}}}
  - {name: secure, match: {path: "/t/{rest:path}"}, upstream: two}
  - {name: lim, match: {path: /lim}, upstream: two, rate_limit: {per: [client, ip], rate: 1/s}}
  - name: changed
    match: {path: "/w/{id:int}"}
    upstream: two
    compress: {}
    headers: {request: {rename: {X-A: X-B}}, response: {rename: {X-C: X-D}}}
    transform:
      query: {rename: {a: b}, remove: [c], set: {d: "{id}"}}
      request: {json: {select: "a.b[0]", set: {c: {d: ["{id}", 1]}}}}
      response: {json: {rename: {a: b}, remove: ["c[*].d"]}}
"""


def parts(value):
    """(name, value) of everything that a value of the plan holds."""
    if isinstance(value, tuple | frozenset):
        return [(str(number), each) for number, each in enumerate(value)]
    if isinstance(value, types.FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        names = value.__code__.co_freevars
        defaults = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
        return [*zip(names, cells, strict=True), *(("default", each) for each in defaults)]
    if isinstance(value, types.MappingProxyType):
        return [(str(key), each) for key, each in value.items()]
    if isinstance(value, types.MethodType):
        return [("self", value.__self__), ("function", value.__func__)]
    names = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    names += vars(value) if hasattr(value, "__dict__") else ()
    return [(name, getattr(value, name)) for name in names if hasattr(value, name)]


def changeable(value, path="plan", seen=None):
    """Every place of a plan where something could be changed."""
    seen = set() if seen is None else seen
    if id(value) in seen or isinstance(value, ATOMS + NETWORKS + STATE):
        return []
    seen.add(id(value))
    kind = type(value)
    if kind.__module__.startswith(OPAQUE) or "cython" in kind.__name__:
        return []
    known = isinstance(value, tuple | frozenset | types.FunctionType | types.MethodType | types.MappingProxyType)
    if not known and not kind.__module__.startswith("gateway."):
        return [f"{path}: {kind.__name__}"]
    return [found for name, part in parts(value) for found in changeable(part, f"{path}.{name}", seen)]


@pytest.fixture(params=["quickstart", "rich"])
def plan(request, tmp_path):
    if request.param == "quickstart":
        return compile(load(ROOT / "conf" / "quickstart.yaml"))
    file = tmp_path / "gateway.yaml"
    file.write_text(RICH)
    authority(tmp_path)
    return compile(load(file))


def test_nothing_in_a_plan_can_be_changed(plan):
    assert changeable(plan) == []


def test_its_attributes_cannot_be_set(plan):
    for value in (plan, plan.unmatched, *plan.routes, *(step for route in plan.routes for step in route.steps)):
        for name, part in parts(value):
            with pytest.raises(AttributeError):
                setattr(value, name, part)


def test_the_walk_finds_what_it_looks_for():
    hidden = []
    assert changeable((1, (lambda: hidden,))) == ["plan.1.0.hidden: list"]
    assert changeable(((lambda x={}: x),)) == ["plan.0.default: dict"]
