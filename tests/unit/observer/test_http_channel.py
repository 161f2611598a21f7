import pytest

from gateway.alerting.channels.sending import DeliveryError, send
from gateway.alerting.options import Channel
from tests.support.certs import authority, issue
from tests.support.gateway import free_port
from tests.support.receivers import receiving
from tests.unit.alerting.notes import note


def channel(url, kind="webhook", **more):
    return Channel(kind, url, f"{kind} test", **more)


def test_a_webhook():
    with receiving() as receiver:
        said = send(channel(receiver.url + "/hook?key=1", headers=(("X-Key", "k"),)), note())
        assert said == "answered 200"
        (body,), (path, headers) = receiver.bodies, receiver.heads[0]
    assert path == "/hook?key=1" and headers["x-key"] == "k"
    assert headers["content-type"] == "application/json" and headers["user-agent"].startswith("gateway/")
    assert {name: body[name] for name in ("name", "state", "severity", "tier", "value", "since", "summary")} == {
        "name": "errors", "state": "firing", "severity": "page", "tier": 1, "value": 0.05,
        "since": "2027-01-15T08:00:00Z", "summary": "error_rate(5m) is 5 %, above 2 %",
    }  # fmt: skip


def test_each_kind_has_its_address():
    with receiving() as receiver:
        send(channel(receiver.url + "/", "alertmanager"), note())
        send(channel(receiver.url + "/am/api/v2/alerts", "alertmanager"), note())
        send(channel(receiver.url + "/slack", "slack"), note())
        send(channel(receiver.url + "/v2/enqueue", "pagerduty", key="R0"), note())
    paths = [path for path, _ in receiver.heads]
    assert paths == ["/api/v2/alerts", "/am/api/v2/alerts", "/slack", "/v2/enqueue"]
    assert receiver.bodies[3]["routing_key"] == "R0"


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500, 503])
def test_what_is_no_success_is_unsent(status):
    with receiving(plan=(status,)) as receiver, pytest.raises(DeliveryError, match=f"it answered {status}"):
        send(channel(receiver.url), note())
    assert len(receiver.heads) == 1, "redirects are not followed"


def test_nobody_listens():
    with pytest.raises(DeliveryError, match="refuses the connection"):
        send(channel(f"http://127.0.0.1:{free_port()}/secret"), note())


def test_it_hangs_up():
    with receiving(plan=("close",)) as receiver, pytest.raises(DeliveryError, match="closed the connection"):
        send(channel(receiver.url), note())


def test_it_says_nothing(monkeypatch):
    monkeypatch.setattr("gateway.alerting.channels.webhook.ANSWER", 0.1)
    with receiving(plan=("hang",)) as receiver, pytest.raises(DeliveryError, match="in time"):
        send(channel(receiver.url), note())


def test_certificates_are_verified(tmp_path):
    ca = authority(tmp_path)
    pair = issue(tmp_path, ca, "hooks", "IP:127.0.0.1")
    with receiving(tls=pair) as receiver:
        with pytest.raises(DeliveryError, match="certificate is not trusted"):
            send(channel(receiver.url), note())
        assert send(channel(receiver.url, ca=str(ca.cert)), note()) == "answered 200"
        with pytest.raises(DeliveryError, match="`ca`"):
            send(channel(receiver.url, ca=str(tmp_path / "none.crt")), note())
