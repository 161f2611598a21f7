from typing import Any, final

from gateway._fast.head_rules import RULES as RULES
from gateway.exchange import Headers

@final
class Limits:
    """Bounds of one head, bytes and counts: at most 32,768 bytes a line and 200 lines, whatever is asked for."""

    def __init__(self, first_line: int = 8190, line: int = 8190, lines: int = 100) -> None: ...
    @property
    def first_line(self) -> int: ...
    @property
    def line(self) -> int: ...
    @property
    def lines(self) -> int: ...
    @property
    def most(self) -> int:
        """The largest head that can still be complete, bytes."""

@final
class Name:
    """A header name, looked up once."""

    @property
    def text(self) -> str: ...
    @property
    def key(self) -> str | None:
        """Its key in a WSGI environ; None for a name with "_", which is dropped."""

    @property
    def code(self) -> int: ...
    @property
    def is_request_id(self) -> bool: ...

@final
class RequestHead:
    """What a request's head says. `length` is the body's: 0 none, -1 chunked."""

    @property
    def method(self) -> str: ...
    @property
    def target(self) -> str:
        """Origin-form or "*"."""

    @property
    def host(self) -> str:
        """The Host as received, or absolute-form's authority; "" where there is none."""

    @property
    def minor(self) -> int: ...
    @property
    def headers(self) -> Headers:
        """End-to-end fields only."""

    @property
    def length(self) -> int: ...
    @property
    def keep_alive(self) -> bool: ...
    @property
    def expects(self) -> bool: ...
    @property
    def upgrade(self) -> str | None: ...
    @property
    def size(self) -> int:
        """Of the head, with any empty line before it."""

@final
class AnswerHead:
    """What an answer's head says. `length` is as announced, -1 where none is."""

    @property
    def status(self) -> int: ...
    @property
    def minor(self) -> int: ...
    @property
    def headers(self) -> Headers:
        """End-to-end fields without Content-Length."""

    @property
    def length(self) -> int: ...
    @property
    def chunked(self) -> bool: ...
    @property
    def keep_alive(self) -> bool: ...
    @property
    def dated(self) -> bool: ...
    @property
    def upgrade(self) -> str | None: ...
    @property
    def size(self) -> int: ...

@final
class Out:
    """A growing buffer that a message head is written into; for Cython callers only."""

def parse_request(data: bytes, limits: Limits = ...) -> tuple[RequestHead, dict[str, Any]] | None:
    """(head, environ) of the head at the start of `data`, None while it is incomplete; raises Refused."""

def parse_answer(data: bytes, limits: Limits = ...) -> AnswerHead | None:
    """The head at the start of `data`, None while it is incomplete; raises Refused."""
