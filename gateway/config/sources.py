"""All files of a configuration, the one named and those it includes: each read, resolved, held against the schema."""

import glob
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.config import validate
from gateway.config.diagnostics import Diagnostic
from gateway.config.files import SourceError, read
from gateway.config.interpolate import Interpolator
from gateway.config.nodes import MappingNode
from gateway.config.reader import LoadContext, OptionReader, ScalarNode
from gateway.config.schema import json_schema, types_at
from gateway.config.yaml import Source


@dataclass(frozen=True, slots=True)
class File:
    """One file's tree, and a reader that stands on it."""

    root: MappingNode
    reader: OptionReader


class FileLoader:
    """Reads files. `complete` says whether all could be read, `patterns` which wildcards may bring more of them."""

    def __init__(self, load: LoadContext, env: Mapping[str, str]) -> None:
        self._load = load
        self._interpolator = Interpolator(env)
        self.complete = True
        self.patterns: list[str] = []

    def read_all(self, path: str) -> list[File]:
        """The file and all that it includes, in the order of reading."""
        return list(self._read(path, included=False))

    def parse(self, data: bytes, file: str, base: str, included: bool = False) -> File | None:
        """The tree of a text, or None when there is none; `file` is what complaints call it."""
        try:
            source = Source(data, file)
        except SourceError as error:
            self._refuse(error.complaint)
            return None
        unresolved = self._interpolator.resolve(source.references, base)
        self._load.files.update(dict.fromkeys(self._interpolator.files, ""))
        for holder, key, where in source.references:
            holder[key] = _coerced(holder[key], types_at(where))
        if included:
            source.root.setdefault("version", 1)
        complaints = source.complaints + unresolved + validate.check(source.root)
        self._load.complaints += _outside_of_unbuilt(complaints)
        return File(source.root, OptionReader(self._load, base, source.root, json_schema(), (), source.root.place))

    def include(self, file: File) -> Iterator[File]:
        """The files that a file includes, and those that they include."""
        for text in file.reader.texts("include"):
            pattern = os.path.join(os.path.dirname(file.root.place[0]), text.value)
            absolute = file.reader.absolute(text.value)
            if glob.has_magic(absolute):
                self.patterns.append(absolute)
            found = sorted(glob.glob(absolute, recursive=True))
            if not found and glob.has_magic(absolute):
                text.warn(f"there is no file of the name {text.shown}")
            elif not found:
                text.complain(f"the file {text.shown} does not exist")
            for path in found:
                yield from self._read(path, included=True, file=_displayed(path, pattern), by=text)

    def _read(self, path: str, included: bool, file: str = "", by: ScalarNode | None = None) -> Iterator[File]:
        absolute = os.path.abspath(path)
        if absolute in self._load.files:
            return
        self._load.files[absolute] = ""
        try:
            data = read(path, file or path)
        except SourceError as error:
            if by is not None:  # it has no line of its own, so the one that names it is told
                self.complete = False
                by.complain(f"the file {file} {error.complaint.message}", error.complaint.hint)
                return
            self._refuse(error.complaint)
            return
        parsed = self.parse(data, file or path, os.path.dirname(absolute), included)
        if parsed is not None:
            yield parsed
            yield from self.include(parsed)

    def _refuse(self, complaint: Diagnostic) -> None:
        self.complete = False
        self._load.complaints.append(complaint)


def _displayed(path: str, pattern: str) -> str:
    """An included file as the user would name it: absolute only if the pattern, or the including file, was."""
    return path if os.path.isabs(pattern) else os.path.relpath(path)


def _coerced(value: object, types: set[str]) -> object:
    """A resolved string as the number or boolean that the schema wants at its place."""
    if isinstance(value, str) and "integer" in types and value.lstrip("-").isdecimal() and len(value) < 20:
        return int(value)
    if isinstance(value, str) and "boolean" in types and value in ("true", "false"):
        return value == "true"
    return value


def _outside_of_unbuilt(complaints: list[Diagnostic]) -> list[Diagnostic]:
    """Without what is said of the inside of parts that are not built."""
    unbuilt = {complaint.path for complaint in complaints if "not built yet" in complaint.message}
    return [
        complaint
        for complaint in complaints
        if complaint.path in unbuilt or not any(complaint.path.startswith((f"{path}.", f"{path}[")) for path in unbuilt)
    ]
