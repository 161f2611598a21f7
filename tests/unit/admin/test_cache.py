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


def test_a_route_that_there_is(site, purged, caplog):
    assert purge(site, "route=item&tag=x").status == 204
    assert "purged by hand: tag x, route item" in caplog.text
    assert purged == [{"url": [], "prefix": [], "tag": ["x"], "route": ["item"]}]


def test_one_that_there_is_not_ends_the_whole_purge(site, purged):
    answer = purge(site, "route=item&route=itme")
    assert (answer.status, answer.json["type"].rpartition(":")[2]) == (404, "unknown-route")
    assert answer.json["detail"] == "There is no route 'itme': did you mean `item`? there are: any, item."
    assert purged == []


def test_a_url_in_a_query_is_no_scheme(site, purged):
    assert purge(site, "url=/a%3Fnext%3Dhttps://x.example/y&url=https://API.example.com/B%3Fu%3Dhttp://c").status == 204
    assert purged[0]["url"] == ["/a?next=https://x.example/y", "api.example.com/B?u=http://c"]
