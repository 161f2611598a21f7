"""The mappings that the comments of google/api/http.proto work through: a rule, a request, the message it means."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, json_format

from gateway.exchange import Exchange, Response
from gateway.handlers.grpc.bindings import Table, bindings
from gateway.handlers.grpc.handler import Transcoder
from gateway.handlers.grpc.schema import Schema
from gateway.http.grpc import frame, frames, trailers
from tests.exchanges import exchange
from tests.support.shop import KNOWN, descriptor_set, field, rule

# ruff: noqa: E501 (a table has a row a line)

MESSAGES = {
    "Note": ("string text",),
    "Sub": ("string subfield",),
    "Asked": (
        *("string name", "string message_id", "int64 revision", ".notes.v1.Sub sub", ".notes.v1.Note message"),
        *("string text", "string user_id", "repeated string param"),
    ),
}


def table(http: str) -> Table:
    """A service with one method under these rules."""
    made = descriptor_pb2.FileDescriptorProto(name="notes.proto", package="notes.v1", syntax="proto3")
    made.dependency.extend(module.DESCRIPTOR.name for module in KNOWN)
    for name, fields in MESSAGES.items():
        message = made.message_type.add(name=name)
        for number, spec in enumerate(fields, 1):
            field(message, number, spec)
    method = made.service.add(name="Notes").method.add(
        name="Do", input_type=".notes.v1.Asked", output_type=".notes.v1.Note"
    )
    rule(method, http)
    schema = Schema.read(descriptor_set(made))
    return Table(schema, bindings(schema))


def asked(http: str, request: str, body: Any) -> Any:
    """The message that the service gets, as JSON."""
    found, calls = table(http), []

    def fetch(call: Exchange) -> Response:
        calls.append(call)
        return Response(200, [], frame(b"") + trailers((("grpc-status", "0"),)))

    verb, target = request.split()
    made = exchange(verb, target, [], started=time.monotonic(), plan=None)
    if body is not None:
        data = json.dumps(body).encode()
        made.body, made.body_length = io.BytesIO(data), len(data)
    assert Transcoder("notes", fetch, 5.0, lambda: found, 1 << 20, False).fetch(made).status == 200
    ((_, data),) = frames(calls[0].body.read())
    message = found.schema.methods[0].request()
    message.ParseFromString(data)
    return json_format.MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=found.schema.pool)


@pytest.mark.parametrize(
    ("http", "request_line", "body", "message"),
    [
        ("GET /v1/{name=messages/*}", "GET /v1/messages/123456", None, {"name": "messages/123456"}),
        ("GET /v1/messages/{message_id}", "GET /v1/messages/123456?revision=2&sub.subfield=foo", None, {"message_id": "123456", "revision": "2", "sub": {"subfield": "foo"}}),
        ("PATCH /v1/messages/{message_id} body=message", "PATCH /v1/messages/123456", {"text": "Hi!"}, {"message_id": "123456", "message": {"text": "Hi!"}}),
        ("PATCH /v1/messages/{message_id} body=*", "PATCH /v1/messages/123456", {"text": "Hi!"}, {"message_id": "123456", "text": "Hi!"}),
        ("GET /v1/messages/{message_id} ; GET /v1/users/{user_id}/messages/{message_id}", "GET /v1/messages/123456", None, {"message_id": "123456"}),
        ("GET /v1/messages/{message_id} ; GET /v1/users/{user_id}/messages/{message_id}", "GET /v1/users/me/messages/123456", None, {"user_id": "me", "message_id": "123456"}),
        ("GET /v1/messages", "GET /v1/messages?param=A&param=B", None, {"param": ["A", "B"]}),
        ("GET /v1/{sub.subfield=projects/*}/messages", "GET /v1/projects/p/messages", None, {"sub": {"subfield": "projects/p"}}),
        ("GET /v1/{name=files/**}", "GET /v1/files/a/b%2Fc/d", None, {"name": "files/a/b%2Fc/d"}),
        ("GET /v1/messages/{message_id}", "GET /v1/messages/a%2Fb", None, {"message_id": "a/b"}),
        ("HEAD /v1/messages/{message_id}", "HEAD /v1/messages/1", None, {"message_id": "1"}),
        ("GET /v1/messages/{message_id} ; HEAD /v1/messages/{name}", "HEAD /v1/messages/1", None, {"name": "1"}),
        ("* /v1/messages/{name} ; GET /v1/messages/{message_id}", "GET /v1/messages/1", None, {"message_id": "1"}),
        ("* /v1/messages/{message_id}", "DELETE /v1/messages/1", None, {"message_id": "1"}),
        ("POST /v1/messages/{message_id}:archive body=*", "POST /v1/messages/1:archive", {}, {"message_id": "1"}),
    ],
)  # fmt: skip
def test_what_a_request_means(http: str, request_line: str, body: Any, message: Any) -> None:
    assert asked(http, request_line, body) == message
