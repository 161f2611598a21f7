"""Load a configuration: files in, one frozen Document out, or every complaint about them at once."""

import gc
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any

from gateway.config import cross_checks
from gateway.config import merge as content
from gateway.config.diagnostics import ConfigError, Diagnostic
from gateway.config.model import Document
from gateway.config.nodes import MappingNode
from gateway.config.reader import LoadContext, OptionReader, ScalarNode
from gateway.config.reading import Reading
from gateway.config.reported_paths import ReportedPaths
from gateway.config.route_conflicts import check_conflicts
from gateway.config.schema import json_schema
from gateway.config.sources import File, FileLoader
from gateway.config.urls import read_store
from gateway.features import FEATURES, hooks

__all__ = ["ConfigError", "Diagnostic", "Document", "load", "loads", "redacted"]

Judge = Callable[[str, ScalarNode, tuple[Any, ...]], None]
"""Called with each of Load.names; complains about those that lead nowhere good."""

_SHARED = frozenset({"version", "include", "plugins"})
"""Sections of no feature that may stand in several files."""


def load(path: str | FilePath, env: Mapping[str, str] | None = None, judge: Judge | None = None) -> Document:
    """The configuration in a file and in those that it includes. Raises ConfigError with every complaint.

    `judge` follows the names that lead out of it, to Python and to certificates; without one that is left to `compile`.
    """
    loading = _Loading(os.environ if env is None else env, judge)
    with gc_paused():
        return loading.document(loading.sources.read_all(str(path)), str(path), os.path.dirname(os.path.abspath(path)))


def loads(
    text: str, name: str = "<string>", base: str | FilePath = ".", env: Mapping[str, str] | None = None
) -> Document:
    """The configuration in a text; relative names in it are relative to the folder `base`."""
    loading = _Loading(os.environ if env is None else env)
    folder = os.path.abspath(base)
    with gc_paused():
        file = loading.sources.parse(text.encode(), name, folder)
        files = [file, *loading.sources.include(file)] if file else []
        return loading.document(files, name, folder)


def redacted(document: Document) -> dict[str, Any]:
    """The configuration as it is shown to people: what came from ${...}, and known secrets, are ***."""
    shown: dict[str, Any] = json.loads(document.shown)
    return shown


class _Loading:
    """One load, from trees to the document."""

    def __init__(self, env: Mapping[str, str], judge: Judge | None = None) -> None:
        self.judge = judge
        self.load = LoadContext()
        self.sources = FileLoader(self.load, env)
        self.structural = 0

    def document(self, files: list[File], name: str, base: str) -> Document:
        """The document of all files, or ConfigError."""
        self.structural = len(self.load.complaints)
        self.load.told = ReportedPaths(self.load.complaints)
        readers = [file.reader for file in files]
        reading = Reading(self.load, readers, self._single_sections(readers), self.sources.complete)
        stores = ((reader, text) for reader in readers if (text := reader.one("store")) is not None)
        reading.found["store"] = next((read_store(reader, text) for reader, text in stores), "memory")
        for _, read in hooks("read"):
            reading.found |= read(reading)
        for _, check in hooks("check"):
            check(reading)
        self.load.told = ReportedPaths(self.load.complaints)
        check_conflicts(reading)
        modules = [text for reader in readers for text in reader.texts("plugins")]
        self._judge(reading, modules)
        if self.load.complaints:
            raise ConfigError(self._sorted(self._all_complaints()), self.load.files)
        whole = content.merged(file.root for file in files)
        return Document(
            version=content.version(whole, self.load.files, base),
            file=name,
            routes=tuple(route for _, route in reading.pairs),
            plugins=tuple(dict.fromkeys(text.value for text in modules)),
            files=tuple(self.load.files),
            patterns=tuple(self.sources.patterns),
            warnings=tuple(self._sorted(self.load.warnings)),
            shown=content.shown(whole),
            places=cross_checks.places(readers),
            **reading.found,
        )

    def _judge(self, reading: Reading, modules: list[ScalarNode]) -> None:
        """Have every name followed that leads elsewhere; plugins come first, since they offer the policies."""
        if self.judge is None:
            return
        cross_checks.lead_to_plugins(reading.pairs, reading.section("defaults"))
        for kind, text, more in [*(("plugin", text, ()) for text in modules), *self.load.names]:
            self.judge(kind, text, more)

    def _single_sections(self, readers: list[OptionReader]) -> dict[str, OptionReader]:
        """The sections that only one file may have; an empty one where none has it."""
        nowhere = OptionReader(self.load, "", MappingNode(("", 0, 0)), json_schema(), (), ("", 0, 0))
        shared = _SHARED.union(*(feature.shared for feature in FEATURES))
        holders: dict[str, OptionReader] = {}
        for reader in readers:
            for key in reader:
                if key in shared:
                    continue
                if key in holders:
                    first = holders[key].key_place(key)
                    reader.complain(f"the section is in two files; the other is at {first[0]}:{first[1]}", key=key)
                holders.setdefault(key, reader)
        names = ("server", "defaults", "observability", "audit")
        return {name: holders.get(name, readers[0] if readers else nowhere).section(name) for name in names}

    def _all_complaints(self) -> list[Diagnostic]:
        """The schema's, and those about the meaning that do not follow from them."""
        structural, meaning = self.load.complaints[: self.structural], self.load.complaints[self.structural :]
        told = ReportedPaths(structural)
        return structural + [one for one in meaning if not told.follows(one)]

    def _sorted(self, complaints: list[Diagnostic]) -> list[Diagnostic]:
        """By file in the order of reading, then by place; once each, however many aliases lead there."""
        once: dict[tuple[str, int, int, str], Diagnostic] = {}
        for one in complaints:
            once.setdefault((one.file, one.line, one.column, one.message), one)
        order = {name: index for index, name in enumerate(self.load.files)}

        def place(one: Diagnostic) -> tuple[int, str, int, int]:
            return order.get(os.path.abspath(one.file), 0), one.file, one.line, one.column

        return sorted(once.values(), key=place)


@contextmanager
def gc_paused() -> Iterator[None]:
    """PERF: collecting garbage while a large tree is built takes longer than building it (test_value.py has one)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
