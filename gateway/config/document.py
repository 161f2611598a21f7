"""Load a configuration: files in, one frozen Document out, or every complaint about them at once."""

import gc
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any

from gateway.alerting.section import read_alerting
from gateway.auth.section import Identity, read_identity
from gateway.cache.section import check_callers
from gateway.config import cross_checks as across
from gateway.config import merge as content
from gateway.config.diagnostics import ConfigError, Diagnostic
from gateway.config.name_registry import NameRegistry
from gateway.config.reader import LoadContext, OptionReader, ScalarNode
from gateway.config.reported_paths import ReportedPaths
from gateway.config.schema import json_schema
from gateway.config.sources import File, FileLoader
from gateway.config.urls import read_store
from gateway.config.yaml import MappingNode
from gateway.handlers.queue.section import check_streams
from gateway.observability.audit.section import read_audit
from gateway.observability.metrics.section import read_metrics
from gateway.observability.metrics.statsd_section import read_statsd
from gateway.observability.tracing.section import read_tracing
from gateway.ratelimit.section import read_rate_limits
from gateway.routing.model import Defaults, Document, Server
from gateway.routing.section import read_defaults, read_routes
from gateway.server.section import read_access_log, read_server
from gateway.upstream.model import Upstream
from gateway.upstream.section import read_upstreams
from gateway.validation.section import check_size

__all__ = ["ConfigError", "Diagnostic", "Document", "load", "loads", "redacted"]

Judge = Callable[[str, ScalarNode, tuple[Any, ...]], None]
"""Called with each of Load.names; complains about those that lead nowhere good."""

_SHARED_SECTIONS = frozenset(
    {"version", "include", "upstreams", "auth", "roles", "cors", "rate_limits", "routes", "plugins"}
)
"""Sections that may stand in several files."""
_NAMING = ("upstreams", "auth", "roles", "cors", "escalation")
"""Sections whose keys are names that are used elsewhere."""


def load(path: str | FilePath, env: Mapping[str, str] | None = None, judge: Judge | None = None) -> Document:
    """The configuration in a file and in those that it includes. Raises ConfigError with every complaint.

    `judge` follows the names that lead out of it, to Python and to certificates; without one that is left to `compile`.
    """
    reading = _Reading(os.environ if env is None else env, judge)
    with gc_paused():
        return reading.document(reading.sources.read_all(str(path)), str(path), os.path.dirname(os.path.abspath(path)))


def loads(
    text: str, name: str = "<string>", base: str | FilePath = ".", env: Mapping[str, str] | None = None
) -> Document:
    """The configuration in a text; relative names in it are relative to the folder `base`."""
    reading = _Reading(os.environ if env is None else env)
    folder = os.path.abspath(base)
    with gc_paused():
        file = reading.sources.parse(text.encode(), name, folder)
        files = [file, *reading.sources.include(file)] if file else []
        return reading.document(files, name, folder)


def redacted(document: Document) -> dict[str, Any]:
    """The configuration as it is shown to people: what came from ${...}, and known secrets, are ***."""
    shown: dict[str, Any] = json.loads(document.shown)
    return shown


class _Reading:
    """One load, from trees to the document."""

    def __init__(self, env: Mapping[str, str], judge: Judge | None = None) -> None:
        self.judge = judge
        self.load = LoadContext()
        self.sources = FileLoader(self.load, env)
        self.structural = 0
        self.single: dict[str, OptionReader] = {}

    def document(self, files: list[File], name: str, base: str) -> Document:
        """The document of all files, or ConfigError."""
        self.structural = len(self.load.complaints)
        self.load.told = ReportedPaths(self.load.complaints)
        readers = [file.reader for file in files]
        single = self.single = self._single_sections(readers)
        defaults = read_defaults(single["defaults"])
        upstreams, sure = self._upstreams(readers)
        server = read_server(single["server"])
        pairs = across.passing(self._routes(readers, defaults), sure, single["server"], server)
        names = self._names(readers, pairs)
        asks = single["server"].is_wrong("tls", "client_ca") or bool(server.tls and server.tls.client_ca)
        identity = read_identity(readers, server, sure, names, asks_clients=asks)
        identity.check_names(single["defaults"])
        across.check_documents(readers, identity)
        self._check(pairs, sure, identity, server)
        access_log = read_access_log(single["observability"].section("access_log"))
        audit = read_audit(single["audit"], access_log.to)
        tracing = read_tracing(single["observability"])
        store = self._store(readers)
        check_streams(readers, store)
        rate_limits = read_rate_limits(readers)
        statsd = read_statsd(single["observability"])
        metrics = read_metrics(single["observability"])
        alerting = read_alerting(readers, names, is_counted=metrics.is_on)
        modules = [text for reader in readers for text in reader.texts("plugins")]
        self._judge(modules, pairs)
        if self.load.complaints:
            raise ConfigError(self._sorted(self._all_complaints()), self.load.files)
        whole = content.merged(file.root for file in files)
        return Document(
            version=content.version(whole, self.load.files, base),
            file=name,
            server=server,
            store=store,
            upstreams=tuple(upstreams.values()),
            providers=tuple(identity.providers.values()),
            roles=identity.roles,
            cors=tuple(identity.cors.values()),
            defaults=defaults,
            routes=tuple(route for _, route in pairs),
            access_log=access_log,
            audit=audit,
            plugins=tuple(dict.fromkeys(text.value for text in modules)),
            files=tuple(self.load.files),
            patterns=tuple(self.sources.patterns),
            warnings=tuple(self._sorted(self.load.warnings)),
            shown=content.shown(whole),
            rate_limits=rate_limits,
            alerting=alerting,
            statsd=statsd,
            metrics=metrics,
            dashboard=single["observability"].flag("dashboard"),
            tracing=tracing,
            server_timing=single["observability"].flag("server_timing"),
            places=across.places(readers),
        )

    def _judge(self, modules: list[ScalarNode], pairs: list[across.Pair]) -> None:
        """Have every name followed that leads elsewhere; plugins come first, since they offer the policies."""
        if self.judge is None:
            return
        across.lead_to_plugins(pairs, self.single["defaults"])
        for kind, text, more in [*(("plugin", text, ()) for text in modules), *self.load.names]:
            self.judge(kind, text, more)

    def _single_sections(self, readers: list[OptionReader]) -> dict[str, OptionReader]:
        """The sections that only one file may have; an empty one where none has it."""
        nowhere = OptionReader(self.load, "", MappingNode(("", 0, 0)), json_schema(), (), ("", 0, 0))
        holders: dict[str, OptionReader] = {}
        for reader in readers:
            for key in reader:
                if key in _SHARED_SECTIONS:
                    continue
                if key in holders:
                    first = holders[key].key_place(key)
                    reader.complain(f"the section is in two files; the other is at {first[0]}:{first[1]}", key=key)
                holders.setdefault(key, reader)
        names = ("server", "defaults", "observability", "audit")
        return {name: holders.get(name, readers[0] if readers else nowhere).section(name) for name in names}

    def _upstreams(self, readers: list[OptionReader]) -> tuple[dict[str, Upstream], dict[str, Upstream]]:
        """All upstreams, and those of them without a mistake."""
        found: dict[str, Upstream] = {}
        sure: dict[str, Upstream] = {}
        for reader in readers:
            section, before = reader.section("upstreams"), len(self.load.complaints)
            for name, upstream in read_upstreams(reader):
                if upstream.name in found:
                    name.complain(f"the upstream is written twice, first at {found[upstream.name].where}")
                found.setdefault(upstream.name, upstream)
                if before == len(self.load.complaints) and section.is_sound(upstream.name):
                    sure[upstream.name] = upstream
                before = len(self.load.complaints)
        return found, sure

    def _store(self, readers: list[OptionReader]) -> str:
        found = ((reader, text) for reader in readers if (text := reader.one("store")) is not None)
        return next((read_store(reader, text) for reader, text in found), "memory")

    def _routes(self, readers: list[OptionReader], defaults: Defaults) -> list[across.Pair]:
        pairs = [pair for reader in readers for pair in read_routes(reader, defaults)]
        first: dict[str, str] = {}
        for section, route in pairs:
            name = section.one("name")
            if name is not None and name.value in first:
                name.complain(f"the route {name.shown} is written twice, first at {first[name.value]}")
            first.setdefault(route.name, route.where)
        if readers and not pairs:
            readers[0].warn("there are no routes: every request gets 404")
        return pairs

    def _names(self, readers: list[OptionReader], pairs: list[across.Pair]) -> dict[str, NameRegistry]:
        """The names that sections give, by section."""
        is_complete = self.sources.complete
        names = {key: NameRegistry.of(readers, key, is_complete=is_complete) for key in _NAMING}
        routes = across.route_names(readers, (route.name for _, route in pairs), is_complete=is_complete)
        return {**names, "routes": routes, "alerts": across.alert_names(readers, is_complete=is_complete)}

    def _check(
        self, pairs: list[across.Pair], sure: Mapping[str, Upstream], identity: Identity, server: Server
    ) -> None:
        """What the parts say of each other, as far as they are right."""
        has_size = not self.single["server"].is_wrong("limits", "body")
        for section, route in pairs:
            across.check_upstreams(section, route, sure, identity.names["upstreams"])
            identity.check_names(section)
            check_callers(section, route.access, route.cache, identity.providers)
            if has_size:
                check_size(section, route.validate, server.limits.body)
        self.load.told = ReportedPaths(self.load.complaints)
        across.check_ties(pairs, identity.pages())

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
