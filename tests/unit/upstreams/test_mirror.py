"""What is copied, that the copy is its own, and that it never touches the request."""

from __future__ import annotations

import io
import logging

import gevent
import pytest

from gateway.errors import NO_TARGET, GatewayError
from gateway.exchange import Response
from gateway.upstream.mirror import ANSWER, AT_ONCE, LARGEST, MARK, QUIET, Mirror, MirrorQueue, MirrorQueues
from tests.exchanges import exchange


class Shadow:
    """The upstream that gets copies."""

    def __init__(self, answer=None):
        self.seen = []
        self.bodies = []
        self._answer = answer or (lambda copy: Response(200, [], b"dropped"))

    def fetch(self, copy):
        self.seen.append(copy)
        self.bodies.append(b"" if copy.body is None else copy.body.read())
        return self._answer(copy)


def main(asked):
    """The one that answers: reads the body in pieces, and edits headers as retries and splits do."""
    while asked.body is not None and asked.body.read(1000):
        pass
    asked.edit_headers().append(("X-Main", "1"))
    return Response(200, [], b"answer")


def mirror(shadow, fetch=main, share=1.0, number=0.5, lane=None) -> Mirror:
    return Mirror(fetch, shadow.fetch, lane or MirrorQueue("reviews"), share=share, total=3.0, random=lambda: number)


def asked(body=b"", length=None, **more):
    if body:
        more |= {"method": "POST", "body": io.BytesIO(body), "body_length": len(body) if length is None else length}
    return exchange(more.pop("method", "GET"), "/a?b=1", more.pop("headers", [("X-A", "1")]), **more)


def settle():
    for _ in range(5):
        gevent.sleep(0)


def test_the_copy_is_the_request_as_it_was_and_marked():
    shadow = Shadow()
    request = asked(upstream_path="/rewritten")
    request.environ["gateway.channel"] = "the client's"
    assert mirror(shadow).fetch(request).body == b"answer"
    settle()
    (copy,) = shadow.seen
    assert (copy.method, copy.target, copy.upstream_path, copy.request_id) == (
        "GET",
        "/a?b=1",
        "/rewritten",
        request.request_id,
    )
    assert copy.headers == [("X-A", "1"), (MARK, "1")]
    assert copy.outgoing is None
    assert copy.environ == {}, "nothing leads to the client"
    assert copy.deadline != request.deadline
    assert request.outgoing == [("X-A", "1"), ("X-Main", "1")], "the request is not marked"


def test_headers_that_policies_have_set_are_copied_and_a_mark_of_the_clients_is_not_trusted():
    shadow = Shadow()
    mirror(shadow).fetch(
        asked(headers=[("x-gateway-mirror", "7")], outgoing=[("X-Set", "1"), ("X-GATEWAY-mirror", "7")])
    )
    settle()
    assert shadow.seen[0].headers == [("X-Set", "1"), (MARK, "1")]


@pytest.mark.parametrize(("number", "copied"), [(0.0999, 1), (0.1, 0)])
def test_a_share(number: float, copied: int):
    shadow = Shadow()
    mirror(shadow, share=0.1, number=number).fetch(asked())
    settle()
    assert len(shadow.seen) == copied


@pytest.mark.parametrize(
    ("size", "length", "copied"),
    [(1, None, True), (LARGEST, None, True), (LARGEST + 1, None, False), (5000, -1, True), (LARGEST + 1, -1, False)],
)
def test_small_bodies_are_copied(size: int, length: int | None, copied: bool):
    shadow = Shadow()
    body = bytes(range(256)) * (size // 256 + 1)
    mirror(shadow).fetch(asked(body[:size], length))
    settle()
    assert shadow.bodies == ([body[:size]] if copied else [])
    if copied:
        assert shadow.seen[0].body_length == size


def test_a_body_that_was_not_read_to_its_end_is_not_copied():
    shadow = Shadow()

    def early(request):
        request.body.read(10)
        return Response(413, [])

    assert mirror(shadow, early).fetch(asked(b"x" * 20)).status == 413
    settle()
    assert shadow.seen == []


def test_a_change_of_protocol_is_not_copied():
    shadow = Shadow()
    request = asked()
    request.environ["gateway.upgrade"] = "websocket"
    mirror(shadow).fetch(request)
    settle()
    assert shadow.seen == []


def test_a_request_that_fails_is_copied_too_and_fails_all_the_same():
    shadow = Shadow()

    def failing(request):
        raise GatewayError(NO_TARGET)

    with pytest.raises(GatewayError):
        mirror(shadow, failing).fetch(asked())
    settle()
    assert len(shadow.seen) == 1


@pytest.mark.parametrize("error", [GatewayError(NO_TARGET), RuntimeError("a bug")])
def test_a_copy_that_fails_is_counted_and_nothing_else(error: Exception, caplog: pytest.LogCaptureFixture):
    def fail(copy):
        raise error

    lane = MirrorQueue("reviews")
    assert mirror(Shadow(fail), lane=lane).fetch(asked()).body == b"answer"
    settle()
    assert (lane.running, lane.failed, lane.sent) == (0, 1, 0)
    assert ("a bug" in caplog.text) == isinstance(error, RuntimeError)


def test_the_answer_is_read_and_closed():
    class Body:
        def __init__(self, size):
            self.left, self.closed = size, False

        def __iter__(self):
            return self

        def __next__(self):
            if not self.left:
                raise StopIteration
            self.left -= 1
            return b"x" * 65536

        def close(self):
            self.closed = True

    short, endless = Body(3), Body(10**9)
    for body in (short, endless):
        mirror(Shadow(lambda copy, body=body: Response(200, [], body))).fetch(asked())
    settle()
    assert short.left == 0 and short.closed
    assert endless.closed and 10**9 - endless.left <= ANSWER // 65536 + 1


def test_no_more_than_so_many_at_once(caplog: pytest.LogCaptureFixture):
    stuck = gevent.event.Event()
    now = [100.0]
    lane = MirrorQueue("reviews", lambda: now[0])
    shadow = Shadow(lambda copy: stuck.wait() and Response(200, []))
    copying = mirror(shadow, lane=lane)
    with caplog.at_level(logging.WARNING):
        for _ in range(AT_ONCE + 5):
            copying.fetch(asked())
        settle()
        assert (len(shadow.seen), lane.running, lane.dropped) == (AT_ONCE, AT_ONCE, 5)
        assert len(caplog.records) == 1
        now[0] += QUIET
        copying.fetch(asked())
        assert len(caplog.records) == 2
    stuck.set()
    settle()
    assert (lane.running, lane.sent, lane.dropped) == (0, AT_ONCE, 6)


def test_an_upstream_has_one_lane():
    lanes = MirrorQueues()
    assert lanes.get("a") is lanes.get("a") is not lanes.get("b")
