"""The states of one alert: inactive, pending, firing, resolved. Pure: the clock comes with each call.

A condition has to hold for `wait` before it fires, and to be gone for `keep` before it is resolved, so that a signal
that flaps pages once.  Each time it fires again within half an hour, `keep` doubles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

State = Literal["inactive", "pending", "firing", "resolved"]
Turn = Literal["fired", "resolved", ""]
NoData = Literal["keep", "ok", "alert"]

#: seconds in which firing again counts as flapping, and how long `keep` may become by it
MEMORY: Final = 1800.0
KEEP_MAX: Final = 1800.0
#: seconds for which a resolved alert is still shown
SHOWN: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `no_data`: what unknown is while it fires: kept as it is, taken for well, or for an alert."""

    wait: float
    keep: float
    no_data: NoData = "keep"


@dataclass(slots=True)
class AlertState:
    """Where one alert is. Times are wall clock seconds; `since` is when the condition began to hold."""

    state: State = "inactive"
    since: float = 0.0
    fired: float = 0.0
    resolved: float = 0.0
    #: since when the condition is gone while it fires; 0: it is not
    quiet: float = 0.0
    firings: list[float] = field(default_factory=list)

    @property
    def is_on(self) -> bool:
        """Whether somebody is or will be told."""
        return self.state == "firing"

    def advance(self, holds: bool | None, now: float, timing: Timing) -> Turn:
        """Take one verdict; what it changed."""
        if holds is None and timing.no_data != "keep":
            holds = timing.no_data == "alert"
        if self.state == "firing":
            return self._firing(holds, now, timing)
        if holds is not True:  # NOTE: pending on nothing would fire on nothing
            if self.state == "pending" or (self.state == "resolved" and now - self.resolved > SHOWN):
                self.state = "inactive" if now - self.resolved > SHOWN or not self.resolved else "resolved"
            return ""
        if self.state != "pending" or self.since > now:  # a clock that was set back
            self.state, self.since = "pending", now
        return self._fire(now) if now - self.since >= timing.wait else ""

    def end(self, now: float) -> Turn:
        """The rule is gone."""
        return self._resolve(now) if self.state == "firing" else ""

    def hold(self, now: float, timing: Timing) -> float:
        """Seconds for which the condition has to be gone."""
        again = sum(now - each <= MEMORY for each in self.firings) - 1
        return min(timing.keep * float(1 << max(0, again)), max(KEEP_MAX, timing.keep))

    def _firing(self, holds: bool | None, now: float, timing: Timing) -> Turn:
        if holds is not False:
            self.quiet = 0.0 if holds else self.quiet
            return ""
        self.quiet = min(self.quiet or now, now)
        return self._resolve(now) if now - self.quiet >= self.hold(self.quiet, timing) else ""

    def _fire(self, now: float) -> Turn:
        self.state, self.fired, self.quiet = "firing", now, 0.0
        self.firings = [*[each for each in self.firings if now - each <= MEMORY][-15:], now]
        return "fired"

    def _resolve(self, now: float) -> Turn:
        self.state, self.resolved, self.quiet = "resolved", now, 0.0
        return "resolved"
