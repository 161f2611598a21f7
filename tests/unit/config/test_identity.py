"""`auth`: what is read of each way to know who calls, and what holds where nothing is written."""

import pytest

from gateway.auth.model import (
    ApiKey,
    Consumer,
    Credential,
    ForwardedIdentity,
    InternalToken,
    Issuer,
    Jwks,
    Jwt,
    Login,
    Mtls,
    Oidc,
    Session,
)
from gateway.config.document import loads, redacted
from tests.support.key_files import ec_key, ed_key, private_pem, public_pem

SECRET = "0123456789abcdef" * 2
DIGESTS = {name: f"{number:064x}" for number, name in enumerate(("acme", "zeta", "new"), 10)}
AUTHORIZATION = (Credential("header", "Authorization"),)


@pytest.fixture
def read(tmp_path):
    """The document with one provider on line 5."""

    def of(method: str, before: str = "", **env: str):
        text = f"version: 1\nupstreams: {{app: {{targets: [http://h]}}}}\n{before or '#'}\nauth:\n  one: {{{method}}}\n"
        return loads(text, "x.yaml", base=tmp_path, env=env)

    return of


def test_a_jwt_with_little_said(read):
    document = read(f"jwt: {{algorithms: [HS256], secret: {SECRET}}}")
    (one,) = document.providers
    assert one.method == Jwt((), (), ("HS256",), SECRET, (), None, 30.0, ("exp",), ("jwt", "at+jwt"), AUTHORIZATION)
    assert one.told == ForwardedIdentity((), "roles", None, pass_credential=True)
    assert (one.name, one.on_store_failure, one.where) == ("one", "local", "x.yaml:5")
    assert [str(each) for each in document.warnings if "audience" in str(each)] == [
        "x.yaml:5:9: auth.one.jwt: tokens that were made for anybody are taken: `audience` is not written"
    ]


def test_a_jwt_with_all_said(read, tmp_path):
    (tmp_path / "a.pem").write_bytes(public_pem(ec_key()))
    (tmp_path / "b.pem").write_bytes(public_pem(ed_key()))
    (tmp_path / "own.pem").write_bytes(private_pem(ed_key()))
    document = read(
        "jwt: {issuer: [https://a.test, b], audience: api, algorithms: [ES256, EdDSA], keys: [a.pem, b.pem],"
        " leeway: 5s, required: [exp, sub], types: [JWT, logout+JWT], from: [header:Authorization, cookie:access,"
        " query:t], forward: {X-User: sub, X-Tenant: org.id}, roles: realm_access.roles, pass_credential: false,"
        " internal_token: {header: X-T, issuer: gw, audience: up, algorithm: EdDSA, key: own.pem, ttl: 2m}},"
        " on_store_failure: allow"
    )
    (one,) = document.providers
    files = (str(tmp_path / "a.pem"), str(tmp_path / "b.pem"))
    sources = (*AUTHORIZATION, Credential("cookie", "access"), Credential("query", "t"))
    assert one.method == Jwt(
        ("https://a.test", "b"), ("api",), ("ES256", "EdDSA"), "", files, None, 5.0, ("exp", "sub"),
        ("jwt", "logout+jwt"), sources
    )  # fmt: skip
    internal = InternalToken("X-T", "gw", "up", "EdDSA", str(tmp_path / "own.pem"), 120.0)
    forward = (("X-User", "sub"), ("X-Tenant", "org.id"))
    assert one.told == ForwardedIdentity(forward, "realm_access.roles", internal, pass_credential=False)
    assert one.on_store_failure == "allow"
    assert {*files, str(tmp_path / "own.pem")} <= set(document.files)
    assert document.warnings[-1].path != "auth.one.jwt"


@pytest.mark.parametrize(
    ("jwks", "expected"),
    [
        ("https://id.test/k", Jwks("https://id.test/k", 600.0, 86400.0, False, "")),
        ("{url: 'http://h/k', insecure: true, refresh: 1m, stale: 1h}", Jwks("http://h/k", 60.0, 3600.0, True, "")),
    ],
)  # fmt: skip
def test_keys_at_an_address(read, jwks, expected):
    (one,) = read(f"jwt: {{algorithms: [RS256], jwks: {jwks}, audience: a}}").providers
    assert one.method.jwks == expected


def test_authorities_for_an_address_are_among_the_files(read, tmp_path):
    (tmp_path / "ca.crt").write_text("pem")
    document = read("jwt: {algorithms: [RS256], jwks: {url: https://id.test/k, ca: ca.crt}}")
    assert document.providers[0].method.jwks.ca == str(tmp_path / "ca.crt")
    assert str(tmp_path / "ca.crt") in document.files


def test_an_api_key(read, tmp_path):
    lines = f"# ours\nacme:{DIGESTS['acme']}\n\n acme : {DIGESTS['new'].upper()} # soon\nzeta:{DIGESTS['zeta']}\n"
    (tmp_path / "keys").write_text(lines)
    document = read(
        "api_key: {keys: '${file:keys}', consumers: {acme: {roles: [viewer], scopes: [items:read], plan: gold, size: 5,"
        " trial: false}}}",
        before="roles: {viewer: {}}",
    )
    (one,) = document.providers
    known = (("viewer",), ("items:read",), (("plan", "gold"), ("size", 5), ("trial", False)))
    assert one.method == ApiKey(
        Credential("header", "X-API-Key"),
        (
            Consumer("acme", DIGESTS["acme"], *known),
            Consumer("acme", DIGESTS["new"], *known),
            Consumer("zeta", DIGESTS["zeta"], (), (), ()),
        ),
        is_stored=False,
    )
    assert one.told.pass_credential is False
    assert one.on_store_failure == "local"
    assert str(tmp_path / "keys") in document.files


def test_api_keys_in_the_store(read):
    (one,) = read(
        f"api_key: {{from: 'query:key', keys: ['acme:{DIGESTS['acme']}'], stored: true,"
        " consumers: {acme: {plan: gold}, later: {scopes: [a]}}}"
    ).providers
    assert one.method == ApiKey(
        Credential("query", "key"),
        (
            Consumer("acme", DIGESTS["acme"], (), (), (("plan", "gold"),)),
            Consumer("acme", "", (), (), (("plan", "gold"),)),
            Consumer("later", "", (), ("a",), ()),
        ),
        is_stored=True,
    )
    assert read("api_key: {stored: true}").providers[0].method.consumers == ()


def test_a_session(read):
    (one,) = read("session: {oidc: {issuer: https://id.test/, client_id: web}}").providers
    oidc = Oidc("https://id.test/", "web", "", ("openid",), 60.0, insecure=False, ca="")
    assert one.method == Session(
        "gw_session", 43200.0, 1800.0, "lax", True, "gw_csrf", "X-CSRF-Token",
        "/auth/login", "/auth/callback", "/auth/logout", oidc, None
    )  # fmt: skip
    assert one.on_store_failure == "deny"
    assert one.told.pass_credential is True


def test_a_session_with_all_said(read):
    document = read(
        "session: {cookie: sid, ttl: 8h, idle: 10m, same_site: strict, secure: false, csrf: {cookie: c, header: X-C},"
        " paths: {login: /in, logout: /out}, login: {upstream: app, path: /verify}}, on_store_failure: local"
    )
    (one,) = document.providers
    assert one.method == Session(
        "sid", 28800.0, 600.0, "strict", False, "c", "X-C",
        "/in", "/auth/callback", "/out", None, Login("app", "/verify")
    )  # fmt: skip
    assert one.on_store_failure == "local"
    assert not [each for each in document.warnings if "secure" in each.path]


def test_a_session_over_plain_http_beyond_this_machine_is_warned_of(read):
    document = read(
        "session: {secure: false, login: {upstream: app, path: /v}}", before="server: {bind: [0.0.0.0:8000]}"
    )
    (warning,) = [str(each) for each in document.warnings if "plain http" in str(each)]
    assert warning.startswith("x.yaml:5:19: auth.one.session.secure: `secure: false` sends sessions over plain http")


def test_an_issuer(read, tmp_path):
    (tmp_path / "own.pem").write_bytes(private_pem(ec_key()))
    document = read("issuer: {key: own.pem}")
    (one,) = document.providers
    key = str(tmp_path / "own.pem")
    assert one.method == Issuer(
        "gateway", "", "ES256", key, 600.0, 2592000.0, None, 30.0, AUTHORIZATION, "/auth", "/.well-known/jwks.json"
    )  # fmt: skip
    assert one.told.pass_credential is True
    assert key in document.files


def test_an_issuer_with_all_said(read, tmp_path):
    (tmp_path / "own.pem").write_bytes(private_pem(ed_key()))
    (one,) = read(
        "issuer: {algorithm: EdDSA, key: own.pem, issuer: shop, audience: api, access_ttl: 1m, refresh_ttl: 1h,"
        " login: {upstream: app, path: /v}, leeway: 0s, from: cookie:t, path: /id/v1, jwks_path: /keys}"
    ).providers
    assert one.method == Issuer(
        "shop", "api", "EdDSA", str(tmp_path / "own.pem"), 60.0, 3600.0, Login("app", "/v"), 0.0,
        (Credential("cookie", "t"),), "/id/v1", "/keys"
    )  # fmt: skip


def test_client_certificates(read, tmp_path):
    for name in ("c", "k", "ca"):
        (tmp_path / name).write_text("pem")
    server = "server: {tls: {cert: c, key: k, client_ca: ca, client_auth: required}}"
    digest = ":".join(["AB"] * 32)
    document = read(
        f"mtls: {{subjects: ['CN=a,O=Example'], sans: ['*.svc.test'], fingerprints: ['{digest}']}}", before=server
    )
    (one,) = document.providers
    assert one.method == Mtls(("CN=a,O=Example",), ("*.svc.test",), ("ab" * 32,))
    assert one.told.pass_credential is False
    tls = document.server.tls
    assert (tls.client_ca, tls.client_auth) == (str(tmp_path / "ca"), "required")
    assert tls.client_ca in document.files
    assert read("mtls: {}", before=server).providers[0].method == Mtls((), (), ())
    plain = read("jwt: {algorithms: [RS256], jwks: https://h/k}", before="server: {tls: {cert: c, key: k}}").server.tls
    assert (plain.client_ca, plain.client_auth) == ("", "optional")


def test_secrets_are_not_shown_but_count_for_the_version(read):
    def made(secret, store):
        return read(f"jwt: {{algorithms: [HS256], secret: '{secret}', audience: a}}", before=f"store: '{store}'")

    one = made(SECRET, "redis://user:pa55@r.test/1")
    assert one.store == "redis://user:pa55@r.test/1"
    assert SECRET not in one.shown
    assert redacted(one)["store"] == "redis://***@r.test/1"
    assert redacted(one)["auth"]["one"]["jwt"] == {"algorithms": ["HS256"], "secret": "***", "audience": "a"}
    versions = {
        each.version for each in (one, made(SECRET[::-1], one.store), made(SECRET, "redis://user:other@r.test/1"))
    }
    assert len(versions) == 3


def test_sections_may_stand_in_several_files(tmp_path):
    (tmp_path / "more.yaml").write_text(
        f"auth: {{two: {{jwt: {{algorithms: [HS256], secret: {SECRET}}}}}}}\nroles: {{b: {{allow: [y]}}}}\n"
        "cors: {web: {origins: ['*']}}\n"
    )
    text = (
        f"version: 1\ninclude: [more.yaml]\nauth: {{one: {{jwt: {{algorithms: [HS256], secret: {SECRET}}}}}}}\n"
        "roles: {a: {inherits: [b]}}\ncors: {app: {origins: ['*']}}\n"
    )
    document = loads(text, str(tmp_path / "x.yaml"), base=tmp_path)
    assert [one.name for one in document.providers] == ["one", "two"]
    assert [(role.name, role.allow) for role in document.roles] == [("a", ("y",)), ("b", ("y",))]
    assert [cors.name for cors in document.cors] == ["app", "web"]
    assert set(redacted(document)["auth"]) == {"one", "two"}
