"""`audit` of a configuration."""

import pytest

from gateway.config.document import ConfigError, loads, redacted

ROUTES = "\nroutes: [{name: a, match: {path: /}, respond: {status: 200}}]\n"


def read(text, base="."):
    return loads(f"version: 1\n{text}{ROUTES}", base=base)


def test_it_is_off_unless_it_is_written():
    assert read("").audit is None


def test_all_of_it(tmp_path):
    spec = read("audit: {to: audit.log, secret: a-secret-of-some-length}", tmp_path).audit
    assert (spec.to, spec.secret, spec.where) == (str(tmp_path / "audit.log"), "a-secret-of-some-length", "<string>:2")
    spec = read("audit: {to: stdout}").audit
    assert (spec.to, spec.secret) == ("stdout", "")


def test_the_secret_is_not_shown():
    assert redacted(read("audit: {to: stdout, secret: a-secret-of-some-length}"))["audit"]["secret"] == "***"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("audit: {}", "audit.to: is missing"),
        ("audit: {to: none/audit.log}", "the folder of"),
        ("audit: {to: .}", "is a folder"),
        ("audit: {to: stdout, secret: short-one}", "a secret has at least 16 characters"),
        ("audit: {to: stdout, secrt: a}", "did you mean `secret`?"),
        ("audit: {to: a.log}\nobservability: {access_log: {to: a.log}}", "may not share a file"),
    ],
)
def test_mistakes(text, words):
    with pytest.raises(ConfigError) as caught:
        read(text)
    (complaint,) = caught.value.complaints
    assert words in str(complaint)
    assert "short-one" not in str(complaint)


def test_it_stands_in_one_file_alone(tmp_path):
    (tmp_path / "more.yaml").write_text("audit: {to: stdout}\n")
    with pytest.raises(ConfigError, match="in two files"):
        read("include: [more.yaml]\naudit: {to: stdout}", tmp_path)


def test_a_change_of_it_is_another_version():
    assert read("audit: {to: stdout}").version != read("").version
