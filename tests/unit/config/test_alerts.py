import json
import pickle

import pytest

from gateway.alerting.rules.signals import SIGNALS
from gateway.config.document import ConfigError, loads, redacted

HEAD = """\
version: 1
upstreams: {catalog: {targets: ["http://127.0.0.1:1"]}}
routes: [{name: item, match: {path: /a}, upstream: catalog}]
"""
ESCALATION = 'escalation: {warn: [{webhook: "http://127.0.0.1:9/"}], page: [{webhook: "http://127.0.0.1:9/"}]}\n'


def read(text, **env):
    return loads(HEAD + text, env=env)


def complaints(text):
    with pytest.raises(ConfigError) as raised:
        read(text)
    return [str(each) for each in raised.value.complaints]


def test_the_contract():
    document = read(
        """\
alerts:
  - {name: errors, when: "error_rate(5m) > 2%", for: 1m, severity: page}
  - {name: slow, when: "p99(route=item, 5m) > 250ms", for: 2m, severity: warn}
  - {name: odd, anomaly: {metrics: [requests, error_rate, p99], sensitivity: 3}, severity: warn}
escalation:
  warn: [{webhook: "${env:CHAT_HOOK:-http://127.0.0.1:9/}"}]
  page: [{webhook: "${env:CHAT_HOOK:-http://127.0.0.1:9/}"}, {after: 5m, webhook: "${env:PAGER_HOOK:-http://127.0.0.1:9/}"}]
""",
        PAGER_HOOK="https://pager.example.com/key",
    )
    errors, slow, odd = document.alerting.alerts
    assert (errors.name, errors.wait, errors.keep, errors.severity, errors.no_data) == (
        "errors",
        60,
        60,
        "page",
        "keep",
    )
    assert (slow.when, odd.watch.metrics) == ("p99(route=item, 5m) > 250ms", ("requests", "error_rate", "p99"))
    assert [tier.after for tier in document.alerting.tiers("page")] == [0.0, 300.0]
    assert document.alerting.tiers("page")[1].channels[0].url == "https://pager.example.com/key"
    assert not document.warnings
    assert pickle.loads(pickle.dumps(document)).alerting == document.alerting
    assert "pager" not in json.dumps(redacted(document))


def test_tiers_are_told_in_their_order():
    document = read(
        'escalation: {page: [{after: 5m, slack: "http://127.0.0.1:9/b"}, {webhook: "http://127.0.0.1:9/a"}]}\n'
        "alerts: [{name: a, when: config_refused, severity: page}]\n"
    )
    assert [tier.channels[0].kind for tier in document.alerting.tiers("page")] == ["webhook", "slack"]


def test_secrets_are_never_shown():
    document = read(
        """\
alerts: [{name: a, when: config_refused, severity: page}]
escalation:
  page:
    - {webhook: "https://a.example/s3cret-1", slack: {url: "https://a.example/s3cret-2", headers: {X-Key: s3cret-3}}}
    - {pagerduty: s3cret-4, alertmanager: "https://a.example/s3cret-5"}
    - {pagerduty: {routing_key: s3cret-6, url: "https://a.example/s3cret-7"}}
    - {email: {to: a@a.example, from: b@a.example, smtp: "smtp://a.example", user: u, password: s3cret-8}}
"""
    )
    assert "s3cret" not in document.shown and "a@a.example" in document.shown
    assert "s3cret" not in repr(document.alerting)


MISTAKES = {
    'alerts: [{name: a, when: "error_rat(5m) > 2%", severity: warn}]':
        "<string>:4:27: alerts[0].when: there is no signal 'error_rat', at character 1 of the expression "
        f"(did you mean `error_rate`? there are: {', '.join(sorted(SIGNALS))})",
    'alerts: [{name: a, when: "error_rate(5m) >", severity: warn}]':
        "<string>:4:43: alerts[0].when: expected a signal such as error_rate(5m), found the end, at character 17 "
        "of the expression",
    'alerts: [{name: a, when: "p99(route=itm, 5m) > 1s", severity: warn}]':
        "<string>:4:27: alerts[0].when: there is no route 'itm' (did you mean `item`? there are: item)",
    'alerts: [{name: a, when: "target_health(upstream=x) < 1%", severity: warn}]':
        "<string>:4:27: alerts[0].when: there is no upstream 'x' (there are: catalog)",
    'alerts: [{name: a, when: config_refused, severity: pag}]':
        '<string>:4:52: alerts[0].severity: there is no escalation "pag" (did you mean `page`? there are: page, warn)',
    'alerts: [{name: a, severity: warn}]':
        "<string>:4:10: alerts[0]: the alert says nothing of when it fires (write one of `when`, `anomaly` and `slo`)",
    'alerts: [{name: a, when: config_refused, slo: {objective: 99%}, severity: warn}]':
        "<string>:4:42: alerts[0].slo: `slo` stands beside `when` (an alert has one of them)",
    'alerts: [{name: a, when: config_refused, severity: warn}, {name: a, when: config_refused, severity: warn}]':
        "<string>:4:60: alerts[1].name: there are two alerts 'a', the first at <string>:4",
    'alerts: [{name: a, anomaly: {metrics: [p98]}, severity: warn}]':
        "<string>:4:40: alerts[0].anomaly.metrics[0]: expected `requests` or `error_rate` or `p50` or `p95` or `p99`, "
        'found "p98" (did you mean `p99`?)',
    'alerts: [{name: a, anomaly: {metrics: [p99], sensitivity: 0.5}, severity: warn}]':
        "<string>:4:46: alerts[0].anomaly.sensitivity: the sensitivity is a number from 1 to 20 (3 is a good start)",
    'alerts: [{name: a, slo: {objective: 99.9%, metric: speed}, severity: warn}]':
        '<string>:4:52: alerts[0].slo.metric: "speed" is nothing that an objective may be about '
        "(errors, or latency < 250ms)",
    'alerts: [{name: a, when: config_refused, severity: warn, labels: {route: x}}]':
        "<string>:4:67: alerts[0].labels.route: `route` is a label that every alert has "
        "(not one of name, severity, route, upstream, metric, burn)",
    'alerts: [{name: a, when: config_refused, severity: warn, summary: "{valu}"}]':
        "<string>:4:67: alerts[0].summary: there is no {valu} in a summary (did you mean `value`?)",
    'inhibit: [{if: {name: b}, mute: {severity: warn}}]':
        '<string>:4:23: inhibit[0].if.name: no alert has the name "b" (there is none)',
    'inhibit: [{if: {nmae: b}, mute: {severity: warn}}]':
        '<string>:4:17: inhibit[0].if.nmae: no alert has the label "nmae" '
        "(did you mean `name`? there are: burn, metric, name, route, severity, upstream)",
    'silences: [{matchers: {squad: "*"}, from: "02:00", to: "03:00"}]':
        '<string>:4:24: silences[0].matchers.squad: no alert has the label "squad" '
        "(there are: burn, metric, name, route, severity, upstream)",
    'silences: [{matchers: {severity: warn}, from: "02:00", to: "02:00"}]':
        "<string>:4:56: silences[0].to: the window has no length",
}  # fmt: skip


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes(text):
    assert complaints(f"{text}\n{ESCALATION}") == [MISTAKES[text]]


@pytest.mark.parametrize(
    ("tier", "words"),
    [
        ("{after: 5m}", "the tier has no target: nobody would be told (write one of webhook, slack"),
        ("{webhook: s3cret}", "the address does not begin with https:// or http:// and a host"),
        ('{webhook: "https://s3cret@a.example/"}', "may hold no user, no password"),
        ("{slack: {headers: {}}}", "escalation.page[0].slack.url: is missing"),
        ("{email: {to: a, from: b@a.example, smtp: x}}", "expected"),
        ('{email: {to: a@a.example, from: b@a.example, smtp: "http://a"}}', "smtp:// or smtps://"),
        ('{email: {to: a@a.example, from: b@a.example, smtp: "smtp://a.example", tls: none}}', "readable on the way"),
        ('{email: {to: a@a.example, from: b@a.example, smtp: "smtp://a.example", user: u}}', "go together"),
    ],
)
def test_mistakes_of_escalations(tier, words):
    found = complaints(f"escalation: {{page: [{tier}]}}")
    assert any(words in each for each in found), found
    assert "s3cret" not in " ".join(found)


def test_an_escalation_without_tiers():
    assert complaints("escalation: {page: []}") == [
        "<string>:4:20: escalation.page: the list is empty; leave it out or name something"
    ]


def test_warnings():
    (warning,) = read("alerts: [{name: a, when: config_refused, severity: page}]").warnings
    assert "nobody is told" in str(warning)
    text = f"alerts: [{{name: a, when: config_refused, severity: page}}]\n{ESCALATION}"
    (warning,) = read(text).warnings
    assert "no alert has the severity 'warn'" in str(warning)
    plain = 'escalation: {page: [{webhook: "http://a.example/"}]}\n' + text.partition("\n")[0]
    (warning,) = read(plain).warnings
    assert "plain http" in str(warning)


def test_alerts_without_metrics_are_warned_of():
    text = f"observability: {{metrics: off}}\nalerts: [{{name: a, when: config_refused, severity: page}}]\n{ESCALATION}"
    assert any("stays unknown" in str(each) for each in read(text.replace("warn: [", "page2: [")).warnings)


def test_the_place_in_a_file(tmp_path):
    from gateway.config.document import load

    file = tmp_path / "gateway.yaml"
    file.write_text(HEAD + ESCALATION + "alerts:\n  - name: a\n    when: error_rate(5m) > 2% und\n    severity: page\n")
    with pytest.raises(ConfigError) as raised:
        load(file)
    (complaint,) = raised.value.complaints
    assert (complaint.line, complaint.column) == (7, 31)
