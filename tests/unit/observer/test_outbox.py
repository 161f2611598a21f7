import gevent
import pytest

from gateway.alerting.channels import outbox as module
from gateway.alerting.channels.outbox import Outbox
from gateway.alerting.channels.sending import DeliveryError
from gateway.alerting.options import Channel
from tests.support.gateway import free_port
from tests.support.greenlets import until
from tests.support.receivers import Receiver, receiving
from tests.unit.alerting.notes import note


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.02)
    monkeypatch.setattr(module, "PAUSE_MAX", 0.05)


def channel(url, name="test"):
    return Channel("webhook", url, f"webhook {name}")


def told(receiver):
    return [(body["name"], body["state"], body["tier"]) for body in receiver.bodies]


def test_a_flaky_receiver_gets_each_note_once_and_in_order():
    with receiving(plan=(500, "close", 429, 200, 503)) as receiver:
        outbox = Outbox()
        outbox.put(channel(receiver.url), note())
        outbox.put(channel(receiver.url), note(state="acknowledged"))
        outbox.put(channel(receiver.url), note(state="resolved"))
        until(lambda: not outbox.waiting)
    assert [state for _, state, _ in told(receiver)] == ["firing", "acknowledged", "resolved"]
    assert outbox.counts == {("webhook", "failed"): 4, ("webhook", "sent"): 3}


def test_nothing_is_lost_while_it_is_down():
    port = free_port()
    outbox = Outbox()
    for number in range(20):
        outbox.put(channel(f"http://127.0.0.1:{port}"), note(name=f"a{number}", key=f"a{number}"))
    until(lambda: outbox.counts.get(("webhook", "failed"), 0) >= 40)
    assert outbox.waiting == 20
    receiver = Receiver(port)
    try:
        until(lambda: not outbox.waiting)
    finally:
        receiver.close()
    assert sorted(name for name, *_ in told(receiver)) == sorted(f"a{number}" for number in range(20))


def test_who_refuses_holds_up_nobody_else():
    with receiving(plan=(400,) * 1000) as refusing, receiving() as well:
        outbox = Outbox()
        outbox.put(channel(refusing.url), note())
        for number in range(10):
            outbox.put(channel(well.url), note(key=f"a{number}"))
        until(lambda: outbox.waiting == 1)  # a receiver has a note before the outbox has its answer
        assert len(well.bodies) == 10
        outbox.close(0)


def test_a_slow_receiver_holds_up_nobody_else():
    sent = []

    def send(to, message):
        if to.label == "webhook slow":
            gevent.sleep(30)
        sent.append(to.label)
        return "answered 200"

    outbox = Outbox(send)
    outbox.put(channel("http://slow", "slow"), note())
    outbox.put(channel("http://fast", "fast"), note())
    until(lambda: sent)
    assert sent == ["webhook fast"] and outbox.waiting == 1
    outbox.close(0)


def test_a_receiver_that_drips_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "WITHIN", 0.05)

    def send(to, message):
        if message.state == "firing":
            while True:
                gevent.sleep(0.01)  # something came, again and again
        return "answered 200"

    outbox = Outbox(send)
    outbox.put(channel("http://a"), note())
    outbox.put(channel("http://a"), note(key="other", state="resolved"))
    until(lambda: outbox.counts.get(("webhook", "sent")))
    assert outbox.counts[("webhook", "failed")] >= 1 and outbox.waiting == 1
    outbox.close(0.0)


def test_the_queue_is_bounded():
    def send(to, message):
        raise DeliveryError("down")

    outbox = Outbox(send, clock=lambda: 0.0)
    to = channel("http://down")
    for number in range(module.ROOM + 10):
        outbox.put(to, note(key=f"a{number}"))
    assert outbox.waiting == module.ROOM and outbox.counts[("webhook", "dropped")] == 10
    outbox.put(to, note(key=f"a{module.ROOM}", tier=2))
    assert outbox.waiting == module.ROOM
    waiting = [(each.note.key, each.note.tier) for each in outbox._lanes[to]._waiting]
    assert (f"a{module.ROOM}", 2) in waiting and (f"a{module.ROOM}", 1) not in waiting, (
        "the oldest of the same alert goes"
    )
    outbox.close(0)


def test_the_same_message_again_replaces_the_older():
    outbox = Outbox(lambda to, message: "answered 200")
    for value in (1.0, 2.0):
        outbox.put(channel("http://a"), note(value=value))
    assert outbox.waiting == 1
    until(lambda: not outbox.waiting)
    assert outbox.counts == {("webhook", "sent"): 1}


def test_a_failure_of_the_library_ends_nothing():
    tries = []

    def send(to, message):
        tries.append(message)
        if len(tries) == 1:
            raise RuntimeError("unheard of")
        return "answered 200"

    outbox = Outbox(send)
    outbox.put(channel("http://a"), note())
    until(lambda: not outbox.waiting)
    assert len(tries) == 2


def test_the_address_is_not_logged(caplog):
    outbox = Outbox()
    url = f"http://127.0.0.1:{free_port()}/services/T0/secret"
    with caplog.at_level("DEBUG", logger="gateway"):
        outbox.put(channel(url), note())
        until(lambda: outbox.counts)
    outbox.close(0)
    assert "refuses the connection" in caplog.text and "secret" not in caplog.text
