"""The types of user functions: `from gateway.functions import Answer, Request` (docs/functions.md)."""

from gateway.handlers.function.answer import Answer
from gateway.handlers.function.request import Request

__all__ = ["Answer", "Request"]
