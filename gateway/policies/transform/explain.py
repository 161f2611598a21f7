"""The part of `gateway explain` about what a route makes of bodies and of the query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.config.model import Route
    from gateway.policies.transform.options import JsonEdit, QueryEdit


def content_of(source: Route | None) -> list[str]:
    """What is done, in lines."""
    if source is None:
        return []
    found = []
    if (spec := source.compress) is not None:
        found.append(f"answers of {spec.min_size} bytes and more become {' or '.join(spec.algorithms)}")
    if (transform := source.transform) is not None:
        parts = (("query", transform.query), ("request", transform.request), ("answer", transform.response))
        found += [f"{name}: {_changes(part)}" for name, part in parts if part is not None]
    return found


def in_words(report: dict[str, Any]) -> Iterator[str]:
    """Lines for people."""
    yield from (f"{'' if number else 'content':10}{line}" for number, line in enumerate(report["content"]))


def _changes(edit: QueryEdit | JsonEdit) -> str:
    """In the order in which they are made."""
    words = [f"select {select}"] if (select := getattr(edit, "select", "")) else []
    words += [f"rename {old} to {new}" for old, new in edit.rename]
    words += [f"remove {name}" for name in edit.remove]
    words += [f"set {name}" for name, _ in edit.set]
    words += [f"add {name}" for name, _ in getattr(edit, "add", ())]
    return ", ".join(words) or "nothing"
