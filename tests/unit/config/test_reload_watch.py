"""Watching the files of a configuration: edits, replacements, symlink swaps, files that come and go."""

import os
import time

import pytest

from gateway.config.watch import Watcher, changed_since, digest, snapshot


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("version: 1\n")
    return path


class Looker:
    """A watcher over fixed files and patterns that knows what is there now."""

    def __init__(self, *files, patterns=()):
        self.files, self.patterns = [str(path) for path in files], [str(pattern) for pattern in patterns]
        self.watcher = Watcher(digest(snapshot(self.files, self.patterns)))

    def looks(self, times):
        return [self.watcher.has_changed(self.files, self.patterns) for _ in range(times)]


def test_nothing_happens_while_nothing_changes(config):
    assert Looker(config).looks(4) == [False] * 4


def test_a_change_is_told_once_after_two_looks_agree(config):
    looker = Looker(config)
    config.write_text("version: 1 # new\n")
    assert looker.looks(4) == [False, True, False, False]


def test_a_file_that_is_still_being_written_is_left_alone(config):
    looker = Looker(config)
    for size in range(1, 5):
        config.write_text("#" * size)
        assert looker.looks(1) == [False]
    assert looker.looks(2) == [True, False]


def test_a_change_that_is_taken_back_by_a_replacement_is_still_a_change(config, tmp_path):
    looker = Looker(config)
    other = tmp_path / "other"
    other.write_text(config.read_text())
    stat = config.stat()
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(config)  # same size and times, another file
    assert looker.looks(2) == [False, True]


def test_a_file_that_may_be_read_again_is_a_change(config):
    config.chmod(0)
    looker, before = Looker(config), config.stat().st_ctime_ns
    while config.stat().st_ctime_ns == before:  # times of files go by ticks
        config.chmod(0o644)
    assert looker.looks(2) == [False, True]


def test_the_symlink_swap_of_a_config_map_is_seen(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"..{name}").mkdir()
        (tmp_path / f"..{name}" / "gateway.yaml").write_text("version: 1\n")
        os.utime(tmp_path / f"..{name}" / "gateway.yaml", ns=(1, 1))
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "gateway.yaml").symlink_to("..data/gateway.yaml")
    looker = Looker(tmp_path / "gateway.yaml")
    (tmp_path / "..data_tmp").symlink_to("..two")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    assert looker.looks(3) == [False, True, False]


def test_files_that_come_and_go_under_a_pattern_are_changes(config, tmp_path):
    (tmp_path / "routes").mkdir()
    looker = Looker(config, patterns=[tmp_path / "routes" / "*.yaml"])
    (tmp_path / "routes" / "a.yaml").write_text("routes: []\n")
    assert looker.looks(3) == [False, True, False]
    (tmp_path / "routes" / "a.yaml").unlink()
    assert looker.looks(3) == [False, True, False]
    (tmp_path / "routes" / "a.txt").write_text("")
    assert looker.looks(2) == [False, False]


def test_a_file_that_is_missing_is_awaited(tmp_path):
    looker = Looker(tmp_path / "secret")
    assert looker.looks(2) == [False, False]
    (tmp_path / "secret").write_text("s")
    assert looker.looks(2) == [False, True]


def test_what_was_seen_before_the_reading_counts(config):
    before = snapshot([str(config)], [])
    began = time.time_ns()
    config.write_text("changed while it was read\n")
    watcher = Watcher(digest(changed_since(before, began, [str(config)], [])))
    assert [watcher.has_changed([str(config)], []) for _ in range(3)] == [False, True, False]


def test_a_file_first_seen_after_the_reading_is_trusted_only_if_it_is_older(config, tmp_path):
    old = str(config)
    os.utime(config)
    young = tmp_path / "included.yaml"
    began = config.stat().st_ctime_ns + 30_000_000
    while not young.exists() or young.stat().st_ctime_ns < began:
        young.write_text("routes: []\n")
    assert changed_since({}, began, [old], []) == snapshot([old], [])
    assert changed_since({}, began, [old, str(young)], [])[str(young)] == (-1,)
    watcher = Watcher(digest(changed_since({}, began, [old, str(young)], [])))
    assert [watcher.has_changed([old, str(young)], []) for _ in range(3)] == [False, True, False]
