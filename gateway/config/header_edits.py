"""`headers`: changes to the headers of requests and responses, on a route and in `defaults`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.config.header_edits_model import HeaderEdit, HeaderRules, Pairs
from gateway.config.variables import Known, check_template

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader, ScalarNode

_HOP_BY_HOP = frozenset(
    {"connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""RFC 9110 section 7.6.1, and Content-Length: the gateway writes these itself, for each connection."""

_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOTHING = HeaderEdit((), (), ())


def read_headers(reader: OptionReader, known: Known) -> HeaderRules:
    """The section of a route, a leg or `defaults`."""
    return HeaderRules(
        request=_edit(reader.section("request"), known, is_request=True) if "request" in reader else _NOTHING,
        response=_edit(reader.section("response"), known, is_request=False) if "response" in reader else _NOTHING,
        where=reader.where,
        preset=reader.text("preset"),
    )


def _edit(reader: OptionReader, known: Known, is_request: bool) -> HeaderEdit:
    changed: dict[str, str] = {}
    edit = {}
    for key in ("set", "add"):
        edit[key] = read_header_pairs(reader, key, known)
        _check_names(changed, [name for name, _ in reader.pairs(key)], key, is_request)
    removed = list(reader.texts("remove"))
    for name in removed:
        check_header_name(name)
    _check_names(changed, removed, "remove", is_request)
    renamed = list(reader.pairs("rename"))
    for pair in renamed:
        for name in pair:
            check_header_name(name)
        _check_names(changed, list(pair), "rename", is_request)
    pairs = tuple((old.value, new.value) for old, new in renamed)
    referred = (name.value.lower() for key in edit for name, value in reader.pairs(key) if value.origin)
    hidden = tuple(dict.fromkeys(referred))
    return HeaderEdit(edit["set"], edit["add"], tuple(name.value for name in removed), pairs, hidden)


def _check_names(changed: dict[str, str], names: list[ScalarNode], key: str, is_request: bool) -> None:
    for name in names:
        lower = name.value.lower()
        if lower in changed:
            name.complain(f"the header {name.shown} is in `{changed[lower]}` already")
        changed.setdefault(lower, key)
        if lower == "host" and (key != "set" or not is_request):
            name.complain("Host can only be set, and only on the request")


def read_header_pairs(reader: OptionReader, key: str, known: Known) -> Pairs:
    """Names and values under a key; names may not be hop-by-hop ones, values are templates for a header's value."""
    found = []
    for name, value in reader.pairs(key):
        check_header_name(name)
        check_template(value, known)
        if _FORBIDDEN.search(value.value):
            value.complain("a header's value may not hold line breaks, NUL or other controls (RFC 9110 section 5.5)")
        found.append((name.value, value.value))
    return tuple(found)


def check_header_name(name: ScalarNode) -> None:
    """Complain about a header that nobody but the gateway may write."""
    if name.value.lower() in _HOP_BY_HOP:
        name.complain(f"the header {name.shown} belongs to one connection; the gateway writes it itself")


def merge(defaults: HeaderRules | None, own: HeaderRules | None) -> HeaderRules | None:
    """A route's rules over the defaults: what the route says of a header replaces all that the defaults say of it."""
    if defaults is None or own is None:
        return own or defaults
    request = _merge_edit(defaults.request, own.request)
    response = _merge_edit(defaults.response, own.response)
    return HeaderRules(request, response, f"{own.where}, {defaults.where}", own.preset or defaults.preset)


def _merge_edit(defaults: HeaderEdit, own: HeaderEdit) -> HeaderEdit:
    said = {name.lower() for name, _ in (*own.set, *own.add)} | {name.lower() for name in own.remove}
    said |= {name.lower() for pair in own.rename for name in pair}
    return HeaderEdit(
        set=own.set + tuple(pair for pair in defaults.set if pair[0].lower() not in said),
        add=own.add + tuple(pair for pair in defaults.add if pair[0].lower() not in said),
        remove=own.remove + tuple(name for name in defaults.remove if name.lower() not in said),
        rename=own.rename + tuple(pair for pair in defaults.rename if said.isdisjoint(map(str.lower, pair))),
        hidden=own.hidden + tuple(name for name in defaults.hidden if name not in said),
    )
