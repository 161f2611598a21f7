"""What an upstream may not say, each with its place; and what happens to one that says too little."""

from time import monotonic

import pytest

from gateway.config.compile import compile
from gateway.config.document import loads
from gateway.errors import NO_TARGET, GatewayError
from tests.exchanges import exchange

HEAD = "version: 1\nroutes: []\nupstreams:\n"


def upstream(rest):
    return f"{HEAD}  app: {{targets: [http://127.0.0.1:9101], {rest}}}\n"


def target(text):
    return f"{HEAD}  app:\n    targets:\n      - http://127.0.0.1:9101\n      - {text}\n"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (upstream("balance: fastest"), "x.yaml:4:52: upstreams.app.balance", "expected `p2c`, `round_robin`, `random`"),
        (upstream("balance: round-robin"), "x.yaml:4:52: upstreams.app.balance", "did you mean `round_robin`?"),
        (target("{url: http://h, weight: 0}"), "x.yaml:7:33: upstreams.app.targets[1].weight", "from 1 to 65,535"),
        (target("{url: http://h, weight: -1}"), "x.yaml:7:33: upstreams.app.targets[1].weight", "from 1 to 65,535"),
        (upstream("retry: {methods: [GET, POST]}"), "x.yaml:4:66: upstreams.app.retry.methods[1]", "not idempotent"),
        (upstream("retry: {methods: [POST]}"), "x.yaml:4:61: upstreams.app.retry.methods[0]", "`non_idempotent: true`"),
        (upstream("timeout: {connect: 3s, total: 2s}"), "upstreams.app.timeout.connect", "is longer than `total`"),
        (upstream("timeout: {read: 3s, total: 2s}"), "upstreams.app.timeout.read", "is longer than `total`"),
        (upstream("timeout: {connect: 2m}"), "app.timeout.connect", "`total`, which is 60s when it is not written"),
        (target("http://h/items"), "x.yaml:7:9: upstreams.app.targets[1]", "has a path, a query or a fragment"),
        (target("htpp://h"), "x.yaml:7:9: upstreams.app.targets[1]", "did you mean `http`?"),
        (target("h:80"), "x.yaml:7:9: upstreams.app.targets[1]", "write http://h:80"),
        (HEAD + "  app: {targets: []}\n  app: {targets: []}\n", "x.yaml:5:3: upstreams.app", "twice"),
    ],
)
def test_a_mistake_is_told_with_its_place(complaints, text, place, words):
    (found,) = complaints(text)
    assert place in found
    assert words in found


def test_two_files_may_not_have_an_upstream_of_one_name(tmp_path, complaints):
    (tmp_path / "more.yaml").write_text("upstreams:\n  app: {targets: [http://127.0.0.1:9102]}\n")
    text = upstream("balance: p2c") + "include: [more.yaml]\n"
    (found,) = complaints(text)
    assert "app" in found
    assert "more.yaml:2" in found
    assert "x.yaml:4" in found


def test_the_legs_of_a_split_may_not_all_weigh_nothing(complaints):
    legs = "split: [{upstream: app, weight: 0}, {upstream: two, weight: 0}]"
    ups = "upstreams: {app: {targets: [http://h]}, two: {targets: [http://h]}}"
    (found,) = complaints(f"version: 1\n{ups}\nroutes:\n  - {{name: r, match: {{path: /}}, {legs}}}\n")
    assert "x.yaml:4:" in found
    assert "split" in found


def test_an_upstream_without_targets_is_warned_of_and_answers_503():
    text = "version: 1\nupstreams: {app: {targets: []}}\nroutes: [{name: r, match: {path: /}, upstream: app}]\n"
    document = loads(text, "x.yaml")
    (warning,) = map(str, document.warnings)
    assert warning == "x.yaml:2:13: upstreams.app: the upstream has no targets: every request to it gets 503"
    (route,) = compile(document).routes
    with pytest.raises(GatewayError) as raised:
        route.fetch(exchange(started=monotonic()))
    assert raised.value.kind is NO_TARGET
    assert NO_TARGET.status == 503
