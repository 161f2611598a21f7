"""gRPC with one target."""

from __future__ import annotations

from gateway._fast.http1_client import WireError
from gateway.errors import UPSTREAM_BAD_ANSWER, GatewayError
from gateway.upstream.grpc import call as grpc_call
from gateway.upstream.http import HttpUpstream


class GrpcUpstream(HttpUpstream):
    """Calls methods of targets; the bodies of exchanges and answers are frames (`gateway.http.grpc`)."""

    __slots__ = ()

    talk = staticmethod(grpc_call.talk)

    def _failure(self, error: WireError) -> GatewayError:
        if error.reason == "bad-answer":
            words = f"The upstream {self.name} does not answer as gRPC has it: {error.detail}."
            return GatewayError(UPSTREAM_BAD_ANSWER, words)
        return super()._failure(error)
