"""From `validate` of a route to the step `guard`: the part of `compile` that knows what a request must be."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gateway.config.compiling import CompileContext, Compiler
from gateway.config.model import Route
from gateway.contracts import Step
from gateway.validation import policy as guard
from gateway.validation.options import Multipart, Validate
from gateway.validation.schema_files import JsonSchema

if TYPE_CHECKING:
    from gateway.validation.multipart import FormRules
    from gateway.validation.schema import Schema

#: bytes of the largest body that is read, where nothing else is written
MAX_READ: Final = 1 << 20
_PARAMETER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*):([a-z]+)\}")


class ValidationCompiler(Compiler):
    """Makes the steps of one plan; routes with the same schema share it, and those without `validate` one step."""

    def __init__(self, context: CompileContext) -> None:
        server = context.document.server
        self._most = server.limits.body
        self._schemas: dict[JsonSchema, Schema] = {}
        #: the step of what has no `validate`
        self.plain = Step("guard", server.where, guard.compile(guard.ValidationRules(self._most)))

    def steps(self, route: Route) -> tuple[Step, ...]:
        """The step of a route."""
        return (self._step(route),)

    def _step(self, route: Route) -> Step:
        spec = route.validate
        if spec is None:
            return self.plain
        rules = guard.ValidationRules(
            max_body=self._max_body(spec),
            methods=route.match.methods,
            content_types=spec.content_types,
            charsets=spec.charsets,
            produces=spec.produces,
            form=_form(spec.multipart) if spec.multipart is not None else None,
            body=self._schema(spec.body),
            body_required=spec.body_required,
            depth=spec.depth,
            members=spec.members,
            ratio=spec.ratio,
            query=self._schema(spec.query),
            headers=self._schema(spec.headers),
            params=self._schema(spec.params),
            kinds=tuple((name, kind) for name, kind in _PARAMETER.findall(route.match.path)),
            is_written=True,
        )
        return Step("guard", spec.where, guard.compile(rules))

    def _max_body(self, spec: Validate) -> int:
        if spec.max_body is None:
            return min(MAX_READ, self._most) if spec.body is not None else self._most
        return spec.max_body

    def _schema(self, spec: JsonSchema | None) -> Schema | None:
        if spec is None:
            return None
        if spec not in self._schemas:
            from gateway.validation.schema import Schema  # PERF: for configurations that have any

            self._schemas[spec] = Schema(spec.name, spec.root, dict(spec.documents))
        return self._schemas[spec]


def _form(spec: Multipart) -> FormRules:
    from gateway.validation.multipart import Field, FormRules

    fields = {each.name: Field(each.content_types, each.is_required, each.max_size, each.count) for each in spec.fields}
    return FormRules(spec.parts, spec.part_size, spec.headers, spec.is_closed, MappingProxyType(fields))
