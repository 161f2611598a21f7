"""`observability.statsd` of a configuration."""

import pytest

from gateway.config.document import ConfigError, loads
from gateway.config.restart import needs_restart

START = "version: 1\nobservability:\n  "
ROUTES = "\nroutes: [{name: a, match: {path: /}, respond: {status: 200}}]\n"


def read(text):
    return loads(START + text + ROUTES)


def test_what_is_not_written_has_a_default():
    spec = read("statsd: {host: 127.0.0.1}").statsd
    assert (spec.host, spec.port, spec.prefix, spec.every, spec.tags) == ("127.0.0.1", 8125, "gateway", 1.0, False)
    assert spec.where == "<string>:3"
    assert read("access_log: {}").statsd is None


def test_all_of_it():
    spec = read('statsd: {host: "[::1]", port: 9125, prefix: shop.edge-1, every: 10s, tags: true}').statsd
    assert (spec.host, spec.port, spec.prefix, spec.every, spec.tags) == ("::1", 9125, "shop.edge-1", 10.0, True)
    assert read("statsd: {host: '::1'}").statsd.host == "::1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("statsd: {}", "host"),
        ("statsd: {host: 'a b'}", "is not a host name"),
        ("statsd: {host: '127.0.0.1:8125'}", "host"),
        ("statsd: {host: a, every: 100ms}", "is not within 1s and 1m"),
        ("statsd: {host: a, every: 2m}", "is not within 1s and 1m"),
        ("statsd: {host: a, prefix: 'a|b'}", "expected names of letters"),
        ("statsd: {host: a, prefix: a..b}", "expected names of letters"),
        ("statsd: {host: a, port: 0}", "a whole number from 1 to 65,535"),
        ("statsd: {host: a, prefx: b}", "did you mean `prefix`?"),
    ],
)
def test_mistakes(text, words):
    with pytest.raises(ConfigError) as refused:
        read(text)
    assert "<string>:3:" in str(refused.value)
    assert words in str(refused.value)


def test_a_gateway_that_nobody_observes_needs_a_restart_to_be_observed():
    off = read("{metrics: 'off', dashboard: false}")
    on = read("{metrics: 'off', dashboard: false, statsd: {host: a}}")
    assert (off.is_observed, on.is_observed) == (False, True)
    assert [each.path for each in needs_restart(off, on)] == ["observability"]
    assert needs_restart(on, off) == ()
    assert read("access_log: {}").is_observed
