"""Compilation of a Document into a Plan. Touches no network and changes nothing that serves."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from time import monotonic
from typing import Any

from gateway._fast.route import build
from gateway.config import plugins
from gateway.config.compiling import FINAL, CompileContext, Compiler
from gateway.config.diagnostics import ConfigError, Diagnostic
from gateway.config.model import Document, Route
from gateway.config.resources import RuntimeResources
from gateway.config.route_conflicts import matcher_spec
from gateway.contracts import Plan, Policy, RoutePlan, Step, Tools
from gateway.features import ORDER, hooks

log = logging.getLogger("gateway")

#: routes compiled between two calls of `pause`: well under a millisecond
BREATH = 20


def compile(
    document: Document, resources: RuntimeResources | None = None, pause: Callable[[], None] | None = None
) -> Plan:
    """The plan of a document. `pause` is called every millisecond or so of work, for whoever else needs the thread.

    Raises ConfigError with every complaint that needs more than the document itself: plugins, certificates, logs.
    """
    return _PlanCompiler(document, resources or RuntimeResources(), pause or (lambda: None)).plan()


class _PlanCompiler:
    def __init__(self, document: Document, resources: RuntimeResources, pause: Callable[[], None]) -> None:
        self.document = document
        self.pause = pause
        self.complaints: list[Diagnostic] = []
        # NOTE: no method, which would hold the compiler, which holds it: what a reload leaves goes by counts alone.
        self._complain = partial(_complain, self.complaints, document)
        self.context = CompileContext(document, resources, self._complain)
        self.policies = self._plugins()
        for name, make in hooks("compile"):
            self.context.compilers[name] = make(self.context)
        self.compilers: list[Compiler] = list(self.context.compilers.values())

    def plan(self) -> Plan:
        """The whole plan, or every complaint."""
        document = self.document
        own = tuple(route for each in self.compilers for route in each.own_routes())
        sources = (*document.routes, *own)
        routes = [route for route in map(self._route, self._breathing(sources)) if route is not None]
        if self.complaints:
            raise ConfigError(self.complaints, document.files)
        pairs = self._breathing(zip(sources, routes, strict=True))
        table = build((matcher_spec(route, plan) for route, plan in pairs), self.pause)
        return Plan(
            version=document.version,
            table=table,
            routes=tuple(table.routes()),
            trusted=tuple(ipaddress.ip_network(network) for network in document.server.trusted_proxies),
            max_body=document.server.limits.body,
            unmatched=self._bare("unmatched"),
            refused=self._bare("refused"),
            own_routes=own,
            kept=tuple(chain.from_iterable(each.kept for each in self.compilers)),
            **{name: value for each in self.compilers for name, value in each.plan().items()},
        )

    def _breathing(self, items: Iterable[Any]) -> Iterator[Any]:
        for number, item in enumerate(items):
            if number % BREATH == 0:
                self.pause()
            yield item

    def _plugins(self) -> dict[str, Policy]:
        """The policies that the modules under `plugins` offer, by name."""
        place, found = f"{self.document.file}:1", dict[str, Policy]()
        for module in self.document.plugins:
            try:
                offered = plugins.from_module(module)
            except plugins.PluginError as error:
                self._complain(place, "plugins", str(error), error.hint)
                continue
            for policy in offered:
                if policy.name in found:
                    self._complain(place, "plugins", f"two plugins have a policy named {policy.name}")
                found[policy.name] = policy
        return found

    def _policy(self, name: str) -> Policy:
        """A policy by its name: of a module, else of an installed package. Raises PluginError."""
        policy = self.policies.get(name) or plugins.from_entry_point(name)
        if policy is None:
            raise plugins.unknown(name, self.policies)
        return policy

    def _route(self, route: Route) -> RoutePlan | None:
        steps = {step.name: step for each in self.compilers for step in each.steps(route)}
        chosen: list[Policy] = []
        for use in route.policies:
            try:
                policy, tools = self._policy(use.name), Tools(route.name, monotonic, log.info)
                steps[use.name] = Step(use.name, use.where, plugins.steps_of(policy, use.options, tools))
                chosen.append(policy)
            except plugins.PluginError as error:
                self._complain(use.where, f"routes.{route.name}.policies.{use.name}", str(error), error.hint)
        try:
            order = plugins.order(chosen)
        except plugins.PluginError as error:
            self._complain(route.where, f"routes.{route.name}.policies", str(error), error.hint)
            return None
        handled = next(filter(None, (each.handle(route) for each in self.compilers)))
        plan = RoutePlan(route.name, route.where, self._line(steps, order), *handled)
        for each in self.compilers:
            plan = each.around(plan, route, order[: order.index("cache")])
        return plan

    def _line(self, steps: dict[str, Step], order: Iterable[str]) -> tuple[Step, ...]:
        line = tuple(steps[name] for name in order if name in steps)
        for each in self.compilers:
            line = each.line(line)
        return line

    def _bare(self, name: str) -> RoutePlan:
        """What requests walk that no route takes: they are logged like all others."""
        steps = {step.name: step for each in self.compilers for step in each.bare(name)}
        order = (*(step for step in ORDER if step != FINAL), FINAL)
        handled = next(filter(None, (each.handle_bare(name) for each in self.compilers)))
        return RoutePlan(name, self.document.server.where, self._line(steps, order), *handled)


def _complain(
    complaints: list[Diagnostic], document: Document, where: str, path: str, message: str, hint: str = ""
) -> None:
    complaints.append(Diagnostic(*document.place(path, where), path, message, hint))
