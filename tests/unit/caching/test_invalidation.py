"""What is dropped after an unsafe request: within one origin, and whatever the answer names."""

import pytest

from gateway.cache.invalidation import invalidated

URL = "https://a.example/x/y?q=1"


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("z", ("/x/z",)),
        ("/z?a=%2F", ("/z?a=%2F",)),
        ("../z", ("/z",)),
        ("?b", ("/x/y?b",)),
        ("", ()),
        ("#part", ()),
        ("https://A.EXAMPLE:443/z", ("/z",)),
        ("https://a.example", ("/",)),
        ("http://a.example/z", ()),
        ("https://a.example:444/z", ()),
        ("https://b.example/z", ()),
        ("//b.example/z", ()),
        ("//a.example/z", ("/z",)),
        ("https://a.example:port/z", ()),
        ("https://[/z", ()),
        ("https://user@a.example/z", ("/z",)),
        ("javascript:z", ()),
    ],
)
@pytest.mark.parametrize("name", ["Location", "CONTENT-LOCATION"])
def test_what_the_answer_names(name: str, value: str, named: tuple[str, ...]) -> None:
    assert invalidated("POST", 201, URL, [(name, value)]) == ("/x/y?q=1", *named)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_safe_methods_change_nothing(method: str) -> None:
    assert invalidated(method, 200, URL, [("Location", "/z")]) == ()


@pytest.mark.parametrize("host", ["a.example:99999", "[::::]", "a.example:"])
def test_a_host_that_no_url_has_names_nothing_but_itself(host: str) -> None:
    assert invalidated("POST", 201, f"https://{host}/x?", [("Location", "/z")])[0] == "/x?"
