"""From a Document to a Plan: the only file that knows all rooms. Touches no network and changes nothing that serves."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from time import monotonic
from typing import Any

from gateway._fast.route import build
from gateway.auth.compile import Identity, credentials_of
from gateway.cache.compile import CacheCompiler
from gateway.config import plugins
from gateway.config.diagnostics import ConfigError, Diagnostic
from gateway.contracts import (
    Plan,
    Policy,
    RoutePlan,
    Step,
    Steps,
    Tools,
)
from gateway.handlers.compile import NO_UPSTREAM_TOTAL, HandlerCompiler, Run
from gateway.handlers.unmatched import NotFoundHandler, RejectedHandler
from gateway.observability.tracing.compile import Tracing
from gateway.policies.headers import policy as headers
from gateway.policies.idempotency.compile import IdempotencyCompiler
from gateway.policies.rewrite import policy as rewrite
from gateway.policies.transform.compile import compressing, transforming
from gateway.ratelimit.compile import Limits
from gateway.routing.conflicts import matcher_spec
from gateway.routing.model import Document, Route
from gateway.upstream.compile import RuntimeResources, UpstreamCompiler
from gateway.validation.compile import ValidationCompiler
from gateway.validation.waf.compile import WafCompiler

log = logging.getLogger("gateway")

#: the step that edits every answer on its last yards, refusals of earlier steps included
FINAL = "response-headers"
#: routes compiled between two calls of `pause`: well under a millisecond
BREATH = 20


def compile(
    document: Document, resources: RuntimeResources | None = None, pause: Callable[[], None] | None = None
) -> Plan:
    """The plan of a document. `pause` is called every millisecond or so of work, for whoever else needs the thread.

    Raises ConfigError with every complaint that needs more than the document itself: plugins, certificates, logs.
    """
    return _Compiler(document, resources or RuntimeResources(), pause or (lambda: None)).plan()


class _Compiler:
    def __init__(self, document: Document, resources: RuntimeResources, pause: Callable[[], None]) -> None:
        self.document = document
        self.resources = resources
        self.pause = pause
        self.complaints: list[Diagnostic] = []
        # NOTE: no method, which would hold the compiler, which holds it: what a reload leaves goes by counts alone.
        self._complain = partial(_complain, self.complaints, document)
        self.services = UpstreamCompiler(
            resources, self._complain, document.server.overload, document.tracing is not None
        )

    def plan(self) -> Plan:
        """The whole plan, or every complaint."""
        document = self.document
        self.policies = self._plugins()
        self.upstreams = {upstream.name: self.services.build(upstream) for upstream in document.upstreams}
        self.identity = Identity(document, self.resources.registry, self.upstreams, self._complain)
        self.tracing = Tracing(document, self.resources)
        self.log = (*self.tracing.steps, *self._log(), *self._audit())
        self.meter = self.resources.meter if document.metrics.is_on else None
        self.limits = Limits(document.rate_limits, self.resources.limiting)
        self.guards = ValidationCompiler(document.server)
        self.screens = WafCompiler(document.server)
        self.idempotencies = IdempotencyCompiler(self.resources.answers)
        self.caches = CacheCompiler(document, self.resources.caching)
        own = {route.name: (route, endpoint.fetch) for route, endpoint in self.identity.endpoints}
        pages = {name: fetch for name, (_, fetch) in own.items()}
        self.actions = HandlerCompiler(
            document, self.services, self.upstreams, pages, self.resources, self._complain, self._run()
        )
        sources = (*document.routes, *(route for route, _ in own.values()))
        routes = [route for route in map(self._route, self._breathing(sources)) if route is not None]
        if self.complaints:
            raise ConfigError(self.complaints, document.files)
        pairs = self._breathing(zip(sources, routes, strict=True))
        table = build((matcher_spec(route, plan) for route, plan in pairs), self.pause)
        return Plan(
            version=document.version,
            table=table,
            routes=tuple(table.routes()),
            unmatched=self._bare("unmatched", NotFoundHandler()),
            refused=self._bare("refused", RejectedHandler()),
            trusted=tuple(ipaddress.ip_network(network) for network in document.server.trusted_proxies),
            max_body=document.server.limits.body,
            pool_keys=frozenset(self.services.keys),
            follows=tuple(self.services.follows),
            checks=tuple(self.services.checks),
            attempts=tuple(self.services.attempts),
            own_routes=sources[len(document.routes) :],
            kept=(*self.identity.kept, *self.idempotencies.kept, *self.actions.kept, *self.caches.kept),
        )

    def _run(self) -> Run | None:
        """What asks the Redis of `store` for routes that need one; None for plans that serve nobody."""
        if not any(route.enqueue for route in self.document.routes):
            return None
        store = self.resources.limiting.shared()
        return None if store is None else store.scripts.run

    def _breathing(self, items: Iterable[Any]) -> Iterator[Any]:
        for number, item in enumerate(items):
            if number % BREATH == 0:
                self.pause()
            yield item

    def _plugins(self) -> dict[str, Policy]:
        """The policies that the modules under `plugins` offer, by name."""
        found: dict[str, Policy] = {}
        for module in self.document.plugins:
            try:
                offered = plugins.from_module(module)
            except plugins.PluginError as error:
                self._complain(f"{self.document.file}:1", "plugins", str(error), error.hint)
                continue
            for policy in offered:
                if policy.name in found:
                    self._complain(
                        f"{self.document.file}:1", "plugins", f"two plugins have a policy named {policy.name}"
                    )
                found[policy.name] = policy
        return found

    def _policy(self, name: str) -> Policy:
        """A policy by its name: of a module, else of an installed package. Raises PluginError."""
        policy = self.policies.get(name) or plugins.from_entry_point(name)
        if policy is None:
            raise plugins.unknown(name, self.policies)
        return policy

    def _log(self) -> tuple[Step, ...]:
        """The logging step that every route of the plan shares."""
        spec = self.document.access_log
        if spec.format == "off":
            return ()
        matches = [route.match for route in self.document.routes]
        names = {name for match in matches for name, _ in match.headers if name not in match.hidden}
        secrets = {each.name for provider in self.document.providers for each in credentials_of(provider)}
        try:
            steps = self.resources.logs.compile(spec, names, secrets) if self.resources.logs else Steps()
        except OSError as error:
            words = f"{spec.to} cannot be written: {error.strerror}"
            self._complain(spec.where, "observability.access_log.to", words)
            return ()
        return (Step("log", spec.where, steps),)

    def _audit(self) -> tuple[Step, ...]:
        """The step that tells who was denied access."""
        document, denials = self.document, self.resources.denials
        spec = document.audit
        try:
            if denials is not None:
                denials.check(spec)
        except OSError as error:
            self._complain(f"{document.file}:1", "audit.to", f"{spec and spec.to} cannot be written: {error.strerror}")
        return () if spec is None else (Step("audit", spec.where, denials.steps if denials else Steps()),)

    def _counting(self, route: str) -> tuple[Step, ...]:
        """The step that counts the requests of a route."""
        if not self.document.metrics.is_on:
            return ()
        where = self.document.metrics.where
        return (self.meter.step(route, where) if self.meter else Step("meter", where, Steps()),)

    def _route(self, route: Route) -> RoutePlan | None:
        tools = Tools(route.name, monotonic, log.info)
        limits = self.limits.steps(route.name, route.rate_limit)
        bodies = (self.guards.step(route), *self.screens.steps(route), *self.idempotencies.steps(route))
        first = (*self._counting(route.name), *self.log, *bodies, *self.identity.steps(route), *limits)
        if any(step.name == "cors" for step in first):
            first = (*first, *self.limits.preflights(route.name))
        steps: dict[str, Step] = {step.name: step for step in first}
        if route.rewrite is not None:
            steps["rewrite"] = Step("rewrite", route.rewrite.where, rewrite.compile(route.rewrite, tools))
        if route.headers is not None:
            made = headers.compile(route.headers, tools)
            if made.on_request is not None:
                steps["headers"] = Step("headers", route.headers.where, Steps(on_request=made.on_request))
            if made.on_response is not None:
                steps[FINAL] = Step(FINAL, route.headers.where, Steps(on_response=made.on_response))
        if route.compress is not None:
            steps["compress"] = compressing(route.compress)
        if route.transform is not None:
            steps["transform"] = transforming(route.transform, route.validate)
        chosen: list[Policy] = []
        for use in route.policies:
            try:
                policy = self._policy(use.name)
                steps[use.name] = Step(use.name, use.where, plugins.steps_of(policy, use.options, tools))
                chosen.append(policy)
            except plugins.PluginError as error:
                self._complain(use.where, f"routes.{route.name}.policies.{use.name}", str(error), error.hint)
        try:
            order = plugins.order(chosen)
        except plugins.PluginError as error:
            self._complain(route.where, f"routes.{route.name}.policies", str(error), error.hint)
            return None
        fetch, total, upstream = self.actions.of(route)
        line = self.tracing.watching(tuple(steps[name] for name in order if name in steps))
        plan = RoutePlan(route.name, route.where, line, fetch, total, upstream)
        return self.caches.around(plan, route, order[: order.index("cache")])

    def _bare(self, name: str, upstream: NotFoundHandler | RejectedHandler) -> RoutePlan:
        """What requests walk that no route takes: they are logged like all others."""
        defaults = self.document.defaults.headers
        edge = tuple(self.identity.edge(self.document.defaults.cors, (), name))
        limits = (*(self.limits.preflights(name) if edge else ()), *edge, *self.limits.steps(name))
        steps = self.tracing.watching((*self._counting(""), *self.log, *limits))
        if defaults is not None:
            made = headers.compile(defaults, Tools(name, monotonic, log.info))
            steps = (*steps, Step(FINAL, defaults.where, Steps(on_response=made.on_response)))
        return RoutePlan(name, self.document.server.where, steps, upstream.fetch, NO_UPSTREAM_TOTAL, "")


def _complain(
    complaints: list[Diagnostic], document: Document, where: str, path: str, message: str, hint: str = ""
) -> None:
    complaints.append(Diagnostic(*document.place(path, where), path, message, hint))
