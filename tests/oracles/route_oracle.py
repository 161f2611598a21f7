"""The route matcher, slow and obvious: a regular expression per template, all routes filtered, the best one taken."""

import re
from collections.abc import Sequence
from datetime import date
from urllib.parse import parse_qsl

from gateway._fast.route import RouteSpec

KINDS = ("literal", "uuid", "int", "dt", "float", "", "path")
STANDARD = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
FULL_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = r"[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
PATTERNS = {
    "uuid": "-".join(f"[0-9A-Fa-f]{{{n}}}" for n in (8, 4, 4, 4, 12)),
    "int": "-?[0-9]+",
    "dt": f"{FULL_DATE}({TIME})?",
    "float": r"-?[0-9]+(\.[0-9]+)?",
    "": ".+",
}


def split(path: str) -> list[str]:
    """The segments of a path."""
    return path.split("/")[1:]


def kind_and_name(segment: str) -> tuple[str, str]:
    """What a segment of a template is."""
    if not segment.startswith("{"):
        return "literal", segment
    name, _, kind = segment[1:-1].partition(":")
    return kind, name


def segment_fits(kind: str, text: str, value: str) -> bool:
    """Whether a value is of a kind, or the literal."""
    if kind == "literal":
        return text == value
    if not re.fullmatch(PATTERNS[kind], value, re.DOTALL):
        return False
    return kind != "dt" or is_day(value[:10])


def is_day(text: str) -> bool:
    """Whether the calendar has the day; the year 0, which datetime does not know, is a leap year."""
    try:
        date.fromisoformat("2000" + text[4:] if text.startswith("0000") else text)
    except ValueError:
        return False
    return True


def path_fits(template: str, path: str) -> bool:
    """Whether a template takes a path."""
    wanted = [kind_and_name(segment) for segment in split(template)]
    given = split(path)
    if wanted[-1][0] == "path":
        if len(given) < len(wanted):
            return False
        wanted.pop()
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(
        segment_fits(kind, text, value) for (kind, text), value in zip(wanted, given, strict=True)
    )


def parameters(template: str, path: str, raw: Sequence[str] | None) -> dict[str, str] | None:
    """What a template that takes a path finds in it."""
    given = list(raw) if raw is not None else split(path)
    found = {}
    for place, (kind, name) in enumerate(kind_and_name(segment) for segment in split(template)):
        if kind != "literal":
            found[name] = "/".join(given[place:]) if kind == "path" else given[place]
    return found or None


def host_rank(spec: RouteSpec, host: str) -> tuple[int, int] | None:
    """The best rank of the patterns that take the host, None where none does; smaller is better."""
    ranks = [(2, 0)] if not spec.hosts else []
    for pattern in spec.hosts:
        if pattern.lower() == host:
            ranks.append((0, 0))
        suffix = pattern[1:].lower()
        if pattern.startswith("*.") and host.endswith(suffix) and len(host) > len(suffix):
            ranks.append((1, -len(suffix)))
    return min(ranks, default=None)


def method_fits(spec: RouteSpec, method: str) -> bool:
    """Whether a route takes a method."""
    return method in spec.methods if spec.methods else method not in ("CONNECT", "TRACE")


def conditions_fit(spec: RouteSpec, environ: dict[str, str], query: str) -> bool:
    """Whether a route's headers and query hold."""
    sent: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, errors="surrogateescape"):
        sent.setdefault(name, []).append(value)
    for name, value in spec.headers:
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        if key not in environ or value not in ("*", environ[key].encode("latin-1").decode("utf-8", "replace")):
            return False
    return all(name in sent and (value == "*" or value in sent[name]) for name, value in spec.query)


def rank(spec: RouteSpec, host: str) -> tuple[object, ...]:
    """How specific a route that takes a request is, without its priority; smaller is more specific."""
    kinds = [KINDS.index(kind_and_name(segment)[0]) for segment in split(spec.path)]
    conditions = [value for _, value in (*spec.headers, *spec.query)]
    return (host_rank(spec, host), kinds, not spec.methods, -len(conditions), conditions.count("*"))


def best(
    specs: Sequence[RouteSpec], host: str, method: str, path: str, environ: dict[str, str], query: str
) -> tuple[list[RouteSpec], tuple[str, ...]]:
    """(the routes that share the best rank and priority, the methods for Allow when there are none)."""
    reached = [
        spec
        for spec in specs
        if host_rank(spec, host) is not None and path_fits(spec.path, path) and conditions_fit(spec, environ, query)
    ]
    taken = [spec for spec in reached if method_fits(spec, method)]
    if not taken:
        return [], tuple(sorted({name for spec in reached for name in spec.methods or STANDARD}))
    keys = [(rank(spec, host), -spec.priority) for spec in taken]
    return [spec for spec, key in zip(taken, keys, strict=True) if key == min(keys)], ()
