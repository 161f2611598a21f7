"""The parts of the observer, in the order of their ticks: the one place to plug one in."""

from __future__ import annotations

from gateway.observer.part import Part, World


def make(world: World) -> list[Part]:
    """Every part, made once for the life of the process; a part that the configuration turns off does nothing.

    NOTE: imported here, so that the master and the workers never hold them.
    """
    from gateway.observer.alerts import Alerts
    from gateway.observer.audited import Audited
    from gateway.observer.dashboard import Dashboard
    from gateway.observer.overview import Overview
    from gateway.observer.prometheus import Prometheus
    from gateway.observer.spans import Spans
    from gateway.observer.statsd import Statsd

    overview, alerts = Overview(world), Alerts(world)
    parts: list[Part] = [overview, alerts, Dashboard(world, overview, alerts.board.rows)]
    parts += [Spans(world), Audited(world)]
    parts += [Statsd(world, parts), Prometheus(world, parts)]
    return parts
