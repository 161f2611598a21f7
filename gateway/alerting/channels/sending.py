"""Send one note to one receiver, once. What fails raises Unsent; when to try again is decided elsewhere."""

from __future__ import annotations

from typing import Final

from gateway.alerting import bodies
from gateway.alerting.notification import Notification
from gateway.alerting.options import Channel

#: seconds to connect, and until the whole answer is there
CONNECT: Final = 3.0
ANSWER: Final = 10.0


class DeliveryError(Exception):
    """Why a note did not arrive, in words that hold no secret."""


def send(channel: Channel, note: Notification) -> str:
    """What the receiver answered, in words. Raises Unsent."""
    if channel.kind == "email":
        from gateway.alerting.channels.email import send_mail

        return send_mail(channel, bodies.email(note, channel.sender, channel.to))
    from gateway.alerting.channels.webhook import post

    return post(channel, address(channel), body(channel, note))


def body(channel: Channel, note: Notification) -> object:
    """What is sent over HTTP, before it is JSON."""
    if channel.kind == "slack":
        return bodies.slack(note)
    if channel.kind == "pagerduty":
        return bodies.pagerduty(note, channel.key)
    if channel.kind == "alertmanager":
        return bodies.alertmanager(note)
    return bodies.webhook(note)


def address(channel: Channel) -> str:
    """Where it is sent; an Alertmanager is named by its root."""
    if channel.kind != "alertmanager" or channel.url.rstrip("/").endswith("/api/v2/alerts"):
        return channel.url
    return channel.url.rstrip("/") + "/api/v2/alerts"
