"""/api/limits: who has used up what, and filling it."""

from __future__ import annotations

from time import monotonic_ns

import pytest

from gateway.ratelimit.keys import begin
from gateway.ratelimit.options import Penalty as Spec
from gateway.ratelimit.penalty import Penalty, strike
from gateway.ratelimit.runtime import RateLimitRuntime
from tests.support.gateway import free_port
from tests.unit.admin.admin_site import AdminSite

HEADER = {"x_gateway_admin": "1"}


@pytest.fixture
def site(tmp_path):
    return AdminSite(tmp_path)


def owe(site: AdminSite, value: str, seconds: int) -> int:
    number = site.limiting.keys.number(begin("routes/item/client", ("client",)) + value)
    assert site.limiting.buckets.take(number, seconds * 10**9, seconds * 10**9, 1, monotonic_ns()) == 0
    return number


def test_the_largest_debts_first_with_their_names(site):
    for value, seconds in (("staff:alice", 100), ("ip 192.0.2.1", 300)):
        owe(site, value, seconds)
    answer = site.ask("GET", "/api/limits").json
    assert [(row["limit"], row["key"]) for row in answer["top"]] == [
        ("routes/item/client", "ip 192.0.2.1"),
        ("routes/item/client", "staff:alice"),
    ]
    assert [90 < row["full_in"] <= 300 for row in answer["top"]] == [True, True]
    assert answer["used"] == 2 and answer["overflowed"] == 0 and answer["capacity"] >= 1024


def test_a_bucket_that_this_worker_has_not_met_has_no_name(site):
    assert site.limiting.buckets.take(5, 10**11, 10**11, 1, monotonic_ns()) == 0
    (row,) = site.ask("GET", "/api/limits").json["top"]
    assert (row["id"], row["limit"], row["key"]) == ("0000000000000005", None, None)


def test_filling_a_bucket(site):
    number = owe(site, "staff:alice", 100)
    path = f"/api/limits/{number:016x}"
    assert site.ask("DELETE", path).status == 403, "it changes something"
    assert site.ask("DELETE", path, **HEADER).status == 204
    assert site.ask("GET", "/api/limits").json["top"] == []
    assert site.ask("DELETE", path, **HEADER).status == 404


def test_a_block_is_shown_as_one_and_lifted(site):
    number = owe(site, "staff:alice", 100)
    penalty = Penalty(Spec(1, 60.0, 600.0))
    assert strike(site.limiting.buckets, number, penalty, monotonic_ns()) == penalty.block
    rows = site.ask("GET", "/api/limits").json["top"]
    assert [(row["kind"], row["key"]) for row in rows] == [("block", "staff:alice"), ("bucket", "staff:alice")]
    assert site.ask("DELETE", f"/api/limits/{rows[1]['id']}", **HEADER).status == 204
    assert site.ask("GET", "/api/limits").json["top"] == []


def test_a_store_is_shown_and_one_that_is_out_of_reach_cannot_be_filled(site):
    assert "store" not in site.ask("GET", "/api/limits").json
    site.limiting = RateLimitRuntime(site.limiting.buckets, b"k", f"redis://127.0.0.1:{free_port()}")
    assert site.limiting.shared() is not None
    answer = site.ask("GET", "/api/limits").json
    assert (answer["store"], answer["refused"]) == ({"is_down": False, "failures": 0}, [])
    answer = site.ask("DELETE", f"/api/limits/{'0' * 32}", **HEADER)
    assert answer.status == 503 and answer.json["type"] == "urn:gateway:error:store-unavailable"
    assert site.ask("GET", "/api/limits").json["store"]["failures"] == 1


@pytest.mark.parametrize("name", ["0" * 32, "0", "0" * 16, "x" * 16, "F" * 16, "1" * 17])
def test_what_is_no_id(site, name):
    assert site.ask("DELETE", f"/api/limits/{name}", **HEADER).status == 404
