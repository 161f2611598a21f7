"""`cors`: what is read, and every complaint about it."""

# ruff: noqa: E501 (a table has a row a line)

import pytest

from gateway.config.document import loads
from gateway.policies.cors.options import Cors

HEAD = "version: 1\ncors:\n  web: "


def read(text: str) -> Cors:
    return loads(f"{HEAD}{{{text}}}\n", "x.yaml").cors[0]


def test_what_is_not_written():
    assert read("origins: ['*']") == Cors("web", ("*",), (), (), (), False, False, 600.0, "x.yaml:3")


def test_what_is_written():
    found = read(
        "origins: ['https://*.Example.com', 'http://localhost:3000', 're:^https://[a-z]+\\.x\\.test$', app://local],"
        " methods: [GET, PURGE], headers: [Authorization, X-A], expose: [X-Request-ID], credentials: true,"
        " private_network: true, max_age: 0s"
    )
    origins = ("https://*.example.com", "http://localhost:3000", r"re:^https://[a-z]+\.x\.test$", "app://local")
    assert found == Cors(
        "web", origins, ("GET", "PURGE"), ("Authorization", "X-A"), ("X-Request-ID",), True, True, 0.0, "x.yaml:3"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "x.yaml:3:8: cors.web.origins: is missing"),
        ("origins: []", "cors.web.origins: the list is empty"),
        ("origins: ['']", "cors.web.origins[0]: expected an origin such as https://app.example.com"),
        (
            "origins: [https://a.test/]",
            'x.yaml:3:19: cors.web.origins[0]: "https://a.test/" is not an origin: it ends after host and port (did you mean `https://a.test`?)',
        ),
        ("origins: ['https://a.test/path?x']", "did you mean `https://a.test`?"),
        ("origins: ['https://u@a.test']", "is not an origin"),
        ("origins: [a.test]", '"a.test" is not an origin (such as https://app.example.com'),
        ("origins: ['https://a.test:443']", "browsers leave out (did you mean `https://a.test`?)"),
        ("origins: ['http://a.test:80']", "browsers leave out"),
        ("origins: ['http://a.test:443']", None),
        ("origins: ['https://a.test:']", "has no port from 1 to 65535"),
        ("origins: ['https://a.test:99999']", "has no port from 1 to 65535"),
        ("origins: ['https://[::1]:8443']", None),
        ("origins: ['https://a.*.test']", "(a wildcard stands only in front: https://*.example.com)"),
        ("origins: ['https://*']", "is not a host name"),
        ("origins: ['https://*x.test']", "is not a host name"),
        ("origins: ['*.a.test']", "is not an origin"),
        ("origins: ['app://*.local']", "has a wildcard, which only http and https have"),
        ("origins: ['re:(']", "is not a regular expression: "),
        ("origins: ['re:']", "has no pattern"),
        ("origins: ['*', '*']", '"*" is there twice'),
        ("origins: [https://a.test, https://A.test]", '"https://A.test" is there twice'),
        ("origins: ['*'], credentials: true", 'cors.web.origins[0]: with `credentials` the origins may not be "*"'),
        ("origins: ['null'], credentials: true", 'with `credentials` the origins may not be "null"'),
        ("origins: ['null']", None),
        ("origins: ['*'], methods: [get]", '"get" is not a method in upper case'),
        (
            "origins: ['*'], methods: ['*']",
            'cors.web.methods: "*" is no method (leave `methods` out to allow those of the route)',
        ),
        ("origins: ['*'], methods: []", "cors.web.methods: the list is empty"),
        (
            "origins: ['*'], headers: ['*']",
            'cors.web.headers[0]: "*" is taken for a header of this name (leave `headers` out',
        ),
        ("origins: ['*'], headers: [A, a]", 'cors.web.headers[1]: "a" is there twice'),
        ("origins: ['*'], expose: ['*']", None),
        (
            "origins: [https://a.test], expose: ['*'], credentials: true",
            'cors.web.expose[0]: "*" is taken for a header',
        ),
        ("origins: ['*'], max_age: 600", "a number needs its unit: `600s`?"),
        ("origin: ['*']", "cors.web.origin: unknown key (did you mean `origins`?)"),
    ],
)
def test_one_mistake_gets_one_complaint(complaints, text, expected):
    found = complaints(f"{HEAD}{{{text}}}\n")
    if expected is None:
        assert found == []
        return
    assert expected in "\n".join(found)
    assert [one for one in found if expected not in one and "origins: is missing" not in one] == []


def test_a_name_is_no_switch_and_is_written_once(complaints, tmp_path):
    (found,) = complaints("version: 1\ncors: {off: {origins: ['*']}}\n")
    assert "cors.off: `off` cannot be a name" in found
    (tmp_path / "more.yaml").write_text("cors: {web: {origins: ['*']}}\n")
    (found,) = complaints("version: 1\ninclude: [more.yaml]\ncors: {web: {origins: ['*']}}\n")
    assert "cors.web: the name is written twice, first at x.yaml:3" in found


def test_a_route_names_one(complaints):
    text = "version: 1\ncors: {web: {origins: ['*']}}\nroutes: [{name: r, match: {path: /}, respond: {status: 200}, cors: wep}]\n"
    (found,) = complaints(text)
    assert 'routes[0].cors: there is no "wep" under `cors` (did you mean `web`?)' in found
    assert loads(text.replace("wep", "web")).routes[0].cors == "web"
