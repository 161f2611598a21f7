"""What an upstream says of itself by reflection: asked for in rounds, and kept when it can no longer be asked."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pb2

from gateway.errors import UPSTREAM_BAD_ANSWER, UPSTREAM_REFUSED, GatewayError
from gateway.exchange import Exchange, Response
from gateway.handlers.grpc import reflection
from gateway.handlers.grpc.reflection import ReflectedSchema, ReflectionClient
from gateway.http.grpc import TRAILERS, frame, frames, trailers
from tests.support.shop import SERVICE, file


class Server:
    """Answers with the shop, whose one import of its own is asked for by name."""

    def __init__(self) -> None:
        self.versions = ["v1"]
        self.asked: list[tuple[str, str]] = []
        self.is_down = False
        self.money = descriptor_pb2.FileDescriptorProto(name="money.proto", package="money")
        self.shop = file()
        self.shop.dependency.append("money.proto")

    def fetch(self, call: Exchange) -> Response:
        if self.is_down:
            raise GatewayError(UPSTREAM_REFUSED, "Nobody is there.")
        if call.target.split(".")[2] not in self.versions:
            return Response(501, [], trailers((("grpc-status", "12"),)))
        assert call.body is not None
        request, answer = reflection._messages()
        answers = []
        for flags, data in frames(call.body.read()):
            assert not flags & TRAILERS
            question = request.FromString(data)
            kind, value = next((field.name, value) for field, value in question.ListFields())
            self.asked.append((kind, value))
            answers.append(self.said(answer(), kind, value).SerializeToString())
        return Response(200, [], b"".join(map(frame, answers)) + trailers((("grpc-status", "0"),)))

    def said(self, answer: Any, kind: str, value: str) -> Any:
        files = {SERVICE: self.shop, "money.proto": self.money}
        if kind == "list_services":
            for name in (SERVICE, "grpc.reflection.v1.ServerReflection"):
                answer.list_services_response.service.add(name=name)
        elif value in files:
            answer.file_descriptor_response.file_descriptor_proto.append(files[value].SerializeToString())
        else:
            from google.protobuf import descriptor_pool

            try:
                known = descriptor_pool.Default().FindFileByName(value)
                answer.file_descriptor_response.file_descriptor_proto.append(known.serialized_pb)
            except KeyError:
                answer.error_response.error_message = f"no {value}"
        return answer


def told(server: Server) -> tuple[ReflectedSchema, ReflectionClient]:
    known = ReflectedSchema()
    return known, ReflectionClient(known, "shop", server.fetch)


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_it_is_asked_in_rounds_until_nothing_is_missing(version: str) -> None:
    server = Server()
    server.versions = [version]
    known, asking = told(server)
    asking.tick()
    assert server.asked[:2] == [("list_services", "*"), ("file_containing_symbol", SERVICE)]
    assert ("file_by_filename", "money.proto") in server.asked
    table = known.table_of(())()
    assert {each.method.service for each in table.bindings} == {SERVICE}
    count = len(server.asked)
    asking.tick()
    assert len(server.asked) == count, "it is not due"


def test_until_something_is_known_requests_are_refused_in_words() -> None:
    server = Server()
    server.is_down = True
    known, asking = told(server)
    table = known.table_of(())
    for words in ("it was not asked yet", "Nobody is there"):
        with pytest.raises(GatewayError) as caught:
            table()
        assert (caught.value.kind.status, words in caught.value.detail) == (503, True)
        asking.tick()


def test_what_speaks_no_grpc_is_a_bad_gateway() -> None:
    known = ReflectedSchema()

    def fetch(exchange: Exchange) -> Response:
        raise GatewayError(UPSTREAM_BAD_ANSWER, "It does not speak HTTP/2.")

    ReflectionClient(known, "shop", fetch).tick()
    with pytest.raises(GatewayError, match="It does not speak HTTP/2") as caught:
        known.table_of(())()
    assert caught.value.kind.status == 502


@pytest.mark.parametrize("how", ["down", "gone", "broken"])
def test_what_was_known_is_kept(how: str) -> None:
    server = Server()
    known, asking = told(server)
    asking.tick()
    before = known.table_of(())()
    if how == "down":
        server.is_down = True
    elif how == "gone":
        server.versions = []
    else:
        server.shop.dependency.append("none.proto")
    ReflectionClient(known, "shop", server.fetch).tick()
    assert known.table_of(())() is before


def test_what_changes_is_taken_and_streams_from_clients_are_left_out() -> None:
    server = Server()
    known, asking = told(server)
    asking.tick()
    table = known.table_of((SERVICE,))
    before = table()
    server.shop.service[0].method[0].client_streaming = True
    ReflectionClient(known, "shop", server.fetch).tick()
    assert {each.method.name for each in before.bindings} - {each.method.name for each in table().bindings} == {"Get"}
