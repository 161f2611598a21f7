"""`/api/cache`: what is purged must be there."""

import pytest


@pytest.fixture
def purged(site, monkeypatch):
    """What a purge is told to drop."""
    found = []
    monkeypatch.setattr(site.caching.purges, "purge", lambda what, everything: found.append(what))
    return found


def purge(site, query):
    environ = site.app

    def app(found, start):
        return environ({**found, "QUERY_STRING": query}, start)

    site.app = app
    try:
        return site.ask("DELETE", "/api/cache", x_gateway_admin="1")
    finally:
        site.app = environ


def test_a_route_that_there_is(site, purged):
    assert purge(site, "route=item&tag=x").status == 204
    assert purged == [{"url": [], "prefix": [], "tag": ["x"], "route": ["item"]}]


def test_one_that_there_is_not_ends_the_whole_purge(site, purged):
    answer = purge(site, "route=item&route=itme")
    assert (answer.status, answer.json["type"].rpartition(":")[2]) == (404, "unknown-route")
    assert answer.json["detail"] == "There is no route 'itme': did you mean `item`? there are: any, item."
    assert purged == []
