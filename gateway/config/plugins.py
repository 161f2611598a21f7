"""Plugins: policies of the users' own, found by module or entry point and placed by a neighbour (docs/plugins.md)."""

from __future__ import annotations

import importlib
import logging
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

from greenlet import GreenletExit

from gateway.config.diagnostics import NOT_THERE, did_you_mean
from gateway.contracts import Policy, Steps, Tools
from gateway.errors import PLUGIN_FAILED, GatewayError
from gateway.exchange import Exchange, Response
from gateway.features import ORDER

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

log = logging.getLogger("gateway")

ENTRY_POINTS = "gateway.policies"

P = ParamSpec("P")
R = TypeVar("R")


class PluginError(Exception):
    """A plugin that cannot be used; message and hint are for the person who wrote the configuration."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def from_module(name: str) -> tuple[Policy, ...]:
    """The policies of a module: its POLICIES."""
    try:
        module = _loaded(f"the plugin {name} cannot be imported", importlib.import_module, name)
    except PluginError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and f"{name}.".startswith(f"{cause.name}."):
            error.hint = NOT_THERE
        raise
    policies = getattr(module, "POLICIES", None)
    if not isinstance(policies, tuple) or not policies:
        raise PluginError(f"the plugin {name} has no POLICIES, a tuple of policies")
    return tuple(checked(policy, f"POLICIES of {name}") for policy in policies)


def from_entry_point(name: str) -> Policy | None:
    """The policy that an installed package offers under `name`; nothing else of the package is imported."""
    for entry_point in _entry_points().select(name=name):
        place = f"the entry point {name} = {entry_point.value}"
        policy = checked(_loaded(f"{place} cannot be loaded", entry_point.load), place)
        if policy.name != name:
            raise PluginError(f"{place} is a policy with the name {policy.name!r}")
        return policy
    return None


def _entry_points() -> EntryPoints:
    from importlib.metadata import entry_points  # NOTE: 10 ms that a gateway without plugins does not pay

    return entry_points(group=ENTRY_POINTS)


def unknown(name: str, known: Iterable[str]) -> PluginError:
    """The error for a policy that neither a module (`known`) nor an entry point offers."""
    offered = _entry_points().names
    return PluginError(f"no plugin has a policy named {name}", did_you_mean(name, {*known, *offered}))


def checked(policy: Any, place: str) -> Policy:
    """`policy` if it has the form of one."""
    name = getattr(policy, "name", None)
    is_policy = isinstance(name, str) and name and callable(getattr(policy, "compile", None))
    if isinstance(policy, type) or not is_policy:
        raise PluginError(f"{place}: {policy!r} is no policy, an object with a name and compile(spec, tools)")
    if name in ORDER:
        raise PluginError(f"{place}: the name {name} belongs to a step of the gateway")
    neighbours = [getattr(policy, side, None) for side in ("after", "before")]
    if neighbours == [None, None] or not all(side is None or isinstance(side, str) for side in neighbours):
        raise PluginError(f"{place}: the policy {name} names no neighbour: set after or before to the name of a step")
    found: Policy = policy
    return found


def order(policies: Sequence[Policy], builtin: tuple[str, ...] = ORDER) -> tuple[str, ...]:
    """The names of all steps in the order of the walk: the built-in ones, and each policy right beside its neighbour.

    A policy may stand beside another one only where that one is among `policies`.  Policies with the same neighbour
    keep their own order.  Raises PluginError for a neighbour that is not there, for neighbours that wait for each
    other, and for a policy between two that stand the other way round.
    """
    if not policies:
        return builtin
    line = list(builtin)
    known = {*builtin, *(policy.name for policy in policies)}
    anchors: dict[str, str] = {}
    waiting = list(policies)
    for policy in waiting:
        for neighbour in _neighbours(policy):
            if neighbour not in known:
                message = f"the policy {policy.name} stands beside {neighbour}, which there is not"
                raise PluginError(message, did_you_mean(neighbour, known))
    while waiting:
        ready = [policy for policy in waiting if all(neighbour in line for neighbour in _neighbours(policy))]
        if not ready:
            names = ", ".join(policy.name for policy in waiting)
            raise PluginError(f"policies that wait for each other have no place: {names}")
        for policy in ready:
            _insert(line, policy, anchors)
            waiting.remove(policy)
    return tuple(line)


def _neighbours(policy: Policy) -> list[str]:
    return [name for name in (getattr(policy, "after", None), getattr(policy, "before", None)) if name is not None]


def _insert(line: list[str], policy: Policy, anchors: dict[str, str]) -> None:
    after, before = getattr(policy, "after", None), getattr(policy, "before", None)
    if after is None:
        line.insert(line.index(_neighbours(policy)[0]), policy.name)
        return
    if before is not None and line.index(before) <= line.index(after):
        raise PluginError(f"the policy {policy.name} has no place: {after} comes after {before}")
    at = line.index(after) + 1
    while at < len(line) and line[at] != before and _hangs_on(line[at], after, anchors):
        at += 1
    anchors[policy.name] = after
    line.insert(at, policy.name)


def _hangs_on(name: str, after: str, anchors: dict[str, str]) -> bool:
    """Whether a policy stands where it is because it follows `after`, at first or second hand."""
    while name in anchors:
        name = anchors[name]
        if name == after:
            return True
    return False


def steps_of(policy: Policy, spec: Mapping[str, Any], tools: Tools) -> Steps:
    """Compile a policy for a route, each hook guarded: whatever it raises, the worker lives on. Raises PluginError."""
    place = f"the policy {policy.name} on the route {tools.route}"
    steps = _loaded(f"{place} cannot be compiled", policy.compile, spec, tools)
    if not isinstance(steps, Steps):
        raise PluginError(f"{place} compiled to {type(steps).__name__}, not to Steps")
    for field in fields(steps):
        hook = getattr(steps, field.name)
        if hook is not None and not callable(hook):
            raise PluginError(f"{place}: {field.name} is no function")
    name = policy.name
    return Steps(
        steps.on_request and _answering(name, "on_request", steps.on_request),
        steps.on_response and _answering(name, "on_response", steps.on_response),
        steps.on_close and _closing(name, steps.on_close),
    )


def _answering(policy: str, which: str, hook: Callable[P, Response | None]) -> Callable[P, Response | None]:
    """Guard a hook that may answer."""

    @wraps(hook)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Response | None:
        try:
            response = hook(*args, **kwargs)
        except (GatewayError, GreenletExit):
            raise
        # NOTE: BaseException, because sys.exit() in a policy would otherwise end the worker.
        except BaseException as error:
            _fail(policy, which, args[0], error)
        if response is not None and not isinstance(response, Response):
            _fail(policy, which, args[0], TypeError(f"it gave {type(response).__name__}, neither a Response nor None"))
        return response

    return guarded


def _closing(policy: str, hook: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """Guard an on_close hook: nobody is left who could be told, but the log."""

    @wraps(hook)
    def guarded(exchange: Exchange) -> None:
        try:
            hook(exchange)
        except GreenletExit:
            raise
        except BaseException as error:
            _report(policy, "on_close", exchange, error)

    return guarded


def _fail(policy: str, which: str, exchange: object, error: BaseException) -> NoReturn:
    _report(policy, which, exchange, error)
    detail = f"The policy {policy} failed; the gateway's log says how, under this request id."
    raise GatewayError(PLUGIN_FAILED, detail, cause=error) from error


def _report(policy: str, which: str, exchange: object, error: BaseException) -> None:
    request_id = getattr(exchange, "request_id", "")
    log.error("request %s: %s of the policy %s failed", request_id, which, policy, exc_info=error)


def _loaded(failure: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a plugin's code while configuration is read; what it raises becomes one line that says where and what."""
    try:
        return function(*args, **kwargs)
    except (Exception, SystemExit) as error:
        raise PluginError(f"{failure}: {last_line(error)}") from error


def last_line(error: BaseException) -> str:
    """The last line of a traceback, and the place in the plugin where it was raised."""
    words = traceback.format_exception_only(error)[-1].strip()
    if isinstance(error, SyntaxError) and error.filename:
        return f"{words} ({error.filename}:{error.lineno})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_ours(frame.filename)]
    return f"{words} ({frames[-1].filename}:{frames[-1].lineno})" if frames else words


def _is_ours(filename: str) -> bool:
    return filename == __file__ or filename.startswith(("<frozen ", str(Path(importlib.__file__).parent)))
