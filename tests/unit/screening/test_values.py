"""The rules that are patterns: what they find, and that long values do not hold up a worker."""

from time import process_time

import pytest

from gateway.validation.waf.detect import FORM, TEXT, attacks

LONG = 40_000


def found(text, kind=TEXT):
    return {rule for rule, _ in attacks(text, kind)}


@pytest.mark.parametrize(
    "text",
    [
        "../../x", "/a/../../x", "..\\..\\x", "..//..//x", "file=../../x", "c:..\\..\\x", "./../../x", ".././../x",
        "/./..///./../x",
        "..;/..;/x", "....//....//x", "x/..%2f..%2fx", "..0x2f..0x5c", "../..\x00",
    ],
)  # fmt: skip
def test_steps_out_of_a_folder(text):
    assert "traversal" in found(text)


@pytest.mark.parametrize("text", ["../logo.png", "a../../b", "1../2../3", "see ../, or more", "/a/b/../c"])
def test_a_step_or_none(text):
    assert "traversal" not in found(text)


@pytest.mark.parametrize(
    "text", ["a%0d%0aSet-Cookie: x=1", "%0a%0a%0a \tLocation : /x", "%0dHTTP/1.1 200", "a%0d%0a%0d%0aHTTP/2"]
)
def test_lines_that_look_like_fields(text):
    assert "headers" in found(text, FORM)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("/" * LONG + "..", TEXT),
        ("/." * (LONG // 2) + "..", TEXT),
        ("/.." + "/" * LONG + ".", TEXT),
        ("%0a" * LONG, FORM),
        ("%0a " * LONG, FORM),
        ("=" + "/" * LONG + "etc/", TEXT),
    ],
)
def test_the_time_grows_with_the_length(text, kind):
    began = process_time()
    attacks(text, kind)
    assert process_time() - began < 0.5, "with the square of it, it is seconds"
