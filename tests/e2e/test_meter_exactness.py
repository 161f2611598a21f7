"""The meter over the lives of workers and masters: kills, reloads and upgrades, and what is counted all the same."""

from __future__ import annotations

import os
import signal

from tests.support.gateway import wait_until
from tests.support.metered import reader, requests, settled
from tests.support.operations import Wrk, children, is_alive, page_of, respond, running, server
from tests.support.through import ask, get


def test_metrics_may_be_off(tmp_path):
    text = server(1) + "routes:\n" + respond("one")
    off = text.replace('access_log: {format: "off"}', 'access_log: {format: "off"}, metrics: off')
    with running(tmp_path, off) as made:
        read = reader(made)
        assert ask(made, get("/plan"))[0] == 200
        assert read().routes == {}
        made.write(text)
        assert made.admin("/api/reload", "POST")[0] == 200
        assert ask(made, get("/plan"))[0] == 200
        settled(read, lambda now: requests(now.routes.get("plan")) == 1, "it is counted")


def test_sums_are_exact_though_workers_are_killed_and_plans_swapped(tmp_path):
    """What was on its way through a killed worker, or when the load ends, may be on one side only; nothing else."""
    connections, kills = 8, 2
    with running(tmp_path, server(4) + "routes:\n" + respond("one")) as made:
        wait_until(lambda: len(made.workers()) == 4, "all workers are there")
        read = reader(made)
        wrk = Wrk(tmp_path, f"{made.url}/plan", 60, connections=connections)
        for number in range(kills):
            counted_after(read, 8000)
            killed = made.workers()[0]
            os.kill(killed, signal.SIGKILL)
            made.write(server(4) + "routes:\n" + respond(f"two-{number}"))
            assert made.admin("/api/reload", "POST")[0] == 200
        counted_after(read, 8000)
        counts = wrk.interrupt()
        plan = settled(read, lambda now: now.routes["plan"].in_flight == 0, "nothing is on its way").routes["plan"]
        assert abs(plan.requests["GET", "2xx"] - counts["requests"]) <= (kills + 1) * connections
        assert 0 <= plan.duration.count - requests(plan) <= kills
        assert requests(plan) == plan.requests["GET", "2xx"] > 8000 * kills
        assert counts["read"] <= kills * connections
        assert plan.sent in range(3 * requests(plan), 5 * requests(plan) + 1)


def counted_after(read, more: int) -> None:
    """Wait until so many more requests are counted."""
    wanted = requests(read().routes.get("plan")) + more
    wait_until(lambda: requests(read().routes.get("plan")) >= wanted, f"{more} more requests are counted", 60)


def test_an_upgrade_keeps_counts(tmp_path):
    with running(tmp_path, server(2) + "routes:\n" + respond("one")) as made:
        wait_until(lambda: len(made.workers()) == 2, "both workers are there")
        old = set(made.workers())
        read = reader(made)
        wrk = Wrk(tmp_path, f"{made.url}/plan", 60, connections=8)
        counted_after(read, 500)
        made.send(signal.SIGUSR2)
        wait_until(lambda: len(set(made.workers()) - old) == 2, "the new master's workers serve")
        (new,) = [pid for pid in children(made.pid) if pid not in old and page_of_or_none(pid) and children(pid)]
        made.send(signal.SIGWINCH)
        wait_until(lambda: not set(made.workers()) & old, "the old workers have ended")
        made.send(signal.SIGQUIT)
        counted_after(read, 500)
        answered = wrk.interrupt()["requests"]
        plan = settled(read, lambda now: now.routes["plan"].in_flight == 0, "nothing is on its way").routes["plan"]
        assert 0 <= requests(plan) - answered <= 8, "wrk broke off at most one on each connection"
        assert page_of(new).generation.load() >= 1
        os.kill(new, signal.SIGTERM)
        wait_until(lambda: not is_alive(new), "the new master ended")


def page_of_or_none(pid: int) -> object:
    """The page that a process has open."""
    try:
        return page_of(pid)
    except (AssertionError, OSError):
        return None
