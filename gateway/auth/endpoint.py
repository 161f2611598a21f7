"""Endpoints that `auth` serves itself on `bind`: logins, tokens, published keys. Each becomes a route of the plan."""

from __future__ import annotations

from typing import NamedTuple

from gateway.contracts import Fetch


class Endpoint(NamedTuple):
    """One route: `name` is what the log and `explain` call it, `path` a fixed path."""

    name: str
    methods: tuple[str, ...]
    path: str
    fetch: Fetch
