"""Whether the names in a configuration that lead to Python lead anywhere, told with all its other mistakes."""

from __future__ import annotations

from gateway import plugins
from gateway.config.complaints import ConfigError

Mistake = tuple[str, str]


class PythonNames:
    """A judge for `document.load`: imports what is named, so it is for processes that do so anyway, or end soon."""

    def __init__(self) -> None:
        self._policies: set[str] = set()
        self._is_lacking = False
        self._known: dict[tuple[str, str], Mistake | None] = {}

    def __call__(self, kind: str, name: str) -> Mistake | None:
        """What is wrong with a name, and a hint."""
        if (kind, name) not in self._known:
            self._known[kind, name] = self._judged(kind, name)
        return self._known[kind, name]

    def _judged(self, kind: str, name: str) -> Mistake | None:
        if kind in ("plugin", "policy"):
            try:
                self._plugin(name) if kind == "plugin" else self._policy(name)
            except plugins.PluginError as error:
                return str(error), error.hint
            return None
        from gateway.functions.importing import ImportingError, callable_of

        try:
            callable_of(name)
        except ImportingError as error:
            return str(error), error.hint
        return None

    def _plugin(self, name: str) -> None:
        try:
            self._policies.update(policy.name for policy in plugins.from_module(name))
        except plugins.PluginError:
            self._is_lacking = True
            raise

    def _policy(self, name: str) -> None:
        """A policy may be that of a plugin that cannot be read, so then none is unknown."""
        if name in self._policies or plugins.from_entry_point(name) is not None or self._is_lacking:
            return
        raise plugins.unknown(name, self._policies)


def whole(config: str, error: ConfigError) -> ConfigError:
    """What is wrong with a configuration, and all that is wrong with its names of Python, each at its place.

    For a process that will not serve: they are imported to be judged.
    """
    from gateway.config.document import load

    try:
        load(config, judge=PythonNames())
    except ConfigError as found:
        told = {complaint.message for complaint in found.complaints}
        rest = [complaint for complaint in error.complaints if complaint.message not in told]
        return ConfigError([*found.complaints, *rest], found.files)
    return error
