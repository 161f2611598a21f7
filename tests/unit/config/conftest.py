"""What the tests of the configuration share: a smallest good text, and a way to see every complaint about a bad one."""

from collections.abc import Callable

import pytest

from gateway.config.document import ConfigError, Document, loads

SMALLEST = """\
version: 1
upstreams:
  app: {targets: [http://127.0.0.1:9000]}
routes:
  - name: all
    match: {path: "/{rest:path}"}
    upstream: app
"""


@pytest.fixture
def smallest() -> str:
    return SMALLEST


@pytest.fixture
def complaints(tmp_path) -> Callable[..., list[str]]:
    """All complaints about a text as strings; empty when it is good."""

    def of(text: str, **env: str) -> list[str]:
        try:
            loads(text, "x.yaml", base=tmp_path, env=env)
        except ConfigError as error:
            return [str(complaint) for complaint in error.complaints]
        return []

    return of


@pytest.fixture
def route(tmp_path) -> Callable[..., Document]:
    """A document with one route made of the lines given."""

    def of(*lines: str, before: str = "", **env: str) -> Document:
        body = "".join(f"    {line}\n" for line in lines)
        head = "version: 1\nupstreams: {app: {targets: [http://127.0.0.1:9000]}}\n"
        return loads(f"{head}{before}routes:\n  - name: r\n{body}", "x.yaml", base=tmp_path, env=env)

    return of
