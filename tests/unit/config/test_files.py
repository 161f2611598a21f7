"""Several files as one configuration, and the version of its content."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.document import ConfigError, load, loads


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "main.yaml"


MAIN = "version: 1\ninclude: [routes/*.yaml, more.json]\nupstreams:\n  a: {targets: [http://a]}\n"


def test_included_files_add_to_the_first(tmp_path):
    path = write(tmp_path, {
        "main.yaml": MAIN,
        "routes/2.yaml": "routes:\n  - {name: two, match: {path: /2}, upstream: b}\n",
        "routes/1.yaml": "version: 1\nroutes:\n  - {name: one, match: {path: /1}, upstream: a}\n",
        "routes/3.txt": "not read",
        "more.json": '{"upstreams": {"b": {"targets": ["unix:b.sock"], "tls": {"ca": "certs/ca.crt"}}},'
             '"include": ["deep/*"]}',
        "certs/ca.crt": "pem",
        "deep/plugins.yaml": "plugins: [x.y]\nserver: {bind: 'unix:gw.sock'}\n",
    })  # fmt: skip
    document = load(path)
    assert [(route.name, os.path.basename(route.where)) for route in document.routes] == [
        ("one", "1.yaml:3"), ("two", "2.yaml:2"),
    ]  # fmt: skip
    assert document.upstreams[1].targets[0].socket == str(tmp_path / "b.sock")
    assert document.server.bind == (f"unix:{tmp_path}/deep/gw.sock",)
    assert document.plugins == ("x.y",)
    assert set(document.files) == {
        str(tmp_path / name)
        for name in ("main.yaml", "routes/1.yaml", "routes/2.yaml", "more.json", "certs/ca.crt", "deep/plugins.yaml")
    }
    assert document.patterns == (str(tmp_path / "routes/*.yaml"), str(tmp_path / "deep/*"))


def test_names_are_unique_over_all_files_and_complaints_name_both_places(tmp_path, monkeypatch):
    write(tmp_path, {
        "main.yaml": MAIN + "server: {}\nroutes: [{name: r, match: {path: /}, upstream: a}]\n",
        "routes/1.yaml": "upstreams:\n  a: {targets: [http://b]}\nserver: {}\n",
        "more.json": '{"routes": [{"name": "r", "match": {"path": "/2"}, "upstream": "nope"}], "routs": 1}',
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load("main.yaml")
    assert [str(one) for one in caught.value.complaints] == [
        "routes/1.yaml:2:3: upstreams.a: the upstream is written twice, first at main.yaml:4",
        "routes/1.yaml:3:1: server: the section is in two files; the other is at main.yaml:5",
        'more.json:1:22: routes[0].name: the route "r" is written twice, first at main.yaml:6',
        'more.json:1:64: routes[0].upstream: there is no upstream "nope"',
        "more.json:1:74: routs: unknown key (did you mean `routes`? it is there already)",
    ]


def test_a_broken_included_file_brings_no_complaints_about_what_it_would_have_held(tmp_path, monkeypatch):
    write(tmp_path, {
        "main.yaml": MAIN + "routes: [{name: r, match: {path: x}, upstream: b}]\n",
        "more.json": "{",
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load("main.yaml")
    assert [str(one)[:40] for one in caught.value.complaints] == [
        "main.yaml:5:34: routes[0].match.path: ex",
        "more.json:2:1: YAML syntax: did not find",
    ]


def test_files_that_include_each_other_are_read_once(tmp_path):
    path = write(
        tmp_path, {"main.yaml": "version: 1\ninclude: ['*.yaml']\n", "b.yaml": "include: [main.yaml, b.yaml]\n"}
    )
    assert load(path).files == (str(tmp_path / "main.yaml"), str(tmp_path / "b.yaml"))


def test_a_short_token_beyond_this_machine_is_warned_of():
    def warned(admin, token):
        text = f"version: 1\nserver: {{admin: '{admin}', admin_token: {token}}}\nroutes: []\n"
        return [str(each) for each in loads(text).warnings if "admin_token" in each.path]

    (warning,) = warned("0.0.0.0:8001", "hunter2")
    assert "server.admin_token: the token is short enough to be guessed" in warning
    assert "hunter2" not in warning
    assert warned("0.0.0.0:8001", "0123456789abcdef") == warned("127.0.0.1:8001", "hunter2") == []


def test_a_pattern_that_no_file_fits_is_warned_of(tmp_path):
    path = write(tmp_path, {"main.yaml": "version: 1\ninclude: ['parts/*.yaml']\nroutes: []\n"})
    (warning,) = [str(each) for each in load(path).warnings if "include" in each.path]
    assert warning == f'{path}:2:11: include[0]: there is no file of the name "parts/*.yaml"'


def test_secret_files_are_among_the_files_even_of_a_bad_configuration(tmp_path):
    path = write(tmp_path, {"main.yaml": "version: 1\nserver: {admin_token: '${file:token}', bad: 1}\n", "token": "x"})
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert set(caught.value.files) == {str(path), str(tmp_path / "token")}


def test_form_order_and_comments_do_not_change_the_version(smallest, tmp_path):
    same = (
        "# a comment\n"
        "{\"routes\": [{\"upstream\": \"app\", 'name': all, match: {path: '/{rest:path}'}}], 'version': 1,\n"
        " upstreams: {app: {targets: ['${env:T:-http://127.0.0.1:9000}']}}}"
    )
    assert loads(same, env={}).version == loads(smallest, base=tmp_path).version
    assert len(loads(same, env={}).version) == 16


def test_written_defaults_and_the_split_into_files_do_not_change_it(smallest, tmp_path):
    version = loads(smallest).version
    assert loads(smallest + "store: memory\nserver: {workers: auto, limits: {headers: 100}}\n").version == version
    head, routes = smallest.split("routes:\n")
    path = write(tmp_path, {"main.yaml": head + "include: [r.yaml]\n", "r.yaml": "routes:\n" + routes})
    assert load(path).version == version


def test_content_changes_it_whether_in_the_text_a_secret_or_a_certificate(smallest, tmp_path):
    text = smallest + "    headers: {request: {set: {X-Key: '${file:key}'}}}\n"
    text = text.replace("9000]", "9000], tls: {ca: ca.crt}")
    versions = set()
    for key, ca, status in (("1", "1", 1), ("2", "1", 1), ("2", "2", 1), ("2", "2", 2)):
        write(tmp_path, {"key": key, "ca.crt": ca})
        versions.add(loads(text + f"    priority: {status}\n", base=tmp_path).version)
    assert len(versions) == 4


ROUTES = st.lists(st.integers(0, 30), unique=True, min_size=1, max_size=6)


@given(ROUTES, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_routes_and_keys_never_changes_it(numbers, random, as_json):
    def text(order):
        routes = []
        for number in order:
            members = [
                ("name", f"r{number}"),
                ("match", {"path": f"/{number}"}),
                ("upstream", "a"),
                ("priority", number),
            ]
            random.shuffle(members)
            routes.append(dict(members))
        return json.dumps(
            {"version": 1, "upstreams": {"a": {"targets": ["http://h"]}}, "routes": routes},
            indent=random.choice([None, 2]),
        )

    shuffled = numbers[:]
    random.shuffle(shuffled)
    assert loads(text(numbers)).version == loads(text(shuffled)).version
    assert loads(text(numbers)).version != loads(text(numbers[1:])).version


def test_an_included_file_that_cannot_be_read_is_told_where_it_is_named(tmp_path, monkeypatch):
    write(tmp_path, {"main.yaml": "version: 1\ninclude: [x.yaml, 'parts/*']\nroutes: []\n"})
    (tmp_path / "x.yaml").mkdir()
    (tmp_path / "parts" / "old").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load("main.yaml")
    assert str(caught.value).splitlines() == [
        "main.yaml:2:11: include[0]: the file x.yaml is a directory, not a file (name a file in it)",
        "main.yaml:2:19: include[1]: the file parts/old is a directory, not a file (name a file in it)",
    ]
