"""What rules ask for is not lost in what others do."""

from gateway.observability.collector.ring import First
from tests.unit.observer.test_alerts import Stand


def test_history_has_detail_of_what_rules_name(tmp_path):
    odd = "  - {name: odd, anomaly: {metrics: [p99], routes: [item]}, severity: page}\n"
    made = Stand(tmp_path, "  - {name: tries, when: 'upstream_p99(upstream=catalog, 5m) > 1s', severity: page}\n" + odd)
    assert made.world.history.kept == First(frozenset({"item"}), frozenset({"catalog"}))
    made.part.close()
