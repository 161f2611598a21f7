"""What the fields of several answers come to."""

import pytest

from gateway.exchange import Headers
from gateway.handlers.aggregate.merging import cache_control, vary


def said(*values: str) -> list[Headers]:
    return [[("Cache-Control", value)] if value else [] for value in values]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (said("max-age=60", "max-age=30"), "max-age=30"),
        (said("max-age=60", "s-maxage=10, max-age=90"), "max-age=10"),
        (said("max-age=60", ""), ""),
        (said("max-age=60", "no-store"), "no-store"),
        (said("private, max-age=60", "no-cache"), "private, no-cache"),
        (said("private", ""), "private"),
        (said("public", "max-age=9"), ""),
        ([[("Cache-Control", "max-age=5"), ("Age", "9")]], "max-age=0"),
        ([[("Cache-Control", "max-age=5"), ("Age", "x")]], "max-age=5"),
        ([[("Cache-Control", "public"), ("cache-control", 'max-age="7"')]], "max-age=7"),
        (said("max-age=9, must-revalidate", "max-age=8"), "max-age=8, must-revalidate"),
        (said("must-revalidate, proxy-revalidate, max-age=9"), "max-age=9, must-revalidate, proxy-revalidate"),
        (said("must-revalidate, max-age=9", "no-cache"), "no-cache"),
        ([], ""),
    ],
)
def test_the_strictest_holds(answers: list[Headers], expected: str) -> None:
    assert cache_control(answers) == expected


def test_vary_is_all_of_them() -> None:
    answers: list[Headers] = [[("Vary", "Origin, Accept-Encoding")], [("vary", "origin,Cookie")], []]
    assert vary(answers) == "Origin, Cookie"
    assert vary(answers, ("Accept", "cookie")) == "Origin, cookie, Accept"
    assert vary([*answers, [("Vary", "X, *")]], ("Y",)) == "*"
