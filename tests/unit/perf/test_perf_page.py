"""The report: axes, what is drawn of a result, and the files that the command writes."""

import json
import math
import re

import pytest

from perf import report
from perf.__main__ import main
from perf.page import figures, scale
from perf.page.html import page
from perf.page.svg import Markup, tag
from perf.results import NoResult, newest
from perf.scenario import parse
from tests.support.gateway import ROOT

RECORDED = ROOT / "tests" / "data" / "perf-result.json"


@pytest.fixture
def recorded():
    return json.loads(RECORDED.read_text())


def test_a_linear_axis_begins_at_zero_and_ends_on_a_round_value():
    axis = scale.fit([3, 29.9], 0, 300)
    assert (axis.low, axis.high) == (0, 30)
    assert axis.ticks() == [0, 5, 10, 15, 20, 25, 30]
    assert (axis.at(0), axis.at(15), axis.at(30), axis.at(99)) == (0, 150, 300, 300)


def test_a_logarithmic_axis_gives_each_decade_the_same_room():
    axis = scale.fit([12, 4200, 0, math.inf], 300, 0, log=True)
    assert (axis.low, axis.high) == (10, 5000)
    assert axis.ticks() == [10, 100, 1000]
    assert axis.at(100) - axis.at(10) == pytest.approx(axis.at(1000) - axis.at(100))


@pytest.mark.parametrize("values", [[], [0], [5, 5], [1e-7], [7e9, 1]])
@pytest.mark.parametrize("log", [False, True])
def test_any_values_have_an_axis_with_few_ticks(values, log):
    axis = scale.fit(values, 0, 100, log=log)
    assert 1 <= len(axis.ticks()) <= 13
    assert all(0 <= axis.at(value) <= 100 for value in [*values, *axis.ticks()])


def test_an_axis_of_one_place_is_one_place():
    assert scale.Scale(2, 2, 10, 90).at(2) == 10


@pytest.mark.parametrize(("value", "said"), [(0, "0"), (0.254, "0.254"), (10_000, "10k"), (1.5e6, "1.5M"), (9, "9")])
def test_numbers_are_short(value, said):
    assert scale.short(value) == said


def test_what_is_put_into_an_element_is_escaped_once():
    inside = tag("b", "<script>", class_='"')
    assert inside == '<b class="&quot;">&lt;script&gt;</b>'
    assert tag("p", inside, "&", x=1.25) == f'<p x="1.2">{inside}&amp;</p>'
    assert isinstance(tag("br"), Markup) and tag("br") == "<br>"


def kinds(result):
    return {heading: len(drawn) for heading, drawn in figures.drawings(result)}


def test_everything_that_was_recorded_is_drawn(recorded):
    # growth: connections of the sweep; bytes (per request, per GB), routes and workers (CPU, throughput) of scenarios
    assert kinds(recorded) == {"Latency": 1, "What a request costs": 2, "Growth": 6, "Memory": 1}


def test_a_result_with_nothing_to_draw_is_a_page_all_the_same(recorded):
    empty = recorded | {"scenarios": {}, "sweeps": {}, "errors": {"bare": "<b> is not there"}}
    assert kinds(empty) == {}
    assert "bare: &lt;b&gt; is not there" in page([("x.json", empty)])


def test_percentiles_lie_where_their_nines_are(recorded):
    (drawn,) = figures.latency("latency", recorded["scenarios"]["latency"]["series"])
    assert re.findall(r'class="tick" text-anchor="middle">([\d.]+)<', drawn) == ["50", "90", "99", "99.9"]
    first, *more = re.findall(r'<path d="M(\S+) \S+L(\S+) \S+L(\S+) \S+L(\S+) ', drawn)
    p50, p90, p99, p999 = map(float, first)
    assert p99 - p90 == pytest.approx(p999 - p99, abs=0.2) and p90 - p50 == pytest.approx(
        (p99 - p90) * math.log10(5), abs=0.2
    )
    assert len(more) == 2


def test_wrks_two_percentiles_are_no_latency_plot(recorded):
    assert list(figures.latency("bare", recorded["scenarios"]["bare"]["series"])) == []


def test_of_two_loads_the_paced_one_is_drawn():
    median = {f"open_{name}_ms": {"value": 1.0} for name in ("p50", "p99")} | {"p50_ms": {"value": 9.0}}
    assert [point.y for point in figures._percentiles({"median": median})] == [1.0, 1.0]
    assert figures._percentiles({"median": {"p50_ms": {"value": 9.0}, "p99_ms": {"value": 9.0}}}) == []


def test_many_series_are_drawn_by_variant():
    one = {"median": {"open_p50_ms": {"value": 1.0}, "open_p99_ms": {"value": 3.0}}}
    many = {f"{number}@{variant}": one for number in range(7) for variant in ("bare", "full")}
    assert [drawn.count("<path") for drawn in figures.latency("peers", many)] == [7, 7]
    assert "Latency percentiles, peers, full" in list(figures.latency("peers", many))[1]
    assert len(list(figures.latency("few", {"a@bare": one, "a@full": one}))) == 1


def test_every_line_of_a_plot_has_a_colour_of_its_own():
    names = ["nginx@full", "gateway@bare", "nginx@bare", "envoy@bare", "gateway@full"]
    kinds = [each.kind for each in figures._lines({name: [] for name in names})]
    assert kinds[:2] == ["c1", "c0"] and len({*kinds}) == 5
    assert len(figures._lines({str(number): [] for number in range(20)})) == 20


def test_what_peers_leave_out_and_who_is_absent_is_said(recorded):
    said = {"envoy@full": {"does": "all of <it>", "leaves_out": "the log", "token": "cached"}}
    recorded["scenarios"]["bare"]["peers"] = said
    text = page([("x.json", recorded | {"absent": {"caddy": "not installed"}})])
    assert "<td>envoy@full</td><td>cached</td><td>all of &lt;it&gt;</td><td>the log</td>" in text
    assert "<li>caddy: not installed</li>" in text


def test_sizes_in_the_names_of_variants_are_an_axis(recorded):
    series = {name: {} for name in ("gateway@body-1k", "nginx@body-1k", "gateway@body-10m")}
    scenarios = {"body": {"series": series}, "mixed": {"series": {"gateway@a-1": {}, "gateway@b-2": {}}}}
    assert list(figures._growing({"scenarios": scenarios})) == [
        ("body", "body", {1e3: {"gateway": {}, "nginx": {}}, 1e7: {"gateway": {}}})
    ]


def test_memory_grows_along_an_axis_too():
    series = {
        f"gateway@of-{routes}": {"median": {"rss_mb": {"value": 40.0 + routes / 100}}} for routes in (100, 10_000)
    }
    ((name, axis, points),) = figures._growing({"scenarios": {"route-memory": {"series": series}}})
    (drawn,) = figures.growth(name, axis, points)
    assert "Memory of a worker against routes, route-memory" in drawn and "gateway, routes 10k: 140 " in drawn


def test_costs_are_said_with_their_ratio_and_interval(recorded):
    drawn = figures.costs(recorded["scenarios"], "cpu_us")
    assert drawn is not None
    assert "<title>gateway: 28.8 µs · 2.06 x nginx [28.3..31.5]</title>" in drawn
    assert figures.costs(recorded["scenarios"], "no_such") is None


def test_nothing_is_fetched_and_nothing_is_run(recorded):
    text = page([("raw.json", recorded)])
    assert re.findall(r'(?:href|src)="([^"]*)"', text) == ["data:,", "raw.json"]
    assert "<script" not in text and "url(" not in text and "@import" not in text


def test_the_page_has_its_raw_figures_beside_it(tmp_path, capsys):
    target = tmp_path / "out" / "page.html"
    assert main(["report", str(RECORDED), str(RECORDED), "-o", str(target)]) == 0
    assert sorted(path.name for path in target.parent.iterdir()) == ["page-2.json", "page.html", "page.json"]
    assert json.loads((target.parent / "page-2.json").read_text())["format"] == 1
    said = capsys.readouterr().out
    assert "bars: 12 met, 1 undecided" in said and "idle-memory: NOT MEASURED" in said
    assert re.search(r"^  bare, connections 512 +nginx +CPU us/req +13.7 ", said, re.M)
    assert re.search(r"^  bare +gateway +CPU us/req +28.8 \[28.3..31.5\] +2.06 \[1.98..2.13\]$", said, re.M)
    assert main(["report", str(target.parent / "page.json"), "-o", str(target)]) == 0
    assert 'href="page.json"' in target.read_text()


def test_what_is_no_result_is_said(tmp_path, capsys):
    for text in ("no json", "[]", '{"format": 99}'):
        (tmp_path / "x.json").write_text(text)
        assert main(["report", str(tmp_path / "x.json")]) == 1
        assert "x.json" in capsys.readouterr().err


def test_the_newest_result_is_the_default(tmp_path):
    with pytest.raises(NoResult, match="perf run"):
        newest(tmp_path, tmp_path / "baseline.json")
    (tmp_path / "baseline.json").touch()
    assert newest(tmp_path / "results", tmp_path / "baseline.json") == tmp_path / "baseline.json"
    assert newest(tmp_path, tmp_path / "other") == tmp_path / "baseline.json"


def test_too_few_rounds_are_strict_json_and_drawn_without_an_interval():
    bar = 'peers = ["nginx"]\nbar = [{figure = "cpu_us", of = "gateway", over = "nginx", at_most = 3}]'
    rounds = {"gateway": [{"cpu_us": 31.0}] * 3, "nginx": [{"cpu_us": 10.0}] * 3}
    found = report.finding(parse("few", bar), rounds)
    text = json.dumps({"when": "now", "machine": {}, "scenarios": {"few": found}}, allow_nan=False)
    assert "UNDECIDED    cpu_us gateway / nginx <= 3: 3.1 [too few rounds]" in report.text("few", found)
    old = json.loads(text)  # as they were written once
    old["scenarios"]["few"]["bars"][0] |= {"low": -math.inf, "high": math.inf}
    for result in (json.loads(text), old):
        body = page([("x.json", result)]).partition("</style>")[2]
        assert not re.search(r'="-?(nan|inf)"|\binf', body)
        assert "<td>3.1</td>" in body
