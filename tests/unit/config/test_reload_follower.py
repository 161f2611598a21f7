"""Following in one process: who takes which plan, who stays behind, and who is waited for."""

from msgspec import structs

from gateway.config import generation as follower
from gateway.config import reload
from gateway.state import WorkerState
from tests.unit.config.reload_host import clock, host, plan_of, text

__all__ = ["clock", "host"]


def test_a_worker_that_boots_later_takes_the_current_plan_not_the_file(host):
    one = host.worker()
    host.config.write_text(text("good"))
    reload.request_reload(host.page)
    host.lead(one)
    host.config.write_text("nonsense: [")
    late = host.worker()
    assert late.routes == ["good"]
    assert [w.generation for w in host.page.workers()] == [2, 2]


def test_a_worker_that_cannot_take_a_plan_serves_on_and_tries_again(host, clock, caplog):
    def compiler(document, *, pause=None):
        if broken and len(document.routes) > 1:
            raise RuntimeError("not here")
        return plan_of(document)

    broken = [1]
    one, two = host.worker(), host.worker(compiler=compiler)
    host.config.write_text(text("a", "b"))
    reload.request_reload(host.page)
    host.lead(one)
    for _ in range(3):
        two.follower.follow()
    assert two.routes == ["a"]
    assert caplog.text.count("not here") == 1
    assert reload.workers_behind(host.page, 2) == [two.pid]
    assert not reload.wait_until_converged(host.page, 2, 0)
    broken.clear()
    two.follower.follow()
    assert two.routes == ["a"]
    clock.now += follower.TRY_AGAIN
    two.follower.follow()
    assert two.routes == ["a", "b"]


def test_a_worker_that_cannot_read_the_current_plan_boots_with_the_masters(host):
    (host.folder / "plan-1.pickle").rename(host.folder / "plan-5.pickle")
    host.page.generation.store(5)
    (host.folder / "plan-5.pickle").write_bytes(b"of another version")
    late = host.worker()
    assert late.routes == ["a"]
    assert reload.workers_behind(host.page, 5) == [late.pid]


def test_workers_of_a_master_with_another_server_section_stay_as_they_are_and_can_go_back(host):
    """After USR2 with a changed `bind` both masters live; when the new one ends the old workers lead again."""
    old = host.worker()
    new = structs.replace(
        host.document, version="f" * 16, server=structs.replace(host.document.server, bind=("127.0.0.1:9",))
    )
    assert reload.publish_first(new, host.page, host.folder) == 2
    old.follower.follow()
    assert old.store.document == host.document
    number = reload.request_reload(host.page)
    host.lead(old)
    assert host.page.reload_done.load() == number
    assert host.page.generation.load() == 3
    assert host.published.plan(3) == host.document


def test_workers_that_lag_leave_leading_to_those_that_do_not(host):
    one, two = host.worker(), host.worker()
    host.config.write_text(text("b"))
    reload.request_reload(host.page)
    host.lead(one)
    with one.in_its_process():
        one.leader.resign()
    number = reload.request_reload(host.page)
    host.lead(two)
    assert host.page.reload_done.load() < number
    two.follower.follow()
    host.lead(two)
    assert host.page.reload_done.load() == number


def test_draining_workers_are_not_waited_for(host):
    one, two = host.worker(), host.worker()
    host.config.write_text(text("b"))
    reload.request_reload(host.page)
    host.lead(one)
    assert reload.workers_behind(host.page, 2) == [two.pid]
    two.slot.state.store(WorkerState.DRAINING)
    assert reload.workers_behind(host.page, 2) == []


def test_a_wish_that_is_not_served_is_not_waited_for_without_end(host):
    number = reload.request_reload(host.page)
    assert not reload.wait_until_served(host.page, number, 0.01)
    host.lead(host.worker())
    assert reload.wait_until_served(host.page, number, 0)


def test_a_hundred_swaps_in_a_row(host):
    one, two = host.worker(), host.worker()
    for number in range(100):
        host.config.write_text(text(f"r{number}"))
        reload.request_reload(host.page)
        host.lead(one)
        two.follower.follow()
        assert one.routes == two.routes == [f"r{number}"]
    assert host.page.generation.load() == 101
    assert sorted(path.name for path in host.folder.iterdir()) == ["plan-101.pickle", "reload.json"]
