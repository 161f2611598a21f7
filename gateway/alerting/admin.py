"""Admin resources of alerts: their states, acknowledgements, silences."""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import falcon

from gateway.admin.identity import answer, is_text, read_object, seconds, text
from gateway.admin.resource import unknown
from gateway.alerting.escalation import Ack
from gateway.alerting.notification import iso
from gateway.alerting.silences import Silence, matches
from gateway.errors import BAD_CHANGE, STORE_UNAVAILABLE, UNKNOWN_ENTRY, GatewayError
from gateway.state.store import StoreError

if TYPE_CHECKING:
    from gateway.alerting.component import Alerts

log = logging.getLogger("gateway")

ACK_EXAMPLE: Final = '{"by": "alice", "comment": "on it"}'
SILENCE_EXAMPLE: Final = '{"matchers": {"name": "errors"}, "for": "2h", "comment": "maintenance", "by": "alice"}'
SOMEBODY: Final = "admin API"
MATCHERS: Final = 20


def of(alerts: Alerts) -> Mapping[str, object]:
    """The resources by their paths."""
    return {
        "/api/alerts": _List(alerts),
        "/api/alerts/{name}/ack": _Ack(alerts),
        "/api/silences": _Silences(alerts),
        "/api/silences/{name}": _OneSilence(alerts),
    }


class _List:
    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell the state of every alert."""
        outbox = self._alerts.outbox
        counts = [
            {"channel": kind, "outcome": outcome, "count": count}
            for (kind, outcome), count in sorted(outbox.counts.items())
        ]
        found = self._alerts.board.rows()
        answer(resp, {"alerts": found, "notifications": {"waiting": outbox.waiting, "counts": counts}})

    on_head = on_get


class _Ack:
    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    def on_post(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Take in hand what fires: no further tier is told."""
        members = frozenset({"by", "comment", "labels"})
        found = read_object(req, members, ACK_EXAMPLE) if req.content_length else {}
        labels = _labels(found, "labels", ACK_EXAMPLE)
        ack = Ack(text(found, "by") or SOMEBODY, time.time(), text(found, "comment") or "")
        try:
            rows = self._alerts.acknowledge(name, ack, labels)
        except StoreError as error:
            detail = "It does not fire on this host, and the store, which knows of others, cannot be reached now."
            raise GatewayError(STORE_UNAVAILABLE, detail, cause=error) from None
        if not rows:
            if name not in self._alerts.board.names():
                raise unknown(UNKNOWN_ENTRY, "There is no alert", name, self._alerts.board.names())
            such = " with these labels" if labels else ""
            raise GatewayError(UNKNOWN_ENTRY, f"The alert {name!r}{such} fires on no host.")
        log.warning("alert %s was acknowledged by %s", name, ack.by)
        answer(resp, rows)


class _Silences:
    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List them."""
        board = self._alerts.board
        rows = sorted(board.silences.values(), key=lambda each: each.until)
        answer(resp, [_row(each, [live.labels for live in board.firing()]) for each in rows])

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Add one."""
        found = read_object(req, frozenset({"matchers", "for", "comment", "by"}), SILENCE_EXAMPLE)
        matchers = tuple(_labels(found, "matchers", SILENCE_EXAMPLE).items())
        duration = seconds(found, "for")
        if not matchers or duration is None or not math.isfinite(duration):
            raise GatewayError(BAD_CHANGE, f"`matchers` and `for` are needed: {SILENCE_EXAMPLE}.")
        now = time.time()
        silence = Silence(
            id=secrets.token_hex(6),
            matchers=matchers,
            start=now,
            until=now + duration,
            by=text(found, "by") or SOMEBODY,
            comment=text(found, "comment") or "",
        )
        if not self._alerts.silence(silence):
            raise GatewayError(BAD_CHANGE, "There is no room for another silence, or there are no alerts.")
        log.warning("a silence of %s was made by %s: %s", dict(matchers), silence.by, silence.comment)
        resp.set_header("Location", f"/api/silences/{silence.id}")
        answer(resp, _row(silence, [live.labels for live in self._alerts.board.firing()]), 201)


class _OneSilence:
    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    def on_delete(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """End one."""
        if not self._alerts.unsilence(name):
            raise GatewayError(UNKNOWN_ENTRY, "There is no silence of that id; GET /api/silences lists them.")
        log.warning("the silence %s was ended", name)
        resp.status = 204


def _row(silence: Silence, firing: list[dict[str, str]]) -> dict[str, Any]:
    return {
        **silence.to_json(),
        "start": iso(silence.start),
        "until": iso(silence.until),
        "mutes": sorted({labels["name"] for labels in firing if matches(silence.matchers, labels)}),
    }


def _labels(found: dict[str, Any], name: str, example: str) -> dict[str, str]:
    """A member that is an object of short texts."""
    value: Any = found.get(name, {})
    is_object = isinstance(value, dict) and len(value) <= MATCHERS
    if not is_object or not all(is_text(each) for pair in value.items() for each in pair):
        raise GatewayError(BAD_CHANGE, f"`{name}` is an object of short texts, as in {example}.")
    return dict(value)
