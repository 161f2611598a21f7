"""`compress`: what is read, defaults under routes, and every complaint about it."""

import pytest

from gateway.config.document import loads
from gateway.policies.compress.options import TYPES, Compress

UP = "version: 1\nupstreams: {up: {targets: ['http://127.0.0.1:1']}}\n"


def read(route: str = "", defaults: str = "") -> Compress | None:
    ours = f", compress: {route}" if route else ""
    under = f"defaults: {{compress: {defaults}}}\n" if defaults else ""
    return (
        loads(f"{UP}{under}routes:\n  - {{name: a, match: {{path: /a}}, upstream: up{ours}}}\n", "x.yaml")
        .routes[0]
        .compress
    )


def test_what_is_written_and_what_is_not() -> None:
    assert read() is None
    assert read("{}") == Compress(("zstd", "br", "gzip"), 1024, TYPES, "x.yaml:4")
    found = read("{algorithms: [gzip], min_size: 4KB, types: [Text/Plain, image/*]}")
    assert found == Compress(("gzip",), 4096, ("text/plain", "image/*"), "x.yaml:4")


def test_a_route_has_its_own_or_the_defaults_or_none() -> None:
    assert read("", "{algorithms: [br]}") == Compress(("br",), 1024, TYPES, "x.yaml:3")
    own = read("{min_size: 0B}", "{algorithms: [br]}")
    assert own is not None and own.algorithms == ("zstd", "br", "gzip")
    assert read("off", "{algorithms: [br]}") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on", "expected `off` or a mapping"),
        ("{algorithms: []}", "compress.algorithms: the list is empty"),
        ("{algorithms: [gz]}", "expected `zstd` or `br` or `gzip`"),
        ("{algorithms: [br, br]}", '"br" is there twice'),
        ("{algorithm: [br]}", "did you mean `algorithms`?"),
        ("{types: [json]}", "expected a media type such as application/json or text/*"),
        ("{min_size: 5}", "expected a size"),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    with pytest.raises(Exception, match=r"x\.yaml:4") as caught:
        read(text)
    assert expected in str(caught.value)
