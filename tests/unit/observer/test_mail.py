import pytest

from gateway.alerting.channels.sending import DeliveryError, send
from gateway.alerting.options import Channel
from tests.support.certs import authority, issue
from tests.support.gateway import free_port
from tests.support.smtp import mail_server
from tests.unit.alerting.notes import note


def channel(port, scheme="smtp", **more):
    members = {"to": ("ops@a.example",), "sender": "gw@a.example", "tls": "none", **more}
    return Channel("email", f"{scheme}://127.0.0.1:{port}", "email ops@a.example", **members)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mail")
    ca = authority(folder)
    return str(ca.cert), issue(folder, ca, "mail", "IP:127.0.0.1")


def test_it_arrives():
    with mail_server() as (port, mails):
        assert send(channel(port), note()) == "taken"
    (mail,) = mails.found
    assert mail["Subject"] == "[FIRING] errors (page): error_rate(5m) is 5 %, above 2 %"
    assert (mail["From"], mail["To"]) == ("gw@a.example", "ops@a.example")


def test_starttls_is_verified(certificates):
    ca, pair = certificates
    with mail_server(pair) as (port, mails):
        with pytest.raises(DeliveryError, match="certificate is not trusted"):
            send(channel(port, tls="starttls"), note())
        assert not mails.found
        assert send(channel(port, tls="starttls", ca=ca), note()) == "taken"
    assert len(mails.found) == 1


def test_a_server_without_tls_gets_nothing(certificates):
    with mail_server() as (port, mails):
        with pytest.raises(DeliveryError, match="does not offer STARTTLS"):
            send(channel(port, tls="starttls", ca=certificates[0]), note())
    assert not mails.found


def test_tls_from_the_first_byte_and_a_login(certificates):
    ca, pair = certificates
    with mail_server(pair, auth=True, implicit=True) as (port, mails):
        with pytest.raises(DeliveryError, match="answered 535"):
            send(channel(port, "smtps", ca=ca, user="gateway", password="wrong"), note())
        assert send(channel(port, "smtps", ca=ca, user="gateway", password="let me in"), note()) == "taken"
    assert len(mails.found) == 1


def test_refused_and_down():
    with mail_server() as (port, mails):
        mails.refusing = True
        with pytest.raises(DeliveryError, match="none of the recipients"):
            send(channel(port), note())
    with pytest.raises(DeliveryError, match="cannot be reached: ConnectionRefusedError"):
        send(channel(free_port()), note())
