import email
from email.policy import default

from gateway.alerting import bodies
from tests.unit.alerting.notes import note


def test_slack():
    body = bodies.slack(note(summary="a <b> & c"))
    assert body["text"] == "[FIRING] errors (page): a &lt;b&gt; &amp; c"
    (attachment,) = body["attachments"]
    assert {field["title"]: field["value"] for field in attachment["fields"]} == {
        "Value": "5 %", "Since": "2027-01-15T08:00:00Z", "Tier": "1", "Host": "gw-1", "team": "shop",
    }  # fmt: skip
    colours = {bodies.slack(note(state=state))["attachments"][0]["color"] for state in bodies._COLOURS}
    assert len(colours) == 3


def test_pagerduty():
    body = bodies.pagerduty(note(), "R0")
    assert (body["routing_key"], body["event_action"], body["dedup_key"]) == ("R0", "trigger", "gateway/errors")
    assert body["payload"]["severity"] == "critical" and body["payload"]["source"] == "gw-1"
    assert bodies.pagerduty(note(severity="odd"), "R0")["payload"]["severity"] == "error"
    for state, action in (("acknowledged", "acknowledge"), ("resolved", "resolve")):
        later = bodies.pagerduty(note(state=state), "R0")
        assert later == {"routing_key": "R0", "event_action": action, "dedup_key": body["dedup_key"]}


def test_alertmanager():
    (alert,) = bodies.alertmanager(note(labels=(("a-b", "x"), ("route", "item"))))
    assert alert["labels"] == {"alertname": "errors", "severity": "page", "a_b": "x", "route": "item"}
    assert (alert["startsAt"], alert["endsAt"]) == ("2027-01-15T08:00:00Z", "2027-01-15T08:16:00Z")
    (alert,) = bodies.alertmanager(note(state="resolved"))
    assert alert["endsAt"] == "2027-01-15T08:01:00Z"


def test_email():
    message = bodies.email(note(summary="one\r\nBcc: x@y.z\r\n\r\ntwo"), "gw@a.example", ("a@a.example", "b@a.example"))
    parsed = email.message_from_bytes(message.as_bytes(), policy=default)
    assert parsed["Bcc"] is None and parsed["To"] == "a@a.example, b@a.example"
    assert parsed["Subject"] == "[FIRING] errors (page): one Bcc: x@y.z two"
    assert "severity: page" in parsed.get_content() and "team: shop" in parsed.get_content()
    other = bodies.email(note(state="resolved"), "gw@a.example", ("a@a.example",))
    assert other["References"] == message["References"] and other["Message-ID"] != message["Message-ID"]


def test_a_test_says_so():
    assert bodies.webhook(note(is_test=True))["test"] is True
    assert bodies.slack(note(is_test=True))["text"].startswith("[TEST] ")
