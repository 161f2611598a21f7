"""Python in place of an upstream: what a function is given, and what it may give back (docs/functions.md)."""

from gateway.functions.answer import Answer as Answer
from gateway.functions.request import Request as Request
