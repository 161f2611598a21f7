"""Complaints: several at once, about files that cannot be used, and as values."""

import pickle

import pytest

from gateway.config.diagnostics import ConfigError, Diagnostic, among, at, closest_match, did_you_mean, path_text
from gateway.config.document import load, loads

HEAD = "version: 1\nupstreams: {app: {targets: [http://127.0.0.1:9000]}}\n"


def test_three_different_mistakes_are_reported_in_one_go(complaints):
    found = complaints(
        "version: 1\n"
        "upstreams:\n"
        "  catalog: {targets: [http://127.0.0.1:9101], pool: {idle: 5}}\n"
        "routes:\n"
        "  - name: item\n"
        "    match: {path: '/items/{id}'}\n"
        "    upstream: catalogue\n"
        "    rewite: /x\n"
    )
    assert found == [
        (
            "x.yaml:3:60: upstreams.catalog.pool.idle: expected a duration such as 250ms, 5s, 10m or 1h,"
            " found the number 5 (a number needs its unit: `5s`?)"
        ),
        'x.yaml:7:15: routes[0].upstream: there is no upstream "catalogue" (did you mean `catalog`?)',
        "x.yaml:8:5: routes[0].rewite: unknown key (did you mean `rewrite`?)",
    ]


def test_a_mistake_that_aliases_repeat_is_said_once(complaints):
    text = HEAD + "defaults: {headers: &h {request: {sett: {}}}}\nroutes:\n" + "".join(
        f"  - {{name: r{n}, match: {{path: /{n}}}, upstream: app, headers: *h}}\n" for n in range(50)
    )  # fmt: skip
    assert complaints(text) == ["x.yaml:3:35: defaults.headers.request.sett: unknown key (did you mean `set`?)"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "gateway.yaml: cannot be read: no such file or directory"),
        (lambda path: path.mkdir(), "gateway.yaml: is a directory, not a file (name a file in it)"),
        (lambda path: path.write_text(""), "gateway.yaml: the file is empty"),
        (lambda path: path.write_bytes(bytes(range(256))), "gateway.yaml:2:118: not text in UTF-8"),
        (lambda path: path.write_text("a:\n\tb: 1\n"), "gateway.yaml:2:1: YAML syntax: "),
    ],
)
def test_a_file_that_cannot_be_used_gets_one_complaint(tmp_path, make, words):
    path = tmp_path / "gateway.yaml"
    make(path)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert len(caught.value.complaints) == 1
    assert words in str(caught.value)
    assert caught.value.files == (str(path),)


def test_a_complaint_as_text_and_as_json():
    complaint = at(("conf/x.yaml", 12, 5), ("routes", 2, "rate_limit", 0, "rate"), "unknown key", "did you mean `x`?")
    assert str(complaint) == "conf/x.yaml:12:5: routes[2].rate_limit[0].rate: unknown key (did you mean `x`?)"
    assert complaint.to_json() == {
        "file": "conf/x.yaml", "line": 12, "column": 5, "path": "routes[2].rate_limit[0].rate",
        "message": "unknown key", "hint": "did you mean `x`?",
    }  # fmt: skip
    assert str(Diagnostic("x", 0, 0, "", "is empty")) == "x: is empty"


def test_an_error_travels_between_processes():
    with pytest.raises(ConfigError) as caught:
        loads("version: 2\n", "x.yaml")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.complaints, copy.files, str(copy)) == (caught.value.complaints, (), str(caught.value))


def test_paths_and_spellings():
    assert path_text(()) == ""
    assert path_text(("upstreams", "shop-grpc", "a b", 0)) == 'upstreams.shop-grpc["a b"][0]'
    assert closest_match("RETRY", ["retry", "read"]) == "retry"
    assert closest_match("x", ["retry"]) == ""
    assert did_you_mean("bnd", ["bind", "admin"]) == "did you mean `bind`?"


def test_what_there_is_is_listed_up_to_twenty():
    assert among("bnd", ["bind", "admin"]) == "did you mean `bind`? there are: admin, bind"
    assert among("x", ["bind"]) == "there are: bind"
    assert among("x", []) == "there is none"
    names = [f"route-{number}" for number in range(25)]
    assert among("x", names).endswith(" and 5 more") and among("x", names).count("route-") == 20
