"""The parts of the observer, in the order of their ticks: the one place to plug one in."""

from __future__ import annotations

from gateway.observability.collector.component import CollectorContext, Component


def make(world: CollectorContext) -> list[Component]:
    """Every part, made once for the life of the process; a part that the configuration turns off does nothing.

    NOTE: imported here, so that the master and the workers never hold them.
    """
    from gateway.alerting.component import Alerts
    from gateway.control.dashboard.app import Dashboard
    from gateway.control.dashboard.overview import Overview
    from gateway.observability.audit.metrics import Audited
    from gateway.observability.metrics.prometheus import Prometheus
    from gateway.observability.metrics.statsd import Statsd
    from gateway.observability.tracing.spans import Spans

    overview, alerts = Overview(world), Alerts(world)
    parts: list[Component] = [overview, alerts, Dashboard(world, overview, alerts.board.rows)]
    parts += [Spans(world), Audited(world)]
    parts += [Statsd(world, parts), Prometheus(world, parts)]
    return parts
