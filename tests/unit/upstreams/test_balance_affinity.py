"""Keys and clients that stay where they are."""

from __future__ import annotations

from collections import Counter
from math import ceil, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange import Response
from gateway.upstream.balance.affinity import CookieAffinity, HashBalancer, cookie, key_of, token
from gateway.upstream.balance.balancers import PowerOfTwoChoices, make
from gateway.upstream.balance.options import Balance
from tests.exchanges import exchange
from tests.unit.upstreams.balancing import dice, drawn, targets

CLIENTS = [exchange(client=f"198.51.{n >> 8}.{n & 255}") for n in range(20_000)]


def by_ip(headroom: float = inf) -> HashBalancer:
    return HashBalancer(key_of("ip"), PowerOfTwoChoices(0, dice()), headroom)


@pytest.mark.thorough
@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 2, 3), (1, 1, 1, 5)])
def test_a_hundred_thousand_keys_are_within_two_percent_of_the_weights(weights):
    eligible, balancer = targets(*weights), by_ip()
    one, counts = exchange(), Counter()
    for number in range(100_000):
        one.client = f"key-{number}"
        counts[balancer.pick(eligible, one, 0)] += 1
    found = [counts[target] / 100_000 for target in eligible]
    assert found == pytest.approx([weight / sum(weights) for weight in weights], rel=0.02)


@pytest.mark.thorough
@pytest.mark.parametrize("count", [3, 10, 50])
def test_when_a_target_goes_only_its_keys_move(count):
    eligible, balancer = targets(*[1] * count), by_ip()
    before = [balancer.pick(eligible, one, 0) for one in CLIENTS]
    worst = max(Counter(before).values())
    gone = next(target for target, keys in Counter(before).items() if keys == worst)
    left = tuple(target for target in eligible if target is not gone)
    after = [balancer.pick(left, one, 0) for one in CLIENTS]
    moved = [was for was, now in zip(before, after, strict=True) if was is not now]
    assert set(moved) == {gone}
    # of the most loaded one; among 50, with 400 keys each, chance alone makes that more than the mean
    assert len(moved) <= len(CLIENTS) / count * (1.1 if count <= 10 else 1.3)
    spread = Counter(now for was, now in zip(before, after, strict=True) if was is gone)
    assert len(spread) == count - 1, "its keys go to all of the others"
    assert [balancer.pick(eligible, one, 0) for one in CLIENTS] == before, "and come back"


def test_workers_and_hosts_agree():
    eligible = targets(1, 1, 1)
    assert [by_ip().pick(eligible, one, 0).address for one in CLIENTS[:6]] == [
        by_ip().pick(tuple(reversed(targets(1, 1, 1))), one, 0).address for one in CLIENTS[:6]
    ]


def test_a_request_without_the_key_goes_where_there_is_room():
    eligible = targets(1, 2, 3)
    balancer = make(Balance("hash", "header", "X-User"), "catalog", dice())
    assert drawn(balancer, eligible) == pytest.approx([1 / 6, 1 / 3, 1 / 2], rel=0.02)
    assert balancer.answered is None


def test_what_was_tried_is_passed_over_in_the_order_of_the_key():
    eligible, balancer, one = targets(1, 1, 1), by_ip(), CLIENTS[0]
    tried: tuple = ()
    for _ in range(3):
        target = balancer.pick(eligible, one, 0, tried)
        assert target not in tried
        rest = tuple(other for other in eligible if other not in tried)
        assert target is by_ip().pick(rest, one, 0)
        tried += (target,)
    assert balancer.pick(eligible, one, 0, tried) is balancer.pick(eligible, one, 0)


@pytest.mark.parametrize("headroom", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 2, 3), (1,)])
def test_bounded_loads(headroom, weights):
    """One hot key: every target takes what its share of the requests in flight allows, the next choices the rest."""
    eligible, balancer, one = targets(*weights), by_ip(headroom), CLIENTS[0]
    first = by_ip().pick(eligible, one, 0)
    for total in range(1, 60):
        target = balancer.pick(eligible, one, 0)
        target.state.now += 1
        assert target.state.now <= ceil((1 + headroom) * total * target.weight / sum(weights))
    assert first.state.now == min(59, ceil((1 + headroom) * 59 * first.weight / sum(weights)))


def test_below_the_bound_every_key_is_at_home():
    eligible = targets(1, 1, 1)
    for target in eligible:
        target.state.now = 10
    homes = [by_ip().pick(eligible, one, 0) for one in CLIENTS[:300]]
    assert [by_ip(0.25).pick(eligible, one, 0) for one in CLIENTS[:300]] == homes


def test_when_the_tried_one_had_the_only_room_the_next_choice_is_taken():
    eligible, one = targets(1, 1), CLIENTS[0]
    home = by_ip().pick(eligible, one, 0)
    other = next(target for target in eligible if target is not home)
    other.state.now = 9
    assert by_ip(0.0).pick(eligible, one, 0, (home,)) is other


@pytest.mark.parametrize(
    ("kind", "name", "found"),
    [
        ("ip", "", "192.0.2.1"),
        ("header", "X-User", "ann, bob"),
        ("header", "X-Nobody", ""),
        ("cookie", "b", "2"),
        ("cookie", "c", "3=3"),
        ("cookie", "B", ""),
        ("query", "q", "a b"),
        ("query", "none", ""),
        ("path", "id", "7"),
        ("path", "none", ""),
    ],
)
def test_keys(kind, name, found):
    headers = [("x-user", "ann"), ("Cookie", "ab=1; b=2"), ("X-USER", "bob"), ("cookie", "c=3=3;d")]
    one = exchange(target="/items/7?q=a+b&r=1", headers=headers, params={"id": "7"})
    assert key_of(kind, name)(one) == found


def test_a_route_without_parameters_has_no_key():
    assert key_of("path", "id")(exchange()) == ""


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text("xyz=", max_size=3)), max_size=5), st.sampled_from("abc"))
def test_a_cookie_is_found_in_any_list(pairs, name):
    line = "; ".join(f"{key}={value}" for key, value in pairs)
    assert cookie([("Cookie", line)], name) == next((value for key, value in pairs if key == name), "")


class Browser:
    """A client that keeps its cookie, with one balancer."""

    def __init__(self, balancer: CookieAffinity, scheme: str = "http") -> None:
        self.balancer, self.scheme, self.kept, self.given = balancer, scheme, "", ""

    def ask(self, eligible, tried=()):
        headers = [("Cookie", f"theme=dark; {self.kept}")] if self.kept else []
        one, response = exchange(headers=headers, scheme=self.scheme), Response(200, [])
        target = self.balancer.pick(eligible, one, 0, tried)
        self.balancer.answered(one, target, response)
        self.given = dict(response.headers).get("Set-Cookie", "")
        self.kept = self.given.partition(";")[0] or self.kept
        return target


def test_a_client_stays():
    eligible, balancer = targets(1, 1, 1), CookieAffinity("catalog", PowerOfTwoChoices(0, dice()))
    browser = Browser(balancer)
    home = browser.ask(eligible)
    assert browser.given == f"{balancer.cookie}={token('catalog', home.address)}; Path=/; HttpOnly; SameSite=Lax"
    for _ in range(50):
        assert browser.ask(eligible) is home
        assert browser.given == "", "it is told once"
    assert Browser(balancer, "https").ask(eligible)
    assert {Browser(balancer).ask(eligible) for _ in range(50)} == set(eligible), "others go elsewhere"


def test_its_cookie_is_renewed_when_its_target_is_gone():
    eligible = targets(1, 1, 1)
    browser = Browser(CookieAffinity("catalog", PowerOfTwoChoices(0, dice())))
    home = browser.ask(eligible)
    rest = tuple(target for target in eligible if target is not home)
    new = browser.ask(rest)
    assert new is not home
    assert token("catalog", new.address) in browser.given
    assert browser.ask(eligible) is new, "it does not move twice"


def test_a_retry_moves_the_client_to_who_answered():
    eligible = targets(1, 1)
    browser = Browser(CookieAffinity("catalog", PowerOfTwoChoices(0, dice())))
    home = browser.ask(eligible)
    other = browser.ask(eligible, tried=(home,))
    assert other is not home
    assert browser.ask(eligible) is other


def test_over_https_the_cookie_is_for_https():
    browser = Browser(CookieAffinity("catalog", PowerOfTwoChoices(0, dice())), "https")
    browser.ask(targets(1, 1))
    assert browser.given.endswith("; Secure")


@pytest.mark.parametrize("value", ["", "0", "ffffffff", "10.0.0.1:8080", "x" * 5000, "é", '"'])
def test_a_cookie_that_is_not_ours_is_replaced(value):
    balancer = CookieAffinity("catalog", PowerOfTwoChoices(0, dice()))
    browser = Browser(balancer)
    browser.kept = f"{balancer.cookie}={value}"
    target = browser.ask(targets(1, 1))
    assert token("catalog", target.address) in browser.given


def test_the_cookie_tells_neither_the_upstream_nor_the_address():
    balancer = make(Balance("sticky", slow_start=1.0), "catalog", dice())
    browser = Browser(balancer)
    target = browser.ask(targets(1, 1))
    assert "catalog" not in browser.given
    assert target.address not in browser.given
    assert CookieAffinity("reviews", PowerOfTwoChoices()).cookie != balancer.cookie
    assert token("reviews", target.address) != token("catalog", target.address)
