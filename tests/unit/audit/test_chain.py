"""A line of the audit log is sealed by what went before it."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.observability.audit.chain import (
    LONGEST,
    ZERO,
    Head,
    entry,
    entry_hash,
    followed,
    is_intact,
    members,
    sign_entry,
)

SECRETS = st.sampled_from([b"", b"a secret of some length"])
TEXTS = st.dictionaries(st.text(max_size=8), st.text(max_size=40), max_size=4)


def written(count, secret=b"", head=None):
    lines, head = [], head or Head()
    for number in range(count):
        line, head = sign_entry(entry({"event": f"e{number}"}), head, secret)
        lines.append(line.removesuffix(b"\n"))
    return lines, head


@given(TEXTS, SECRETS)
def test_a_line_is_json_and_intact(what, secret):
    line, head = sign_entry(entry({"event": "x", "what": what}), Head(6, "a" * 64), secret)
    found = members(line.removesuffix(b"\n"))
    assert (found["seq"], found["prev"], found["what"]) == (7, "a" * 64, what)
    assert found["mac" if secret else "hash"] == head.hash
    assert is_intact(line.removesuffix(b"\n"), secret)
    assert head.size == len(line)


@given(st.data(), SECRETS)
def test_no_byte_can_be_changed(data, secret):
    line = sign_entry(entry({"event": "x", "what": "abc"}), Head(), secret)[0].removesuffix(b"\n")
    at = data.draw(st.integers(0, len(line) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[at]))
    assert not is_intact(line[:at] + bytes([other]) + line[at + 1 :], secret)


def test_a_keyed_line_needs_its_key():
    (line,), _ = written(1, b"right")
    assert not is_intact(line, b"wrong")
    assert not is_intact(line, b"")
    assert not is_intact(written(1)[0][0], b"right")


def test_the_first_line_follows_nothing():
    (line,), head = written(1)
    assert members(line)["prev"] == ZERO
    assert entry_hash(line) == ("hash", head.hash)


def test_lines_are_followed():
    lines, head = written(3)
    assert followed(lines, Head(), b"") == head
    assert followed(lines[1:], Head(), b"") is None
    assert followed([lines[0], lines[2]], Head(), b"") is None
    assert followed([*lines, b"x"], Head(), b"") is None


def test_what_is_too_long_loses_its_details():
    text = entry({"event": "x", "what": {"body": "y" * 5000}})
    assert len(text) < LONGEST
    assert '"left_out":' in text


@given(st.integers(0, 2**60), st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(0, 2**60))
def test_a_head_is_kept(seq, digest, size):
    head = Head(seq, digest, size)
    assert Head.unpacked(head.packed()) == head
    assert len(head.packed()) == 160 + max(0, len(head.packed()) - 160)


@given(st.binary(max_size=80))
def test_anything_else_is_no_head(data):
    assert Head.unpacked(data) is None


@given(st.binary(max_size=80))
def test_anything_else_is_no_line(data):
    assert members(data) is None or b'"seq"' in data
    assert not is_intact(data, b"")
