"""Options of gRPC handlers, as values."""

from dataclasses import dataclass

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class Grpc(Options):
    """`descriptors` is the content of the descriptor set, b"" = the upstream is asked by reflection.

    `services` are full names, () = all; `most` is the bytes of the largest message; `defaults` says whether answers
    have the fields that are at their default; `file` is the descriptor set's name.
    """

    upstream: str
    descriptors: bytes
    file: str
    services: tuple[str, ...]
    most: int
    defaults: bool
    where: str
