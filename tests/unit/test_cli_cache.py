"""The command line of `gateway cache`."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli import client as cli_admin
from gateway.cli.group import main


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the admin API is asked."""
    found: list[tuple[str, str]] = []

    def ask(document: object, method: str, path: str) -> Any:
        found.append((method, path))
        return {"routes": {"item": {"hits": 3, "misses": 1, "stale": 0}}} if method == "GET" else None

    monkeypatch.setattr(cli_admin, "document_of", lambda config: None)
    monkeypatch.setattr(cli_admin, "admin_request", ask)
    return found


@pytest.mark.parametrize(
    ("words", "query"),
    [
        (["--tag", "item-7", "--tag", "a&b"], "tag=item-7&tag=a%26b"),
        (["--url", "https://a.example/x?y=1"], "url=https%3A%2F%2Fa.example%2Fx%3Fy%3D1"),
        (["--prefix", "/x", "--route", "item"], "prefix=%2Fx&route=item"),
        (["--all"], "all=true"),
    ],
)
def test_what_is_purged(asked: list[tuple[str, str]], words: list[str], query: str) -> None:
    assert CliRunner().invoke(main, ["cache", "purge", *words]).exit_code == 0
    assert asked == [("DELETE", f"/api/cache?{query}")]


@pytest.mark.parametrize("words", [[], ["--all", "--tag", "a"]])
def test_it_must_be_said_what(asked: list[tuple[str, str]], words: list[str]) -> None:
    assert CliRunner().invoke(main, ["cache", "purge", *words]).exit_code == 2
    assert not asked


def test_counts_for_people(asked: list[tuple[str, str]]) -> None:
    assert CliRunner().invoke(main, ["cache", "stats"]).output == "item: 3 hits, 1 misses\n"


def test_what_is_wrong_is_one_line(asked: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*arguments: object) -> None:
        raise cli_admin.Problem("the admin API does not answer")

    monkeypatch.setattr(cli_admin, "admin_request", ask)
    result = CliRunner().invoke(main, ["cache", "purge", "--all"])
    assert (result.exit_code, result.output) == (1, "the admin API does not answer\n")
