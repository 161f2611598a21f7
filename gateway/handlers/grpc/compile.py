"""From `grpc` of a route to its fetch."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from gateway.handlers.grpc.bindings import Table, bindings
from gateway.handlers.grpc.handler import Transcoder
from gateway.handlers.grpc.options import Grpc
from gateway.handlers.grpc.reflection import ReflectedSchema, ReflectionClient
from gateway.handlers.grpc.schema import Schema
from gateway.upstream.compile import CompiledUpstream


class Transcoders:
    """The transcoders of one plan; `kept` is what asks upstreams for their descriptors while the plan serves."""

    def __init__(self, reflections: MutableMapping[Any, Any]) -> None:
        """`reflections` is what plans before this one know of upstreams, for as long as one of them is there."""
        self._reflections = reflections
        self._schemas: dict[bytes, Schema] = {}
        self._kept: dict[str, ReflectionClient] = {}

    @property
    def kept(self) -> tuple[ReflectionClient, ...]:
        """What is to be ticked."""
        return tuple(self._kept.values())

    def make(self, spec: Grpc, service: CompiledUpstream, target: tuple[object, ...]) -> Transcoder:
        """The upstream of a route with `grpc`; `target` is what its descriptors hang on."""
        table = self._written(spec) if spec.descriptors else self._reflected(spec, service, target)
        return Transcoder(spec.upstream, service.fetch, service.total, table, spec.most, spec.defaults)

    def _written(self, spec: Grpc) -> Callable[[], Table]:
        schema = self._schemas.get(spec.descriptors)
        if schema is None:
            schema = self._schemas[spec.descriptors] = Schema.read(spec.descriptors)
        table = Table(schema, bindings(schema, spec.services))
        return lambda: table

    def _reflected(self, spec: Grpc, service: CompiledUpstream, target: tuple[object, ...]) -> Callable[[], Table]:
        key = (spec.upstream, *target)
        reflected: ReflectedSchema | None = self._reflections.get(key)
        if reflected is None:
            reflected = self._reflections[key] = ReflectedSchema()
        if spec.upstream not in self._kept:
            self._kept[spec.upstream] = ReflectionClient(reflected, spec.upstream, service.fetch)
        return reflected.table_of(spec.services)
