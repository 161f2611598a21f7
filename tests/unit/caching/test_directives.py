"""Cache-Control: what the rules of tests/wire/cache do not show."""

import pytest

from gateway.cache.cache_control import LONGEST, NOTHING, Directives, parse, targeted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", NOTHING),
        ("max-stale", Directives(max_stale=LONGEST)),
        ("max-stale=0", Directives(max_stale=0)),
        ("min-fresh=0", NOTHING),
        ("max-age=00000000000000000000", Directives(max_age=0)),
        ("max-age=4294967296", Directives(max_age=LONGEST)),
        ("stale-if-error=5, stale-if-error=6", Directives(stale_if_error=0)),
        ("private, public, no-store", Directives(private=True, public=True, no_store=True)),
        ('no-cache="a, b", max-age=1', Directives(no_cache=True, max_age=1)),
        ('"no-store", max-age=1', Directives(max_age=1)),
        (r'foo="\", no-store, b="', NOTHING),
        ("public=, must-understand=1", NOTHING),
    ],
)
def test_what_is_read(text: str, expected: Directives) -> None:
    assert parse(text) == expected


def test_a_long_field_is_read_in_no_time_and_not_remembered() -> None:
    assert parse('a="' + '\\"' * 4000) == NOTHING
    assert parse("," * 8000 + "no-store") == Directives(no_store=True)
    assert parse("max-age=" + "0" * 8000) == Directives(max_age=0)


def test_the_targeted_form() -> None:
    assert targeted("") is targeted("no-store, &") is None
    assert targeted("max-age=5, no-cache") == Directives(max_age=5, no_cache=True)
    assert targeted("max-age, s-maxage=?1, private=x") == Directives(private=True)
    assert targeted("max-age=-1") == Directives(max_age=0)
