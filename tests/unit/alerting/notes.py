"""A note, with members of a test's own."""

from dataclasses import replace

from gateway.alerting.notification import Notification

START = 1_800_000_000.0


def note(**members):
    """Errors that page."""
    made = Notification(
        key="errors", name="errors", state="firing", severity="page", tier=1, value=0.05, shown_value="5 %",
        since=START, at=START + 60, summary="error_rate(5m) is 5 %, above 2 %", labels=(("team", "shop"),), host="gw-1",
    )  # fmt: skip
    return replace(made, **members)
