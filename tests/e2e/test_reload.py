"""A reload: by signal, by a changed file, by the admin API; what is wrong with it is told and changes nothing."""

import pickle
import signal
import subprocess
import sys

import pytest

from gateway.config.document import load
from gateway.config.publish import PlanDirectory
from tests.support.gateway import ROOT, wait_until
from tests.support.operations import Asker, Wrk, get, page_of, respond, running, runtime_folder, server
from tests.support.raw import Upstream, echo

pytestmark = pytest.mark.timed

ROUTES = "routes:\n"


def plan(version, workers=1, more=""):
    return server(workers, more) + ROUTES + respond(version)


def answers(gateway, version):
    status, headers, body = get(gateway, "/plan")
    return (status, headers.get("x-plan"), body) == (200, str(version), str(version).encode())


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("reload"), plan(0, workers=2)) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _fresh(request):
    """Each test starts with a good file in service."""
    if "gateway" in request.fixturenames:
        gateway = request.getfixturevalue("gateway")
        gateway.write(plan(0, workers=2))
        assert gateway.admin("/api/reload", "POST")[0] == 200


def test_by_sighup(gateway):
    workers = gateway.workers()
    gateway.write(plan("hup", workers=2))
    gateway.send(signal.SIGHUP)
    wait_until(lambda: answers(gateway, "hup"), "SIGHUP took the new file")
    assert sorted(gateway.workers()) == sorted(workers)


def test_by_api_every_worker_runs_it_when_the_answer_comes(gateway):
    for number in range(5):
        gateway.write(plan(f"api-{number}", workers=2))
        status, told = gateway.admin("/api/reload", "POST")
        assert (status, told["changed"]) == (200, True)
        assert {(worker["version"], worker["generation"]) for worker in gateway.admin("/api/workers")[1]} == {
            (told["version"], told["generation"])
        }
        assert all(answers(gateway, f"api-{number}") for _ in range(8))


def test_by_api_with_nothing_new(gateway):
    before = gateway.admin("/readyz")[1]["generation"]
    status, told = gateway.admin("/api/reload", "POST")
    assert (status, told["changed"], told["generation"]) == (200, False, before)


def test_the_api_wants_post_and_its_header(gateway):
    generation = gateway.admin("/readyz")[1]["generation"]
    assert gateway.admin("/api/reload")[0] == 405
    status, told = gateway.admin("/api/reload", "POST", {"X-Gateway-Admin": "0"})
    assert (status, told["type"]) == (403, "urn:gateway:error:admin-header")
    assert gateway.admin("/readyz")[1]["generation"] == generation


def test_a_bad_file_changes_nothing_and_is_told_everywhere(gateway):
    gateway.write(plan("bad", workers=2).replace("respond:", "respnd:"))
    status, told = gateway.admin("/api/reload", "POST")
    assert (status, told["type"]) == (422, "urn:gateway:error:config-refused")
    assert answers(gateway, 0)
    ready, body = gateway.admin("/readyz")
    checked = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "check", "-c", str(gateway.config)],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert ready == 200 and body["status"] == "ready"
    assert len(body["reload_errors"]) >= 1
    line = plan("bad", workers=2).split("\n").index(respond("bad").rstrip()) + 1
    for complaint in body["reload_errors"]:
        place, _, words = complaint.partition(": ")
        assert place.startswith(f"{gateway.config}:{line}:") and place.count(":") == 2
        assert complaint in checked.stdout + checked.stderr
        assert complaint in gateway.output()
    assert "respond" in body["reload_errors"][0], "it names the nearest spelling"
    gateway.write(plan("good", workers=2))
    assert gateway.admin("/api/reload", "POST")[0] == 200
    assert "reload_errors" not in gateway.admin("/readyz")[1]


def test_all_errors_at_once(gateway):
    gateway.write(plan("x", workers=2) + "  - {name: other, match: {pth: /o}, upstream: nowhere}\n  - {name: third}\n")
    status, told = gateway.admin("/api/reload", "POST")
    assert status == 422 and len(told["errors"]) >= 3
    assert {error["line"] for error in told["errors"]} >= {7, 8}


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [("workers: 2", "workers: 3", "workers"), ("graceful_timeout: 5s", "graceful_timeout: 6s", "graceful_timeout")],
)
def test_what_needs_a_restart_is_said_and_nothing_is_applied(gateway, old, new, name):
    gateway.write(plan("half", workers=2).replace(old, new))
    status, told = gateway.admin("/api/reload", "POST")
    assert status == 422
    assert [error["path"] for error in told["errors"]] == [f"server.{name}"]
    assert "restart" in told["errors"][0]["hint"]
    assert answers(gateway, 0)
    assert len(gateway.workers()) == 2


def test_a_new_bind_needs_a_restart(gateway):
    gateway.write(plan("half", workers=2).replace("127.0.0.1:{port}", "127.0.0.1:1"))
    status, told = gateway.admin("/api/reload", "POST")
    assert (status, [error["path"] for error in told["errors"]]) == (422, ["server.bind"])
    assert answers(gateway, 0)


def test_by_a_file_that_was_written_or_replaced(gateway):
    gateway.write(plan("renamed", workers=2))
    wait_until(lambda: answers(gateway, "renamed"), "a file put in its place was seen")
    with gateway.config.open("r+") as file:
        text = file.read().replace("renamed", "written")
        file.seek(0)
        file.write(text)
        file.truncate()
    wait_until(lambda: answers(gateway, "written"), "a file that was overwritten was seen")


def test_by_what_the_file_names(gateway):
    folder = gateway.folder
    (folder / "secret").write_text("one")
    (folder / "routes").mkdir(exist_ok=True)
    (folder / "routes" / "a.yaml").write_text("routes:\n" + respond("${file:" + str(folder / "secret") + "}"))
    gateway.write(server(2) + "include: [routes/*.yaml]\n")
    assert gateway.admin("/api/reload", "POST")[0] == 200
    assert answers(gateway, "one")
    (folder / "secret").write_text("two")
    wait_until(lambda: answers(gateway, "two"), "a secret in a file was read again")
    (folder / "routes" / "a.yaml").write_text("routes:\n" + respond("three"))
    wait_until(lambda: answers(gateway, "three"), "an included file was read again")
    (folder / "routes" / "b.yaml").write_text(
        "routes:\n" + respond("more", "/more").replace("name: plan", "name: more")
    )
    wait_until(lambda: get(gateway, "/more")[2] == b"more", "a new file that the pattern matches was read")


def test_by_the_symlink_swap_of_a_configmap(tmp_path):
    """The kubelet writes a new folder, makes a link ..data_tmp to it, and renames that onto ..data."""

    def project(name, version):
        (tmp_path / name).mkdir()
        text = plan(version).replace("{port}", str(gateway.port)).replace("{admin}", str(gateway.admin_port))
        (tmp_path / name / "gateway.yaml").write_text(text)
        (tmp_path / "..data_tmp").symlink_to(name)
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")

    from tests.support.gateway import Gateway

    gateway = Gateway(tmp_path, plan("unused"))
    gateway.config.unlink()
    project("..2026_01", "first")
    gateway.config.symlink_to("..data/gateway.yaml")
    try:
        gateway.start()
        assert answers(gateway, "first")
        project("..2026_02", "second")
        wait_until(lambda: answers(gateway, "second"), "the swap of ..data was seen")
    finally:
        gateway.stop()


# Under load

AGREE = 'headers["X-Plan"] == body'


def versions(upstream_port, number):
    """Two routes, each of which shows its version in two places that come from different parts of the plan."""
    return (
        server(2)
        + f"upstreams: {{echo: {{targets: ['http://127.0.0.1:{upstream_port}']}}}}\n"
        + ROUTES
        + respond(number)
        + "  - {name: echo, match: {path: '/echo/{rest:path}'}, upstream: echo, rewrite: '/v%s/{rest}',"
        " headers: {request: {set: {X-Up: '%s'}}, response: {set: {X-Plan: '%s'}}}}\n" % (number, number, number)
    )


def agrees(headers, body):
    version = headers["x-plan"].encode()
    return body.startswith(b"GET /v%s/x HTTP/1.1\r\n" % version) and b"\r\nX-Up: %s\r\n" % version in body


@pytest.fixture
def loaded(tmp_path):
    upstream = Upstream(echo)
    with running(tmp_path, versions(upstream.port, 0)) as gateway:
        yield gateway, upstream
    upstream.close()


def under_load(gateway, work):
    """Do `work` while wrk and three clients ask; fails when an answer was wrong. Gives wrk's counts."""
    askers = [Asker(gateway.port, "/echo/x", 0.002, agrees) for _ in range(3)]
    wrk = Wrk(gateway.folder, f"{gateway.url}/plan", 60, connections=8, check=AGREE)
    try:
        for asker in askers:
            asker.start()
        work()
    finally:
        for asker in askers:
            asker.stop()
    counts = wrk.interrupt()
    assert [asker.failures[:3] for asker in askers] == [[], [], []]
    assert all(asker.count > 50 for asker in askers)
    assert counts["requests"] > 1000
    assert {name: count for name, count in counts.items() if name != "requests" and count} == {}
    return counts


@pytest.mark.thorough
def test_swaps_under_load(loaded):
    """100 swaps in both workers, each seen through: published by hand, as fast as the workers follow."""
    gateway, upstream = loaded
    folder = runtime_folder(gateway.pid)
    page = page_of(gateway.pid)
    published = PlanDirectory(folder)
    documents = [_document(gateway, versions(upstream.port, 100 + number)) for number in range(100)]

    def swap_all():
        for document in documents:
            generation = published.publish(page, pickle.dumps(document, protocol=5))
            wait_until(
                lambda at=generation: all(worker.generation == at for worker in page.workers()), "both workers swapped"
            )

    under_load(gateway, swap_all)
    assert {worker.version for worker in page.workers()} == {documents[-1].version}


@pytest.mark.thorough
def test_reloads_under_load(loaded):
    """The whole way, from the file to both workers."""
    gateway, upstream = loaded
    seen = []

    def reload_all():
        for number in range(1, 11):
            gateway.write(versions(upstream.port, number))
            status, told = gateway.admin("/api/reload", "POST")
            assert (status, told["changed"]) == (200, True)
            seen.append(told["generation"])

    under_load(gateway, reload_all)
    assert len(set(seen)) == 10 and seen == sorted(seen)


def _document(gateway, config):
    scratch = gateway.folder / "scratch.yaml"
    scratch.write_text(config.replace("{port}", str(gateway.port)).replace("{admin}", str(gateway.admin_port)))
    return load(str(scratch))
