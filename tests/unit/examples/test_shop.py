"""The three services of the examples."""

import http.client
import json

import pytest

from gateway.examples import shop


def ask(service, target, method="GET", body=None):
    answer = service.answer(method, target, b"" if body is None else json.dumps(body).encode())
    return answer.status, json.loads(answer.text)


def test_the_catalog_is_searched_and_paged():
    status, found = ask(shop.catalog(), "/items?category=outdoor&limit=3&offset=1")
    assert (status, found["total"], len(found["items"])) == (200, 10, 3)
    assert ask(shop.catalog(), "/items?q=kettle")[1]["items"][0]["sku"] == "KT-1015"
    assert ask(shop.catalog(), "/items/7")[1]["id"] == 7
    assert sum(ask(shop.catalog(), "/categories")[1].values()) == 36


@pytest.mark.parametrize("target", ["/items/0", "/items/x", "/nothing", "/items/7/"])
def test_what_is_not_there_is_a_404(target):
    status, told = ask(shop.catalog(), target)
    assert status == 404
    assert told["error"]


@pytest.mark.parametrize("query", ["limit=x", "limit=-1", "limit=101", "offset=1_0", "limit=%D9%A3"])
def test_numbers_are_checked(query):
    assert ask(shop.catalog(), f"/items?{query}")[0] == 400


def test_stock():
    assert ask(shop.inventory(), "/stock/kt-1015")[1]["sku"] == "KT-1015"
    levels = {row["level"] for row in ask(shop.inventory(), "/stock?level=low")[1]["stock"]}
    assert levels == {"low"}


def test_reviews_are_added_to_this_service_only():
    service = shop.reviews()
    review = {"item": 3, "author": "Ada", "stars": 4, "text": "Sharp."}
    status, added = ask(service, "/reviews", "POST", review)
    assert status == 201
    assert ask(service, f"/reviews/{added['id']}")[1] == added
    assert added in ask(service, "/reviews?item=3&stars=4")[1]["items"]
    assert ask(shop.reviews(), f"/reviews/{added['id']}")[0] == 404


GOOD = {"item": 1, "author": "A", "stars": 1, "text": "t"}


@pytest.mark.parametrize("body", [[], {}, GOOD | {"stars": 6}, GOOD | {"item": True}, GOOD | {"author": ""}])
def test_bad_reviews_are_refused(body):
    assert ask(shop.reviews(), "/reviews", "POST", body)[0] == 422


def test_a_body_that_is_not_json():
    assert shop.reviews().answer("POST", "/reviews", b"{").status == 400


def test_the_records_belong_together():
    items = {item["id"]: item["sku"] for item in ask(shop.catalog(), "/items?limit=100")[1]["items"]}
    stock = {row["sku"] for row in ask(shop.inventory(), "/stock")[1]["stock"]}
    assert stock == set(items.values())
    assert {row["item"] for row in ask(shop.reviews(), "/reviews")[1]["items"]} <= set(items)


@pytest.mark.parametrize("make", [shop.catalog, shop.inventory, shop.reviews])
def test_every_service_tells_its_health(make):
    assert ask(make(), "/healthz")[1]["status"] == "ok"


@pytest.fixture
def connection():
    server = shop.reviews().start("127.0.0.1", 0)
    client = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    yield client
    client.close()
    server.shutdown()
    server.server_close()


def test_one_connection_serves_many_requests(connection):
    for method, body in (("GET", None), ("HEAD", None), ("POST", b"{"), ("GET", None)):
        connection.request(method, "/reviews", body)
        local = connection.sock.getsockname()
        answer = connection.getresponse()
        data = answer.read()
        assert (answer.status, bool(data)) == (400 if body else 200, method != "HEAD")
        assert connection.sock.getsockname() == local


def test_events_come_one_by_one_and_end(connection):
    connection.request("GET", "/live/reviews?count=1")
    answer = connection.getresponse()
    assert answer.getheader("Content-Type") == "text/event-stream; charset=utf-8"
    assert answer.readline() == b"event: review\n"
    assert answer.read().endswith(b"\n\n")
    connection.request("GET", "/healthz")
    assert connection.getresponse().read()


def test_a_large_body_is_refused(connection):
    connection.putrequest("POST", "/reviews")
    connection.putheader("Content-Length", "70000")
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_the_page_lists_everything():
    page = shop.catalog().answer("GET", "/", b"")
    assert page.kind == "text/html"
    assert page.text.count("<tr><td>") == 36
    assert "Chef&#x27;s knife" in page.text
