"""Coverage plugin of Cython for processes that run in another folder than the one the extensions were built in."""

from __future__ import annotations

from typing import Any

from Cython.Coverage import CythonModuleTracer, Plugin


class Tracer(CythonModuleTracer):
    """Frames carry names relative to where they were built; the module's own file tells where that is."""

    def dynamic_source_filename(self, filename: str | None, frame: Any) -> Any:
        """The source of a frame; coverage gives None as `filename` where it could not find the name from here."""
        return super().dynamic_source_filename(filename or self.module_file, frame)


class AnywherePlugin(Plugin):
    """The same with that tracer."""

    def file_tracer(self, filename: str) -> Any:
        """A tracer for a file of Cython's, None for others."""
        found = super().file_tracer(filename)
        if found is not None:
            found.__class__ = Tracer
        return found


def coverage_init(registry: Any, options: dict[str, str]) -> None:
    """Coverage's seam."""
    registry.add_file_tracer(AnywherePlugin())
