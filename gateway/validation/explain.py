"""The part of `gateway explain` about what a request must be: the schemas it would meet, and where a body fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gateway.config.model import Route
    from gateway.errors import GatewayError
    from gateway.exchange import Exchange

#: what a body is taken for where the request has no Content-Type
ASSUMED = ("Content-Type", "application/json")


def body_of(data: str | None) -> bytes | None:
    """The body that `-d` means: a text, or "@" and the name of a file. Raises click.UsageError."""
    if data is None or not data.startswith("@"):
        return None if data is None else data.encode("utf-8", "surrogateescape")
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise click.UsageError(f"-d: {data[1:]} cannot be read: {error.strerror}") from None


def typed(headers: tuple[tuple[str, str], ...], body: bytes | None) -> tuple[tuple[str, str], ...]:
    """The request's header fields, with the type of a body that has none."""
    if body is None or any(name.lower() == "content-type" for name, _ in headers):
        return headers
    return (*headers, ASSUMED)


def give_body(exchange: Exchange, source: Route | None, body: bytes | None) -> frozenset[str]:
    """Hand the body to the exchange; the steps that say nothing here, for want of one."""
    if body is not None:
        from gateway.http.body import ReplayedBody

        exchange.body, exchange.body_length = ReplayedBody(body), len(body)
        return frozenset()
    validate = None if source is None else source.validate
    return frozenset(("guard",)) if validate is not None and validate.body is not None else frozenset()


def requirements(source: Route | None) -> dict[str, Any] | None:
    """What a route asks of its requests; None where it asks for nothing."""
    validate = None if source is None else source.validate
    if validate is None:
        return None
    parts = {part: getattr(validate, part) for part in ("params", "query", "headers", "body")}
    schemas = {part: {"name": one.name, "where": one.where} for part, one in parts.items() if one is not None}
    return {"where": validate.where, "content_types": list(validate.content_types), "schemas": schemas}


def screened(source: Route | None) -> dict[str, Any] | None:
    """What a route screens its requests for; None where it does not."""
    spec = None if source is None else source.sanitize
    if spec is None:
        return None
    excepted = [{"part": part, "field": field} for part, field in spec.excepted]
    return {"where": spec.where, "rules": dict(spec.modes), "in": list(spec.parts), "except": excepted}


def faults_of(error: GatewayError) -> list[dict[str, str]]:
    """The faults that an error lists."""
    return list((error.extensions or {}).get("errors", ()))


def in_words(report: dict[str, Any]) -> Iterator[str]:
    """What is asked, as lines for people."""
    screening = report["sanitize"]
    if screening is not None:
        rules = ", ".join(f"{rule} ({mode})" for rule, mode in screening["rules"].items() if mode != "off")
        yield f"screens   {', '.join(screening['in'])}, {screening['where']}: {rules}"
        for each in screening["except"]:
            yield f"          but not {each['field']} in the {each['part']}"
    asked = report["validate"]
    if asked is None:
        return
    yield f"validates {', '.join(asked['content_types']) or 'bodies of any type'}"
    for part, schema in asked["schemas"].items():
        yield f"schema    {part}: {schema['name']}, {schema['where']}"


def faults_in_words(answer: dict[str, Any]) -> Iterator[str]:
    """The faults that an answer lists, as lines for people."""
    for fault in answer.get("errors", ()):
        yield f"fault     {fault['pointer'] or 'the whole'}: {fault['detail']}"
