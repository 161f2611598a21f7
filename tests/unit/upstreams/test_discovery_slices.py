"""What EndpointSlices mean."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.upstream.discovery.endpoint_slices import EndpointSlices
from gateway.upstream.discovery.source import Endpoint
from tests.support.kubernetes import Slice, endpoint_slice


def found(*slices: Slice, port: str = "http") -> list[str]:
    made = EndpointSlices(port)
    made.replace(slices)
    return sorted(str(endpoint) for endpoint in made.endpoints())


def with_conditions(**conditions: Any) -> Slice:
    return endpoint_slice("a", endpoints=[{"addresses": ["10.0.0.1"], "conditions": conditions}])


@pytest.mark.parametrize(
    ("conditions", "is_used"),
    [
        ({"ready": True}, True),
        ({"ready": False}, False),
        ({"ready": None}, True),
        ({}, True),
        ({"ready": True, "terminating": True}, False),
        ({"ready": False, "serving": True, "terminating": True}, False),
        ({"ready": True, "serving": True, "terminating": False}, True),
    ],
)
def test_ready_endpoints_are_used(conditions: dict[str, Any], is_used: bool):
    assert found(with_conditions(**conditions)) == (["10.0.0.1:8080"] if is_used else [])


def test_an_endpoint_without_conditions_is_ready():
    assert found(endpoint_slice("a", endpoints=[{"addresses": ["10.0.0.1"]}])) == ["10.0.0.1:8080"]


@pytest.mark.parametrize(
    ("ports", "wanted", "number"),
    [
        ([{"name": "http", "port": 80}], "http", 80),
        ([{"name": "http", "port": 80}, {"name": "metrics", "port": 90}], "metrics", 90),
        ([{"name": "http", "port": 80}, {"name": "metrics", "port": 90}], "90", 90),
        ([{"name": "http", "port": 80}, {"name": "metrics", "port": 90}], "", None),
        ([{"name": "", "port": 80}], "", 80),
        ([{"name": "http", "port": 80}], "https", None),
        ([{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "tcp", "port": 54, "protocol": "TCP"}], "", 54),
        ([{"name": "http", "port": None}], "http", None),
        ([], "", None),
        (None, "", None),
    ],
)
def test_the_port(ports: Any, wanted: str, number: int | None):
    expected = [f"10.0.0.1:{number}"] if number else []
    assert found(endpoint_slice("a", "10.0.0.1", ports=ports), port=wanted) == expected


def test_slices_add_up_and_repeat():
    assert found(endpoint_slice("a", "10.0.0.1", "10.0.0.2"), endpoint_slice("b", "10.0.0.2", "10.0.0.3")) == [
        "10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080",
    ]  # fmt: skip


def test_a_pod_of_two_families_counts_once():
    four, six = endpoint_slice("a", "10.0.0.1"), endpoint_slice("b", "fd00::1", addressType="IPv6")
    assert found(four, six) == ["10.0.0.1:8080"]
    assert found(six) == ["[fd00::1]:8080"]
    assert found(endpoint_slice("c", "a.example", addressType="FQDN")) == []


def test_no_endpoints_at_all():
    assert found(endpoint_slice("a", endpoints=None)) == []
    assert found() == []


def test_events():
    slices = EndpointSlices("http")
    slices.replace([endpoint_slice("a", "10.0.0.1")])
    slices.apply("ADDED", endpoint_slice("b", "10.0.0.2"))
    assert {each.host for each in slices.endpoints()} == {"10.0.0.1", "10.0.0.2"}
    slices.apply("MODIFIED", endpoint_slice("b", "10.0.0.3"))
    slices.apply("DELETED", endpoint_slice("a"))
    assert slices.endpoints() == {Endpoint("10.0.0.3", 8080)}
    slices.apply("DELETED", endpoint_slice("a"))
    slices.replace([])
    assert slices.endpoints() == set()
