"""What holds for all tests of properties."""

from hypothesis import HealthCheck, settings

# A busy machine is no failure: neither one example nor the drawing of many has to be quick.
settings.register_profile("plain", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Where lines are counted each example costs ten times as much; the suites that count none draw as many as there are.
settings.register_profile("counted", settings.get_profile("plain"), max_examples=15, stateful_step_count=20)
settings.load_profile("plain")
