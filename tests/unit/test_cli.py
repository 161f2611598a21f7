"""The `gateway` command, in process: what it prints and how it ends."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import __version__
from gateway.cli.group import main
from tests.support.certs import authority, issue

ROOT = Path(__file__).parents[2]
QUICKSTART = str(ROOT / "conf" / "quickstart.yaml")


@pytest.fixture
def gateway(monkeypatch):
    """Run one command line; the result has exit_code, stdout and stderr."""
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    return lambda *words: CliRunner().invoke(main, words)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write gateway.yaml into an empty folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    return (tmp_path / "gateway.yaml").write_text


SMALL = """\
version: 1
upstreams:
  shop: {targets: [http://127.0.0.1:9101]}
routes:
  - {name: item, match: {path: "/items/{id:int}"}, upstream: shop}
"""


def test_version_is_quick_and_needs_nothing_heavy():
    code = "import sys; from gateway.cli import main\ntry: main(['--version'])\nexcept SystemExit: print(*sys.modules)"
    command = [sys.executable, "-c", code]
    shown = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=True).stdout
    version, modules = shown.split("\n", 1)
    assert version == f"gateway, version {__version__}"
    assert {"gevent", "falcon", "gunicorn", "yaml", "urllib3"}.isdisjoint(modules.split())


def test_help_has_a_whole_sentence_for_each_command(gateway):
    for words in ((), ("alerts",), ("keys",), ("export",), ("import",)):
        shown = gateway(*words, "--help").stdout
        assert "Commands:" in shown
        assert "..." not in shown.partition("Commands:")[2]


def test_check_says_what_there_is(gateway, write):
    write(SMALL)
    result = gateway("check")
    assert result.exit_code == 0
    assert result.stdout.startswith("OK: 1 route, 1 upstream, version ")


def test_check_reports_three_mistakes_in_one_go(gateway, write):
    write(
        SMALL.replace("targets", "tragets").replace("upstream: shop", "upstream: shup").replace("{id:int}", "{id:itn}")
    )
    result = gateway("check")
    assert result.exit_code == 1
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert [line.split(" ")[0].split(":")[:2] for line in lines] == [
        ["gateway.yaml", "3"],
        ["gateway.yaml", "5"],
        ["gateway.yaml", "5"],
    ]
    assert "did you mean `targets`?" in result.stdout
    assert "did you mean `shop`?" in result.stdout
    assert "int" in result.stdout


def test_check_as_json(gateway, write):
    write(SMALL.replace("upstream: shop", "upstream: shup"))
    result = gateway("check", "--format", "json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["ok"] is False
    assert [(each["file"], each["line"]) for each in told["complaints"]] == [("gateway.yaml", 5)]
    assert set(told["complaints"][0]) == {"file", "line", "column", "path", "message", "hint"}
    write(SMALL)
    told = json.loads(gateway("check", "--format", "json").stdout)
    assert (told["ok"], told["routes"], told["upstreams"], told["complaints"]) == (True, 1, 1, [])


@pytest.mark.parametrize("command", [("check",), ("routes",), ("explain", "GET", "/"), ("serve",)])
def test_a_missing_file_is_one_line(gateway, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    result = gateway(*command)
    assert result.exit_code == 1
    said = result.stdout + result.stderr
    assert said == "gateway.yaml: no such file (name a configuration with -c FILE or GATEWAY_CONFIG)\n"


def test_an_unreadable_secret_is_one_line(gateway, write):
    write(SMALL.replace("version: 1", "version: 1\nserver: {admin_token: '${file:/run/secrets/no-such}'}"))
    result = gateway("check")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "gateway.yaml:2:23: server.admin_token: the file /run/secrets/no-such cannot be read: no such file or directory"
    ]


def test_check_looks_into_certificates(gateway, write, tmp_path):
    pair = issue(tmp_path, authority(tmp_path), "here")
    write(SMALL.replace("version: 1", f"version: 1\nserver: {{tls: {{cert: {pair.cert}, key: {pair.key}}}}}"))
    assert gateway("check").exit_code == 0
    pair.cert.write_text("no certificate\n")
    result = gateway("check")
    assert result.exit_code == 1
    (line,) = result.stdout.splitlines()
    assert line.startswith("gateway.yaml:2:22: server.tls.cert: the file ") and line.endswith("in PEM that can be read")
    assert gateway("routes").exit_code == 0, "who only looks need not have them"


@pytest.mark.parametrize("command", ["check", "routes", "serve"])
def test_a_file_is_named_by_an_option(gateway, command):
    result = gateway(command, "gateway.yaml")
    assert result.exit_code == 2
    assert result.stderr.endswith("(gateway.yaml); a configuration is named by -c FILE\n")


def test_explain_wants_a_url(gateway, write):
    write(SMALL)
    for url in ("a", "http://[::1/a", "http:///a", "http://a:b/", "ftp://a/"):
        result = gateway("explain", "GET", url)
        assert (result.exit_code, result.stderr.splitlines()[-1]) == (
            2, f"Error: URL is http://host/path, https://host/path or /path, not {url!r}"
        )  # fmt: skip


def test_the_configuration_can_be_named_by_the_environment(gateway, tmp_path, monkeypatch):
    file = tmp_path / "other.yaml"
    file.write_text(SMALL)
    monkeypatch.setenv("GATEWAY_CONFIG", str(file))
    assert CliRunner().invoke(main, ["check"]).exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        *("chek", "check --fromat json", "explain GET", "explain GET ftp://x/", "explain GET x"),
        *("explain GET / -H nocolon", "serve --workers 0"),
    ],
)
def test_wrong_usage_is_2(gateway, words):
    result = gateway(*words.split())
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")


def test_routes_are_in_rank_order(gateway):
    rows = json.loads(gateway("routes", "-c", QUICKSTART, "--format", "json").stdout)["routes"]
    names = [row["name"] for row in rows]
    written = [
        "page",
        "items",
        "item",
        "item-reviews",
        "stock",
        "price",
        "item-page",
        "add-review",
        "live",
        "hello",
        "moved",
        "me",
    ]
    assert sorted(names) == sorted([*written, "auth:tokens-keys", "auth:tokens-revoke"])
    item = rows[names.index("item")]
    assert item["path"] == "/items/{id:int}"
    assert item["methods"] == ["GET", "HEAD"]
    assert item["to"] == "catalog"
    assert item["where"].startswith(QUICKSTART)


def test_routes_as_a_table(gateway, write):
    write(SMALL + '  - {name: seven, match: {path: /items/7, headers: {X-Beta: "*"}}, respond: {status: 204}}\n')
    lines = gateway("routes").stdout.splitlines()
    assert lines[0].split() == ["NAME", "PATH", "HEADERS", "TO", "WHERE"]
    assert lines[1].split() == ["seven", "/items/7", "X-Beta=*", "respond", "204", "gateway.yaml:6"]
    assert lines[2].split() == ["item", "/items/{id:int}", "shop", "gateway.yaml:5"]


def test_schema_is_json_and_has_an_outline(gateway):
    assert json.loads(gateway("schema").stdout)["title"] == "Gateway configuration"
    outline = gateway("schema", "--format", "text").stdout.splitlines()
    rows = dict(line.split(maxsplit=1) for line in outline)
    assert "server.limits.body" in rows
    assert "routes[].match.path" in rows
    assert all(rows.values())
    assert not [path for path in rows if path.startswith("regions")], "what is not built is not offered"


def test_a_port_in_use_is_one_line(write):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        write(
            SMALL.replace(
                "version: 1", f"version: 1\nserver: {{bind: '127.0.0.1:{port}', admin: '127.0.0.1:0', workers: 1}}"
            )
        )
        command = [sys.executable, "-m", "gateway.cli", "serve"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, env={"PYTHONPATH": str(ROOT)})
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == f"gateway: 127.0.0.1:{port} is in use; stop what listens there, or choose another address\n"
