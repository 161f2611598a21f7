"""Peer files: what they may say, what is made of them, and how a run goes on without those that are absent."""

import json
import re

import pytest

from perf import peer, peercheck, peerlist, runs
from perf.__main__ import main
from perf.scenario import ScenarioError, load_all, parse

GOOD = """
title = "A gateway"
program = "sh"
[bare]
start = ["@PROGRAM@", "-c", "@DIR@/a.conf", "@PORT@"]
files = ["a.conf"]
env.UP = "@UPSTREAM@"
does = "passes on"
leaves_out = "all else"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.conf").write_text("listen @PORT@\n@EACH@\nroute /svc@I@\n@END@\nlast\n")
    return tmp_path


@pytest.mark.parametrize("name", peer.names())
def test_the_shipped_peers_say_what_they_do_and_leave_no_mark_unfilled(name, tmp_path):
    found = peer.load(name)
    values = peer.values(found, tmp_path, 1, 2, 3)
    for work in found.works.values():
        assert work.does and work.leaves_out
        texts = [peer.fill((peer.FOLDER / file).read_text(), values) for file in work.files]
        for text in (*texts, *(peer.fill(word, values) for word in work.start)):
            assert not re.search(r"@[A-Z0-9]+@", text)
            assert "/tmp/" not in text.replace(str(peer.FOLDER.parents[1]), "") or str(tmp_path) in text


def test_those_that_are_asked_for_are_there():
    wanted = {"nginx", "nginx-lua", "haproxy", "envoy", "traefik", "caddy", "fastify", "fast-gateway", "stock"}
    assert wanted == set(peer.names())
    full = {name for name in wanted if "full" in peer.load(name).works}
    assert full == wanted - {"nginx"}
    assert {name for name in full if peer.load(name).works["full"].token == "none"} == {"caddy"}


def test_a_file_is_read_and_its_templates_are_filled(folder):
    found = peer.parse("a", GOOD, folder)
    assert found.works["bare"].token == "none" and found.path().endswith("/sh") and found.absent() is None
    filled = peer.fill((folder / "a.conf").read_text(), {"PORT": "80"}, routes=4)
    assert filled == "listen 80\nroute /svc0\nroute /svc1\nroute /svc2\nlast\n"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("title =", "titel =", "a.toml: unknown key 'titel'"),
        ("does =", "doez =", "a.toml: bare: unknown key 'doez'"),
        ("leaves_out = ", "token = ", "a.toml: bare: 'leaves_out' is missing"),
        ("[bare]", "needs.cargo = ['x']\n[bare]", "a.toml: needs: unknown key 'cargo'"),
        ("[bare]", "[bear]", "unknown key 'bear'"),
        ('a.conf"]', 'b.conf"]', "there is no file 'b.conf'"),
        ("@PORT@", "@PROT@", "unknown mark 'PROT'"),
        ("@UPSTREAM@", "@UP@", "unknown mark 'UP'"),
        ("does =", "token = 'known'\ndoes =", "token 'known' is none of"),
        ("title = ", "title == ", "a.toml: "),
    ],
)
def test_mistakes_are_named(old, new, says, folder):
    with pytest.raises(peer.PeerError, match=re.escape(says)):
        peer.parse("a", GOOD.replace(old, new), folder)


def test_a_file_without_work_is_refused(folder):
    with pytest.raises(peer.PeerError, match="one of bare and full"):
        peer.parse("a", "title = 'a'\nprogram = 'sh'", folder)


@pytest.mark.parametrize(
    ("needs", "says"),
    [
        ('needs.apt = ["a", "b"]\nneeds.files = ["/no/such"]', "apt-get install a b"),
        ('needs.pip = ["a-bin"]', "peers --install a"),
        ('needs.npm = ["@x/a@2", "b@1"]', "peers --install a"),
    ],
)
def test_what_is_not_here_says_how_it_comes(needs, says, folder, monkeypatch):
    monkeypatch.setattr(peer, "BUILD", folder)
    monkeypatch.setattr(peer, "NODE_MODULES", folder / "node_modules")
    (folder / "node_modules" / "b").mkdir(parents=True)
    found = peer.parse("a", GOOD.replace("[bare]", f"{needs}\n[bare]"), folder)
    assert found.absent().startswith("not installed") and says in found.absent()
    (folder / "node_modules" / "@x" / "a").mkdir(parents=True)
    assert (found.absent() is None) == ("npm" in needs)


def test_installing_runs_the_ordinary_clients_and_leaves_no_lock(folder, monkeypatch):
    asked = []

    class Done:
        returncode, stderr = 0, ""

    monkeypatch.setattr(peer, "BUILD", folder)
    monkeypatch.setattr(peer, "NODE_MODULES", folder / "node_modules")
    monkeypatch.setattr(peerlist.subprocess, "run", lambda command, **_: asked.append(command) or Done)
    text = GOOD.replace("[bare]", 'needs.pip = ["a-bin"]\nneeds.npm = ["@x/a@2"]\n[bare]')
    peerlist.install(peer.parse("a", text, folder))
    venv, pip, npm = asked
    assert venv[1:3] == ["-m", "venv"] and pip[1:] == ["install", "-q", "a-bin"]
    assert npm[1] == "install" and "--no-package-lock" in npm and "--ignore-scripts" in npm and npm[-1] == "@x/a@2"
    Done.returncode, Done.stderr = 1, "noise\nno such version"
    with pytest.raises(peer.PeerError, match="failed: no such version"):
        peerlist.install(peer.parse("a", text, folder))


def test_the_list_says_of_each_what_it_leaves_out(capsys):
    assert main(["peers", "haproxy", "caddy"]) == 0
    said = capsys.readouterr().out
    assert (
        said.startswith("haproxy: HAProxy; ") and "token verified" in said and "leaves out the token and both" in said
    )
    assert main(["peers", "apache"]) == 1
    assert "no peer 'apache'; there are caddy," in capsys.readouterr().err


def test_versions_are_said_by_the_program_or_by_its_package(folder, monkeypatch):
    monkeypatch.setattr(peer, "NODE_MODULES", folder)
    (folder / "b").mkdir()
    text = GOOD.replace('program = "sh"', 'program = "sh"\nversion = ["-c", "echo v12.3.4-x; false"]')
    assert peer.parse("a", text, folder).version() == "12.3.4" and peer.parse("a", GOOD, folder).version() == ""
    packed = peer.parse("a", text.replace("[bare]", 'needs.npm = ["b@1"]\n[bare]'), folder)
    assert packed.version() == ""
    (folder / "b" / "package.json").write_text('{"version": "1.2.0"}')
    assert packed.version() == "1.2.0"


def test_all_peers_stand_in_a_scenario_for_the_work_they_can_do():
    scenario = parse("s", "[variants.bare]\npeers = 'all'\n[variants.full]\npeers = 'all'\nwork = 'full'")
    series = {(t.subject, t.work) for t in scenario.trials}
    assert ("nginx", "bare") in series and ("nginx", "full") not in series
    assert ("nginx-lua", "full") in series and ("nginx-lua", "bare") not in series and ("gateway", "full") in series
    with pytest.raises(ScenarioError, match="peer 'nginx' does no full work"):
        parse("s", "[variants.a]\npeers = ['nginx']\nwork = 'full'")
    with pytest.raises(ScenarioError, match="work 'half' is none of"):
        parse("s", "[variants.a]\nwork = 'half'")


def test_absent_peers_are_left_out_with_the_reason_once(monkeypatch, capsys):
    monkeypatch.setattr(
        peer.Peer, "absent", lambda self: "not installed: x" if self.name in ("envoy", "nginx") else None
    )
    absent = {}
    here = runs.at_hand(load_all()["peers"], absent)
    runs.at_hand(load_all()["peers"], absent)
    assert absent == {"envoy": "not installed: x"}  # nginx is what all are set against, and is installed by the run
    assert capsys.readouterr().out == "envoy: not installed: x\n"
    assert {t.subject for t in here.trials} == {"gateway", *peer.names()} - {"envoy"}


def test_a_gateway_that_does_nothing_is_found_out():
    echo = peercheck.Echo()
    try:
        said = " ".join(peercheck._passed(echo.port) + peercheck._refused(echo.port))
    finally:
        echo.close()
    for fault in ("no request id", "traceparent was None", "the child of 00-", "no route answered 200"):
        assert fault in said
    for caller in ("without a token", "with a forged token", "with an expired token", "of another issuer"):
        assert f"a call {caller} got 200, not 401" in said
    assert "a call without the scope got 200, not 403" in said and "another audience got 200" in said


def test_the_check_of_a_peer_that_answers_nothing_good():
    class Refusing(peercheck.Echo):
        def serve(self, connection):
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")

    refusing = Refusing()
    try:
        assert peercheck._passed(refusing.port) == ["a good call got 503"]
    finally:
        refusing.close()


def test_templates_hold_no_key_but_the_bench_s_own():
    for path in peer.FOLDER.rglob("*"):
        if path.is_file() and path.suffix in {".cfg", ".conf", ".yaml", ".json", ".js", ".lua", ".go", ".toml"}:
            assert "eyJ" not in path.read_text(), path
    assert json.loads(peer.fill((peer.FOLDER / "caddy" / "full.json").read_text(), {"PORT": "1", "ADMIN": "2"}))
