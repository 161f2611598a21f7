"""Three changes of CONTRIBUTING.md made in a copy of the tree: a policy, an option and an endpoint."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.house.tree import ROOT
from tests.support.operations import running

POLICY = '''"""request-tag: a field that marks requests on their way to the upstream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from gateway.config.compiling import CompileContext, Compiler
from gateway.config.options import Options, Schema, read, schema_of, text
from gateway.contracts import Step, Steps

if TYPE_CHECKING:
    from gateway.config.model import Route
    from gateway.config.reader import OptionReader
    from gateway.config.reading import RouteContext


class RequestTag(Options, frozen=True):
    """The field's name and its value."""

    name: Annotated[str, text("a header name", "The field.", default="X-Tag")]
    value: Annotated[str, text("a string", "Its value.").must()]
    where: str


def route_keys() -> dict[str, Schema]:
    """The keys of a route."""
    return {"request_tag": schema_of(RequestTag, "A field that marks requests.")}


def read_tag(holder: OptionReader, context: RouteContext) -> RequestTag | None:
    """The section, None where it is not written."""
    return read(RequestTag, holder.section("request_tag")) if "request_tag" in holder else None


class RequestTagCompiler(Compiler):
    """Makes the step."""

    def __init__(self, context: CompileContext) -> None:
        """Nothing of it depends on the rest of the document."""

    def steps(self, route: Route) -> Iterator[Step]:
        """The step of a route."""
        spec = route.of(RequestTag)
        if spec is not None:
            pair = (spec.name, spec.value)
            hook = lambda exchange: exchange.edit_headers().append(pair)
            yield Step("request-tag", spec.where, Steps(on_request=hook))
'''
FEATURE = """    Feature(
        "request-tag",
        route_keys="gateway.policies.request_tag.policy:route_keys",
        route={"request_tag": "gateway.policies.request_tag.policy:read_tag"},
        compile="gateway.policies.request_tag.policy:RequestTagCompiler",
    ),
    Feature("handlers", compile="""
ENDPOINT = '''

class Hello(Resource):
    """GET /api/hello"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer."""
        answer(resp, {"hello": "world"})


ENDPOINTS: Final = (
    Endpoint("/api/hello", Hello, {"GET": "say hello"}),'''
CONFIG = """
version: 1
server: {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: 1}
upstreams:
  shop: {targets: ["http://127.0.0.1:1"]}
routes:
  - name: shop
    match: {path: /shop}
    upstream: shop
    request_tag: {value: blue}
    compress: {level: 7}
"""


def change(path, before, after):
    """Put `after` in the place of the one `before`."""
    text = path.read_text()
    assert text.count(before) == 1, (path, text.count(before))
    path.write_text(text.replace(before, after))


@pytest.fixture
def copy(tmp_path):
    """The tree with three changes: six files, none of them in more than one room but features.py."""
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "gateway", tree / "gateway", ignore=shutil.ignore_patterns("__pycache__", "*.c"))
    room = tree / "gateway" / "policies" / "request_tag"
    room.mkdir()
    (room / "__init__.py").touch()
    (room / "policy.py").write_text(POLICY)
    features = tree / "gateway" / "features.py"
    change(features, '    Feature("handlers", compile=', FEATURE)
    change(features, '"rewrite", "headers"', '"rewrite", "request-tag", "headers"')
    options = tree / "gateway" / "policies" / "compress" / "options.py"
    change(
        options,
        "\n    where: str\n",
        '\n    level: Annotated[int, integer("How hard it is tried.", 1, 9, 6)]\n    where: str\n',
    )
    change(options, "import Options, ", "import Options, integer, ")
    change(tree / "gateway" / "cache" / "admin.py", "\n\nENDPOINTS: Final = (", ENDPOINT)
    return tree


def run(tree, *command):
    """What a command of the copy prints, and its status."""
    env = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", *command], cwd=tree.parent, env=env, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def test_a_policy_an_option_and_an_endpoint(copy, tmp_path):
    status, text = run(copy, "schema")
    route = json.loads(text)["properties"]["routes"]["items"]["properties"]
    assert status == 0 and route["request_tag"]["properties"]["name"]["default"] == "X-Tag"
    assert "level" in json.dumps(route["compress"])

    with running(tmp_path, CONFIG, env={"PYTHONPATH": str(copy)}) as gateway:
        status, text = run(copy, "check", "-c", str(gateway.config))
        assert status == 0 and text.startswith("OK: 1 route")
        status, text = run(copy, "explain", "GET", "/shop", "-c", str(gateway.config))
        assert status == 0 and "request-tag" in text
        wrong = tmp_path / "wrong.yaml"
        words = gateway.config.read_text().replace("level: 7", "level: 70").replace("value: blue", "valeu: blue")
        wrong.write_text(words)
        status, text = run(copy, "check", "-c", str(wrong))
        assert status == 1 and "a whole number from 1 to 9" in text and "did you mean `value`?" in text
        assert gateway.admin("/")[1]["endpoints"]["GET /api/hello"] == "say hello"
        assert gateway.admin("/api/hello") == (200, {"hello": "world"})
