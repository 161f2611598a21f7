"""What is told gets written soon, in order; what cannot be is counted; nothing waits."""

import fcntl
import json
import logging
import os

import pytest

from gateway.auth.caller import Caller
from gateway.contracts import RoutePlan
from gateway.exchange import Exchange
from gateway.observability.audit import log as module
from gateway.observability.audit.counters import LOST, REGION, AuditCounts, region_size
from gateway.observability.audit.denials import BURST, DenialLog
from gateway.observability.audit.log import Audit
from gateway.observability.audit.options import Audit as Spec
from gateway.state import SharedMemory
from tests.support.greenlets import until


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit.log"


@pytest.fixture
def counts():
    return AuditCounts.private()


@pytest.fixture
def audit(tmp_path, path, counts):
    made = Audit(tmp_path, lambda: 1_800_000_000.25, counts)
    made.configure(Spec(str(path), "", "gateway.yaml:3"))
    yield made
    made.close()


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def settled(path, count):
    until(lambda: len(lines(path)) >= count)
    return lines(path)


def test_a_line(audit, path):
    audit.record("key.create", "done", who="token", client=None, what={"id": "7", "name": None})
    (line,) = settled(path, 1)
    told = {name: line[name] for name in ("seq", "at", "event", "outcome", "who", "what")}
    assert told == {
        "seq": 1,
        "at": "2027-01-15T08:00:00.250+00:00",
        "event": "key.create",
        "outcome": "done",
        "who": "token",
        "what": {"id": "7"},
    }
    assert "client" not in line


def test_nothing_is_written_where_it_is_off(tmp_path):
    audit = Audit(tmp_path)
    audit.record("x", "done")
    audit.say_now("x", "done")
    audit.close()
    assert list(tmp_path.iterdir()) == []


def test_what_others_chose_is_cut_short(audit, path):
    audit.record("x", "done", what={"name": "y" * 10_000, "many": list(range(100))})
    (line,) = settled(path, 1)
    assert len(line["what"]["name"]) == 259
    assert len(line["what"]["many"]) == 32


def test_another_process_has_the_lock(audit, path):
    audit.say_now("one", "done")
    with open(f"{path}.head", "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        audit.record("two", "done")
        audit.flush()
        assert len(lines(path)) == 1
    assert [line["event"] for line in settled(path, 2)] == ["one", "two"]


def counted(counts):
    return {name: count for name, count in counts.totals().items() if count}


def test_a_full_queue_is_counted(audit, path, counts, caplog):
    for number in range(module.LIMIT + 5):
        audit.record("many", "done", what={"number": number})
    audit.flush()
    audit.record("after", "done")
    audit.close()
    found = lines(path)
    assert len(found) == module.LIMIT + 2
    assert (found[-2]["event"], found[-2]["count"], found[-1]["event"]) == ("audit.dropped", 5, "after")
    assert "5 lines of the audit log were dropped" in caplog.text
    assert counted(counts) == {"written": module.LIMIT + 2, "full": 5}


def test_what_was_dropped_is_told_though_nothing_more_comes(audit, path):
    for _ in range(module.LIMIT + 3):
        audit.record("many", "done")
    audit.close()
    assert [(line["event"], line.get("count")) for line in lines(path)[-2:]] == [("many", None), ("audit.dropped", 3)]


def test_what_a_process_leaves_unwritten_is_counted(audit, path, counts, caplog, monkeypatch):
    path.unlink(missing_ok=True)
    path.mkdir()
    audit.record("one", "done")
    audit.record("two", "done")
    audit.close()
    assert counted(counts) == {"failures": 1, "destination": 2}
    assert "2 lines of the audit log are lost: Is a directory" in caplog.text
    path.rmdir()
    monkeypatch.setattr(module, "PATIENCE", 0.02)
    audit.say_now("three", "done")
    with open(f"{path}.head", "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        audit.say_now("four", "done")
    assert [line["event"] for line in lines(path)] == ["three"]
    assert counted(counts) == {"failures": 1, "destination": 2, "written": 1, "busy": 1}


def test_all_processes_count_together():
    page = SharedMemory.create({REGION: region_size()})
    for each in (AuditCounts.of(page), AuditCounts.of(page)):
        each.add("written", 2)
        each.add("full", 1)
    assert counted(AuditCounts.of(page)) == {"written": 4, "full": 2}


def test_a_page_of_a_master_that_had_no_room_for_them():
    counts = AuditCounts.of(SharedMemory.create())
    counts.add("busy", 1)
    assert counted(counts) == {"busy": 1}


def test_a_destination_that_fails_is_tried_again(audit, path, counts, caplog, monkeypatch):
    monkeypatch.setattr(module, "FAILED", 0.01)
    path.unlink(missing_ok=True)
    path.mkdir()
    audit.record("one", "done")
    until(lambda: counts.totals()["failures"] > 1)
    assert caplog.text.count("the audit log waits") == 1
    path.rmdir()
    assert settled(path, 1)[0]["event"] == "one"
    assert sum(counts.totals()[reason] for reason in LOST) == 0


def test_what_waits_goes_to_the_old_file(audit, path, tmp_path):
    other = tmp_path / "other.log"
    audit.record("one", "done")
    audit.configure(Spec(str(other), "", "gateway.yaml:3"))
    audit.record("two", "done")
    audit.configure(None)
    audit.record("three", "done")
    assert [line["event"] for line in lines(path)] == ["one"]
    assert [line["event"] for line in lines(other)] == ["two"]


def test_a_destination_that_cannot_be_written(audit, tmp_path):
    with pytest.raises(OSError, match="directory"):
        audit.check(Spec(str(tmp_path / "none" / "audit.log"), "", ""))


def test_the_head_is_told_at_the_start(audit, path, caplog):
    with caplog.at_level(logging.INFO):
        audit.begin(version="abc")
    (line,) = lines(path)
    assert (line["event"], line["what"]) == ("gateway.start", {"version": "abc"})
    assert f"seq 1, head {line['hash']}" in caplog.text


def test_workers_may_write_it(audit, path):
    audit.say_now("one", "done")
    audit.give_to(os.geteuid(), os.getegid())
    assert path.stat().st_uid == os.geteuid()


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def exchange(error, **attributes):
    made = Exchange("GET", "/a?token=secret", [], {}, 0.0)
    made.host, made.path, made.client, made.request_id = "a.example", "/a", "10.0.0.1", "r1"
    made.route = RoutePlan("a", "x:1", (), lambda exchange: None, 1.0, "")
    made.error = error
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def test_denied_access_is_told(audit, path):
    denials = DenialLog(audit)
    caller = Caller("staff", "alice", {})
    denials.steps.on_close(exchange("forbidden", caller=caller))
    denials.steps.on_close(exchange("upstream-reset"))
    denials.steps.on_close(exchange(None))
    audit.close()
    (line,) = lines(path)
    assert (line["event"], line["why"], line["who"], line["client"]) == (
        "access.denied",
        "forbidden",
        "staff/alice",
        "10.0.0.1",
    )
    assert line["what"] == {"method": "GET", "host": "a.example", "path": "/a", "route": "a", "request_id": "r1"}
    assert "secret" not in path.read_text()


def test_a_flood_of_denials_is_counted(audit, path):
    clock = Clock()
    denials = DenialLog(audit, clock)
    for _ in range(BURST + 40):
        denials.add("access.denied", "forbidden")
    denials.add("access.denied", "invalid-token")
    clock.now += 3.0
    for _ in range(5):
        denials.add("access.denied", "forbidden")
    denials.tell()
    denials.tell()
    audit.close()
    found = lines(path)
    assert len(found) == BURST + 3 + 1
    assert (found[-1]["event"], found[-1]["what"]) == ("access.left_out", {"forbidden": 42, "invalid-token": 1})


def test_what_was_left_out_is_told_by_itself(audit, path, monkeypatch):
    monkeypatch.setattr("gateway.observability.audit.denials.TELL_EVERY", 0.01)
    denials = DenialLog(audit, Clock())
    for _ in range(BURST + 1):
        denials.add("access.denied", "forbidden")
    assert settled(path, BURST + 1)[-1]["event"] == "access.left_out"
