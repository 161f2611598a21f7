"""Variables that a template may hold, by where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.config.diagnostics import did_you_mean
from gateway.http import template_parser as template

if TYPE_CHECKING:
    from gateway.config.reader import ScalarNode


class Known(NamedTuple):
    """The path's parameters (None in `defaults`, where there is no path), and whether it is known who calls."""

    parameters: frozenset[str] | None
    has_caller: bool


IN_DEFAULTS: Final = Known(None, has_caller=False)


def check_template(text: ScalarNode, known: Known) -> None:
    """Complain about variables that are not there."""
    for variable in template.variables(text.value):
        shown = f"the variable {variable}" if not text.origin else f"a variable in {text.shown}"
        if variable.kind == "claim" and not known.has_caller:
            hint = "only {query.name} and {header.Name} can" if known.parameters is None else "the route has no `auth`"
            where = "in `defaults`" if known.parameters is None else "here"
            text.complain(f"{shown} cannot be known {where}", hint)
        elif variable.kind != "param":
            continue
        elif known.parameters is None:
            text.complain(f"{shown} cannot be known in `defaults`", "only {query.name} and {header.Name} can")
        elif variable.name not in known.parameters:
            text.complain(f"{shown} is no parameter of the path", did_you_mean(variable.name, known.parameters))
