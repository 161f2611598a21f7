"""The context of one load of a configuration, and a string of it that can be complained about."""

from dataclasses import dataclass, field
from typing import Any

from gateway.config.diagnostics import Diagnostic, Path, Position, at, describe, location
from gateway.config.plugin_policies import PluginPolicy
from gateway.config.reported_paths import ReportedPaths


@dataclass(slots=True)
class LoadContext:
    """What gathers while a configuration is read: complaints, warnings, and the files read with their digests.

    `names` are those that lead out of the configuration, each with what it is for and what else is needed to judge it
    (gateway.config.external_checks), `policies` the uses of plugins' policies, each with what stands for its options.
    """

    complaints: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    names: list[tuple[str, "ScalarNode", tuple[Any, ...]]] = field(default_factory=list)
    policies: list[tuple["ScalarNode", PluginPolicy]] = field(default_factory=list)
    #: the complaints of the schema, by which others are left unsaid that would only follow from them
    told: ReportedPaths = field(default_factory=ReportedPaths)


@dataclass(slots=True)
class ScalarNode:
    """A string and where it stands; `origin` is the reference it came from, if it came from one."""

    load: LoadContext
    value: str
    path: Path
    place: Position
    origin: str = ""

    @property
    def shown(self) -> str:
        """The value for a complaint: in quotes, or only its origin."""
        return describe(self.value, self.origin)

    @property
    def where(self) -> str:
        """Its "file:line"."""
        return location(self.place)

    def complain(self, message: str, hint: str = "") -> None:
        """A complaint about this string; hints, which may quote it, are left out when it came from a reference."""
        self.load.complaints.append(at(self.place, self.path, message, "" if self.origin else hint))

    def leads_to(self, kind: str, *more: Any) -> None:
        """Note that this string is a name that leads out of the configuration."""
        self.load.names.append((kind, self, more))

    def warn(self, message: str) -> None:
        """A warning about this string."""
        self.load.warnings.append(at(self.place, self.path, message))
