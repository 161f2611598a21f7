"""What may not stand under `auth`: each mistake gets one complaint, at its place."""

# ruff: noqa: E501 (a table has a row a line)

import pytest

from gateway.config.document import loads

HEAD = "version: 1\nupstreams: {app: {targets: [http://h]}}\nauth:\n  one: "
KEYS = "algorithms: [ES256], jwks: https://id.test/k, audience: a"
DIGEST = "ab" * 32
OIDC = "oidc: {issuer: https://id.test, client_id: web}"
PASSWORDS = "login: {upstream: app, path: /v}"


def provider(text: str, rest: str = "") -> str:
    """One on line 4; what is given begins in column 9."""
    return f"{HEAD}{{{text}}}\n{rest}"


def jwt(text: str) -> str:
    return provider(f"jwt: {{{text}}}")


def session(text: str, rest: str = "") -> str:
    return provider(f"session: {{{text}}}", rest)


def api_key(text: str) -> str:
    return provider(f"api_key: {{{text}}}")


GENERAL = [
    (provider(""), "x.yaml:4:3: auth.one: it says nothing (it needs one of jwt, api_key, session, issuer, mtls)"),
    (
        provider(f"jwt: {{{KEYS}}}, api_key: {{stored: true}}"),
        "auth.one.api_key: it is either `jwt` or `api_key`, not both",
    ),
    (provider("on_store_failure: deny"), "auth.one: it says nothing"),
    (provider("jwtt: {}"), "auth.one.jwtt: unknown key (did you mean `jwt`?)"),
    (provider(f"jwt: {{{KEYS}}}, on_store_failure: open"), "expected `deny` or `allow` or `local`"),
    (provider("session"), "auth.one.session: expected a mapping, found nothing"),
    (HEAD.replace("one", "off") + f"{{jwt: {{{KEYS}}}}}\n", "x.yaml:4:3: auth.off: `off` cannot be a name"),
    (HEAD + f"{{jwt: {{{KEYS}}}}}\n  one: {{mtls: {{}}}}\n", "x.yaml:5:3: auth.one: the key is written twice"),
    (jwt(f"{KEYS}, forward: {{Host: sub}}"), "auth.one.jwt.forward.Host: a claim may not name the host"),
    (jwt(f"{KEYS}, forward: {{TE: sub}}"), 'the header "TE" belongs to one connection'),
    (jwt(f"{KEYS}, forward: {{X-A: sub, x-a: iss}}"), 'the header "x-a" is there twice'),
    (jwt(f"{KEYS}, forward: {{'X A': sub}}"), "expected a header name (RFC 9110 token) as a key"),
    (jwt(f"{KEYS}, roles: 'a b'"), "expected a claim such as sub or realm_access.roles"),
    (jwt(f"{KEYS}, internal_token: {{}}"), "auth.one.jwt.internal_token.key: is missing"),
    (
        jwt(f"{KEYS}, internal_token: {{key: no.pem}}"),
        'internal_token.key: the file "no.pem" cannot be read: no such file',
    ),
    (jwt(f"{KEYS}, internal_token: {{key: no.pem, header: TE}}"), None),
    (session(f"{OIDC}, pass_credential: true"), "auth.one.session.pass_credential: unknown key"),
]

JWT = [
    (jwt("jwks: https://id.test/k"), "x.yaml:4:14: auth.one.jwt.algorithms: is missing"),
    (jwt("algorithms: [], jwks: https://id.test/k"), "auth.one.jwt.algorithms: the list is empty"),
    (jwt("algorithms: [none], jwks: https://id.test/k"), "auth.one.jwt.algorithms[0]: expected `HS256`"),
    (jwt("algorithms: [ES265], jwks: https://id.test/k"), "(did you mean `ES256`?)"),
    (jwt("algorithms: [ES256]"), "auth.one.jwt: nothing to verify tokens with (it needs `jwks`, `keys` or `secret`)"),
    (jwt(f"{KEYS}, secret: {'s' * 32}"), "auth.one.jwt.jwks: tokens are verified with either `secret` or `jwks`"),
    (
        jwt("algorithms: [HS256, RS256], jwks: https://id.test/k"),
        'auth.one.jwt.algorithms[0]: "HS256" needs a `secret`; a public key is none',
    ),
    (
        jwt(f"algorithms: [HS256, RS256], secret: {'s' * 32}"),
        'x.yaml:4:35: auth.one.jwt.algorithms[1]: "RS256" needs public keys, not a `secret`',
    ),
    (
        jwt(f"algorithms: [HS256], secret: {'s' * 31}"),
        "auth.one.jwt.secret: the secret has 31 bytes; 32 are needed (RFC 7518",
    ),
    (jwt(f"algorithms: [HS256, HS512], secret: {'s' * 63}"), "the secret has 63 bytes; 64 are needed"),
    (jwt(f"algorithms: [HS256], secret: {'é' * 16}"), None),
    (
        jwt("algorithms: [HS256], secret: 12345678901234567890123456789012"),
        "auth.one.jwt.secret: expected a string, found something else",
    ),
    (
        jwt("algorithms: [ES256], jwks: http://id.test/k"),
        "x.yaml:4:42: auth.one.jwt.jwks: over plain http anybody on the way could put their own keys in (use https, or",
    ),
    (jwt("algorithms: [ES256], jwks: {url: http://id.test/k}"), "auth.one.jwt.jwks.url: over plain http"),
    (
        jwt("algorithms: [ES256], jwks: {url: http://id.test/k, insecure: false}"),
        "auth.one.jwt.jwks.url: over plain http",
    ),
    (jwt("algorithms: [ES256], jwks: {url: http://id.test/k, insecure: true}"), None),
    (jwt("algorithms: [ES256], jwks: ftp://id.test/k"), "is not a URL with https"),
    (jwt("algorithms: [ES256], jwks: id.test/k"), "is not a URL with https"),
    (jwt("algorithms: [ES256], jwks: 'https://id.test/a b'"), "is not a URL with https"),
    (
        jwt("algorithms: [ES256], jwks: 'https://u:pw@id.test/k'"),
        "the address may hold no user, no password and no fragment",
    ),
    (jwt("algorithms: [ES256], jwks: 'https://id.test:99999/k'"), "has no port from 1 to 65535"),
    (jwt("algorithms: [ES256], jwks: 'https:///k'"), "is not a host name"),
    (
        jwt("algorithms: [ES256], jwks: {url: https://id.test/k, ca: no.crt}"),
        'auth.one.jwt.jwks.ca: the file "no.crt" cannot be read',
    ),
    (jwt("algorithms: [ES256], jwks: {url: https://id.test/k, refresh: 0s}"), "expected a duration longer than zero"),
    (
        jwt("algorithms: [ES256], jwks: {url: https://id.test/k, stail: 1h}"),
        "auth.one.jwt.jwks.stail: unknown key (did you mean `stale`?)",
    ),
    (jwt(f"{KEYS}, leeway: 30"), "a number needs its unit: `30s`?"),
    (jwt(f"{KEYS}, from: Authorization"), "auth.one.jwt.from: expected header:NAME, cookie:NAME or query:NAME"),
    (jwt(f"{KEYS}, from: [header:X-A, header:x-a]"), 'auth.one.jwt.from[1]: "header:x-a" is there twice'),
    (jwt(f"{KEYS}, from: [cookie:a, cookie:A]"), None),
    (jwt(f"{KEYS}, from: []"), "auth.one.jwt.from: the list is empty"),
    (jwt(f"{KEYS}, types: []"), "auth.one.jwt.types: the list is empty"),
    (jwt(f"{KEYS}, required: []"), None),
]

MACHINES = [
    (api_key(""), "x.yaml:4:9: auth.one.api_key: nobody could call (it needs `keys`, or `stored: true`)"),
    (api_key("stored: false"), "auth.one.api_key: nobody could call"),
    (
        api_key("keys: nonsense"),
        "auth.one.api_key.keys: it is not name:sha256, with 64 hex digits (`gateway keys` makes such lines)",
    ),
    (api_key(f"keys: ['a:{DIGEST}', 'b:abc']"), "x.yaml:4:96: auth.one.api_key.keys[1]: it is not name:sha256"),
    (api_key(f"keys: ['a:{DIGEST}', 'b:{DIGEST.upper()}']"), "auth.one.api_key.keys[1]: it has the key of a again"),
    (api_key(f'keys: "a:{DIGEST}\\nb c:{DIGEST}"'), "auth.one.api_key.keys: line 2 is not name:sha256"),
    (
        api_key(f"keys: ['acme:{DIGEST}'], consumers: {{acne: {{}}}}"),
        "auth.one.api_key.consumers.acne: the consumer has no key in `keys` (did you mean `acme`?)",
    ),
    (api_key("stored: true, consumers: {acne: {}}"), None),
    (
        api_key("stored: true, consumers: {acme: {roles: [admin]}}"),
        'auth.one.api_key.consumers.acme.roles[0]: there is no role "admin"',
    ),
    (api_key("stored: true, consumers: {acme: {scopes: ['a b']}}"), "expected a scope without spaces"),
    (
        api_key("stored: true, consumers: {acme: {plan: [gold]}}"),
        "auth.one.api_key.consumers.acme.plan: expected a string, a number, true or false, found a list",
    ),
    (api_key("stored: true, from: [header:A]"), "auth.one.api_key.from: expected header:NAME"),
    (provider("mtls: {}"), "auth.one.mtls: clients are not asked for certificates (it needs `server.tls.client_ca`)"),
    (
        provider("mtls: {}", "server: {tls: {cert: x.yaml, key: x.yaml, client_auth: required}}"),
        "`client_auth` has no effect without `client_ca`",
    ),
    (provider("mtls: {subjects: []}"), "auth.one.mtls.subjects: the list is empty"),
    (provider("mtls: {subjects: [worker]}"), 'auth.one.mtls.subjects[0]: "worker" is not a name as in RFC 4514'),
    (provider("mtls: {fingerprints: [abc]}"), "auth.one.mtls.fingerprints[0]: expected a SHA-256 digest in hex"),
]

SESSION = [
    (session(""), "x.yaml:4:9: auth.one.session: nobody could log in (it needs `oidc` or `login`)"),
    (
        session(f"{OIDC}, {PASSWORDS}"),
        "auth.one.session.login: people log in through either `oidc` or `login`, not both",
    ),
    (
        session("oidc: {issuer: http://id.test, client_id: web}"),
        "auth.one.session.oidc.issuer: over plain http anybody",
    ),
    (session("oidc: {issuer: http://id.test, client_id: web, insecure: true}"), None),
    (session("oidc: {issuer: https://id.test}"), "auth.one.session.oidc.client_id: is missing"),
    (
        session("oidc: {issuer: https://id.test, client_id: web, client_secret: 5}"),
        "oidc.client_secret: expected a string, found something else",
    ),
    (
        session("oidc: {issuer: https://id.test, client_id: web, scopes: [email]}"),
        "auth.one.session.oidc.scopes: `openid` is missing",
    ),
    (
        session("login: {upstream: ap, path: /v}"),
        'x.yaml:4:37: auth.one.session.login.upstream: there is no upstream "ap" (did you mean `app`?)',
    ),
    (session(f"{PASSWORDS}, ttl: 10m"), "auth.one.session.ttl: `idle` is longer than `ttl`"),
    (session(f"{PASSWORDS}, ttl: 10m, idle: 11m"), "auth.one.session.idle: `idle` is longer than `ttl`"),
    (session(f"{PASSWORDS}, same_site: none"), "auth.one.session.same_site: expected `lax` or `strict`"),
    (
        session(f"{PASSWORDS}, cookie: __Host-s"),
        '"__Host-s" has a prefix that the gateway puts there itself (leave it out)',
    ),
    (session(f"{PASSWORDS}, cookie: 'a b'"), "auth.one.session.cookie: expected a cookie's name"),
    (
        session(f"{PASSWORDS}, csrf: {{cookie: gw_session}}"),
        "auth.one.session.csrf.cookie: the session and `csrf` need a cookie each",
    ),
    (session(f"{PASSWORDS}, csrf: {{header: TE}}"), 'auth.one.session.csrf.header: the header "TE" belongs to one'),
    (
        session(f"{PASSWORDS}, paths: {{callback: /cb}}"),
        "auth.one.session.paths.callback: `callback` has no effect without `oidc`",
    ),
    (
        session(f"{OIDC}, paths: {{login: /in, callback: /in}}"),
        "auth.one.session.paths.callback: the path /in is taken already, at x.yaml:4",
    ),
    (session(f"{OIDC}, paths: {{login: '/in/{{x}}'}}"), "expected a path such as /auth/login"),
    (
        session(f"{OIDC}", f"  two: {{session: {{{OIDC}}}}}\n"),
        "x.yaml:5:9: auth.two.session.paths: the path /auth/login is taken already, at x.yaml:4",
    ),
    (session(f"{OIDC}", f"  two: {{session: {{{OIDC}, paths: {{login: /a, callback: /b, logout: /c}}}}}}\n"), None),
]


@pytest.mark.parametrize(("text", "expected"), GENERAL + JWT + MACHINES + SESSION)
def test_one_mistake_gets_one_complaint(complaints, text, expected):
    found = complaints(text)
    if expected is None:
        assert [one for one in found if "no.pem" not in one and '"TE"' not in one] == []
        return
    assert expected in "\n".join(found)
    others = [one for one in found if expected not in one and "cannot be read" not in one and "client_ca" not in one]
    assert others == []


def test_https_with_insecure_is_warned_of():
    document = loads(jwt("algorithms: [ES256], jwks: {url: https://id.test/k, insecure: true}"), "x.yaml")
    assert any("`insecure` has no effect: the address is https" in str(each) for each in document.warnings)


def test_what_a_reference_holds_is_never_in_a_complaint(complaints):
    secret = "hunter2-hunter2"
    keys = f"alice:{secret}\nacme:{DIGEST}"
    for text in (
        jwt("algorithms: [HS256], secret: '${env:S}'"),
        jwt("algorithms: [ES256], jwks: 'https://x:${env:S}@id.test'"),
        provider("mtls: {}", "store: 'redis://:${env:S}@h:x'"),
        provider("mtls: {}", f"store: 'redis://:{secret}@h:x'"),
        provider("mtls: {}", f"store: 'redsi://:{secret}@h'"),
        api_key("keys: '${env:K}', consumers: {zeta: {}}"),
    ):
        found = complaints(text, S=secret, K=keys)
        assert found
        assert secret not in str(found)
        assert "acme" not in str(found)


def test_what_is_named_in_a_file_that_cannot_be_read_is_not_missed(complaints, tmp_path):
    (tmp_path / "broken.yaml").write_text("{")
    rest = "roles: {a: {inherits: [b]}}\nroutes: [{name: r, match: {path: /}, upstream: app, auth: {use: no, roles: [no]}, cors: no}]\n"
    text = f"{session('login: {upstream: elsewhere, path: /v}')}{rest}include: [broken.yaml]\n"
    (found,) = complaints(text)
    assert "broken.yaml" in found
