"""A route with `openapi` as the routes of its operations: the same mappings that could have been written by hand."""

import os
import re
from collections.abc import Iterator
from typing import Any, Final

from gateway.config.diagnostics import Position, did_you_mean
from gateway.config.nodes import MappingNode, SequenceNode
from gateway.config.reader import OptionReader, ScalarNode
from gateway.routing.openapi.document import Documents
from gateway.routing.openapi.operations import Operation, read_operations
from gateway.routing.openapi.schema import OWN_KEYS

_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]+")
#: keys of `validate` that may stand beside a document: all others come from it
_OF_VALIDATE: Final = ("max_body", "limits")


def each_of(reader: OptionReader, *, has_auth: bool) -> Iterator[OptionReader]:
    """A route itself, or those of its document."""
    if "openapi" in reader:
        yield from expanded(reader, has_auth=has_auth)
        return
    for key in OWN_KEYS:
        if key in reader:
            reader.complain(f"`{key}` has no meaning without `openapi`", key=key)
    yield reader


def expanded(reader: OptionReader, *, has_auth: bool) -> Iterator[OptionReader]:
    """The routes of a document; complains of what is wrong with it. `has_auth`: `defaults` ask who calls."""
    named = reader.one("openapi")
    if named is None:
        return
    if "match" in reader:
        hint = "the document says what is matched; `prefix` and `hosts` can be added"
        reader.complain("`match` has no meaning beside `openapi`", hint, key="match")
    before = len(named.load.complaints)
    excluded = {text.value for text in reader.texts("exclude")}
    found, names = read_operations(Documents(reader, named), excluded, strict=reader.flag("strict"))
    is_wrong = len(named.load.complaints) > before or not all(map(reader.is_sound, ("prefix", "hosts")))
    _check_names(reader, names)
    if is_wrong:  # what would be said of routes made of it is no help
        return
    unasked = [one.name for one in found if one.is_secured and not has_auth and not _has_auth(reader, one)]
    if unasked:
        named.warn(f"without `auth` everybody gets in, though `security` is declared by {_listed(unasked)}")
    for one in found:
        yield _route(reader, one, named)


def name_of(reader: OptionReader, named: ScalarNode) -> str:
    """What the names of the routes begin with: `name`, or that of the file."""
    if "name" in reader:
        return reader.text("name")
    stem = os.path.splitext(os.path.basename(named.value))[0]
    return _NO_NAME.sub("-", stem).strip("-._") or "openapi"


def _check_names(reader: OptionReader, names: frozenset[str]) -> None:
    operations = reader.section("operations")
    for key in [*(operations.key(name) for name in operations), *reader.texts("exclude")]:
        if names and key.value not in names:
            key.complain(f"the document has no operation {key.shown}", did_you_mean(key.value, names))


def _has_auth(reader: OptionReader, one: Operation) -> bool:
    own = reader.section("operations").section(one.name)
    return "auth" in reader or "auth" in own


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if names[5:] else "")


def _route(reader: OptionReader, one: Operation, named: ScalarNode) -> OptionReader:
    """The mapping of one operation: what the document says, and what stands beside it or is for the operation."""
    place = one.node.place
    name = f"{name_of(reader, named)}.{one.name}"
    holder = MappingNode(place)
    _put(holder, "name", name, place)
    own = reader.section("operations").section(one.name)
    for source in (reader, own):
        for key in source:
            if key not in OWN_KEYS and key not in ("name", "match", "validate"):
                source.hand_over(key, holder)
    _put(holder, "match", _match(reader, one), place)
    if _front(reader, one) != one.base and not {"rewrite", "respond"} & holder.keys():
        _put(holder, "rewrite", one.base + one.path.rewrite, place)
    validate = _validate(reader, own, one)
    if validate:
        _put(holder, "validate", validate, place)
    _add_scopes(holder, one)
    made = reader.standing_on(holder, place)
    if len(name) > 128:
        made.complain(f"the name of the route, {name}, has more than 128 characters", "shorten `name`")
    return made


def _put(holder: MappingNode, key: str, value: Any, place: Position) -> None:
    holder[key] = value
    holder.spots[key] = (place, place)


def _texts(values: tuple[str, ...], place: Position) -> SequenceNode:
    made = SequenceNode(place)
    made.extend(values)
    made.spots = [place] * len(values)
    return made


def _front(reader: OptionReader, one: Operation) -> str:
    """What the paths of requests begin with: `prefix`, or what the upstream has there."""
    prefix = reader.text("prefix")
    return prefix.rstrip("/") if prefix.startswith("/") else one.base


def _match(reader: OptionReader, one: Operation) -> MappingNode:
    place = one.node.place
    made = MappingNode(place)
    _put(made, "path", _front(reader, one) + one.path.match, place)
    _put(made, "methods", _texts((one.method,), place), place)
    if "hosts" in reader:
        reader.hand_over("hosts", made)
    return made


def _validate(reader: OptionReader, own: OptionReader, one: Operation) -> MappingNode:
    """What the document says of a request, with the bounds that are written beside it."""
    made = MappingNode(one.node.place)
    if one.body is not None and one.body.types:
        _put(made, "content_type", _texts(one.body.types, one.body.node.place), one.body.node.place)
    if one.body is not None and one.body.schema is not None:
        _put(made, "body", one.body.schema, one.body.node.place)
        if not one.body.is_required:
            _put(made, "body_required", False, one.body.node.place)
    for part, schema in one.objects.made.items():
        first = one.objects.first.get(part, one.node)
        _put(made, part, schema, first.place)
    for source in (reader, own):
        written = source.section("validate")
        for key in written:
            if key not in _OF_VALIDATE:
                written.complain(f"`{key}` comes from the document", "only max_body and limits are yours", key=key)
            elif key != "limits" or "body" in made:
                written.hand_over(key, made)
    return made


def _add_scopes(holder: MappingNode, one: Operation) -> None:
    """Ask for the scopes that the document declares, where the route asks who calls and names no scopes itself."""
    auth = holder.get("auth")
    if not one.scopes or auth in (None, "off"):
        return
    place = holder.spots["auth"][1]
    made = MappingNode(place)
    if isinstance(auth, MappingNode):
        if "scopes" in auth:
            return
        made.update(auth)
        made.spots.update(auth.spots)
        made.origins.update(auth.origins)
    elif isinstance(auth, str):
        _put(made, "use", auth, place)
    else:
        return
    _put(made, "scopes", _texts(one.scopes, one.node.place), one.node.place)
    holder["auth"] = made
