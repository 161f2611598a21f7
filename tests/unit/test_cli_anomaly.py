"""`gateway anomaly evaluate`."""

import json
import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from gateway.alerting.anomaly.detector import Detector
from gateway.cli.group import main

START = datetime(2014, 4, 1, tzinfo=UTC)


def written(path, values, labels=None, shape="%Y-%m-%d %H:%M:%S", column="value"):
    """A CSV of the values, one in five minutes."""
    lines = [f"timestamp,{column}" + (",label" if labels else "")]
    for i, value in enumerate(values):
        at = (START + timedelta(minutes=5 * i)).strftime(shape)
        lines.append(f"{at},{value!r}" + (f",{labels[i]}" if labels else ""))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture
def values():
    rng = random.Random(1)
    found = [rng.gauss(100, 5) for _ in range(1000)]
    found[800:803] = [200.0, 210.0, 190.0]
    return found


def evaluate(*words):
    return CliRunner().invoke(main, ["anomaly", "evaluate", *words])


def test_alerts_as_json(tmp_path, values):
    done = evaluate(written(tmp_path / "a.csv", values), "--format", "json")
    assert (done.exit_code, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["rows"] == 1000 and "precision" not in told
    (alert,) = [one for one in told["alerts"] if one["timestamp"] == "2014-04-03 18:40:00"]
    assert alert["value"] == 200 and alert["score"] > 3
    assert alert["expected"][0] < 100 < alert["expected"][1] < 200


def test_it_says_what_the_detector_says(tmp_path, values):
    told = json.loads(evaluate(written(tmp_path / "a.csv", values), "--format", "json", "--sensitivity", "2").stdout)
    detector = Detector(sensitivity=2)
    verdicts = [detector.observe(START.timestamp() + 300 * i, value) for i, value in enumerate(values)]
    assert [one["score"] for one in told["alerts"]] == [round(v.score, 3) for v in verdicts if v.began]
    assert len(told["alerts"]) > 1


@pytest.mark.parametrize("shape", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%d %H:%M:%S.000000"])
def test_timestamps_come_back_as_they_are_in_the_file(tmp_path, values, shape):
    told = json.loads(evaluate(written(tmp_path / "a.csv", values, shape=shape), "--format", "json").stdout)
    assert (START + timedelta(minutes=5 * 800)).strftime(shape) in [one["timestamp"] for one in told["alerts"]]


def test_labels_are_marked(tmp_path, values):
    labels = [int(798 <= i < 810 or 900 <= i < 905) for i in range(1000)]
    told = json.loads(evaluate(written(tmp_path / "a.csv", values, labels), "--format", "json").stdout)
    assert told["precision"] == pytest.approx(1 / len(told["alerts"]))
    assert told["recall"] == 0.5
    assert told["delay"] == 600
    text = evaluate(written(tmp_path / "a.csv", values, labels)).stdout
    assert "recall 50%, 600 s after its begin on average" in text
    assert "2014-04-03 18:40:00  is 200, expected" in text


def test_what_is_expected_is_told_as_precisely_in_both_forms(tmp_path, values):
    file = written(tmp_path / "a.csv", values)
    (one,) = json.loads(evaluate(file, "--format", "json").stdout)["alerts"]
    low, high = one["expected"]
    assert one["words"] == f"is 200, expected {low:g} to {high:g}"
    assert evaluate(file).stdout.endswith("\n1 alert in 1000 rows\n")


def test_another_column_and_a_longer_warmup(tmp_path, values):
    file = written(tmp_path / "a.csv", values, column="p99")
    assert evaluate(file).exit_code == 2
    assert " in 1000 rows" in evaluate(file, "--from-column", "p99").stdout
    assert (
        json.loads(evaluate(file, "--from-column", "p99", "--warmup", "900", "--format", "json").stdout)["alerts"] == []
    )


def test_all_malformed_rows_are_told_by_line(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text(
        "timestamp,value,label\n2014-04-01 00:00:00,1,0\nyesterday,2,0\n2014-04-01 00:10:00,many,0\n"
        "2014-04-01 00:15:00,nan,0\n2014-04-01 00:20:00,5,perhaps\n2014-04-01 00:25:00\n"
    )
    done = evaluate(str(file))
    assert (done.exit_code, done.stdout) == (2, "")
    assert [line.removeprefix(f"{file}:") for line in done.stderr.splitlines()] == [
        "3: timestamp 'yesterday' is not as 2014-04-01 00:00:00 or ISO 8601",
        "4: value 'many' is not a number",
        "5: value 'nan' is not a finite number",
        "6: label 'perhaps' is not 0 or 1",
        "7: value '' is not a number",
    ]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "timestamp\n"])
def test_no_header_is_told(tmp_path, text):
    file = tmp_path / "a.csv"
    file.write_text(text)
    done = evaluate(str(file))
    assert done.exit_code == 2 and f"{file}:1: no column" in done.stderr


def test_bytes_that_are_no_text(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes(b"timestamp,value\n\xff\xfe,1\n")
    assert evaluate(str(file)).exit_code == 2


def test_no_such_file(tmp_path):
    assert evaluate(str(tmp_path / "none.csv")).exit_code == 2


@pytest.mark.thorough
def test_twenty_thousand_rows_in_five_seconds(tmp_path):
    rng = random.Random(2)
    file = written(tmp_path / "a.csv", [rng.gauss(100, 5) for _ in range(20_000)])
    began = time.process_time()
    assert "in 20000 rows" in evaluate(file).stdout
    assert time.process_time() - began < 5
