"""How much memory there is, and how it is shared out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.runtime import MEMORY
from gateway.config.diagnostics import ConfigError
from gateway.config.document import loads
from gateway.server.memory import CACHE_LEAST, WORKER_LEAST, shares, usable_memory
from gateway.server.options import Server
from gateway.state.memory_store import CAPACITY, CAPACITY_MIN

MB = 1 << 20
GB = 1 << 30
ROUTE = "routes: [{name: a, match: {path: /}, respond: {status: 204}}]\n"


def server(text: str = "{}") -> Server:
    return loads(f"version: 1\nserver: {text}\n{ROUTE}", "gateway.yaml").server


AS_IT_IS = server()


def group(root: Path, rows: str, limits: dict[str, str]) -> tuple[int, bool]:
    """What is found where /proc/self/cgroup says `rows` and these files hold these limits."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(rows)
    for name, text in limits.items():
        file = root / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    return usable_memory(root)


@pytest.mark.parametrize(
    ("rows", "limits", "found"),
    [
        ("0::/\n", {"memory.max": "1000"}, 1000),
        ("0::/pod/box\n", {"pod/box/memory.max": "max", "pod/memory.max": "3000"}, 3000),
        ("0::/pod/box\n", {"pod/box/memory.max": "2000", "pod/memory.max": "3000"}, 2000),
        ("0::/pod/box\n", {"memory.max": "4000"}, 4000),  # a view of its own: the mount is the group
        ("0::/../../other\n", {"memory.max": "5000"}, 5000),
        ("3:cpu,memory:/a\n1:name=systemd:/a\n0::/\n", {"memory/a/memory.limit_in_bytes": "6000"}, 6000),
        ("3:memory:/a\n", {"memory/memory.limit_in_bytes": "7000", "memory/a/memory.limit_in_bytes": str(2**63)}, 7000),
        ("2:cpuset:/a\n", {"memory.max": "1000"}, 0),
        ("0::/\n", {"memory.max": "max"}, 0),
        ("0::/\n", {}, 0),
        ("3:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712"}, 0),
        ("0::/\n", {"memory.max": ""}, 0),
    ],
)
def test_the_least_of_all_groups_above_us(tmp_path: Path, rows: str, limits: dict[str, str], found: int) -> None:
    size, is_of_group = group(tmp_path, rows, limits)
    assert (size, is_of_group) == (found, True) if found else not is_of_group and size > 64 * MB


def test_no_proc_is_no_trouble(tmp_path: Path) -> None:
    size, is_of_group = usable_memory(tmp_path)
    assert size > 64 * MB
    assert not is_of_group


def test_a_small_pod() -> None:
    found = shares(server("{workers: 2}"), (512 * MB, True))
    assert [round(size / MB) for size in (found.worker, found.cache, found.store)] == [137, 34, 32]
    assert found.words(2) == (
        "memory: 512 MB by its control group; the cache of each of 2 workers 34 MB, a store 32 MB; "
        "over 137 MB of its own a worker is replaced"
    )


def test_one_worker_is_not_each_of_several() -> None:
    found = shares(server("{workers: 1}"), (64 * GB, False))
    assert "; the cache of the worker 64 MB, a store 64 MB; " in found.words(1)


def test_a_machine_of_some_size_has_what_it_always_had() -> None:
    found = shares(server("{workers: 8}"), (64 * GB, False))
    assert (found.cache, found.store) == (MEMORY, CAPACITY)
    assert found.worker == int(64 * GB * 0.8 / 9)


def test_where_there_is_too_little_nobody_is_replaced() -> None:
    found = shares(server("{workers: 4}"), (256 * MB, True))
    assert (found.worker, found.store) == (0, CAPACITY_MIN)
    assert "no worker is replaced" in found.words(4)


def test_what_is_written_stays() -> None:
    text = "{workers: 2, worker_memory: 300MB, cache: {memory: 1GB}}"
    found = shares(server(text), (512 * MB, True))
    assert (found.worker, found.cache) == (300 * MB, GB)
    assert shares(server("{workers: 2, worker_memory: off}"), (64 * GB, True)).worker == 0
    auto = server("{workers: 2, worker_memory: auto, cache: {memory: auto}}")
    assert shares(auto, (512 * MB, True)) == shares(server("{workers: 2}"), (512 * MB, True))


def test_gunicorn_may_know_of_other_workers() -> None:
    assert shares(server("{workers: 2}"), (GB, True), 4) == shares(server("{workers: 4}"), (GB, True))


@given(st.integers(32 * MB, 1024 * GB), st.integers(1, 256))
def test_shares_are_bounded_and_fit(limit: int, workers: int) -> None:
    found = shares(AS_IT_IS, (limit, True), workers)
    assert CACHE_LEAST <= found.cache <= MEMORY
    assert CAPACITY_MIN <= found.store <= CAPACITY
    assert found.worker == 0 or found.worker >= WORKER_LEAST
    assert found.worker * (workers + 1) <= 0.8 * limit
    if found.worker:
        assert found.cache * 4 <= found.worker


def test_a_limit_that_would_replace_every_worker_is_a_mistake() -> None:
    with pytest.raises(ConfigError) as caught:
        server("{worker_memory: 20MB}")
    (told,) = caught.value.complaints
    assert (told.line, told.column, told.path) == (2, 25, "server.worker_memory")
    assert told.message == 'a worker begins with nearly as much as "20MB", so each would be replaced'
    with pytest.raises(ConfigError, match="a size such as 300MB, auto or off"):
        server("{worker_memory: never}")


def test_a_group_of_any_name_is_read(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_bytes(b"0::/pod\xff\n")
    folder = tmp_path / "sys/fs/cgroup" / os.fsdecode(b"pod\xff")
    folder.mkdir(parents=True)
    (folder / "memory.max").write_text("8000\n")
    assert usable_memory(tmp_path) == (8000, True)
