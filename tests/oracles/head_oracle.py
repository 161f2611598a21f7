"""Oracle of gateway/_fast/head_rules.py, as plain as it can be: all rules that a head breaks, or its meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
HOST = r"(?:[A-Za-z0-9\-._~]{1,255}|\[[0-9A-Fa-f:.]{1,45}\])(?::[0-9]{0,5})?"
HOP = {
    "keep-alive", "te", "trailer", "proxy-connection", "proxy-authenticate", "proxy-authorization",
    "proxy-authentication-info", "http2-settings", "upgrade", "connection", "transfer-encoding", "content-length",
}  # fmt: skip
BLANKS = 4


@dataclass
class Limits:
    first_line: int = 8190
    line: int = 8190
    lines: int = 100


@dataclass
class Verdict:
    """`broken` names every rule that does not hold; `found` is what was read where all do, None while incomplete."""

    broken: set[str] = field(default_factory=set)
    found: dict[str, object] | None = None


def request(data: bytes, limits: Limits) -> Verdict:
    """What a server makes of the beginning of a connection."""
    blanks = 0
    while data[2 * blanks : 2 * blanks + 2] == b"\r\n":
        blanks += 1
    verdict = Verdict({"request-line"} if blanks > BLANKS else set())
    text = data[2 * blanks :]
    head, complete = _cut(text)
    lines = _lines(head, complete, limits, verdict.broken)
    if not lines:
        return verdict
    if b"\n" in head:
        _request_line(lines[0], verdict.broken)
    elif re.search(rb"[\x00-\x08\x0a-\x0c\x0e-\x1f\x7f-\xff]|^\r.", lines[0], re.S):
        verdict.broken |= {"request-line", "bare-cr"}
    if not complete:
        return verdict
    fields = [field for field in _fields(lines[1:], verdict.broken) if "_" not in field[0]]
    if verdict.broken:
        return verdict
    found = _mean_request(lines[0], fields, verdict.broken)
    if not verdict.broken:
        verdict.found = found | {"size": 2 * blanks + len(head)}
    return verdict


def answer(data: bytes, limits: Limits) -> Verdict:
    """What a client makes of the beginning of an answer."""
    verdict = Verdict()
    if data[:1] not in (b"", b"H"):
        verdict.broken.add("status-line")
    head, complete = _cut(data)
    lines = _lines(head, complete, limits, verdict.broken)
    if not complete:
        return verdict
    first = lines[0] if lines else b""
    shape = re.fullmatch(rb"HTTP/(\d+)\.(\d+) (\d{3})(?: [\t\x20-\x7e\x80-\xff]*)?", first)
    if not shape:
        verdict.broken |= {"status-line"} | ({"version"} if re.match(rb"HTTP/(?!1\.[01] )\d+\.\d+ ", first) else set())
    elif shape[1] != b"1" or shape[2] not in (b"0", b"1"):
        verdict.broken |= {"version", "status-line"}
    elif int(shape[3]) < 100:
        verdict.broken.add("status-code")
    fields = _fields(lines[1:], verdict.broken)
    if not shape:
        return verdict
    found = _mean_answer(int(shape[2]), int(shape[3]), fields, verdict.broken)
    if not verdict.broken:
        verdict.found = found | {"size": len(head)}
    return verdict


def _cut(text: bytes) -> tuple[bytes, bool]:
    """The head with its empty line, and whether that is there; for this purpose a line may end with LF alone."""
    end = re.search(rb"(?:^|\n)\r?\n", text)
    return (text[: end.end()], True) if end else (text, False)


def _lines(head: bytes, complete: bool, limits: Limits, broken: set[str]) -> list[bytes]:
    """The lines of a head, the last one perhaps unfinished; sizes and line ends are held against the rules."""
    ended = [line + b"\n" for line in head.split(b"\n")[:-1]]
    rest = head.split(b"\n")[-1]
    lines = []
    for line in ended:
        if not line.endswith(b"\r\n"):
            broken.add("bare-lf")
        if b"\r" in line[:-2]:
            broken.add("bare-cr")
        lines.append(line.removesuffix(b"\n").removesuffix(b"\r"))
    if complete:
        lines.pop()
    for number, line in enumerate([*lines, rest[:-1]]):
        if len(line) > (limits.first_line if number == 0 else limits.line):
            broken.add("line-size" if number else "first-line-size")
    if len(lines) > limits.lines + 1:
        broken.add("line-count")
    return lines if complete else [*lines, rest] if rest else lines


def _request_line(line: bytes, broken: set[str]) -> None:
    parts = line.split(b" ")
    if re.search(rb" HTTP/(?!1\.[01]$)\d+\.\d+$", line):
        broken.add("version")
    if len(parts) != 3 or not all(parts):
        broken |= {"request-line", "method", "target-characters"}
        return
    method, target, version = parts
    if not re.fullmatch(TOKEN, method):
        broken |= {"method", "request-line"}
    if not re.fullmatch(rb"[!-~]+", target) or b"#" in target or b"\\" in target:
        broken |= {"target-characters", "request-line"}
    if not re.fullmatch(rb"HTTP/\d+\.\d+", version):
        broken.add("request-line")


def _fields(lines: list[bytes], broken: set[str]) -> list[tuple[str, str]]:
    """The header fields."""
    fields = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t"):
            broken.add("obs-fold")
        elif not colon:
            broken.add("header-colon")
        elif name.endswith((b" ", b"\t")):
            broken.add("space-before-colon")
        elif not re.fullmatch(TOKEN, name):
            broken.add("header-name")
        elif re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", value):
            broken.add("header-control")
        else:
            fields.append((name.decode(), value.strip(b" \t").decode("latin-1")))
    return fields


def _values(fields: list[tuple[str, str]], name: str) -> list[str]:
    return [value for key, value in fields if key.lower() == name]


def _items(values: list[str]) -> list[str]:
    """The members of a list field, in lower case."""
    return [item.strip(" \t").lower() for item in ",".join(values).split(",")]


def _length(fields: list[tuple[str, str]], broken: set[str]) -> int | None:
    values = _values(fields, "content-length")
    if len(values) > 1:
        broken.add("length-repeated")
    if not all(re.fullmatch("[0-9]{1,18}", value) for value in values):
        broken.add("length-value")
    return int(values[0]) if values and not broken else None


def _chunked(fields: list[tuple[str, str]], minor: int, broken: set[str]) -> bool:
    values = _values(fields, "transfer-encoding")
    if not values:
        return False
    codings = [item for item in _items(values) if item]
    if _values(fields, "content-length"):
        broken.add("length-and-coding")
    if minor == 0:
        broken.add("coding-in-1.0")
    if not codings:
        broken.add("coding-empty")
    elif "chunked" in codings[:-1]:
        broken.add("coding-not-last")
    elif codings != ["chunked"]:
        broken.add("coding-unknown")
    return True


def _connection(fields: list[tuple[str, str]], minor: int) -> tuple[bool, str | None, set[str]]:
    """(whether the connection may be kept, the Upgrade that counts, names that must not pass)."""
    tokens = set(_items(_values(fields, "connection")))
    keep = False if "close" in tokens else True if "keep-alive" in tokens else minor == 1
    upgrade = _values(fields, "upgrade")
    return keep, upgrade[-1] if upgrade and "upgrade" in tokens else None, tokens - {"close", "keep-alive", "upgrade"}


def _mean_request(line: bytes, fields: list[tuple[str, str]], broken: set[str]) -> dict[str, object]:
    method, target, version = (part.decode() for part in line.split(b" "))
    minor = int(version[-1])
    length = _length(fields, broken)
    chunked = _chunked(fields, minor, broken)
    keep, upgrade, dropped = _connection(fields, minor)
    expect = _values(fields, "expect")
    if any(value.lower() != "100-continue" for value in expect):
        broken.add("expectation")
    hosts = _values(fields, "host")
    if len(hosts) > 1:
        broken.add("host-repeated")
    if not hosts and minor == 1:
        broken.add("host-missing")
    if any(not re.fullmatch(HOST, host) for host in hosts):
        broken.add("host-value")
    host, target, absolute = _target(method, target, hosts, broken)
    passing = [
        (name, value)
        for name, value in fields
        if name.lower() not in HOP | {"expect"} and name.lower() not in dropped - {"host"}
    ]
    if absolute:
        passing = [("Host", host), *(pair for pair in passing if pair[0].lower() != "host")]
    return {
        "method": method, "target": target, "host": host, "minor": minor, "headers": passing,
        "length": -1 if chunked else length or 0, "keep_alive": keep, "expects": bool(expect) and minor == 1,
        "upgrade": upgrade, "environ": _environ(method, target, version, host if absolute else None, fields),
    }  # fmt: skip


def _target(method: str, target: str, hosts: list[str], broken: set[str]) -> tuple[str, str, bool]:
    """(host, target in origin-form or "*", whether it came in absolute-form)."""
    host = hosts[0] if hosts else ""
    absolute = re.fullmatch(r"(?i:https?)://([^/?]*)(.*)", target)
    if absolute:
        if not re.fullmatch(HOST, absolute[1]):
            broken.add("host-value")
        path = absolute[2]
        if (method, path) == ("OPTIONS", ""):
            return absolute[1], "*", True
        return absolute[1], path if path.startswith("/") else "/" + path, True
    if target.startswith("/"):
        if method == "CONNECT":
            broken.add("target-form")
    elif method == "CONNECT" or re.fullmatch("[^/?]+:[0-9]+", target):
        broken.add("authority-form")
    elif (method, target) != ("OPTIONS", "*"):
        broken.add("target-form")
    return host, target, False


def _environ(
    method: str, target: str, version: str, host: str | None, fields: list[tuple[str, str]]
) -> dict[str, object]:
    path, _, query = target.partition("?")
    environ: dict[str, str] = {}
    for name, value in fields:
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else "HTTP_" + key
        if key == "HTTP_UPGRADE" or key not in environ:
            environ[key] = environ[key] + "," + value if key in environ else value
        else:
            environ[key] += ("; " if key == "HTTP_COOKIE" else ",") + value
    if host is not None:
        environ["HTTP_HOST"] = host
    return environ | {
        "REQUEST_METHOD": method, "RAW_URI": target, "SERVER_PROTOCOL": version, "QUERY_STRING": query,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
    }  # fmt: skip


def _mean_answer(minor: int, status: int, fields: list[tuple[str, str]], broken: set[str]) -> dict[str, object]:
    length = _length(fields, broken)
    chunked = _chunked(fields, minor, broken)
    if chunked and (status < 200 or status == 204):
        broken.add("coding-without-body")
    keep, upgrade, dropped = _connection(fields, minor)
    passing = [
        (name, value)
        for name, value in fields
        if name.lower() not in HOP | {"x-request-id"} and name.lower() not in dropped
    ]
    return {
        "status": status, "minor": minor, "headers": passing, "length": -1 if length is None else length,
        "chunked": chunked, "keep_alive": keep, "dated": bool(_values(fields, "date")), "upgrade": upgrade,
    }  # fmt: skip
