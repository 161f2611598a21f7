"""idempotency: whole walks with a fake upstream; what is answered, and how often it was carried out."""

import io

import gevent
import pytest

from gateway import pipeline
from gateway.errors import BODY_TOO_LARGE, INTERNAL, UPSTREAM_TIMEOUT, GatewayError
from gateway.exchange import Response
from gateway.policies.idempotency.ledger import Ledger
from gateway.policies.idempotency.policy import REPLAYED, IdempotencyOptions, compile
from gateway.state.store import StoreUnavailableError
from tests.exchanges import exchange, route, step
from tests.oracles.store_oracle import DictStore

KEY = ("Idempotency-Key", '"k1"')


class Pieces:
    """A body as upstreams give it."""

    def __init__(self, *pieces, error=None):
        self.left, self.error, self.closed = list(pieces), error, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.left:
            return self.left.pop(0)
        raise self.error or StopIteration

    def close(self):
        self.closed += 1


class Line:
    def __init__(self, rules=None, store=None):
        self.now, self.asked = 100.0, []
        self.store = store or DictStore(lambda: int(self.now * 1e9))
        steps = compile(rules or IdempotencyOptions(), Ledger(self.store, 60.0, lambda: self.now), lambda: self.now)
        self.step = step(
            "idempotency", on_request=steps.on_request, on_response=steps.on_response, on_close=steps.on_close
        )
        self.answer = lambda asked: Response(201, [("X-N", str(len(self.asked)))], b"made %d" % len(self.asked))

    def fetch(self, asked):
        self.asked.append(asked.body.read() if asked.body else b"")
        return self.answer(asked)

    def begin(self, body=b"a", key=KEY, method="POST", **known):
        """An exchange whose answer is there and not yet sent."""
        headers = [key] if key else []
        known = {"body": io.BytesIO(body), "body_length": len(body), "started": self.now, **known}
        made = exchange(method, "/a", headers, route=route(steps=(self.step,), fetch=self.fetch), **known)
        pipeline.run(made, made.route)
        return made

    def ask(self, *args, **known):
        """(status, body, whether it was told before, slug of the error)."""
        made = self.begin(*args, **known)
        response = made.response
        try:
            body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
        finally:
            pipeline.finish(made)
        return response.status, body, REPLAYED in response.headers, made.error


def status(line, *args, **known):
    answered = line.ask(*args, **known)
    return answered[0], answered[3]


def test_the_second_time_it_is_only_told():
    line = Line()
    assert line.ask() == (201, b"made 1", False, None)
    assert line.ask() == (201, b"made 1", True, None)
    assert line.ask(key=("idempotency-key", "k1"))[2]
    assert line.asked == [b"a"]
    assert line.ask(key=("Idempotency-Key", "k2")) == (201, b"made 2", False, None)


def test_the_header_is_told_again_as_it_was():
    line = Line()
    line.begin().response.headers.append(("X-Request-ID", "later"))
    assert line.begin().response.headers == [("X-N", "1"), REPLAYED]


def test_what_has_no_key_or_another_method_is_as_ever():
    line = Line()
    for known in ({"key": None}, {"method": "PUT"}):
        assert [line.ask(**known)[2] for _ in range(2)] == [False, False]
    assert len(line.asked) == 4 and not line.store.entries


@pytest.mark.parametrize(
    ("known", "answer"),
    [
        ({"key": None}, (400, "idempotency-key-missing")),
        ({"key": ("Idempotency-Key", "a b")}, (400, "idempotency-key-invalid")),
        ({"body": b"x" * 11}, (413, "body-too-large")),
        ({"body": b"x" * 11, "body_length": -1}, (413, "body-too-large")),
    ],
)
def test_what_is_refused(known, answer):
    line = Line(IdempotencyOptions(is_required=True, max_body=10))
    assert status(line, **known) == answer
    assert not line.asked


def test_another_request_with_the_key():
    line = Line()
    line.ask()
    assert status(line, b"b") == (422, "idempotency-key-reused")
    assert status(line, method="PATCH") == (422, "idempotency-key-reused")
    assert line.ask()[2]


def test_the_same_one_beside_it():
    line = Line()
    met = []
    line.answer = lambda asked: met.extend([line.begin(), line.begin(b"b")]) or Response(200, [], b"ok")
    assert line.ask()[:2] == (200, b"ok")
    assert [each.response.status for each in met] == [409, 422]
    assert ("Retry-After", "1") in met[0].response.headers
    assert line.ask()[2] and len(line.asked) == 1


def test_who_waits_gets_the_answer(monkeypatch):
    line = Line(IdempotencyOptions(wait=5.0))
    first = line.begin
    sleeps = []

    def asleep(seconds):
        sleeps.append(seconds)
        line.now += seconds
        if len(sleeps) == 3:
            release()

    monkeypatch.setattr(gevent, "sleep", asleep)
    body = Pieces(b"all")
    line.answer = lambda asked: Response(200, [], body)
    under_way = first()

    def release():
        assert b"".join(under_way.response.body) == b"all"

    assert line.ask() == (200, b"all", True, None)
    assert sleeps == [0.02, 0.04, 0.08]


def test_who_waits_does_not_wait_for_ever(monkeypatch):
    line = Line(IdempotencyOptions(wait=1.0))
    line.answer = lambda asked: Response(200, [], Pieces(b"all"))
    line.begin()
    began = line.now
    monkeypatch.setattr(gevent, "sleep", lambda seconds: setattr(line, "now", line.now + seconds))
    assert status(line) == (409, "idempotency-in-progress")
    assert line.now - began == pytest.approx(1.0)


@pytest.mark.parametrize("code", [200, 204, 301, 400, 404, 409, 422, 500])
def test_answers_that_are_kept(code):
    line = Line()
    line.answer = lambda asked: Response(code, [], b"")
    line.ask()
    assert line.ask()[:3] == (code, b"", True)


@pytest.mark.parametrize("code", [408, 425, 429, 502, 503, 504])
def test_answers_that_say_not_now_are_not(code):
    line = Line()
    line.answer = lambda asked: Response(code, [], b"")
    line.begin()  # before its last byte went out already
    assert line.ask()[:3] == (code, b"", False)


@pytest.mark.parametrize("kind", [UPSTREAM_TIMEOUT, INTERNAL, BODY_TOO_LARGE])
def test_failures_of_ours_are_not_kept(kind):
    line = Line()

    def fail(asked):
        raise GatewayError(kind)

    line.answer = fail
    assert status(line) == (kind.status, kind.slug)
    assert status(line) == (kind.status, kind.slug)
    assert len(line.asked) == 2


def test_a_body_whose_length_is_told_is_kept_before_any_of_it_is_sent():
    line = Line()
    body = Pieces(b"ab", b"c")
    line.answer = lambda asked: Response(200, [], body, 3)
    assert line.begin().response.body == b"abc" and body.closed
    assert line.ask() == (200, b"abc", True, None)


def test_one_that_ends_early_is_an_error_and_not_kept():
    line = Line()
    line.answer = lambda asked: Response(200, [], Pieces(b"ab", error=GatewayError(UPSTREAM_TIMEOUT)), 3)
    assert status(line) == (504, "upstream-timeout")
    line.answer = lambda asked: Response(200, [], Pieces(b"ab", error=GatewayError(UPSTREAM_TIMEOUT)))
    with pytest.raises(GatewayError):
        line.ask()
    line.answer = lambda asked: Response(200, [], b"ok")
    assert line.ask()[:3] == (200, b"ok", False)


def test_a_stream_is_kept_when_it_is_over():
    line = Line()
    line.answer = lambda asked: Response(200, [("A", "b")], Pieces(b"ab", b"c"))
    under_way = line.begin()
    assert next(under_way.response.body) == b"ab"
    assert status(line)[0] == 409
    assert b"".join(under_way.response.body) == b"c"
    assert line.ask() == (200, b"abc", True, None)  # before the first one is closed


def test_a_client_that_goes_away_is_answered_when_it_comes_again():
    line = Line()
    body = Pieces(b"ab", b"c")
    line.answer = lambda asked: Response(200, [], body)
    gone = line.begin()
    next(gone.response.body)
    gone.error, gone.response.status = "client-closed", 499  # as the server notes it
    pipeline.finish(gone)
    assert body.closed == 1
    assert line.ask() == (200, b"abc", True, None)


@pytest.mark.parametrize(
    "made",
    [
        lambda: Response(200, [], b"x" * 11),
        lambda: Response(200, [], Pieces(b"x" * 11), 11),
        lambda: Response(200, [], Pieces(b"x" * 6, b"x" * 5, b"")),
        lambda: Response(200, [("Content-Type", "text/event-stream; charset=utf-8")], Pieces(b"x")),
    ],
    ids=["whole", "told", "streaming", "events"],
)
def test_what_is_too_large_or_endless_passes_and_is_not_kept(made):
    line = Line(IdempotencyOptions(max_answer=10))
    line.answer = lambda asked: made()
    under_way = line.begin()
    assert status(line)[0] == 409
    pipeline.finish(under_way)
    assert line.ask()[2] is False
    assert len(line.asked) == 2


class Broken(DictStore):
    def __init__(self, *broken):
        super().__init__(lambda: 0)
        self.broken = broken

    def _asked(self, name, *args):
        if name in self.broken:
            raise StoreUnavailableError("out of reach")
        return getattr(super(), name)(*args)

    def set_if_absent(self, *args):
        return self._asked("set_if_absent", *args)

    def compare_and_set(self, *args):
        return self._asked("compare_and_set", *args)


def test_without_a_store():
    line = Line(store=Broken("set_if_absent"))
    assert status(line) == (503, "store-unavailable") and not line.asked
    line = Line(IdempotencyOptions(is_lenient=True), Broken("set_if_absent"))
    assert line.ask() == (201, b"made 1", False, None)


@pytest.mark.parametrize("code", [200, 503])
def test_a_store_that_goes_away_meanwhile_costs_nobody_the_answer(code, caplog):
    line = Line(store=Broken("compare_and_set"))
    line.answer = lambda asked: Response(code, [], b"ok")
    assert line.ask()[:2] == (code, b"ok")
    assert "out of reach" in caplog.text
    assert status(line)[0] == 409


def test_what_is_carried_out_goes_on_without_its_client():
    line = Line()
    seen = []
    line.answer = lambda asked: seen.append(dict(asked.environ)) or Response(201, [], b"")
    environ = {"gateway.channel": object(), "wsgi.early_hints": print, "HTTP_HOST": "a"}
    line.ask(environ=environ)
    assert seen == [{"gateway.channel": None, "wsgi.early_hints": None, "HTTP_HOST": "a"}]
    line.ask(environ=environ, key=None)
    assert seen[1] == environ
