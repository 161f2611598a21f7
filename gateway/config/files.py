"""From a file name to its text, or one complaint that says why not."""

import re
from pathlib import Path as FilePath

import yaml

from gateway.config.diagnostics import Diagnostic, reason

MAX_BYTES = 32 * 1024 * 1024

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATES = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)


class SourceError(Exception):
    """The text cannot be read on; holds the one complaint that says why."""

    def __init__(self, complaint: Diagnostic) -> None:
        self.complaint = complaint
        super().__init__(str(complaint))


def read(path: str, file: str) -> bytes:
    """The bytes of a configuration file; `file` is what complaints call it."""
    try:
        with FilePath(path).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise SourceError(Diagnostic(file, 0, 0, "", "is a directory, not a file", "name a file in it")) from None
    except OSError as error:
        raise SourceError(Diagnostic(file, 0, 0, "", f"cannot be read: {reason(error)}")) from None
    if len(data) > MAX_BYTES:
        raise SourceError(Diagnostic(file, 0, 0, "", f"is larger than {MAX_BYTES // 1024**2} MB"))
    return data


def decode(data: bytes, file: str) -> str:
    """UTF-8 text without control characters; JSON's surrogate pairs become the character they stand for."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise SourceError(Diagnostic(file, line, column, "", "not text in UTF-8", _encoding(data))) from None
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        message = f"the control character 0x{ord(found.group()):02x} may not stand in a configuration"
        raise SourceError(Diagnostic(file, line, column, "", message))
    if file.endswith(".json"):
        text = _SURROGATES.sub(_joined, text)
    return text


def syntax_complaint(error: yaml.YAMLError, file: str, text: str) -> Diagnostic:
    """What libyaml found wrong, with the advice that its words lack."""
    begun = getattr(error, "context_mark", None)
    mark = getattr(error, "problem_mark", None) or begun
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    if begun is not None and "end of stream" in problem:
        mark = begun  # of what has no end the beginning is of more use
    if mark is None:
        return Diagnostic(file, 0, 0, "", f"YAML syntax: {problem}")
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    message = f"YAML syntax: {problem}"
    if context := getattr(error, "context", None):
        message += f" {context}"
        if begun is not None and begun.line != mark.line:
            message += f" that begins at {begun.line + 1}:{begun.column + 1}"
    return Diagnostic(file, mark.line + 1, mark.column + 1, "", message, _advice(line, problem))


def _advice(line: str, problem: str) -> str:
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "a tab is used for indentation; YAML wants spaces"
    if "end of stream" in problem:
        return "what begins here has no end: a quote or a bracket is missing"
    if "expected key" in problem or "'-' indicator" in problem:
        return "is it indented by as many spaces as the lines that it belongs to?"
    if "mapping values" in problem:
        return "a value that contains `: ` needs quotes; else look at the indentation"
    if "{" in line:
        return "a value that contains { or } needs quotes"
    return ""


def _encoding(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it is UTF-16; save it as UTF-8"
    return "is this a configuration? then save it as UTF-8"


def _joined(found: re.Match[str]) -> str:
    high, low = int(found.group(1), 16), int(found.group(2), 16)
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"
