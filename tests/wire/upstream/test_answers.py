"""Every rule, once with all bytes in one packet and once byte by byte."""

from __future__ import annotations

import pytest

from gateway._fast.http1_client import WireError
from tests.wire.upstream.play import Side, ask, exchange
from tests.wire.upstream.rules import RULES, Rule


def test_every_rule_has_a_name_of_its_own():
    assert len({(rule.section, rule.name) for rule in RULES}) == len(RULES) >= 60


@pytest.mark.parametrize("pace", ["at once", "byte by byte"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.section} {rule.name}")
def test_rule(rule: Rule, pace: str):
    def script(side: Side) -> None:
        side.until()
        if pace == "at once" or len(rule.answer) > 2000:
            side.send(rule.answer)
        else:
            side.dribble(rule.answer)
        if rule.closes:
            side.close()
        else:
            side.rest()

    answer, body, owner = ask(script, exchange(rule.method))
    if rule.reason:
        assert isinstance(answer, WireError), (answer.status, body)
        assert answer.reason == rule.reason, answer.detail
        assert True not in owner.released
        return
    assert not isinstance(answer, WireError), answer
    assert (answer.status, body) == (rule.status, rule.body)
    if rule.length is not None:
        assert answer.length == rule.length
        assert [value for name, value in answer.headers if name == "Content-Length"] == [str(rule.length)]
    if pace == "at once":
        assert owner.released == [rule.kept]
    else:
        # Bytes behind the end may not have come yet when the answer was complete.
        assert owner.released in ([rule.kept], [True])
