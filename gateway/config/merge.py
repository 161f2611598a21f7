"""The content of a configuration without its form: one mapping, its version, and how it may be shown."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.config.nodes import MappingNode, SequenceNode
from gateway.config.schema import json_schema
from gateway.config.schema_parts import Schema

_SECRET_NAME = re.compile(r"secret|passw|token|authorization|cookie|api[-_]?key|credential", re.IGNORECASE)
_STORE_SECRET = re.compile(r"(?<=://)[^/]*(?=@)|(?<=\?).*")
_HIDDEN = "***"
_ADDRESSES = frozenset(("webhook", "slack", "pagerduty", "alertmanager", "url", "routing_key", "headers"))


def merged(roots: Iterable[MappingNode]) -> dict[str, Any]:
    """All files as one mapping, routes by name, the defaults of written sections filled in."""
    whole: dict[str, Any] = {}
    for root in roots:
        for key, value in root.items():
            if key in ("upstreams", "auth", "roles", "cors"):
                whole.setdefault(key, {}).update(value)
            elif key in ("routes", "plugins"):
                whole.setdefault(key, []).extend(value)
            elif key not in ("version", "include"):
                whole[key] = value
    whole["version"] = 1
    return whole


def version(whole: dict[str, Any], files: Mapping[str, str], base: str) -> str:
    """16 hex digits that are the same for the same content, that of certificates and secrets included."""
    content = {
        **with_defaults(whole),
        "routes": sorted(
            whole.get("routes", ()), key=lambda route: (str(route.get("name")), str(route.get("openapi")))
        ),
        "files": sorted((os.path.relpath(name, base), digest) for name, digest in files.items() if digest),
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def shown(whole: dict[str, Any]) -> str:
    """The configuration as JSON text for people: secrets and all that came from references are ***."""
    redacted = _redacted(with_defaults(whole))
    redacted["store"] = _STORE_SECRET.sub(_HIDDEN, redacted["store"])
    if "escalation" in redacted:
        redacted["escalation"] = _without_addresses(redacted["escalation"])
    for upstream in redacted.get("upstreams", {}).values():
        wake = upstream.get("activate", {}).get("wake", {})
        wake.update(dict.fromkeys(wake.keys() & _ADDRESSES, _HIDDEN))
    tracing = redacted["observability"].get("tracing", {})
    if "headers" in tracing:
        tracing["headers"] = dict.fromkeys(tracing["headers"], _HIDDEN)
    return json.dumps(redacted, separators=(",", ":"), ensure_ascii=False)


def _without_addresses(value: Any) -> Any:
    """SECURITY: who knows the address or the key of a receiver may write there (tests/unit/config/test_alerts.py)."""
    if isinstance(value, list):
        return [_without_addresses(member) for member in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without_addresses(member)
        if isinstance(member, dict | list) and key != "headers"
        else _HIDDEN
        if key in _ADDRESSES
        else member
        for key, member in value.items()
    }


def with_defaults(whole: dict[str, Any]) -> dict[str, Any]:
    """The same with the schema's defaults in server, store and observability."""
    sections = json_schema()["properties"]
    filled = {**whole, "store": whole.get("store", "memory")}
    for key in ("server", "observability"):
        filled[key] = _filled(whole.get(key, {}), sections[key])
    return filled


def _filled(value: Any, schema: Schema) -> Any:
    """Every key that the schema has a default for, and the sections that have any in them."""
    filled = MappingNode(("", 0, 0))
    filled.update(value)
    filled.origins = value.origins if isinstance(value, MappingNode) else {}
    for key, member in schema.get("properties", {}).items():
        if "default" in member:
            filled.setdefault(key, member["default"])
        elif "properties" in member and (key in filled or "required" not in member):
            filled[key] = _filled(filled.get(key, {}), member)
    return filled


def _redacted(value: Any) -> Any:
    if isinstance(value, dict):
        origins = value.origins if isinstance(value, MappingNode) else {}
        return {key: _redacted_member(key, member, key in origins) for key, member in value.items()}
    if isinstance(value, SequenceNode):
        return [_redacted_member("", member, index in value.origins) for index, member in enumerate(value)]
    if isinstance(value, list):
        return [_redacted(member) for member in value]
    return value


def _redacted_member(key: str, member: Any, is_reference: bool) -> Any:
    if isinstance(member, dict | list):
        return _redacted(member)
    if is_reference or (member and not isinstance(member, bool) and _SECRET_NAME.search(key)):
        return _HIDDEN
    return member
