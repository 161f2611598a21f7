import pytest
from click.testing import CliRunner

from gateway.cli.group import main
from tests.support.gateway import free_port
from tests.support.receivers import receiving

CONFIG = """\
version: 1
server: {admin: "127.0.0.1:PORT"}
upstreams: {catalog: {targets: ["http://127.0.0.1:1"]}}
routes: [{name: item, match: {path: /a}, upstream: catalog}]
alerts: [{name: errors, when: "error_rate(5m) > 2%", severity: page}]
escalation:
  page: [{webhook: "URL/one"}, {after: 5m, slack: "URL/two", webhook: "http://127.0.0.1:DEAD/secret"}]
"""


@pytest.fixture
def receiver():
    with receiving() as made:
        yield made


@pytest.fixture
def run(tmp_path, receiver):
    file = tmp_path / "gateway.yaml"
    text = CONFIG.replace("URL", receiver.url).replace("PORT", str(free_port())).replace("DEAD", str(free_port()))
    file.write_text(text)
    return lambda *arguments: CliRunner().invoke(main, ["alerts", *arguments, "-c", str(file)])


def test_a_test_is_sent_through_the_channels(run, receiver):
    result = run("test", "errors", "--tier", "1")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.partition(",")[0] for line in lines] == ["firing", "resolved"]
    assert all(line.endswith("answered 200") for line in lines)
    first, last = receiver.bodies
    assert (first["name"], first["state"], first["tier"], first["test"]) == ("errors", "firing", 1, True)
    assert first["summary"] == "This is a test. error_rate(5m) > 2%" and first["key"] == "test/errors"
    assert last["state"] == "resolved"


def test_what_fails_is_said_without_secrets(run, receiver):
    result = run("test", "errors", "--no-resolve")
    assert result.exit_code == 1
    assert "tier 2, slack 127.0.0.1" in result.output and "FAILED: it refuses the connection" in result.output
    assert "secret" not in result.output
    assert [path for path, _ in receiver.heads] == ["/one", "/two"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("test", "erors"), "did you mean `errors`?"),
        (("test", "errors", "--tier", "3"), "has 2 tiers, not 3"),
        (("list",), "does not answer"),
        (("ack", "errors"), "does not answer"),
    ],
)
def test_problems_are_one_line(run, arguments, words):
    result = run(*arguments)
    assert result.exit_code == 1 and words in result.stderr and result.stderr.count("\n") == 1
