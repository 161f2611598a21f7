"""Callables by name: "package.module:name"."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable
from typing import Any

from gateway.config.diagnostics import NOT_THERE, did_you_mean


class ImportingError(Exception):
    """What a name leads to cannot be used; message and hint are for who wrote it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def callable_of(name: str) -> Callable[..., Any]:
    """The callable that `package.module:name` names; a dotted name behind the colon is looked up step by step.

    Raises ImportingError.
    """
    module_name, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever the module does when it is imported
        is_missing = isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}.")
        hint = NOT_THERE if is_missing else ""
        raise ImportingError(f"{module_name} cannot be imported: {_error_text(error, is_missing)}", hint) from error
    for step in path.split("."):
        if not hasattr(found, step):
            raise ImportingError(f"{module_name} has no {path}", did_you_mean(step, dir(found)))
        found = getattr(found, step)
    if not callable(found):
        raise ImportingError(f"{name} is no callable but {type(found).__name__}")
    named: Callable[..., Any] = found
    return named


def _error_text(error: BaseException, is_missing: bool) -> str:
    """What went wrong, and where in the module; a SyntaxError says that itself."""
    words = f"{type(error).__name__}: {error}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return words if is_missing or isinstance(error, SyntaxError) else f"{words} ({last.filename}:{last.lineno})"
