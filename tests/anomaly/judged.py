"""What the detector says of a made series."""

from gateway.alerting.anomaly.detector import Detector
from tests.anomaly.nab import Run
from tests.anomaly.series import Series


def judged(series: Series, **options: float) -> Run:
    """Where its incidents begin, by a new detector."""
    detector = Detector(**options)
    verdicts = (detector.observe(at, value) for at, value in series.rows)
    alerts = [(row, verdict.score) for row, verdict in enumerate(verdicts) if verdict.began]
    return Run(len(series.rows), series.windows, alerts)
