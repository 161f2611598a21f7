"""`grpc` of routes and of targets: what it becomes, and every mistake with its place."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from gateway.config.compile import compile
from gateway.config.diagnostics import ConfigError
from gateway.config.document import load
from gateway.config.model import Document
from gateway.handlers.grpc import options as grpc
from tests.support.shop import METHODS, SERVICE, descriptor_set, file, rule

HEAD = """version: 1
upstreams:
  shop: {targets: ['grpc://127.0.0.1:50051', 'grpc://shop:443']TARGET}
  plain: {targets: ['http://127.0.0.1:1']}
routes:
  - name: orders
    match: {path: "/v1/orders/{rest:path}"}
    grpc: {upstream: shop, MORE}
"""
GOOD = "descriptors: shop.pb"


def read(folder: Path, more: str = GOOD, target: str = "", data: bytes | None = None, text: str = HEAD) -> Document:
    (folder / "shop.pb").write_bytes(descriptor_set() if data is None else data)
    (folder / "x.yaml").write_text(text.replace("MORE", more).replace("TARGET", target))
    return load(str(folder / "x.yaml"))


def refused(folder: Path, *given: str, data: bytes | None = None, text: str = HEAD) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, *given, data=data, text=text)
    return str(caught.value)


def test_what_is_written_and_what_is_not(tmp_path: Path) -> None:
    document = read(tmp_path)
    spec = document.routes[0].grpc
    assert spec is not None
    assert (spec.upstream, spec.services, spec.most, spec.defaults, spec.file) == (
        "shop",
        (),
        4 << 20,
        False,
        "shop.pb",
    )
    assert spec.descriptors == descriptor_set()
    assert [(each.scheme, each.port) for each in document.upstreams[0].targets] == [("grpc", 50051), ("grpc", 443)]
    assert str(tmp_path / "shop.pb") in document.files
    plan = compile(document)
    assert (plan.routes[0].upstream, plan.kept[2:]) == ("grpc", ())


def test_another_descriptor_set_is_another_configuration(tmp_path: Path) -> None:
    one = read(tmp_path).version
    made = file()
    made.message_type.add(name="More")
    assert read(tmp_path, data=descriptor_set(made)).version != one


def test_reflection_is_kept_while_the_plan_serves(tmp_path: Path) -> None:
    spec = read(tmp_path, f"reflection: true, services: [{SERVICE}], max_message: 1MB, defaults: true").routes[0].grpc
    assert spec is not None
    assert (spec.descriptors, spec.most, spec.services, spec.defaults) == (b"", 1 << 20, (SERVICE,), True)
    assert len(compile(read(tmp_path, "reflection: true")).kept) == len(compile(read(tmp_path)).kept) + 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("defaults: false", "x.yaml:8:5: routes[0].grpc: nobody says what can be called"),
        ("descriptors: shop.pb, reflection: true", "either `descriptors` or `reflection`, not both"),
        ("descriptors: none.pb", 'x.yaml:8:41: routes[0].grpc.descriptors: the file "none.pb" cannot be read'),
        (
            "descriptors: shop.pb, services: [shop.v1.Order]",
            'has no service "shop.v1.Order" (did you mean `shop.v1.Orders`?)',
        ),
        ("descriptors: shop.pb, max_message: 4", "expected a size"),
        ("descriptor: shop.pb", "did you mean `descriptors`?"),
    ],
)
def test_mistakes(tmp_path: Path, more: str, words: str) -> None:
    assert words in refused(tmp_path, more)


def test_descriptors_that_cannot_be_used(tmp_path: Path) -> None:
    assert 'the file "shop.pb" cannot be used: it is no descriptor set' in refused(tmp_path, data=b"x")
    bare = file()
    for method in bare.service[0].method:
        method.ClearField("options")
    found = refused(tmp_path, data=descriptor_set(bare))
    assert 'no method in the file "shop.pb" has a google.api.http rule' in found
    elsewhere = refused(tmp_path, text=HEAD.replace("/v1/orders/{rest:path}", "/v2/{id}"))
    assert "fits the route's path /v2/{id}" in elsewhere and "it has " in elsewhere
    broken = file()
    rule(broken.service[0].method[0], "GET /v1/{nope}")
    assert "has no field nope" in refused(tmp_path, data=descriptor_set(broken))


def test_a_method_that_takes_a_stream_is_refused_where_the_route_reaches_it(tmp_path: Path) -> None:
    made = file()
    made.service[0].method[0].client_streaming = True
    assert METHODS[0][0] == "Get"
    assert "shop.v1.Orders.Get takes a stream of messages" in refused(tmp_path, data=descriptor_set(made))
    read(tmp_path, data=descriptor_set(made), text=HEAD.replace("/v1/orders/{rest:path}", "/v1/orders:x"[:10]))


@pytest.mark.parametrize(
    ("target", "text", "words"),
    [
        (", health: {path: '/a b'}", HEAD, "expected a path"),
        (", health: {path: /healthz/x}", HEAD, "names no service"),
        ("", HEAD.replace("'grpc://shop:443'", "'http://shop'"), "stand beside others"),
        ("", HEAD.replace("upstream: shop,", "upstream: plain,"), 'the upstream "plain" does not speak gRPC'),
        ("", HEAD.replace("grpc: {upstream: shop, MORE}", "upstream: shop"), 'the upstream "shop" speaks gRPC'),
        (
            "",
            HEAD.replace("{upstream: shop, MORE}", "{upstream: shop, MORE}\n    rewrite: /x"),
            "no effect beside `grpc`",
        ),
        ("", HEAD.replace("grpc://shop", "grcp://shop"), "did you mean `grpc`?"),
    ],
)
def test_targets(tmp_path: Path, target: str, text: str, words: str) -> None:
    assert words in refused(tmp_path, GOOD, target, text=text)


def test_targets_that_are_found_speak_it_too(tmp_path: Path) -> None:
    text = HEAD.replace("targets: ['grpc://127.0.0.1:50051', 'grpc://shop:443']", "dns: 'grpcs://shop.svc:50051'")
    document = read(tmp_path, text=text)
    assert document.upstreams[0].is_grpc
    compile(document)


@pytest.mark.parametrize("missing", ["h2", "google.protobuf", "google.api.annotations_pb2"])
def test_the_packages_it_needs_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    found = grpc.find_spec
    monkeypatch.setattr(grpc, "find_spec", lambda name: None if name == missing else found(name))
    assert "x.yaml:8:5: routes[0].grpc: gRPC needs the packages h2, protobuf and" in refused(tmp_path)


def test_a_package_within_one_that_is_not_there_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc, "find_spec", lambda name: find_spec(f"not_there.{name}"))
    assert "gRPC needs the packages h2, protobuf and" in refused(tmp_path)
