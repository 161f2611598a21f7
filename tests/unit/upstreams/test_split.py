"""Which leg a request takes, and what the client is told."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange import Response
from gateway.upstream.split import Split, SplitSelector, WeightedUpstream
from tests.exchanges import exchange

CANARY = SplitSelector("files", [("catalog", 95), ("inventory", 5)], sticky=True, override="X-Canary")
DARK = SplitSelector("files", [("catalog", 1), ("inventory", 0)], sticky=True, override="X-Canary")


def draws(choice: SplitSelector, count: int) -> Counter[int]:
    """Legs over evenly spread numbers."""
    return Counter(choice.decide([], (number + 0.5) / count)[0] for number in range(count))


def test_by_weight():
    assert draws(CANARY, 10_000) == {0: 9500, 1: 500}


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=6).filter(any))
def test_every_share_is_exact_and_no_weight_means_no_request(weights: list[int]):
    choice = SplitSelector("r", [(f"u{number}", weight) for number, weight in enumerate(weights)])
    found = draws(choice, 1000)
    for number, weight in enumerate(weights):
        assert abs(found[number] - 1000 * weight / sum(weights)) <= 1.5
        assert weight or not found[number]


@given(
    st.lists(st.integers(0, 65535), min_size=1, max_size=6).filter(any),
    st.floats(0, 1, exclude_max=True),
)
def test_any_number_leads_to_a_leg_with_a_weight(weights: list[int], number: float):
    choice = SplitSelector("r", [(f"u{at}", weight) for at, weight in enumerate(weights)])
    assert weights[choice.decide([], number)[0]] > 0


@pytest.mark.parametrize("weights", [[], [0], [0, 0]])
def test_no_weight_at_all_is_refused(weights: list[int]):
    with pytest.raises(ValueError, match="no leg has a weight"):
        SplitSelector("r", [(f"u{at}", weight) for at, weight in enumerate(weights)])


@pytest.mark.parametrize("header", [("X-Canary", "inventory"), ("x-canary", "inventory")])
@pytest.mark.parametrize("choice", [CANARY, DARK])
def test_a_header_that_names_a_leg_decides(choice: SplitSelector, header: tuple[str, str]):
    for number in (0.0, 0.5, 0.999):
        assert choice.decide([header], number) == (1, "override")


@pytest.mark.parametrize("value", ["", "nobody", "Inventory", "inventory, catalog"])
def test_a_header_that_names_none_does_not(value: str):
    assert CANARY.decide([("X-Canary", value)], 0.0) == (0, "weight")


def test_without_override_no_header_decides():
    assert SplitSelector("files", [("a", 1), ("b", 1)]).decide([("X-Canary", "b")], 0.0) == (0, "weight")


def told(choice: SplitSelector, at: int) -> str:
    """The cookie that a client on leg `at` sends from then on."""
    response = Response(200, [])
    choice.remember(exchange(), response, at)
    ((name, value),) = response.headers
    assert name == "Set-Cookie"
    return value.partition(";")[0]


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_a_client_stays_on_its_side(first: float, later: float):
    at, why = CANARY.decide([], first)
    assert why == "weight"
    assert CANARY.decide([("Cookie", f"a=b; {told(CANARY, at)}")], later) == (at, "cookie")


def test_a_header_is_stronger_than_the_cookie():
    assert CANARY.decide([("Cookie", told(CANARY, 0)), ("X-Canary", "inventory")], 0.0) == (1, "override")


def test_a_leg_without_weight_gives_its_clients_up():
    assert DARK.decide([("Cookie", told(CANARY, 1))], 0.9) == (0, "weight")


def test_a_cookie_of_another_route_says_nothing():
    other = SplitSelector("others", [("catalog", 95), ("inventory", 5)], sticky=True)
    assert CANARY.decide([("Cookie", told(other, 1))], 0.0) == (0, "weight")


class Body:
    """A body that knows whether it was closed."""

    closed = False

    def __iter__(self):
        return iter((b"a",))

    def close(self):
        self.closed = True


def split(choice: SplitSelector, number: float, **second: object) -> Split:
    def answer(name: str):
        return lambda asked: Response(200, [("X-Leg", name), *asked.edit_headers()])

    return Split(
        choice, [WeightedUpstream(answer("catalog")), WeightedUpstream(answer("inventory"), **second)], lambda: number
    )


def test_the_chosen_leg_answers_and_the_client_is_told_once():
    response = split(CANARY, 0.99).fetch(exchange())
    assert response.headers[0] == ("X-Leg", "inventory")
    cookie = dict(response.headers)["Set-Cookie"]
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
    again = split(CANARY, 0.0).fetch(exchange(headers=[("Cookie", cookie.partition(";")[0])]))
    assert again.headers[0] == ("X-Leg", "inventory")
    assert "Set-Cookie" not in dict(again.headers)


def test_a_choice_by_header_is_not_remembered():
    response = split(CANARY, 0.0).fetch(exchange(headers=[("X-Canary", "inventory")]))
    assert response.headers[0] == ("X-Leg", "inventory")
    assert "Set-Cookie" not in dict(response.headers)


def test_a_leg_changes_headers_both_ways():
    def there(asked):
        asked.edit_headers().append(("X-Side", "canary"))

    def back(asked, response):
        response.headers.append(("X-Back", "1"))

    chosen = split(CANARY, 0.99, on_request=there, on_response=back).fetch(exchange())
    assert ("X-Side", "canary") in chosen.headers and ("X-Back", "1") in chosen.headers
    other = split(CANARY, 0.0, on_request=there, on_response=back).fetch(exchange())
    assert "X-Side" not in dict(other.headers) and "X-Back" not in dict(other.headers)


def test_an_answer_that_cannot_be_changed_is_closed():
    body = Body()

    def back(asked, response):
        raise ValueError

    leg = WeightedUpstream(lambda asked: Response(200, [], body), on_response=back)
    with pytest.raises(ValueError):
        Split(SplitSelector("r", [("a", 1)]), [leg]).fetch(exchange())
    assert body.closed
