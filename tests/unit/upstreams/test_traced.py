"""What is noted of the tries of a sampled request, and that nothing is of others."""

import os

import pytest
from gevent import GreenletExit

from gateway._fast.trace_context import Tracer
from gateway.errors import UPSTREAM_RESET, GatewayError
from gateway.exchange import Response
from gateway.upstream.http import HttpUpstream
from gateway.upstream.traced import TracedUpstream
from tests.exchanges import exchange

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"


class Target:
    address = "127.0.0.1:9101"


class Played(HttpUpstream):
    """An exchange that ends as it is told to."""

    def __init__(self, outcome) -> None:
        super().__init__("up", connect=1.0, read=2.0, total=3.0, idle=4.0)
        self.outcome = outcome
        self.told = []

    def send(self, exchange, target, first, started):
        fields = exchange.headers if exchange.outgoing is None else exchange.outgoing
        self.told.append(dict(fields).get("traceparent"))
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


def asked(flags: str):
    made = exchange("GET", "/", [("traceparent", PARENT + flags)])
    Tracer(0.0, False, False, os.urandom)(made)
    return made


def test_it_is_like_the_one_inside():
    made = TracedUpstream(Played(None))
    assert (made.name, made.connect, made.read, made.total, made.idle) == ("up", 1.0, 2.0, 3.0, 4.0)


def test_an_answer():
    inside, response, made = Played(Response(404, [])), Response(404, []), asked("1")
    inside.outcome = response
    assert TracedUpstream(inside).send(made, Target(), b"", 100.0) is response
    ((span, upstream, address, began, ended, status, error),) = made.trace.calls
    assert (span, upstream, address, began, status, error) == (
        made.trace.sent[36:52],
        "up",
        Target.address,
        100.0,
        404,
        "",
    )
    assert ended > 0.0
    assert inside.told == [made.trace.sent]


@pytest.mark.parametrize(
    ("failure", "word"), [(GatewayError(UPSTREAM_RESET, "x"), "upstream-reset"), (GreenletExit(), "cancelled")]
)
def test_a_failure_and_the_next_try(failure, word):
    inside, made = Played(failure), asked("1")
    for _ in range(2):
        with pytest.raises(type(failure)):
            TracedUpstream(inside).send(made, Target(), b"", 100.0)
    assert [(call[5], call[6]) for call in made.trace.calls] == [(0, word), (0, word)]
    assert [told[36:52] for told in inside.told] == [call[0] for call in made.trace.calls]
    assert inside.told[0] != inside.told[1]


@pytest.mark.parametrize("made", [asked("0"), exchange()])
def test_nothing_is_noted_of_others(made):
    inside = Played(Response(200, []))
    TracedUpstream(inside).send(made, Target(), b"", 100.0)
    TracedUpstream(inside).send(made, Target(), b"", 100.0)
    assert inside.told[0] == inside.told[1]
    assert made.trace is None or made.trace.calls is None


def test_beyond_a_number_of_tries_they_go_on_unnoted():
    inside, made = Played(Response(200, [])), asked("1")
    for _ in range(66):
        TracedUpstream(inside).send(made, Target(), b"", 100.0)
    assert len(made.trace.calls) == 64
    assert len(set(inside.told)) == 66
