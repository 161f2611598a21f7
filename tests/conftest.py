"""What holds for all tests, and for those of properties."""

import gc

from hypothesis import HealthCheck, settings

# A busy machine is no failure: neither one example nor the drawing of many has to be quick.
settings.register_profile("plain", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# What runs on a second Python draws half. Where lines are counted each example costs ten times as much.
settings.register_profile("half", settings.get_profile("plain"), max_examples=50)
settings.register_profile("counted", settings.get_profile("plain"), max_examples=15, stateful_step_count=20)
settings.load_profile("plain")


def pytest_collection_finish() -> None:
    """The thousands of tests themselves are never garbage: the collector need not look at them after each few."""
    gc.collect()
    gc.freeze()
