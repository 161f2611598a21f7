"""Checks of the names in a configuration that lead to Python, and of the options that are written for plugins."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

from gateway.config import plugins
from gateway.config.plugin_policies import PluginPolicy
from gateway.contracts import Policy, Tools

Mistake = tuple[str, str]


class PythonNames:
    """Imports what is named. What is wrong with it is found out once, and given as often as it is asked for."""

    def __init__(self) -> None:
        self._policies: dict[str, Policy] = {}
        self._is_lacking = False
        self._known: dict[tuple[str, ...], Mistake | None] = {}
        self._ways: dict[str, Callable[..., None]] = {
            "plugin": self._plugin,
            "policy": self._policy,
            "options": self._options,
            "order": self._order,
        }

    def __call__(self, kind: str, name: str, *more: Any) -> Mistake | None:
        """What is wrong with a name, and a hint; plugins are to be asked about before their policies."""
        use = more[0] if kind == "options" else None
        key = (kind, name, repr(more)) if use is None else (kind, use.name, repr(use.options))
        if key not in self._known:
            self._known[key] = self._judged(kind, name, more)
        return self._known[key]

    def _judged(self, kind: str, name: str, more: tuple[Any, ...]) -> Mistake | None:
        if kind in self._ways:
            try:
                self._ways[kind](name, *more)
            except plugins.PluginError as error:
                return str(error), error.hint
            return None
        from gateway.config.python_import import ImportingError, callable_of

        try:
            callable_of(name)
        except ImportingError as error:
            return str(error), error.hint
        return None

    def _plugin(self, name: str) -> None:
        try:
            offered = plugins.from_module(name)
        except plugins.PluginError:
            self._is_lacking = True
            raise
        twice = [policy.name for policy in offered if policy.name in self._policies]
        self._policies.update((policy.name, policy) for policy in offered)
        if twice:
            raise plugins.PluginError(f"two plugins have a policy named {twice[0]}")

    def _policy(self, name: str) -> None:
        """A policy may be that of a plugin that cannot be read, so then none is unknown."""
        if self._found(name) is None and not self._is_lacking:
            raise plugins.unknown(name, self._policies)

    def _options(self, _: str, use: PluginPolicy, route: str) -> None:
        """The options of a policy; one that is not there was told already."""
        policy = self._found_or_reported(use.name)
        if policy is not None:
            plugins.steps_of(policy, use.options, Tools(route, monotonic, lambda message: None))

    def _order(self, _: str, *names: str) -> None:
        """The place of each policy among the steps of a route that has them all."""
        found = [policy for name in names if (policy := self._found_or_reported(name)) is not None]
        if len(found) == len(names):
            plugins.order(found)

    def _found(self, name: str) -> Policy | None:
        """A policy of a module, else of an installed package. Raises PluginError."""
        return self._policies.get(name) or plugins.from_entry_point(name)

    def _found_or_reported(self, name: str) -> Policy | None:
        try:
            return self._found(name)
        except plugins.PluginError:
            return None
