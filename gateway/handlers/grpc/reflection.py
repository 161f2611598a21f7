"""The descriptors of an upstream by gRPC Server Reflection: asked for while a plan serves, the last good ones kept."""

from __future__ import annotations

import io
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from gateway.contracts import Fetch
from gateway.errors import NO_TARGET, UPSTREAM_BAD_ANSWER, GatewayError, Kind
from gateway.exchange import Exchange
from gateway.handlers.grpc.bindings import Table, bindings
from gateway.handlers.grpc.schema import Schema, SchemaError
from gateway.http.grpc import CODES, TRAILERS, UNIMPLEMENTED, WANTS, GrpcAccept, code_of, frame, frames, read_trailers

log = logging.getLogger("gateway")

EVERY: Final = 60.0
#: seconds after a failure
AGAIN: Final = 1.0
TIMEOUT: Final = 5.0
MESSAGE_MAX: Final = 16 << 20
#: rounds of asking for imported files
ROUNDS: Final = 32
FILES_MAX: Final = 10_000
VERSIONS: Final = ("v1", "v1alpha")
_FIELD: Final = descriptor_pb2.FieldDescriptorProto
_TYPES: Final = {"string": _FIELD.TYPE_STRING, "bytes": _FIELD.TYPE_BYTES, "int32": _FIELD.TYPE_INT32}


class ReflectionError(Exception):
    """The upstream does not say what it has; the message says why."""


class ReflectedSchema:
    """What is known of one upstream in this worker; it outlives plans."""

    def __init__(self) -> None:
        self._schema: Schema | None = None
        self._known: frozenset[bytes] = frozenset()
        self._kind, self._reason = NO_TARGET, "it was not asked yet"
        self._tables: dict[tuple[str, ...], Table] = {}

    def table_of(self, services: tuple[str, ...]) -> Callable[[], Table]:
        """Gives the rules of `services`, () = all; raises GatewayError while they are not known.

        503, or 502 where what answers does not speak gRPC.
        """

        def table() -> Table:
            found = self._tables.get(services)
            if found is None:
                if self._schema is None:
                    raise GatewayError(self._kind, f"What the upstream can be called for is not known: {self._reason}.")
                # NOTE: a rule that takes a stream cannot be reached; the others can.
                rules = bindings(self._schema, services)
                rules = tuple(each for each in rules if not each.method.takes_stream)
                found = self._tables[services] = Table(self._schema, rules)
            return found

        return table

    def learn(self, files: frozenset[bytes]) -> None:
        """Take these files as what the upstream has. Raises SchemaError, and keeps what was known."""
        if files == self._known:
            return
        schema = Schema(sorted(files))
        bindings(schema)
        self._schema, self._known, self._tables = schema, files, {}

    def fail(self, reason: str, kind: Kind = NO_TARGET) -> None:
        """Nothing could be learnt; what was known stays."""
        self._kind, self._reason = kind, reason


class ReflectionClient:
    """Asks one upstream, as long as the plan serves that has it."""

    def __init__(self, reflected: ReflectedSchema, upstream: str, fetch: Fetch) -> None:
        self._reflected = reflected
        self._upstream = upstream
        self._fetch = fetch
        self._due = 0.0
        self._has_failed = False

    def tick(self) -> None:
        """Do what is due; may wait for the upstream."""
        if monotonic() < self._due:
            return
        try:
            self._reflected.learn(frozenset(self._ask()))
        except (ReflectionError, SchemaError, GatewayError, DecodeError) as error:
            reason = error.detail if isinstance(error, GatewayError) else str(error)
            speaks_another = isinstance(error, GatewayError) and error.kind is UPSTREAM_BAD_ANSWER
            self._reflected.fail(reason.rstrip("."), UPSTREAM_BAD_ANSWER if speaks_another else NO_TARGET)
            if not self._has_failed:
                log.warning("the upstream %s does not say its descriptors: %s", self._upstream, reason)
            self._has_failed, self._due = True, monotonic() + AGAIN
            return
        self._has_failed, self._due = False, monotonic() + EVERY * random.uniform(0.9, 1.1)

    def _ask(self) -> Iterator[bytes]:
        """The files of all services, and what they import."""
        version, names = self._services()
        found: dict[str, bytes] = {}
        wanted = [("file_containing_symbol", name) for name in names if not name.startswith("grpc.reflection.")]
        for _ in range(ROUNDS):
            for answer in self._call(version, wanted):
                for data in answer.file_descriptor_response.file_descriptor_proto:
                    found[descriptor_pb2.FileDescriptorProto.FromString(data).name] = data
            if len(found) > FILES_MAX:
                raise ReflectionError(f"it has more than {FILES_MAX} files")
            protos = map(descriptor_pb2.FileDescriptorProto.FromString, found.values())
            imported = {name for proto in protos for name in proto.dependency}
            wanted = [("file_by_filename", name) for name in sorted(imported - found.keys())]
            if not wanted:
                return iter(found.values())
        raise ReflectionError("its files import each other without an end")

    def _services(self) -> tuple[str, list[str]]:
        for version in VERSIONS:
            try:
                answers = self._call(version, [("list_services", "*")])
            except NotThereError:  # an older server: the next version is asked for
                continue
            return version, [each.name for answer in answers for each in answer.list_services_response.service]
        raise ReflectionError("it has no service grpc.reflection.v1.ServerReflection")

    def _call(self, version: str, questions: Sequence[tuple[str, str]]) -> list[Any]:
        """The answers to several questions, by one call."""
        request, answer = _messages()
        body = b"".join(frame(request(**{key: value}).SerializeToString()) for key, value in questions)
        exchange = _exchange(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo", body)
        response = self._fetch(exchange)
        found = []
        try:
            for flags, data in frames(response.body):
                if flags & TRAILERS:
                    _check_end(data)
                else:
                    found.append(answer.FromString(data))
        finally:
            response.close()
        for each in found:
            if each.HasField("error_response"):
                raise ReflectionError(each.error_response.error_message or "it answers with an error")
        return found


class NotThereError(ReflectionError):
    """The service of reflection is not there in this version."""


def _check_end(trailers: bytes) -> None:
    code = code_of(read_trailers(trailers).get("grpc-status", ""))
    if code == UNIMPLEMENTED:
        raise NotThereError("it has no reflection")
    if code:
        raise ReflectionError(f"it answers with {CODES[code][0]}")


def _exchange(path: str, body: bytes) -> Exchange:
    made = Exchange("POST", path, [], {WANTS: GrpcAccept(False, MESSAGE_MAX)}, monotonic())
    made.path, made.query = path, ""
    made.host = made.authority = made.peer = made.client = ""
    made.scheme, made.version, made.trusted = "http", "1.1", False
    made.request_id = "reflection"
    made.deadline = made.started + TIMEOUT
    made.body, made.body_length = io.BytesIO(body), len(body)
    return made


def _messages() -> tuple[Any, Any]:
    """The classes of what is asked and answered, in the parts of grpc/reflection/v1 that are used here."""
    file = descriptor_pb2.FileDescriptorProto(name="reflection.proto", package="reflection", syntax="proto3")

    def add(name: str, *fields: tuple[str, int, str, bool]) -> None:
        message = file.message_type.add(name=name)
        for field, number, kind, is_repeated in fields:
            made = message.field.add(name=field, number=number)
            made.label = _FIELD.LABEL_REPEATED if is_repeated else _FIELD.LABEL_OPTIONAL
            made.type = _TYPES.get(kind, _FIELD.TYPE_MESSAGE)
            if kind not in _TYPES:
                made.type_name = f".reflection.{kind}"

    add(
        "Request",
        ("file_by_filename", 3, "string", False),
        ("file_containing_symbol", 4, "string", False),
        ("list_services", 7, "string", False),
    )
    add("Files", ("file_descriptor_proto", 1, "bytes", True))
    add("Service", ("name", 1, "string", False))
    add("Services", ("service", 1, "Service", True))
    add("Error", ("error_code", 1, "int32", False), ("error_message", 2, "string", False))
    add(
        "Answer",
        ("file_descriptor_response", 4, "Files", False),
        ("list_services_response", 6, "Services", False),
        ("error_response", 7, "Error", False),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = ("reflection.Request", "reflection.Answer")
    request, answer = (message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names)
    return request, answer
