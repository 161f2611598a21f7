"""Checks of what a configuration names outside itself; mistakes there are reported with all others."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from gateway.config.diagnostics import ConfigError
from gateway.config.python_names import PythonNames

if TYPE_CHECKING:
    from gateway.config.text import ScalarNode


class Judge:
    """For `document.load`. It imports what is named, so it is for processes that do so anyway, or end soon.

    `certificates`: files of certificates and keys are looked into; `logs`: it is asked whether this process may write
    its logs, which is a question for the user who serves.
    """

    def __init__(self, *, certificates: bool = True, logs: bool = False) -> None:
        self._python = PythonNames()
        self._has_certificates = certificates
        self._has_logs = logs

    def __call__(self, kind: str, text: ScalarNode, more: tuple[Any, ...]) -> None:
        """Complain about a name that leads nowhere good; see Load.names."""
        if kind == "log":
            if self._has_logs and (words := _log_mistake(*more)):
                text.complain(f"the file {text.shown} {words}")
        elif kind in ("chain", "key", "authorities"):
            if self._has_certificates:
                _look_into(kind, text, more)
        elif mistake := self._python(kind, text.value, *more):
            text.complain(*mistake)


def whole(config: str, error: ConfigError) -> ConfigError:
    """What is wrong with a configuration that a gateway does not start with, each mistake at its place.

    For a process that will not serve.
    """
    from gateway.config.document import load

    try:
        load(config, judge=Judge(logs=True))
    except ConfigError as found:
        told = {complaint.message for complaint in found.complaints}
        paths = tuple(complaint.path for complaint in found.complaints)
        rest = [
            complaint
            for complaint in error.complaints
            if complaint.message not in told and not any(path.startswith(complaint.path) for path in paths)
        ]
        return ConfigError([*found.complaints, *rest], found.files)
    return error


def _look_into(kind: str, text: ScalarNode, more: tuple[Any, ...]) -> None:
    from gateway.config import certificates  # PERF: for configurations that have any

    words = certificates.key_mistake(*more) if kind == "key" else certificates.authorities_mistake(*more)
    if words:
        text.complain(f"the file {text.shown} {words}")
    elif kind == "chain" and (words := certificates.dates_mistake(*more)):
        text.warn(f"the file {text.shown} {words}")


def _log_mistake(*paths: str) -> str:
    """Why a process like this one could not append to some files; "" when it can. None of them is made."""
    from gateway.config.diagnostics import reason

    for path in paths:
        try:
            if os.path.exists(path):
                os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY))
            elif not os.access(os.path.dirname(path), os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            return f"cannot be written: {reason(error)}"
    return ""
