"""The canonical path: properties over generated targets, and each rule of the decision by an example."""

from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.path import Canonical, InvalidTarget, canonical_path

PIECES = [
    "/",
    "//",
    ".",
    "..",
    "a",
    "B",
    "~",
    "%2e",
    "%2E",
    "%2F",
    "%2f",
    "%25",
    "%252e",
    "%61",
    "%C3%A9",
    "%ff",
    "%E6%97",
    "%3F",
    "%20",
    "+",
    ";x=1",
]
targets = st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "/" + "".join(pieces))


def read(raw_path: str) -> Canonical | None:
    try:
        return canonical_path(raw_path)
    except InvalidTarget:
        return None


def readings(found: Canonical) -> list[tuple[str, tuple[str, ...] | None]]:
    """All (path, raw) of a canonical path."""
    second = [] if found.alternative is None else [(found.alternative, found.alternative_raw)]
    return [(found.path, found.raw), *second]


@given(targets)
def test_no_reading_has_empty_or_dot_segments(raw_path: str) -> None:
    if found := read(raw_path):
        for path, _ in readings(found):
            assert path.startswith("/")
            assert "//" not in path
            assert not {".", ".."} & set(path.split("/"))


@given(targets)
def test_reading_the_canonical_path_again_changes_nothing(raw_path: str) -> None:
    if found := read(raw_path):
        assert canonical_path(quote(found.path)).path == found.path


@given(targets)
def test_raw_segments_are_those_of_the_path_before_decoding(raw_path: str) -> None:
    if found := read(raw_path):
        for path, raw in readings(found):
            segments = path.split("/")[1:]
            for text, sent in zip(segments, raw or segments, strict=True):
                assert sent in raw_path
                assert decoded(sent) == text


def decoded(sent: str) -> str:
    """A raw segment decoded byte by byte; a NUL, which no path may have, stands for the slash that stays encoded."""
    data = unquote_to_bytes(sent.replace("%2F", "%00").replace("%2f", "%00"))
    found = ""
    while data:
        for size in (1, 2, 3, 4):
            try:
                found += data[:size].decode()
            except UnicodeDecodeError:
                continue
            break
        else:
            size = 1
            found += f"%{data[0]:02X}"
        data = data[size:]
    return found.replace("\0", "%2F")


@given(targets)
def test_an_encoded_slash_gives_two_readings_and_nothing_else_does(raw_path: str) -> None:
    if found := read(raw_path):
        assert found.has_encoded_slash == ("%2f" in raw_path.lower())
        if found.alternative is not None:
            assert found.path == canonical_path(raw_path.replace("%2f", "/").replace("%2F", "/")).path


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="%#\\./")))
def test_a_plain_path_is_returned_as_it_is(text: str) -> None:
    assert canonical_path("/" + text) == ("/" + text, None, None, None)


@pytest.mark.parametrize(
    ("raw_path", "path", "raw"),
    [
        ("/", "/", None),
        ("/a/b.c/..d", "/a/b.c/..d", None),
        ("//", "/", None),
        ("//a///b//", "/a/b/", None),
        ("/a/./b", "/a/b", None),
        ("/a/../b", "/b", None),
        ("/a/b/..", "/a/", None),
        ("/a/b/.", "/a/b/", None),
        ("/a/..", "/", None),
        ("/a//../b", "/b", None),
        ("/.well-known/x", "/.well-known/x", None),
        ("/%61/b", "/a/b", ("%61", "b")),
        ("/caf%c3%a9", "/caf\xe9", ("caf%c3%a9",)),
        ("/a/%2e%2E/b", "/b", None),
        ("/a/.%2e/%2e/b%20c", "/b c", ("b%20c",)),
        ("/a%3Fb%23c", "/a?b#c", ("a%3Fb%23c",)),
        ("/a%5Cb", "/a\\b", ("a%5Cb",)),
        ("/%252e%252e/b", "/%2e%2e/b", ("%252e%252e", "b")),
        ("/%ff%C3%A9", "/%FF\xe9", ("%ff%C3%A9",)),
        ("/%c0%af", "/%C0%AF", ("%c0%af",)),
        ("/%ed%a0%80", "/%ED%A0%80", ("%ed%a0%80",)),
        ("/a+b;c=1,d", "/a+b;c=1,d", None),
        ("/a/...;x/..b;c/.d;e", "/a/...;x/..b;c/.d;e", None),
        ("/a/x..;y/x%5C..b", "/a/x..;y/x\\..b", ("a", "x..;y", "x%5C..b")),
    ],
)
def test_the_canonical_path(raw_path: str, path: str, raw: tuple[str, ...] | None) -> None:
    assert canonical_path(raw_path) == (path, raw, None, None)


@pytest.mark.parametrize(
    ("raw_path", "expected"),
    [
        ("/a%2Fb", ("/a/b", None, "/a%2Fb", None)),
        ("/a%2fb/%61", ("/a/b/a", ("a", "b", "%61"), "/a%2Fb/a", ("a%2fb", "%61"))),
        ("/a%2F", ("/a/", None, "/a%2F", None)),
        ("/a/%2F/b", ("/a/b", None, "/a/%2F/b", None)),
        ("/x/..%2Fadmin", ("/admin", None, "/x/..%2Fadmin", None)),
        ("/x/%2e%2e%2fadmin", ("/admin", None, "/x/..%2Fadmin", ("x", "%2e%2e%2fadmin"))),
        ("/a%252Fb%2Fc", ("/a%2Fb/c", ("a%252Fb", "c"), "/a%2Fb%2Fc", ("a%252Fb%2Fc",))),
    ],
)
def test_an_encoded_slash_is_read_both_ways(raw_path: str, expected: tuple[object, ...]) -> None:
    assert canonical_path(raw_path) == expected


@pytest.mark.parametrize(
    ("raw_path", "words"),
    [
        ("", "begin with '/'"),
        ("*", "begin with '/'"),
        ("a/b", "begin with '/'"),
        ("http://x/", "begin with '/'"),
        ("/..", "above the root"),
        ("/a/../..", "above the root"),
        ("/%2e%2e/etc/passwd", "above the root"),
        ("/a/..%2F..%2Fb", "above the root"),
        ("/a%2Fb/../..", "above the root"),
        ("//../a", "above the root"),
        ("/public/..;/admin", "two ways"),  # Tomcat drops the parameter before it resolves the dots
        ("/public/..;a=b/admin", "two ways"),
        ("/public/%2e%2e;/admin", "two ways"),
        ("/public/..%3B/admin", "two ways"),
        ("/a/.;x/b", "two ways"),
        ("/public/..%5Cadmin", "two ways"),  # IIS takes a backslash for a slash
        ("/public/x%5c..%5cadmin", "two ways"),
        ("/public/x%5C..", "two ways"),
        ("/public%2F..;%2Fadmin", "two ways"),
        ("/a%00b", "control"),
        ("/a%0d%0aX:%20y", "control"),
        ("/a%0d%0aX", "control"),
        ("/a%1F", "control"),
        ("/a%7f", "control"),
        ("/a%", "hex digits"),
        ("/a%2", "hex digits"),
        ("/a%2G", "hex digits"),
        ("/a%u0041", "hex digits"),
        ("/a%%41", "hex digits"),
        ("/a\\b", "backslash"),
        ("/a#b", "'#'"),
        ("/a b", "percent-encoded"),
        ("/a\tb", "percent-encoded"),
        ("/a\x00b", "percent-encoded"),
        ("/a\x7fb", "percent-encoded"),
        ("/caf\xe9", "percent-encoded"),
        ("/\u65e5", "percent-encoded"),
        ("/a\n", "percent-encoded"),
    ],
)
def test_targets_that_are_refused(raw_path: str, words: str) -> None:
    with pytest.raises(InvalidTarget, match=words):
        canonical_path(raw_path)


@given(st.text(max_size=20).map(lambda text: "/" + text))
def test_whatever_comes_is_read_or_refused(raw_path: str) -> None:
    found = read(raw_path)
    if not raw_path.isascii() or not raw_path.isprintable() or set(raw_path) & set(" \\#"):
        assert found is None
