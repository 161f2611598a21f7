"""What workers hand each other: whole or not at all, and never stuck on what the dead left."""

import os
import pickle
import stat

import pytest

from gateway.config.diagnostics import Diagnostic
from gateway.config.document import loads
from gateway.config.publish import PlanDirectory, ReloadResult, unpickled
from gateway.state import SharedMemory

DOCUMENT = loads("version: 1\nroutes:\n  - {name: a, match: {path: /a}, respond: {status: 200}}\n")
PICKLED = pickle.dumps(DOCUMENT)
OUTCOME = ReloadResult(4, 7, "0" * 16, (Diagnostic("f", 1, 2, "p", "m", "h"),), ("/a", "/b"), ("/c/*",), "look")


@pytest.fixture
def page():
    made = SharedMemory.create(workers_max=2)
    yield made
    os.close(made.fd)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_plan_gets_the_next_generation_and_the_one_before_goes(page, tmp_path):
    published = PlanDirectory(tmp_path)
    assert [published.publish(page, PICKLED) for _ in range(3)] == [1, 2, 3]
    assert page.generation.load() == 3
    assert names(tmp_path) == ["plan-3.pickle"]
    assert published.plan(3) == DOCUMENT
    with pytest.raises(FileNotFoundError):
        published.plan(2)


def test_a_plan_is_for_its_owner_only(page, tmp_path):
    PlanDirectory(tmp_path).publish(page, PICKLED)
    assert stat.S_IMODE((tmp_path / "plan-1.pickle").stat().st_mode) == 0o600


def test_what_a_killed_leader_left_is_stepped_over_and_removed(page, tmp_path):
    (tmp_path / "plan-1.pickle").write_bytes(b"half a publication")
    (tmp_path / "new-4194305").write_bytes(b"of a pid that cannot be")
    (tmp_path / f"new-{os.getppid()}").write_bytes(b"of a living process")
    published = PlanDirectory(tmp_path)
    assert published.publish(page, PICKLED) == 2
    assert published.plan(2) == DOCUMENT
    assert names(tmp_path) == [f"new-{os.getppid()}", "plan-2.pickle"]


def test_who_is_overtaken_leaves_nothing(page, tmp_path, monkeypatch):
    slow, quick = PlanDirectory(tmp_path), PlanDirectory(tmp_path)
    real = PlanDirectory._plan
    overtaken = []

    def plan_path(self, generation):
        if self is slow and not overtaken:
            overtaken.append(quick.publish(page, PICKLED))
            (tmp_path / f"new-{os.getpid()}").write_bytes(PICKLED)  # each has a pid of its own in life
        return real(self, generation)

    monkeypatch.setattr(PlanDirectory, "_plan", plan_path)
    assert slow.publish(page, PICKLED) is None
    assert page.generation.load() == overtaken[0] == 1
    assert names(tmp_path) == ["plan-1.pickle"]


def test_something_else_than_a_plan_is_refused(tmp_path):
    (tmp_path / "plan-1.pickle").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(TypeError, match="holds no configuration"):
        PlanDirectory(tmp_path).plan(1)


def test_a_large_plan_is_read_with_pauses(tmp_path):
    routes = [f"  - {{name: r{n}, match: {{path: /r{n}}}, respond: {{status: 200}}}}\n" for n in range(2000)]
    large = loads("version: 1\nroutes:\n" + "".join(routes))
    pickled = pickle.dumps(large, protocol=5)
    pauses = []
    assert unpickled(pickled, lambda: pauses.append(1)) == large
    assert len(pauses) >= len(pickled) // 70_000 > 2


def test_an_outcome_is_read_as_it_was_told(tmp_path):
    published = PlanDirectory(tmp_path)
    assert published.outcome() is None
    published.tell(OUTCOME)
    assert published.outcome() == OUTCOME
    assert names(tmp_path) == ["reload.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"complaints": [{"x": 1}]}', '{"complaints": []}'])
def test_an_outcome_that_cannot_be_read_is_none(tmp_path, text):
    (tmp_path / "reload.json").write_text(text)
    assert PlanDirectory(tmp_path).outcome() is None
