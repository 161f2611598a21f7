"""headers: changes to the fields of the request, and of the answer on its last yards."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.compiling import FINAL, CompileContext, Compiler
from gateway.config.model import Route
from gateway.contracts import Step, Steps
from gateway.upstream import header_edits


class HeadersCompiler(Compiler):
    """Makes the steps `headers` and `response-headers`; what reaches no route has the latter of `defaults`."""

    def __init__(self, context: CompileContext) -> None:
        self._default = context.document.defaults.headers

    def steps(self, route: Route) -> Iterator[Step]:
        """The steps of a route."""
        if route.headers is None:
            return
        where, made = route.headers.where, header_edits.compile(route.headers)
        if made.on_request is not None:
            yield Step("headers", where, Steps(on_request=made.on_request))
        if made.on_response is not None:
            yield Step(FINAL, where, Steps(on_response=made.on_response))

    def bare(self, name: str) -> Iterator[Step]:
        """The step of what reaches no route."""
        if self._default is not None:
            made = header_edits.compile(self._default)
            yield Step(FINAL, self._default.where, Steps(on_response=made.on_response))
