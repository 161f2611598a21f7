"""Every way to tamper with an audit log is found, and the line is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.observability.audit.chain import Head, entry, sign_entry
from gateway.observability.audit.verify import Verifier


def chain(count=6, secret=b"", head=None):
    lines, head = [], head or Head()
    for number in range(count):
        line, head = sign_entry(entry({"event": f"e{number}", "who": "alice"}), head, secret)
        lines.append(line)
    return lines, head


def told(lines, kept=None, **options):
    verifier = Verifier(**options)
    verifier.take("log", lines)
    if kept is not None:
        verifier.ends_at("log", kept)
    return [str(each) for each in verifier.verdict().mistakes]


def test_nothing_is_wrong():
    lines, head = chain()
    assert told(lines, head) == []


def test_altered():
    lines, head = chain()
    lines[2] = lines[2].replace(b"alice", b"mallo")
    assert told(lines, head) == ["log:3: seq 3 was altered"]


def test_removed():
    lines, head = chain()
    del lines[2:4]
    assert told(lines, head) == ["log:3: removed: 2 lines (seq 3 to 4) before seq 5 are missing"]


def test_moved():
    lines, head = chain()
    lines[2], lines[3] = lines[3], lines[2]
    found = told(lines, head)
    assert found[0] == "log:3: removed: one line (seq 3) before seq 4 is missing"
    assert found[1] == "log:4: out of order: seq 3 stands behind seq 4"


def test_written_twice():
    lines, head = chain()
    lines.insert(3, lines[2])
    assert told(lines, head) == ["log:4: out of order: seq 3 stands behind seq 3"]


def test_cut_off_at_the_end():
    lines, head = chain()
    assert told(lines[:4], head) == ["log:end: cut off: 2 lines after seq 4 are missing, the last is seq 6"]
    assert told([*lines[:5], lines[5][:30]], head)[0] == "log:6: cut off: the line is not whole"


def test_all_of_it_is_gone():
    _, head = chain()
    assert told([], head) == ["log:end: cut off: 6 lines after seq 0 are missing, the last is seq 6"]


def test_a_line_that_was_written_anew():
    lines, head = chain()
    _, before = chain(2)
    lines[2] = sign_entry(entry({"event": "forged"}), before, b"")[0]
    assert told(lines, head) == ["log:4: seq 4 does not follow the seq 3 that stands before it, which was written anew"]


def test_all_that_follows_written_anew():
    lines, head = chain()
    _, before = chain(4)
    forged, _ = chain(2, b"", before)
    forged[0] = sign_entry(entry({"event": "forged"}), before, b"")[0]
    forged, behind = [forged[0]], sign_entry(entry({"event": "forged"}), before, b"")[1]
    forged.append(sign_entry(entry({"event": "e5"}), behind, b"")[0])
    assert told(lines[:4] + forged, head) == [
        "log:end: the chain ends with seq 6, its head says seq 6 and another hash"
    ]


def test_something_else():
    lines, head = chain()
    lines.insert(1, b"hello\n")
    assert told(lines, head) == ["log:2: no line of an audit log"]


def test_the_oldest_file_may_be_gone():
    lines, head = chain()
    assert told(lines[3:], head) == ["log:1: removed: 3 lines before seq 4 are missing, and no older file is given"]
    verifier = Verifier(is_partial=True)
    verifier.take("log", lines[3:])
    verifier.ends_at("log", head)
    assert verifier.verdict().first == 4
    assert verifier.verdict().mistakes == ()


def test_starts_of_a_stream():
    lines = chain()[0] + chain()[0]
    assert told(lines, restarts=True) == []
    assert "out of order" in told(lines)[0]


def test_a_secret_that_was_not_used():
    assert "has no `mac`" in told(chain()[0], secret=b"secret")[0]


@given(st.data(), st.sampled_from([b"", b"secret"]))
def test_any_change_is_found(data, secret):
    lines, head = chain(8, secret)
    changed = list(lines)
    at, to = data.draw(st.integers(0, 7)), data.draw(st.integers(0, 7))
    kind = data.draw(st.sampled_from(["alter", "remove", "move", "truncate", "copy"]))
    if kind == "alter":
        line = bytearray(changed[at])
        line[data.draw(st.integers(0, len(line) - 1))] ^= data.draw(st.integers(1, 127))
        changed[at] = bytes(line)
    elif kind == "remove":
        del changed[at]
    elif kind == "move":
        changed.insert(to, changed.pop(at))
    elif kind == "truncate":
        del changed[at:]
    else:
        changed.insert(to, changed[at])
    data_ = b"".join(changed)
    if data_ == b"".join(lines):
        return
    assert told(data_.splitlines(keepends=True), head, secret=secret)


@pytest.mark.parametrize("count", [0, 1])
def test_short_ones(count):
    lines, head = chain(count)
    assert told(lines, head) == []
