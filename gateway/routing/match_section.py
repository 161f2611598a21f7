"""`match`: which requests a route is for."""

import re
from urllib.parse import unquote

from gateway.config.diagnostics import did_you_mean
from gateway.config.header_edits_model import Pairs
from gateway.config.hosts import read_hosts
from gateway.config.methods import read_methods
from gateway.config.model import Match
from gateway.config.reader import OptionReader, ScalarNode

TYPES = ("int", "float", "uuid", "dt", "path")
"""Types of path parameters; `path` takes the rest."""

_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::([^{}]*))?\}")
_NOT_LITERAL = re.compile(r"[\x00-\x1f\x7f?#%]")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_BY_PARAMETER = "match the whole segment, as in {name}"
_FOREIGN = re.compile(r"\*\*?|:[A-Za-z_]\w*|<[^<>]*>")  # parameters as others write them


class AmbiguousMatch(frozenset[str]):
    """The parameters of a path that is wrong: any name may be among them, so none is told to be missing."""

    def __contains__(self, name: object) -> bool:
        return True

    def __bool__(self) -> bool:
        return True


def read_match(reader: OptionReader) -> tuple[Match, frozenset[str]]:
    """The section, and the names of its path parameters."""
    path = reader.one("path")
    before = len(reader.load.complaints)
    names = _parameters(path) if path is not None else []
    is_clear = path is not None and not reader.is_wrong("path") and len(reader.load.complaints) == before
    match = Match(
        path=reader.text("path"),
        methods=read_methods(reader),
        hosts=read_hosts(reader) if "hosts" in reader else (),
        headers=_header_pairs(reader) if "headers" in reader else (),
        query=tuple((name.value, value.value) for name, value in reader.pairs("query")) if "query" in reader else (),
        hidden=_referred(reader) if "headers" in reader or "query" in reader else (),
    )
    return match, frozenset(names) if is_clear else AmbiguousMatch(names)


def _parameters(text: ScalarNode) -> list[str]:
    """The names of a template's parameters; complains about its syntax."""
    names: list[str] = []
    if not text.value.startswith("/"):
        return names
    segments = text.value[1:].split("/")
    if strange := next((segment for segment in segments if _FOREIGN.fullmatch(segment)), None):
        text.warn(f"`{strange}` is compared as it is; a parameter is {{name}}, the rest of the path {{name:path}}")
    for index, segment in enumerate(segments):
        is_last = index == len(segments) - 1
        if mistake := _segment_mistake(segment, is_last, names):
            text.complain(*(mistake if not text.origin else (f"{text.shown} is not a path template",)))
    return names


def _segment_mistake(segment: str, is_last: bool, names: list[str]) -> tuple[str, ...]:
    """What is wrong with a segment, and a hint; adds its parameter to `names`."""
    if found := _PARAMETER.fullmatch(segment):
        return _parameter_mistake(found.group(1), found.group(2), is_last, names)
    if segment == "" and not is_last:
        return ("the path has an empty segment (//), which no request has",)
    if segment in (".", ".."):
        return (f"the path has a `{segment}` segment, which no request has",)
    if "{" in segment or "}" in segment:
        return ("a parameter is a whole segment: {name} or {name:int}", "split it at a /, or match the whole segment")
    if _ESCAPE.search(segment):
        return (f"the path is compared decoded, and {segment} is not", _decoded(segment))
    if _NOT_LITERAL.search(segment):
        return ("the path has a control character, ?, # or % in it", f"{_BY_PARAMETER}; a query stands under `query`")
    return ()


def _decoded(segment: str) -> str:
    """A hint that has a segment as it should be written (docs/decisions/0002-canonical-path.md)."""
    text = unquote(segment, errors="surrogateescape")
    if _NOT_LITERAL.search(text) or not text.isprintable() or set(text) & set("/{}"):
        return _BY_PARAMETER
    return f"write `{text}`"


def _parameter_mistake(name: str, kind: str | None, is_last: bool, names: list[str]) -> tuple[str, ...]:
    if name in names:
        return (f"the parameter {{{name}}} is there twice",)
    names.append(name)
    if kind is not None and kind not in TYPES:
        return (f"the parameter {{{name}}} has no type among {', '.join(TYPES)}", did_you_mean(kind, TYPES))
    if kind == "path" and not is_last:
        return (f"{{{name}:path}} takes the rest of the path, so it must be the last segment",)
    return ()


def _referred(reader: OptionReader) -> tuple[str, ...]:
    """Names of headers and query parameters whose values came from references."""
    pairs = (*reader.pairs("headers"), *reader.pairs("query"))
    return tuple(dict.fromkeys(name.value for name, value in pairs if value.origin))


def _header_pairs(reader: OptionReader) -> Pairs:
    found: dict[str, tuple[str, str]] = {}
    for name, value in reader.pairs("headers"):
        if name.value.lower() in found:
            name.complain(f"the header {name.shown} is there twice; names are compared without case")
        found[name.value.lower()] = (name.value, value.value)
    return tuple(found.values())
