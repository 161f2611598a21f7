"""Diagnostics of a configuration: position, message, and the nearest thing that would be right."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

LISTED = 20
NOT_THERE = "install it, or put the folder that holds it on PYTHONPATH"
"""The hint for a module that there is not."""
Path = tuple[str | int, ...]
#: what other gateways call a key, for those who come from one
_FOREIGN = {
    "services": "upstreams", "clusters": "upstreams", "backends": "upstreams",
    "service": "upstream", "cluster": "upstream", "backend": "upstream", "proxy_pass": "upstream",
    "servers": "targets", "endpoints": "targets", "nodes": "targets",
    "lb_policy": "balance", "load_balancer": "balance", "healthcheck": "health", "health_checks": "health",
    "listen": "bind", "port": "bind", "address": "bind",
    "locations": "routes", "prefix": "path", "paths": "path", "uri": "path", "domains": "hosts",
    "middlewares": "policies", "filters": "policies", "redirect": "respond", "strip_path": "rewrite",
    "logging": "observability", "allow_origins": "origins", "allowed_origins": "origins",
}  # fmt: skip
Position = tuple[str, int, int]
"""File as the user named it, line and column, both from 1 (0: the file as a whole)."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake. `path` is like routes[2].match.path, `hint` a question or advice, both may be empty."""

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        path = f"{self.path}: " if self.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}: {path}{self.message}{hint}"

    def to_json(self) -> dict[str, str | int]:
        """The same as a JSON object, all six members always there."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "message": self.message,
            "hint": self.hint,
        }


class ConfigError(Exception):
    """A configuration that cannot be used: every complaint about it, and every file that was read to find them."""

    def __init__(self, complaints: Iterable[Diagnostic], files: Iterable[str] = ()) -> None:
        self.complaints = tuple(complaints)
        self.files = tuple(files)
        super().__init__(self.complaints, self.files)

    def __str__(self) -> str:
        return "\n".join(str(complaint) for complaint in self.complaints)


def at(place: Position, path: Path, message: str, hint: str = "") -> Diagnostic:
    """A complaint about the value at `path`."""
    return Diagnostic(*place, path_text(path), message, hint)


def path_text(path: Path) -> str:
    """("routes", 2, "match") as routes[2].match; keys that are not plain words are put in brackets and quotes."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("-", "_").isidentifier():
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


def closest_match(word: str, choices: Iterable[str], cutoff: float = 0.6) -> str:
    """The choice that `word` was most likely meant to be, or an empty string; `cutoff` is how alike they must be."""
    import difflib  # NOTE: workers unpickle complaints but never need this

    by_lower = {choice.lower(): choice for choice in choices}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else ""


def alias_of_other_gateways(word: str, choices: Iterable[str]) -> str:
    """The choice that other gateways call `word`, or an empty string."""
    choice = _FOREIGN.get(word, "")
    return choice if choice in choices else ""


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A hint naming the nearest choice, or an empty string."""
    choice = closest_match(word, choices)
    return f"did you mean `{choice}`?" if choice else ""


def among(word: str, choices: Iterable[str]) -> str:
    """A hint that names the nearest choice, if one is near, and what there is: the first twenty of it."""
    there = sorted(choices)
    more = f" and {len(there) - LISTED} more" if len(there) > LISTED else ""
    names = f"there are: {', '.join(there[:LISTED])}{more}" if there else "there is none"
    return f"{did_you_mean(word, there)} {names}".lstrip()


def location(place: Position) -> str:
    """A place as "file:line", the form in which the plan says where its steps come from."""
    return f"{place[0]}:{place[1]}"


def reason(error: OSError | ValueError) -> str:
    """Why the system refused, without errno and file name."""
    return (getattr(error, "strerror", None) or "no file can have this name").lower()


def describe(value: object, origin: str = "", secret: bool = False) -> str:
    """A value in words for a complaint; one that came from a reference, or is a secret, is not shown."""
    if origin:
        return f"the value from {origin}"
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if secret:
        return "something else"
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value[:80], ensure_ascii=False) if isinstance(value, str) else f"the number {value}"
