import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.template_parser import Variable, parse, variables


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", ()),
        ("/items", ("/items",)),
        ("/items/{id}", ("/items/", Variable("param", "id"))),
        ("{query.v}-{header.X-Plan}", (Variable("query", "v"), "-", Variable("header", "X-Plan"))),
        ("{claim.tenant}", (Variable("claim", "tenant"),)),
        ("{query.a.b[0]}", (Variable("query", "a.b[0]"),)),
        ("{query}", (Variable("param", "query"),)),
        ('{"ok": true}', ('{"ok": true}',)),
        ('{"id": "{id}"}', ('{"id": "', Variable("param", "id"), '"}')),
        ("{} {1} {a b} {x.y}", ("{} {1} {a b} {x.y}",)),
    ],
)
def test_pieces(text, pieces):
    assert parse(text) == pieces


@given(st.text("{}ab.query header\"'x", max_size=30))
def test_pieces_put_together_are_the_text(text):
    assert "".join(str(piece) for piece in parse(text)) == text
    assert variables(text) == tuple(piece for piece in parse(text) if isinstance(piece, Variable))
