"""Access rules of a route, from the configuration to the compiled check."""

from __future__ import annotations

from gateway._fast.authorization import Rule
from gateway.auth.model import Access, Scalar
from gateway.http.template_parser import Variable, parse

Piece = str | tuple[str]
Value = Scalar | tuple[Piece, ...]


def compile_rule(access: Access) -> Rule:
    """The check of a route. ValueError for a claim that is compared with something else than a path parameter."""
    claims = tuple(
        (tuple(rule.claim.split(".")), rule.kind, tuple(_value(value) for value in rule.values))
        for rule in access.claims
    )
    return Rule(access.scopes, frozenset(access.roles), claims)


def _value(value: Scalar) -> Value:
    if not isinstance(value, str):
        return value
    pieces = parse(value)
    if not any(isinstance(piece, Variable) for piece in pieces):
        return value
    return tuple(_piece(piece) for piece in pieces)


def _piece(piece: str | Variable) -> Piece:
    if isinstance(piece, str):
        return piece
    if piece.kind != "param":
        raise ValueError(f"a claim is compared with path parameters only, not with {piece}")
    return (piece.name,)
