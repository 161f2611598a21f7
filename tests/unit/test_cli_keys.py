"""`gateway keys`: API keys by way of an admin API that answers, signing keys in their files; and `gateway token`."""

import http.server
import json
import os
import re
import stat
import threading
import types
from hashlib import sha256
from wsgiref.simple_server import WSGIRequestHandler, make_server

import jwt
import pytest
from click.testing import CliRunner

from gateway.auth.api_key.stored_keys import digest_of
from gateway.auth.issuer.endpoint import verified_as
from gateway.auth.jwt import key_files as key_file
from gateway.auth.jwt.keys import StaticKeys, parse_keys
from gateway.auth.jwt.signing import Signer, make_key
from gateway.auth.jwt.verify import Verifier
from gateway.cli.group import main
from gateway.config.document import load
from tests.support.gateway import free_port
from tests.support.key_files import ec_key, private_pem, public_pem
from tests.unit.admin.admin_site import AdminSite

STORED = """\
version: 1
server: {{admin: "{admin}", admin_token: "{token}"}}
auth:
  partners: {{api_key: {{stored: true}}}}
roles:
  viewer: {{allow: [items:read]}}
routes: []
"""


@pytest.fixture
def gateway(monkeypatch):
    """Run one command line; the result has exit_code, stdout and stderr."""
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    return lambda *words: CliRunner().invoke(main, words)


class Quiet(WSGIRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture(params=["", "s3cret-token"])
def admin(request, tmp_path):
    """The admin API of a gateway, on a port of this machine; `config` names its configuration."""
    port = free_port()

    class Site(AdminSite):
        def write(self, headers):
            self.config.write_text(STORED.format(admin=self.admin, token=request.param))

    site = Site(tmp_path, f"127.0.0.1:{port}")
    server = make_server("127.0.0.1", port, site.app, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield types.SimpleNamespace(config=str(site.config), keys=site.identity.stored_keys, site=site)
    server.shutdown()
    thread.join()
    server.server_close()
    os.close(site.page.fd)


def test_a_key_is_made_listed_and_revoked(gateway, admin):
    words = ["--role", "viewer", "--scope", "x", "--meta", "plan=gold=1", "--ttl", "90d", "-c", admin.config]
    result = gateway("keys", "create", "acme", *words)
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.fullmatch(r"gwk_[\w-]{43}\n", result.stdout)
    found = admin.keys.find("partners", digest_of(result.stdout.strip()))
    assert (found.name, found.roles, found.scopes, found.metadata) == (
        *("acme", ("viewer",), ("x",)),
        {"plan": "gold=1"},
    )
    assert found.expires - found.created == 90 * 86400
    listed = gateway("keys", "list", "-c", admin.config)
    assert listed.exit_code == 0
    head, row = listed.stdout.splitlines()
    assert head.split() == ["ID", "NAME", "PROVIDER", "ROLES", "SCOPES", "METADATA", "CREATED", "EXPIRES"]
    assert row.split()[:6] == [found.id, "acme", "partners", "viewer", "x", "plan=gold=1"]
    assert result.stdout.strip() not in listed.stdout
    revoked = gateway("keys", "revoke", found.id, "-c", admin.config)
    assert (revoked.exit_code, revoked.stdout) == (0, f"{found.id} is revoked\n")
    assert gateway("keys", "list", "-c", admin.config).stdout == "no API key is stored\n"
    again = gateway("keys", "revoke", found.id, "-c", admin.config)
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr.startswith("There is no such entry: There is no API key of that id")


def test_as_json(gateway, admin):
    made = json.loads(gateway("keys", "create", "acme", "--format", "json", "-c", admin.config).stdout)
    assert made["id"] == digest_of(made.pop("key"))[:16]
    assert json.loads(gateway("keys", "list", "--format", "json", "-c", admin.config).stdout) == [made]


def test_what_the_gateway_refuses_is_one_line(gateway, admin):
    result = gateway("keys", "create", "acme", "--role", "viewr", "-c", admin.config)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == ("The change cannot be made: There is no role 'viewr'; the configuration has viewer.\n")


def test_a_token_that_is_not_the_gateways(gateway, admin, tmp_path):
    admin.site.config.write_text(STORED.format(admin=admin.site.admin, token="another"))
    result = gateway("keys", "list", "-c", admin.config)
    if admin.site.store.document.server.admin_token:
        assert result.exit_code == 1
        assert result.stderr.startswith("The admin API wants its token")
        assert len(result.stderr.splitlines()) == 1
        assert "another" not in result.stderr
    else:
        assert result.exit_code == 0


@pytest.mark.parametrize("words", [("create", "acme"), ("list",), ("revoke", "0" * 16)])
def test_nobody_there_is_one_line(gateway, tmp_path, words):
    config, port = tmp_path / "gateway.yaml", free_port()
    config.write_text(STORED.format(admin=f"127.0.0.1:{port}", token=""))
    result = gateway("keys", *words, "-c", str(config))
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(f"the admin API at 127.0.0.1:{port} does not answer (")
    assert "start the gateway, or name the configuration that it runs with -c FILE" in result.stderr


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (500, b"[]"), (404, b"not here")])
def test_something_else_there_is_one_line(gateway, tmp_path, status, body):
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Other)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    config = tmp_path / "gateway.yaml"
    config.write_text(STORED.format(admin=f"127.0.0.1:{server.server_port}", token=""))
    result = gateway("keys", "list", "-c", str(config))
    thread.join()
    server.server_close()
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"the admin API answered {status}")
    assert len(result.stderr.splitlines()) == 1


def test_a_line_for_a_file_needs_no_gateway(gateway, tmp_path):
    result = gateway("keys", "create", "acme", "--line")
    key, line = result.stdout.splitlines()
    assert result.exit_code == 0
    assert line == f"acme:{sha256(key.encode()).hexdigest()}"
    config = tmp_path / "gateway.yaml"
    config.write_text(f"version: 1\nauth: {{one: {{api_key: {{keys: '{line}'}}}}}}\nroutes: []\n")
    assert load(config).providers[0].method.consumers[0].digest == digest_of(key)


@pytest.mark.parametrize(
    "words",
    [
        *("create", "create a --ttl soon", "create a --ttl 0s", "create a --meta plan", "create a --meta =x"),
        *("revoke", "new", "rotate --drop-older-than x", "prune --older-than 5", "drop"),
    ],
)
def test_wrong_usage(gateway, words):
    assert gateway("keys", *words.split()).exit_code == 2


ISSUER = """\
version: 1
upstreams: {users: {targets: [http://127.0.0.1:9]}}
auth:
  tokens:
    issuer: {key: signing.pem, audience: api, access_ttl: 10m, login: {upstream: users, path: /verify}}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def issuer(folder, gateway):
    """A folder with an issuer's configuration and a first key."""
    assert gateway("keys", "new", "signing.pem").exit_code == 0
    (folder / "gateway.yaml").write_text(ISSUER)
    return folder


def verify(folder, token, name="tokens"):
    """The claims of a token as a gateway with this configuration reads them, whatever was loaded before."""
    spec = next(each.method for each in load(folder / "gateway.yaml").providers if each.name == name)
    return Verifier(verified_as(spec), StaticKeys(parse_keys(Signer(spec).jwks))).verify(token)


def test_a_first_key(gateway, folder):
    for algorithm in ("ES384", "EdDSA"):
        result = gateway("keys", "new", f"{algorithm}.pem", "--algorithm", algorithm)
        assert (result.exit_code, result.stdout) == (0, f"{algorithm}.pem holds a fresh key for {algorithm}\n")
        assert stat.S_IMODE((folder / f"{algorithm}.pem").stat().st_mode) == 0o600
    before = (folder / "EdDSA.pem").read_bytes()
    result = gateway("keys", "new", "EdDSA.pem")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "EdDSA.pem is there already; `gateway keys rotate` puts a fresh key into it\n"
    assert (folder / "EdDSA.pem").read_bytes() == before
    assert "HS256 is not one of ES256" in gateway("keys", "new", "x.pem", "--algorithm", "HS256").stderr
    assert gateway("keys", "new", "no/x.pem").stderr == "no/x.pem: no such file or directory\n"
    assert not (folder / "x.pem").exists()


def test_tokens_of_the_old_key_verify_until_it_is_pruned(gateway, issuer):
    old = gateway("token", "--sub", "alice").stdout.strip()
    result = gateway("keys", "rotate", "--now")
    assert result.exit_code == 0, result.stderr
    kid = re.search(r"the key (\S+) signs at once; 1 before it are still verified", result.stdout)[1]
    new = gateway("token", "--sub", "alice").stdout.strip()
    assert jwt.get_unverified_header(new)["kid"] == kid != jwt.get_unverified_header(old)["kid"]
    assert verify(issuer, old)["sub"] == verify(issuer, new)["sub"] == "alice"
    assert gateway("keys", "prune").stdout.endswith("0 removed, 2 kept\n")
    assert verify(issuer, old)
    first, second = key_file.read("signing.pem")
    retired = second.retired - 10 * 60 - 30 - 601
    key_file.write("signing.pem", [first, key_file.KeyBlock(second.pem, 0.0, retired)])
    assert gateway("keys", "prune").stdout.endswith("1 removed, 1 kept\n")
    assert verify(issuer, new)
    with pytest.raises(Exception, match="invalid-token"):
        verify(issuer, old)


def test_a_fresh_key_waits_until_all_know_it(gateway, issuer):
    before = jwt.get_unverified_header(gateway("token").stdout.strip())["kid"]
    result = gateway("keys", "rotate", "--provider", "tokens")
    assert "signs in 5 minutes" in result.stdout
    assert jwt.get_unverified_header(gateway("token").stdout.strip())["kid"] == before
    assert len(json.loads(Signer(load("gateway.yaml").providers[0].method).jwks)["keys"]) == 2


def test_rotation_changes_the_version_that_reloads_go_by(gateway, issuer):
    before = load("gateway.yaml").version
    gateway("keys", "rotate")
    assert load("gateway.yaml").version != before


def test_rotation_can_drop_old_keys(gateway, issuer):
    gateway("keys", "rotate", "--now")
    first, second = key_file.read("signing.pem")
    key_file.write("signing.pem", [first, key_file.KeyBlock(second.pem, 0.0, second.retired - 86400)])
    assert "2 before it" in gateway("keys", "rotate", "--drop-older-than", "2d").stdout
    assert "1 before it" not in gateway("keys", "rotate").stdout
    assert "3 before it" in gateway("keys", "rotate", "--drop-older-than", "12h").stdout


def test_others_who_may_read_a_key_are_warned_of(gateway, issuer):
    (issuer / "signing.pem").chmod(0o644)
    assert "others than its owner may read" in gateway("keys", "prune").stderr
    (issuer / "signing.pem").chmod(0o600)
    assert gateway("keys", "prune").stderr == ""


def test_a_file_that_cannot_be_written(gateway, issuer, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(key_file, "write", fail)
    result = gateway("keys", "rotate")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"{issuer}/signing.pem: permission denied\n"


def test_who_signs_has_to_be_clear(gateway, folder):
    (folder / "a.pem").write_text(make_key("ES256"))
    (folder / "a.pem").chmod(0o600)
    secret = "{algorithms: [HS256], secret: 0123456789abcdef0123456789abcdef, audience: api"
    (folder / "gateway.yaml").write_text(f"version: 1\nauth:\n  staff: {{jwt: {secret}}}}}\n")
    assert gateway("keys", "rotate").stderr.startswith("no provider under `auth` signs anything")
    internal = ", internal_token: {key: a.pem, audience: up}}}"
    (folder / "gateway.yaml").write_text(
        f"version: 1\nauth:\n  staff: {{jwt: {secret}{internal}\n  other: {{jwt: {secret}{internal}\n"
    )
    for words in ((), ("--provider", "x")):
        result = gateway("keys", "rotate", *words)
        assert (result.exit_code, result.stderr.rpartition(": ")[2]) == (1, "staff, other\n")
    assert gateway("keys", "rotate", "--provider", "other").exit_code == 0
    assert len(key_file.read("a.pem")) == 2


@pytest.mark.parametrize("command", [("keys", "rotate"), ("keys", "list"), ("keys", "create", "a"), ("token",)])
def test_a_missing_file_is_one_line(gateway, folder, command):
    result = gateway(*command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "gateway.yaml: no such file (name a configuration with -c FILE or GATEWAY_CONFIG)\n"


def test_a_configuration_that_is_wrong_is_told(gateway, folder):
    (folder / "gateway.yaml").write_text("version: 1\nroute: []\n")
    result = gateway("token")
    assert (result.exit_code, result.stderr) == (1, "gateway.yaml:2:1: route: unknown key (did you mean `routes`?)\n")


def test_a_token_for_try_outs(gateway, issuer):
    words = ["--scope", "a", "--scope", "b", "--role", "viewer", "--claim", "tenant.id=7", "--claim", "name=al=ice"]
    result = gateway("token", "--sub", "alice", "--ttl", "90s", *words)
    assert (result.exit_code, result.stderr) == (0, "")
    claims = verify(issuer, result.stdout.strip())
    assert (claims["iss"], claims["aud"], claims["sub"], claims["scope"]) == ("gateway", "api", "alice", "a b")
    assert (claims["roles"], claims["tenant"], claims["name"]) == (["viewer"], {"id": 7}, "al=ice")
    assert claims["exp"] - claims["iat"] == 90
    told = json.loads(gateway("token", "--format", "json").stdout)
    assert verify(issuer, told["token"]) == told["claims"]
    assert (told["provider"], told["header"]["typ"], told["claims"]["sub"]) == ("tokens", "at+jwt", "me")


def test_a_token_with_a_shared_secret(gateway, folder):
    secret = "0123456789abcdef" * 4
    (folder / "gateway.yaml").write_text(
        "version: 1\nauth:\n  staff: {jwt: {algorithms: [HS512, HS256], audience: [api, b], issuer: me, roles: a.roles,"
        f" required: [exp, tenant], secret: {secret}}}}}\n"
    )
    missing = gateway("token")
    assert missing.stderr == "the provider staff requires tenant: say it with --claim tenant=…\n"
    result = gateway("token", "--claim", "tenant=acme", "--role", "x", "--claim", "a.b=1")
    claims = jwt.decode(result.stdout.strip(), secret, ["HS512"], audience="api", issuer="me")
    assert claims["a"] == {"roles": ["x"], "b": 1}
    assert jwt.get_unverified_header(result.stdout.strip()) == {"alg": "HS512", "typ": "JWT"}
    result = gateway("token", "--claim", "tenant=acme", "--claim", "tenant.id=1")
    assert result.stderr == "tenant.id has no place: tenant is there already, and holds no claims\n"


def test_a_token_for_public_keys(gateway, folder):
    key = ec_key()
    (folder / "public.pem").write_bytes(public_pem(key))
    (folder / "private.pem").write_bytes(private_pem(key))
    (folder / "gateway.yaml").write_text(
        "version: 1\nauth:\n  staff: {jwt: {algorithms: [EdDSA, ES256], audience: api, keys: [public.pem]}}\n"
    )
    assert gateway("token").stderr.startswith("no provider under `auth` can sign")
    assert gateway("token", "--provider", "staff").stderr == (
        "staff verifies with public keys: name the file of the private one with --key\n"
    )
    result = gateway("token", "--key", "private.pem")
    assert jwt.decode(result.stdout.strip(), public_pem(key), ["ES256"], audience="api")["sub"] == "me"
    assert "public key where a private key is needed" in gateway("token", "--key", "public.pem").stderr
    assert "no such file" in gateway("token", "--key", "none.pem").stderr


def test_several_providers_have_to_be_told_apart(gateway, issuer):
    text = ISSUER + "  staff: {jwt: {algorithms: [HS256], audience: api, secret: 0123456789abcdef0123456789abcdef}}\n"
    (issuer / "gateway.yaml").write_text(text)
    for words in ((), ("--provider", "x")):
        result = gateway("token", *words)
        assert (result.exit_code, result.stderr) == (1, "name a provider with --provider: tokens, staff\n")
    assert gateway("token", "--provider", "staff").exit_code == 0
    assert "leave out --key" in gateway("token", "--provider", "tokens", "--key", "signing.pem").stderr
