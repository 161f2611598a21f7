"""Leading in one process: what is served, refused, watched and taken over."""

import pytest

from gateway.config import leader, reload
from gateway.config.diagnostics import ConfigError
from gateway.config.document import load
from gateway.config.publish import PlanDirectory
from tests.unit.config.reload_host import clock, host, parse_here, plan_of, text

__all__ = ["clock", "host"]


def test_the_first_plan_is_there_before_any_worker(host):
    assert host.page.generation.load() == 1
    assert host.published.plan(1) == host.document
    assert host.published.outcome().complaints == ()


def test_a_wish_is_read_once_and_taken_by_all(host):
    one, two = host.worker(), host.worker()
    host.config.write_text(text("a", "b"))
    numbers = [reload.request_reload(host.page) for _ in range(3)]
    host.lead(one)
    assert host.page.reload_done.load() == numbers[-1]
    assert (one.routes, two.routes) == (["a", "b"], ["a"])
    assert reload.workers_behind(host.page, 2) == [two.pid]
    two.follower.follow()
    assert two.routes == ["a", "b"]
    assert two.store.current.version == one.store.current.version
    assert [w.generation for w in host.page.workers()] == [2, 2]
    assert reload.wait_until_converged(host.page, 2, 0)


def test_a_wish_that_comes_while_the_files_are_read_has_them_read_again(host):
    def parse(config, timeout, waiting):
        parsed = parse_here(config, timeout, waiting)
        if reads.append(1) or len(reads) == 1:
            host.config.write_text(text("late"))
            reload.request_reload(host.page)
        return parsed

    reads = []
    worker = host.worker(parse=parse)
    host.config.write_text(text("early"))
    reload.request_reload(host.page)
    host.lead(worker)
    assert worker.routes == ["early"]
    host.lead(worker)
    assert worker.routes == ["late"]
    host.lead(worker)
    assert len(reads) == 2


def test_the_same_content_makes_no_new_generation(host):
    worker = host.worker()
    plan = worker.store.current
    host.config.write_text("# a comment\n" + text("a"))
    number = reload.request_reload(host.page)
    host.lead(worker)
    assert host.page.reload_done.load() == number
    assert host.page.generation.load() == 1
    assert worker.store.current is plan


def test_a_bad_file_changes_nothing_and_is_told_in_the_words_of_load(host, caplog):
    worker = host.worker()
    plan = worker.store.current
    host.config.write_text("version: 1\nroute: []\nserver: {bind: 7}\n")
    with pytest.raises(ConfigError) as expected:
        load(host.config)
    number = reload.request_reload(host.page)
    host.lead(worker)
    outcome = host.published.outcome()
    assert (outcome.wish, outcome.generation, outcome.version) == (number, 1, host.document.version)
    assert outcome.complaints == expected.value.complaints
    assert len(outcome.complaints) == 2
    assert all(str(complaint) in caplog.text for complaint in outcome.complaints)
    assert worker.store.current is plan
    host.config.write_text(text("good"))
    reload.request_reload(host.page)
    host.lead(worker)
    assert host.published.outcome().complaints == ()
    assert worker.routes == ["good"]


def test_a_file_that_needs_a_restart_is_refused_whole(host):
    worker = host.worker()
    host.config.write_text(text("b", server="{workers: 7}"))
    reload.request_reload(host.page)
    host.lead(worker)
    (complaint,) = host.published.outcome().complaints
    assert complaint.path == "server.workers"
    assert worker.routes == ["a"]
    assert host.page.generation.load() == 1


@pytest.mark.parametrize("error", [RuntimeError("cannot be built"), MemoryError("cannot be built")])
def test_a_plan_that_the_leader_cannot_compile_is_published_to_nobody(host, error):
    def compiler(document, *, pause=None):
        if len(document.routes) > 1:
            raise error
        return plan_of(document)

    worker = host.worker(compiler=compiler)
    host.config.write_text(text("a", "b"))
    number = reload.request_reload(host.page)
    host.lead(worker)
    assert host.page.reload_done.load() == number
    assert "cannot be built" in str(host.published.outcome().complaints[0])
    assert host.page.generation.load() == 1
    assert worker.routes == ["a"]


def test_a_folder_that_takes_no_more_leaves_nobody_waiting(host, monkeypatch):
    def publish(*_):
        raise OSError(28, "No space left on device")

    worker = host.worker()
    host.config.write_text(text("a", "b"))
    number = reload.request_reload(host.page)
    monkeypatch.setattr(PlanDirectory, "publish", publish)
    host.lead(worker)
    assert host.page.reload_done.load() == number
    assert "No space left" in str(host.published.outcome().complaints[0])
    assert worker.routes == ["a"]


def test_only_one_leads_and_another_takes_over_when_it_is_gone(host, clock):
    def never(*_):
        raise AssertionError("led by a worker without the lease")

    one, two = host.worker(), host.worker(parse=never)
    host.lead(one)
    number = reload.request_reload(host.page)
    host.lead(two)
    assert host.page.reload_done.load() < number
    two.leader._parse = parse_here
    clock.now += leader.LEASE + 0.1  # one is not heard of again
    host.lead(two)
    assert host.page.reload_done.load() == number


def test_a_leader_that_resigns_is_followed_at_once(host, clock):
    one, two = host.worker(), host.worker()
    host.lead(one)
    with one.in_its_process():
        one.leader.resign()
    number = reload.request_reload(host.page)
    host.lead(two)
    assert host.page.reload_done.load() == number


def test_a_leader_that_lost_its_lease_drops_what_it_did(host, clock):
    def stalled(config, timeout, waiting):
        parsed = parse_here(config, timeout, waiting)
        clock.now += leader.LEASE + 0.1
        host.config.write_text(text("newer"))
        host.lead(two)
        return parsed

    one, two = host.worker(parse=stalled), host.worker()
    host.config.write_text(text("older"))
    reload.request_reload(host.page)
    host.lead(one)
    assert host.page.generation.load() == 2
    assert two.routes == ["newer"]
    one.follower.follow()
    assert one.routes == ["newer"]


def test_a_changed_file_is_a_wish(host, clock):
    worker = host.worker()
    for _ in range(3):
        host.lead(worker)
        clock.now += leader.LOOK_EVERY
    assert host.page.reload_wanted.load() == 0
    host.config.write_text(text("changed"))
    for _ in range(3):
        host.lead(worker)
        clock.now += leader.LOOK_EVERY
    assert worker.routes == ["changed"]
    assert host.page.reload_wanted.load() == host.page.reload_done.load() == 1


def test_a_new_leader_sees_what_changed_while_nobody_led(host, clock):
    one, two = host.worker(), host.worker()
    host.lead(one)
    host.config.write_text(text("changed"))
    clock.now += leader.LEASE + 0.1
    for _ in range(4):
        host.lead(two)
        clock.now += leader.LOOK_EVERY
    assert two.routes == ["changed"]


def test_a_bad_file_is_read_once_and_again_when_it_changes(host, clock):
    def counting(*arguments):
        reads.append(1)
        return parse_here(*arguments)

    reads = []
    worker = host.worker(parse=counting)
    host.config.write_text("version: 1\nroutes: [\n")
    for _ in range(6):
        host.lead(worker)
        clock.now += leader.LOOK_EVERY
    assert len(reads) == 1
    host.config.write_text(text("mended"))
    for _ in range(4):
        host.lead(worker)
        clock.now += leader.LOOK_EVERY
    assert len(reads) == 2
    assert worker.routes == ["mended"]
