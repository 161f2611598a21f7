"""Dictionaries of RFC 9651."""

import pytest

from gateway.http.structured_fields import dictionary


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", {}),
        ("a", {"a": True}),
        ("  a=1 ,\tb=?0, c=?1 ", {"a": 1, "b": False, "c": True}),
        ("a=1, a=2", {"a": 2}),
        ("a=-1", {"a": -1}),
        ("a=1.5", {"a": "1.5"}),
        ('a="x, y=\\"z\\""', {"a": '"x, y=\\"z\\""'}),
        ("a=tok:/en*", {"a": "tok:/en*"}),
        ("a=:aGk=:", {"a": ":aGk=:"}),
        ("a=@1659578233", {"a": "@1659578233"}),
        ('a=%"f%c3%bc"', {"a": '%"f%c3%bc"'}),
        ("a=()", {"a": "()"}),
        ('a=(1 "b" c;d=1);e, *f.g_-', {"a": '(1 "b" c;d=1)', "*f.g_-": True}),
        ("a;b;c=1, d=1; e=?0", {"a": True, "d": 1}),
        ("a=999999999999999", {"a": 999999999999999}),
    ],
)
def test_what_is_read(text: str, members: dict[str, object]) -> None:
    assert dictionary(text) == members


@pytest.mark.parametrize(
    "text",
    [
        "A", "a=", "a=1,", ",a", "a,,b", "a b", "a =1", "a= 1", "1a", "a=1.2345", "a=1.", "a=1000000000000000",
        'a="x', 'a="\\x"', 'a="\x7f"', "a=(1", "a=(1,2)", "a=?2", "a=@1.5", "a=:x", "a;B", "a=1;", "a=ü", "\ta",
    ],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    assert dictionary(text) is None


def test_a_long_field_is_read_in_no_time() -> None:
    assert dictionary("a=(" + "b " * 4000) is None
    assert dictionary('a="' + "\\\\" * 4000) is None
    assert len(dictionary(", ".join(f"a{n}=({n} {n});b" for n in range(1000))) or {}) == 1000
