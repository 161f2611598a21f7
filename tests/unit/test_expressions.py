"""expressions: which members of a value an expression asks for."""

import pytest

from gateway.http import json_template as expressions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("item", {"item"}),
        ("item.sku", {"item"}),
        ("items[:3].{who: author, stars: stars}", {"items"}),
        ("items[?price > `3`].name | [0]", {"items"}),
        ("stock.*.level[]", {"stock"}),
        ("{a: one.x, b: [two, three[0]]}", {"one", "two", "three"}),
        ("one.a || two.b && !three", {"one", "two", "three"}),
        ("one == two", {"one", "two"}),
        ("sort_by(items, &price)[-1]", {"items"}),
        ("merge(one, two).x", {"one", "two"}),
        ('"a.b".c', {"a.b"}),
        ("@", set()),
        ("`1`", set()),
        ("*.x", set()),
        ("[one, @]", {"one"}),
    ],
)
def test_members(text: str, expected: set[str]) -> None:
    assert expressions.members(text) == expected


def test_what_is_no_expression_has_none() -> None:
    with pytest.raises(expressions.ExpressionError):
        expressions.members("a[")
