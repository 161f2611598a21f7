"""`gateway import openapi`: what it prints is a configuration that `gateway check` accepts."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.group import main
from gateway.config.document import load, loads
from gateway.routing.openapi.cli import dump

SHOP = Path(__file__).parents[2] / "conf" / "examples" / "shop.yaml"


@pytest.fixture
def gateway(tmp_path, monkeypatch):
    """Run a command line beside a copy of the shop's document."""
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(SHOP.read_text())
    return lambda *words: CliRunner().invoke(main, words)


def test_the_small_form(gateway, tmp_path):
    made = gateway("import", "openapi", "shop.yaml")
    assert (made.exit_code, made.stderr) == (0, "")
    (tmp_path / "gateway.yaml").write_text(made.stdout)
    assert gateway("check").stdout.splitlines()[-1].startswith("OK: 6 routes, 1 upstream")
    document = load("gateway.yaml")
    assert [target.url for target in document.upstreams[0].targets] == ["http://127.0.0.1:9101"]
    assert len(made.stdout.splitlines()) == 9


def test_written_out_it_means_the_same(gateway, tmp_path):
    small = loads(gateway("import", "openapi", "shop.yaml").stdout, base=tmp_path)
    made = gateway("import", "openapi", "shop.yaml", "--expand", "--upstream", "http://10.0.0.1:80")
    assert "openapi" not in made.stdout
    (tmp_path / "gateway.yaml").write_text(made.stdout)
    assert gateway("check").stdout.startswith("OK: 6 routes, 1 upstream")
    whole = load("gateway.yaml")
    assert [target.url for target in whole.upstreams[0].targets] == ["http://10.0.0.1:80"]

    def asked(document):
        found = {}
        for route in document.routes:
            parts = {"params": None, "query": None, "headers": None, "body": None}
            for part in parts if route.validate else ():
                schema = getattr(route.validate, part)
                parts[part] = schema and json.loads(dict(schema.documents)[schema.root])
            found[route.name] = (route.match, route.rewrite, parts, route.validate and route.validate.content_types)
        return found

    assert asked(small) == asked(whole)


def test_a_document_that_is_not_there(gateway):
    made = gateway("import", "openapi", "nowhere.yaml")
    assert (made.exit_code, made.stdout) == (2, "")
    assert made.stderr.endswith("File 'nowhere.yaml' does not exist.\n")


def test_mistakes_are_told_instead(gateway, tmp_path):
    (tmp_path / "shop.yaml").write_text(SHOP.read_text().replace("#/components/schemas/Range", "#/nowhere"))
    made = gateway("import", "openapi", "shop.yaml")
    assert (made.exit_code, made.stdout) == (1, "")
    assert made.stderr.startswith("shop.yaml:16:") and "leads nowhere" in made.stderr


def test_an_upstream_must_be_known(gateway, tmp_path):
    (tmp_path / "shop.yaml").write_text(SHOP.read_text().replace("http://127.0.0.1:9101/v1", "/v1"))
    made = gateway("import", "openapi", "shop.yaml")
    assert made.exit_code == 2 and "--upstream" in made.stderr
    assert gateway("import", "openapi", "shop.yaml", "--upstream", "http://a:1").exit_code == 0


@pytest.mark.parametrize("text", ["on", "012", "0o14", "1e3", "null", "", "~", "${env:HOME}", "$${", "a: b", "é", "#"])
def test_strings_are_read_as_they_were(text):
    written = {
        "version": 1,
        "routes": [{"name": "a", "match": {"path": "/a"}, "respond": {"status": 200, "body": text}}],
    }
    assert loads(dump(written), env={}).routes[0].respond.body == text
