"""What came from a reference is known to be such wherever people look at routes."""

import pytest

from gateway.config.document import loads

TEXT = """
version: 1
upstreams: {app: {targets: ["http://127.0.0.1:9"]}}
defaults: {headers: {request: {set: {X-All: "${env:SECRET}", X-Own: "${env:SECRET}"}}}}
routes:
  - name: a
    match: {path: /a, headers: {X-Group: "${env:SECRET}", X-Open: b}, query: {key: "${env:SECRET}"}}
    upstream: app
    headers: {request: {set: {X-Own: plain}, add: {X-Key: "Bearer ${env:SECRET}"}}}
"""


@pytest.fixture
def route():
    return loads(TEXT, env={"SECRET": "hush"}).routes[0]


def test_what_a_route_wants(route):
    match = route.match
    assert match.shown(match.headers) == {"X-Group": "***", "X-Open": "b"}
    assert match.shown(match.query) == {"key": "***"}
    assert dict(match.headers)["X-Group"] == "hush"


def test_what_a_route_sets(route):
    assert set(route.headers.request.hidden) == {"x-key", "x-all"}
    assert dict(route.headers.request.set) == {"X-Own": "plain", "X-All": "hush"}
