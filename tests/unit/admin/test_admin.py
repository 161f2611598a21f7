"""The answers of the admin API."""

import datetime
import os

import pytest

from gateway import __version__
from gateway.config.diagnostics import ConfigError
from gateway.config.document import load
from gateway.control import resources, workers
from gateway.errors import KINDS
from gateway.state import WorkerState

PATHS = ["/", "/healthz", "/readyz", "/api/routes", "/api/config", "/api/workers", "/api/upstreams"]


@pytest.mark.parametrize("path", PATHS)
def test_all_answers_are_json_and_nobody_keeps_them(site, path):
    answer = site.ask("GET", path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_its_body(site, path):
    get, head = site.ask("GET", path), site.ask("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers == get.headers


def test_the_index_lists_what_there_is(site):
    answer = site.ask("GET", "/").json
    assert answer["gateway"] == __version__
    for line in answer["endpoints"]:
        method, path = line.split()
        assert site.ask(method, path).status in (200, 403, 503)  # 503: nobody observes this site


def test_the_process_lives(site):
    site.draining = True
    answer = site.ask("GET", "/healthz")
    assert (answer.status, answer.json) == (200, {"status": "alive"})


def test_ready_until_it_drains(site):
    version = site.store.document.version
    answer = site.ask("GET", "/readyz")
    assert (answer.status, answer.json) == (200, {"status": "ready", "version": version, "generation": 1})
    site.draining = True
    assert site.ask("GET", "/readyz").status == 200, "others serve all that comes"
    site.slot.state.store(WorkerState.DRAINING)
    answer = site.ask("GET", "/readyz")
    assert (answer.status, answer.json["status"]) == (503, "draining")


def test_routes_are_in_rank_order_with_their_steps(site):
    any_, item = site.ask("GET", "/api/routes").json[::-1]
    assert item["name"] == "item"
    assert item["match"] == {
        "path": "/items/{id:int}",
        "methods": ["GET"],
        "hosts": ["api.example.com"],
        "headers": {"X-Beta": "1"},
        "query": {},
    }
    assert (item["upstream"], any_["upstream"]) == ("items", "respond")
    assert item["where"] == f"{site.config}:12"
    steps = {step["name"]: step["where"] for step in item["steps"]}
    assert steps["rewrite"].startswith(f"{site.config}:")
    assert [step["name"] for step in any_["steps"]] == [name for name in steps if name != "rewrite"]


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_routes_come_in_pieces_that_make_one_list(site, monkeypatch, at_once):
    whole = site.ask("GET", "/api/routes").json
    monkeypatch.setattr(resources, "_ROWS_AT_ONCE", at_once)
    assert site.ask("GET", "/api/routes").json == whole
    assert len(whole) == 2


def test_no_routes_are_an_empty_list(site):
    text = site.config.read_text()
    site.config.write_text(text[: text.index("routes:")] + "routes: []\n")
    assert site.change().status == 200
    assert site.ask("GET", "/api/routes").json == []


def test_the_configuration_is_shown_without_its_secrets(site, monkeypatch):
    monkeypatch.setenv("SECRET_HEADER", "very-secret")
    monkeypatch.setenv("ADMIN_TOKEN", "correct-horse")
    assert site.change().status == 200
    answer = site.ask("GET", "/api/config", authorization="Bearer correct-horse")
    assert answer.json["server"]["admin_token"] == "***"
    assert answer.json["routes"][0]["respond"]["headers"]["X-Secret"] == "***"
    assert b"very-secret" not in answer.body
    assert b"correct-horse" not in answer.body


def test_workers_say_what_they_do(site):
    site.slot.connections.store(3)
    site.slot.requests.add(7)
    (worker,) = site.ask("GET", "/api/workers").json
    assert type(worker["pid"]) is int
    started = datetime.datetime.fromisoformat(worker.pop("started"))
    assert abs((datetime.datetime.now(datetime.UTC) - started).total_seconds()) < 60
    assert worker.pop("memory") > 1 << 20
    assert worker == {
        "pid": os.getpid(),
        "state": "serving",
        "version": site.store.document.version,
        "generation": 1,
        "connections": 3,
        "requests": 7,
    }


def test_a_reload_answers_once_all_workers_run_the_new_plan(site):
    site.write(50)
    answer = site.change()
    version = load(str(site.config)).version
    assert (answer.status, answer.json) == (200, {"version": version, "generation": 2, "changed": True})
    assert site.store.document.server.limits.headers == 50
    assert site.change().json == {"version": version, "generation": 2, "changed": False}


def test_a_reload_of_a_bad_file_lists_every_mistake_and_ready_tells_them(site):
    before = site.store.current
    site.config.write_text(site.config.read_text() + "    rewrit: /x\nserve: {}\n")
    with pytest.raises(ConfigError) as expected:
        load(str(site.config))
    complaints = expected.value.complaints
    answer = site.change()
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["type"] == "urn:gateway:error:config-refused"
    assert answer.json["detail"] == "There are 2 mistakes."
    assert answer.json["errors"] == [complaint.to_json() for complaint in complaints]
    assert site.store.current is before
    ready = site.ask("GET", "/readyz")
    assert ready.status == 200
    assert ready.json["reload_errors"] == [str(complaint) for complaint in complaints]
    site.write(100)
    assert site.change().status == 200
    assert "reload_errors" not in site.ask("GET", "/readyz").json


def test_a_reload_that_needs_a_restart_is_refused(site):
    site.config.write_text(site.config.read_text().replace("server:\n", "server:\n  workers: 3\n"))
    answer = site.change()
    assert (answer.status, answer.json["detail"]) == (422, "There is one mistake.")
    assert answer.json["errors"][0]["path"] == "server.workers"


def test_a_reload_that_nobody_reads_ends(site, monkeypatch):
    monkeypatch.setattr(resources, "SERVED_WITHIN", 0.05)
    answer = site.ask("POST", "/api/reload", x_gateway_admin="1")
    assert (answer.status, answer.json["type"]) == (504, "urn:gateway:error:reload-incomplete")


def test_a_reload_that_a_worker_does_not_take_names_it(site, monkeypatch):
    other = site.page.claim_slot(os.getppid())
    other.run_plan(1, site.store.document.version)
    monkeypatch.setattr(resources, "CONVERGED_WITHIN", 0.05)
    site.write(50)
    answer = site.change()
    assert answer.status == 504
    assert answer.json["detail"] == f"Generation 2 is not yet run by worker {os.getppid()}."


def test_a_reload_whose_outcome_is_lost_is_our_fault(site, monkeypatch):
    monkeypatch.setattr(resources.reload, "wait_until_served", lambda *_: True)
    answer = site.ask("POST", "/api/reload", x_gateway_admin="1")
    assert (answer.status, answer.json["type"]) == (500, "urn:gateway:error:internal")


@pytest.mark.parametrize("path", ["/nothing", "/api", "/api/", "/api/routes/", "/metrics/x", "/healthz/x"])
def test_what_there_is_not(site, path):
    answer = site.ask("GET", path)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json == {
        "type": "urn:gateway:error:route-not-found",
        "title": "No route matches the request",
        "status": 404,
        "detail": "GET / lists what there is.",
    }


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/healthz", "GET, HEAD, OPTIONS"),
        ("POST", "/api/workers", "GET, HEAD, OPTIONS"),
        ("FOO", "/api/workers", "GET, HEAD, OPTIONS"),
        ("GET", "/api/reload", "POST, OPTIONS"),
        ("HEAD", "/api/reload", "POST, OPTIONS"),
    ],
)
def test_a_method_that_a_resource_has_not(site, method, path, allow):
    answer = site.ask(method, path, x_gateway_admin="1")
    assert (answer.status, answer.headers["allow"]) == (405, allow)
    assert answer.headers["content-type"] == "application/problem+json"
    if method != "HEAD":
        assert answer.json["type"] == "urn:gateway:error:method-not-allowed"


def test_options_lists_the_methods(site):
    answer = site.ask("OPTIONS", "/api/reload")
    assert (answer.status, answer.headers["allow"], answer.body) == (204, "POST, OPTIONS", b"")


def test_a_failure_of_ours_is_logged_and_not_shown(site, monkeypatch, caplog):
    monkeypatch.setattr(workers, "worker_row", lambda worker: 1 / 0)
    answer = site.ask("GET", "/api/workers")
    assert answer.status == 500
    assert answer.json["detail"] == "The failure is in the gateway's log."
    assert b"ZeroDivisionError" not in answer.body
    assert "ZeroDivisionError" in caplog.text


def test_every_kind_of_problem_has_a_type_of_its_own():
    slugs = [kind.slug for kind in KINDS]
    assert len(slugs) == len(set(slugs))
    assert {"admin-host", "admin-origin", "admin-header", "admin-token"} <= set(slugs)
