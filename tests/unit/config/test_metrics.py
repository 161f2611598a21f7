"""`observability.metrics`: on, off or with room for so many series."""

import pytest

from gateway.config.compile import compile
from gateway.config.diagnostics import ConfigError
from gateway.config.document import loads
from gateway.config.restart import needs_restart

ROUTE = "version: 1\nroutes:\n  - {name: a, match: {path: /a}, respond: {status: 200}}\n"


def read(metrics=None):
    return loads(ROUTE + (f"observability: {{metrics: {metrics}}}\n" if metrics else ""), "x.yaml")


@pytest.mark.parametrize(
    ("text", "is_on", "series"),
    [(None, True, 0), ("on", True, 0), ("off", False, 0), ("{}", True, 0), ("{series: 4096}", True, 4096)],
)
def test_what_is_read(text, is_on, series):
    metrics = read(text).metrics
    assert (metrics.is_on, metrics.series) == (is_on, series)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("offf", '4:26: observability.metrics: expected `on`, `off` or a mapping, found "offf" (did you mean `off`?)'),
        ("true", "4:26: observability.metrics: expected `on`, `off` or a mapping, found true"),
        ("{series: 5}", "series: expected a whole number from 64 to 65,536, found the number 5"),
        ("{serie: 500}", "observability.metrics.serie: unknown key (did you mean `series`?)"),
    ],
)
def test_what_is_refused(text, complaint):
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert complaint in str(caught.value)


def test_the_step_stands_first_and_everywhere_or_nowhere():
    plan = compile(read())
    lines = (*(route.steps for route in plan.routes), plan.unmatched.steps, plan.refused.steps)
    assert [line[0].name for line in lines] == ["meter"] * 3
    off = compile(read("off"))
    steps = [step for route in (*off.routes, off.unmatched, off.refused) for step in route.steps]
    assert "meter" not in {step.name for step in steps}


def test_room_is_made_at_the_start():
    (complaint,) = needs_restart(read(), read("{series: 4096}"))
    assert complaint.path == "observability.metrics.series"
    assert needs_restart(read(), read("off")) == ()
