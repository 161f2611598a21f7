"""`gateway explain`: what it says about the quickstart's requests, and that nothing is sent."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.group import main

QUICKSTART = str(Path(__file__).parents[2] / "conf" / "quickstart.yaml")


def explain(*words, config=QUICKSTART):
    result = CliRunner().invoke(main, ["explain", "-c", config, "--format", "json", *words])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_winner_its_steps_and_the_final_url():
    told = explain("GET", "/items/7/reviews?stars=5")
    assert told["route"]["name"] == "item-reviews"
    assert told["route"]["where"].startswith(f"{QUICKSTART}:")
    assert told["params"] == {"id": "7"}
    assert told["upstream"]["name"] == "reviews"
    assert told["upstream"]["urls"] == ["http://127.0.0.1:9202/reviews?item=7"]
    assert told["upstream"]["total"] == 5
    assert [step["name"] for step in told["steps"]] == ["meter", "log", "response-headers", "guard", "rewrite"]
    text = Path(QUICKSTART).read_text().splitlines()
    line = int(next(step["where"] for step in told["steps"] if step["name"] == "rewrite").rpartition(":")[2])
    assert "rewrite:" in text[line - 1]


def test_which_came_close_and_on_what_they_failed():
    told = explain("DELETE", "/items/7")
    assert told["route"] is None
    assert (told["answer"]["status"], told["answer"]["error"]) == (405, "method-not-allowed")
    assert ["Allow", "GET, HEAD"] in told["answer"]["headers"]
    assert (told["close"][0]["name"], told["close"][0]["aspect"]) == ("item", "method")
    told = explain("GET", "/items/seven")
    assert (told["answer"]["status"], told["answer"]["error"]) == (404, "route-not-found")
    assert ("item", "path") in {(each["name"], each["aspect"]) for each in told["close"]}


def test_an_answer_of_the_gateways_own_is_shown():
    told = explain("GET", "http://shop.example.com/shop/items/3")
    assert told["request"]["host"] == "shop.example.com"
    assert told["answer"]["status"] == 301
    assert ["Location", "/items/3"] in told["answer"]["headers"]
    assert told["upstream"] is None


def test_a_path_that_is_refused():
    assert explain("GET", "/items/%00")["answer"]["status"] == 400
    assert explain("GET", "/a/../..")["answer"]["error"] == "malformed-request"


def test_a_path_with_two_slashes_in_front_is_a_path():
    told = explain("GET", "//items/7")
    assert told["request"]["path"] == "/items/7"
    assert told["route"]["name"] == "item"


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text(
        """\
version: 1
server: {bind: 0.0.0.0:8000}
upstreams:
  one: {targets: [http://10.0.0.1:80, "http://[::1]:81"]}
  two: {targets: ["unix:/run/two.sock"]}
  none: {targets: []}
routes:
  - name: beta
    match: {path: "/v1/{rest:path}", hosts: ["*.example.com"], methods: [GET], headers: {X-Beta: "1"}, query: {q: "*"}}
    upstream: one
    headers: {request: {set: {X-Set: "{query.q}"}, add: {X-Add: "{rest}"}, remove: [Accept]}}
  - {name: plain, match: {path: "/v1/{rest:path}"}, upstream: two}
  - {name: empty, match: {path: /empty}, upstream: none}
"""
    )
    return str(file)


def test_conditions_and_headers(config):
    asked = ("GET", "https://api.example.com/v1/a/b?q=x", "-H", "X-Beta: 1", "-H", "Accept: text/html")
    told = explain(*asked, config=config)
    assert told["route"]["name"] == "beta"
    assert told["headers"] == {"added": [["X-Set", "x"], ["X-Add", "a/b"]], "removed": [["Accept", "text/html"]]}
    assert told["upstream"]["urls"] == ["http://10.0.0.1:80/v1/a/b?q=x", "http://[::1]:81/v1/a/b?q=x"]
    said = CliRunner().invoke(main, ["explain", "-c", config, *asked]).stdout
    for words in (
        "host *.example.com, path /v1/{rest:path}, method GET, header X-Beta is '1', query q is there",
        "header    - Accept: text/html", "header    + X-Add: a/b", "to        http://10.0.0.1:80/v1/a/b?q=x",
        "less specific",
    ):  # fmt: skip
        assert words in said


@pytest.mark.parametrize(
    ("words", "aspect"),
    [
        (("GET", "http://example.com/v1/?q=1", "-H", "X-Beta: 1"), "host"),
        (("PUT", "http://a.example.com/v1/?q=1", "-H", "X-Beta: 1"), "method"),
        (("GET", "http://a.example.com/v1/?q=1", "-H", "X-Beta: 2"), "header"),
        (("GET", "http://a.example.com/v1/", "-H", "X-Beta: 1"), "query"),
    ],
)
def test_every_reason_to_lose(config, words, aspect):
    told = explain(*words, config=config)
    assert told["route"]["name"] == "plain"
    assert told["upstream"]["urls"] == ["unix:/run/two.sock " + words[1].partition(".com")[2]]
    assert [each["aspect"] for each in told["close"] if each["name"] == "beta"] == [aspect]


def test_an_upstream_without_targets(config):
    assert explain("GET", "/empty", config=config)["upstream"]["urls"] == []
    said = CliRunner().invoke(main, ["explain", "-c", config, "GET", "/empty"]).stdout
    assert "nowhere: it has no target" in said
    assert "host localhost" in said, "0.0.0.0 is no host to ask for"


@pytest.fixture
def parted(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text(
        """\
version: 1
upstreams:
  stable: {targets: [http://10.0.0.1:80], balance: {hash: ip}}
  fresh: {dns: "fresh.svc:8080"}
  shadow: {kubernetes: {service: shadow, namespace: shop, port: http}}
routes:
  - name: parted
    match: {path: "/p/{rest:path}"}
    split: {legs: [{upstream: stable, weight: 95}, {upstream: fresh, weight: 5}], sticky: cookie, override: X-Canary}
    mirror: {upstream: shadow, share: 10%}
  - {name: found, match: {path: /found}, upstream: shadow}
"""
    )
    return str(file)


def test_a_split_its_legs_and_the_mirror(parted):
    told = explain("GET", "/p/a", config=parted)["upstream"]
    assert (told["name"], told["why"], told["taken"], told["total"]) == ("split", "weight", None, 60)
    assert [(leg["name"], leg["share"], leg["balance"], leg["found"], leg["urls"]) for leg in told["legs"]] == [
        ("stable", 0.95, "hash", None, ["http://10.0.0.1:80/p/a"]),
        ("fresh", 0.05, "p2c", "dns fresh.svc:8080", []),
    ]
    assert told["mirror"] == {"name": "shadow", "where": f"{parted}:10", "share": 0.1}
    said = CliRunner().invoke(main, ["explain", "-c", parted, "GET", "/p/a"]).stdout
    for words in (
        "leg       stable, ",
        "0.95 of all\n",
        "to        what is found by dns fresh.svc:8080",
        "mirror    shadow, ",
    ):
        assert words in said
    assert "nowhere" not in said


def test_which_leg_a_header_takes(parted):
    asked = ("GET", "/p/a", "-H", "X-Canary: fresh")
    told = explain(*asked, config=parted)["upstream"]
    assert (told["why"], told["taken"]) == ("override", "fresh")
    assert "0.05 of all, which the override says" in CliRunner().invoke(main, ["explain", "-c", parted, *asked]).stdout


def test_targets_that_are_found(parted):
    told = explain("GET", "/found", config=parted)["upstream"]
    assert (told["found"], told["urls"], told["mirror"]) == ("kubernetes shop/shadow, port http", [], None)


def test_routes_name_the_legs(parted):
    said = CliRunner().invoke(main, ["routes", "-c", parted]).stdout
    assert "split stable 95, fresh 5, mirror shadow" in said


@pytest.fixture
def several(tmp_path):
    """An upstream for each way to choose a target."""
    kinds = ["p2c", "round_robin", "{hash: 'header:X-User'}", "{hash: 'path:{id}'}", "{hash: ip}", "{sticky: cookie}"]
    targets = "targets: [http://10.0.0.1:80, {url: 'http://10.0.0.2:80', weight: 3}]"
    lines = ["version: 1", "upstreams:", *(f"  u{n}: {{{targets}, balance: {kind}}}" for n, kind in enumerate(kinds))]
    lines += ["  found: {dns: 'app.test:80'}", "routes:", "  - {name: f, match: {path: /f}, upstream: found}"]
    lines += [f"  - {{name: r{n}, match: {{path: '/{n}/{{id}}'}}, upstream: u{n}}}" for n in range(len(kinds))]
    file = tmp_path / "gateway.yaml"
    file.write_text("\n".join(lines))
    return str(file)


def picked(config, *words):
    upstream = explain("GET", *words, config=config)["upstream"]
    return upstream["picked"]["url"], upstream["picked"]["why"]


def test_where_load_decides_that_is_said(several):
    upstream = explain("GET", "/0/x", config=several)["upstream"]
    assert (upstream["balance"], upstream["shares"]) == ("p2c", [0.25, 0.75])
    assert picked(several, "/0/x") == (
        None,
        "of two drawn by weight the one with the lower latency times requests in flight",
    )
    assert picked(several, "/1/x") == (None, "each in its turn, by weight")
    assert picked(several, "/f") == (None, "known once they are found")


def test_where_a_key_decides_the_target_is_told(several):
    assert picked(several, "/2/x")[1].startswith("without header:X-User: of two drawn")
    found = {picked(several, "/2/x", "-H", f"X-User: {name}")[0] for name in "abcdefgh"}
    assert found == {"http://10.0.0.1:80/2/x", "http://10.0.0.2:80/2/x"}
    url, why = picked(several, "/3/seven")
    assert url == picked(several, "/3/seven")[0]
    assert why == "the hash of path:id says so, which is 'seven' here"
    assert picked(several, "/4/x")[1] == "the hash of ip says so, which is '127.0.0.1' here"


def test_where_a_cookie_decides_the_target_is_told(several):
    from gateway.upstream.balance.affinity import token

    assert picked(several, "/5/x")[0] is None
    assert "no cookie gw_" in picked(several, "/5/x")[1]
    for number in (1, 2):
        cookie = f"Cookie: gw_{token('u5')}={token('u5', f'10.0.0.{number}:80')}"
        url, why = picked(several, "/5/x", "-H", cookie)
        assert (url, why) == (f"http://10.0.0.{number}:80/5/x", f"its cookie gw_{token('u5')} says so")


def test_the_pick_in_words(several):
    said = CliRunner().invoke(main, ["explain", "-c", several, "GET", "/3/seven"]).stdout
    assert said.count("  <- picked") == 1
    assert "http://10.0.0.2:80/3/seven  (0.75 by weight)" in said
    assert "pick      hash: the hash of path:id says so, which is 'seven' here" in said
    assert "the running gateway knows (/api/upstreams)" in said
