"""Listing and watching, against a server that speaks the watch protocol over TLS."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from gateway.upstream.discovery import kubernetes as module
from gateway.upstream.discovery.kubernetes import Api, EndpointSliceResolver
from gateway.upstream.discovery.options import Kubernetes
from gateway.upstream.discovery.source import Endpoint
from tests.support.certs import authority, issue
from tests.support.gateway import wait_until
from tests.support.kubernetes import TOKEN, KubernetesApi, endpoint_slice

CATALOG = Kubernetes("catalog", "", "http", "http")


class Following:
    """A finder at work in a thread, and what it tells."""

    def __init__(self, api: KubernetesApi, spec: Kubernetes = CATALOG) -> None:
        self.found: list[list[str]] = []
        self.errors: list[str] = []
        self._is_over = False
        self._finder = EndpointSliceResolver(spec, Api(api.environ))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._finder.run(self._tell, self._fail)
        except EOFError:
            pass

    def _tell(self, endpoints: Iterable[Endpoint]) -> None:
        self.found.append(sorted(str(endpoint) for endpoint in endpoints))
        if self._is_over:
            raise EOFError

    def _fail(self, error: str) -> None:
        self.errors.append(error)
        if self._is_over:
            raise EOFError

    def until(self, *hosts: str) -> None:
        """Wait until these and no others are what was told last."""
        expected = [f"10.0.0.{host}:8080" for host in hosts]
        wait_until(lambda: self.found and self.found[-1] == expected, f"{expected}; {self.found}; {self.errors}")

    def end(self, api: KubernetesApi) -> None:
        """End the thread, which ends with the next thing it tells: that it is refused."""
        self._is_over, api.status = True, 500
        wait_until(lambda: api.cut() or not self._thread.is_alive(), "it has ended")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF", 0.1)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[KubernetesApi]:
    made = KubernetesApi(tmp_path / "account")
    yield made
    made.close()


@pytest.fixture
def following(api: KubernetesApi) -> Iterator[Callable[..., Following]]:
    made: list[Following] = []

    def follow(*spec: Kubernetes) -> Following:
        made.append(Following(api, *spec))
        return made[-1]

    yield follow
    for each in made:
        each.end(api)


Follow = Callable[..., Following]


def is_watching(api: KubernetesApi, count: int = 1) -> None:
    wait_until(lambda: len(api.watches()) >= count, f"{count} watches; {api.requests}")


def test_what_is_there_is_listed_page_by_page(api: KubernetesApi, following: Follow):
    for number in (1, 2, 3):
        api.put(endpoint_slice(f"catalog-{number}", f"10.0.0.{number}"))
    api.put(endpoint_slice("other", "10.0.0.9", service="other"))
    told = following()
    told.until("1", "2", "3")
    assert told.found == [["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080"]]
    assert api.lists() == 2
    assert set(api.tokens) == {TOKEN}
    assert "labelSelector=kubernetes.io%2Fservice-name%3Dcatalog" in api.requests[0]


def test_changes_are_watched(api: KubernetesApi, following: Follow):
    told = following()
    told.until()
    is_watching(api)
    api.put(endpoint_slice("a", "10.0.0.1"))
    told.until("1")
    api.put(endpoint_slice("a", "10.0.0.1", "10.0.0.2"))
    told.until("1", "2")
    api.put(endpoint_slice("b", "10.0.0.3"))
    told.until("1", "2", "3")
    api.delete("a")
    told.until("3")
    assert (api.lists(), len(api.watches()), told.errors) == (1, 1, [])


def test_a_watch_that_ends_goes_on_where_it_was(api: KubernetesApi, following: Follow):
    told = following()
    is_watching(api)
    api.put(endpoint_slice("a", "10.0.0.1"))
    told.until("1")
    api.end_watches()
    is_watching(api, 2)
    api.put(endpoint_slice("a", "10.0.0.2"))
    told.until("2")
    assert (api.watches()[:2], api.lists(), told.errors) == (["100", "101"], 1, [])


def test_a_bookmark_moves_the_place_on(api: KubernetesApi, following: Follow):
    told = following()
    is_watching(api)
    api.bookmark()
    api.put(endpoint_slice("a", "10.0.0.1"))
    told.until("1")
    api.bookmark()
    api.end_watches()
    is_watching(api, 2)
    # The bookmark may still have been on its way when the watch was ended.
    assert api.watches()[1] in ("102", "103")
    assert all("allowWatchBookmarks=true" in asked for asked in api.requests if "watch=1" in asked)
    assert told.found == [[], ["10.0.0.1:8080"]], "nothing is told for a bookmark"


@pytest.mark.parametrize("refuses", [False, True], ids=["told in the watch", "refused by 410"])
def test_a_place_that_is_gone_is_listed_anew(api: KubernetesApi, following: Follow, refuses: bool):
    api.refuses_old = refuses
    told = following()
    is_watching(api)
    api.put(endpoint_slice("a", "10.0.0.1"))
    told.until("1")
    # The version that is watched from next is older than what is remembered.
    api.compact()
    api.put(endpoint_slice("b", "10.0.0.2"))
    api.end_watches()
    told.until("1", "2")
    assert api.lists() == 2
    assert told.errors == [], "that is not a failure"


def test_a_version_that_is_always_gone_is_not_asked_for_in_a_row(api: KubernetesApi, following: Follow):
    api._oldest = 10**9
    following()
    wait_until(lambda: api.lists() >= 3, "three lists")
    assert api.lists() < 20


def test_a_watch_that_ends_at_once_is_a_failure(api: KubernetesApi, following: Follow):
    api.watch_seconds = 0.0
    told = following()
    wait_until(lambda: told.errors, "a failure")
    assert told.errors[0] == "the API server: ended a watch at once"


def test_refusals_are_failures_and_what_was_known_holds(api: KubernetesApi, following: Follow):
    api.put(endpoint_slice("a", "10.0.0.1"))
    told = following()
    told.until("1")
    is_watching(api)
    api.status = 403
    api.end_watches()
    wait_until(lambda: len(told.errors) > 1, "two failures")
    assert "answered 403" in told.errors[-1]
    assert told.found == [["10.0.0.1:8080"]]
    api.status = 200
    api.put(endpoint_slice("a", "10.0.0.2"))
    told.until("2")


def test_a_renewed_token_is_read(api: KubernetesApi, following: Follow, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "SHORTEST", 0.0)
    told = following()
    is_watching(api)
    api.renew("renewed\n")
    api.end_watches()
    is_watching(api, 2)
    assert api.tokens[-1] == "renewed"
    api.put(endpoint_slice("a", "10.0.0.1"))
    told.until("1")
    assert told.errors == []


def test_another_authoritys_server_is_not_told_the_token(api: KubernetesApi, following: Follow, tmp_path: Path):
    (api.account / "ca.crt").write_bytes(authority(tmp_path, "stranger").cert.read_bytes())
    told = following()
    wait_until(lambda: told.errors, "a failure")
    assert "CERTIFICATE_VERIFY_FAILED" in told.errors[0]
    assert api.tokens == []


@pytest.mark.parametrize("name", ["token", "ca.crt", "namespace"])
def test_a_missing_file_is_named(api: KubernetesApi, following: Follow, name: str):
    (api.account / name).unlink()
    told = following()
    wait_until(lambda: told.errors, "a failure")
    assert told.errors[0] == f"the API server: {api.account / name}: No such file or directory"


def test_outside_of_a_cluster(tmp_path: Path):
    with pytest.raises(module.KubernetesError, match="does not run in a cluster"):
        Api({}).pool()


def test_nonsense_is_a_failure(api: KubernetesApi, following: Follow, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(api, "list", lambda query: {"items": [{"metadata": {}}], "metadata": {"resourceVersion": "1"}})
    told = following()
    wait_until(lambda: told.errors, "a failure")
    assert told.found == []


def test_silence_is_looked_into(api: KubernetesApi, following: Follow, monkeypatch: pytest.MonkeyPatch):
    """A connection may be dead without a word: the next watch tells."""
    monkeypatch.setattr(module, "SILENCE", 1.0)
    told = following()
    is_watching(api, 3)
    api.put(endpoint_slice("a", "10.0.0.1"))
    told.until("1")
    assert (api.lists(), told.errors) == (1, [])


def test_it_is_listed_anew_now_and_then(api: KubernetesApi, following: Follow, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "RESYNC", 0.05)
    monkeypatch.setattr(module, "SHORTEST", 0.0)
    api.watch_seconds = 0.1
    told = following()
    wait_until(lambda: api.lists() >= 3, "three lists")
    assert told.errors == []


def test_pages_of_a_list_that_is_forgotten_are_listed_anew(
    api: KubernetesApi, following: Follow, monkeypatch: pytest.MonkeyPatch
):
    for number in (1, 2, 3):
        api.put(endpoint_slice(f"catalog-{number}", f"10.0.0.{number}"))
    pages = api.list

    def compacted_between(query: dict[str, str]) -> dict[str, object]:
        page = pages(query)
        if api.lists() == 1:
            api.compact()
        return page

    monkeypatch.setattr(api, "list", compacted_between)
    told = following()
    told.until("1", "2", "3")
    assert [len(found) for found in told.found] == [3], "half of a list is never told"
    assert api.lists() == 4, "a page, 410, and both pages again"


@pytest.mark.parametrize(
    "half", [b"", b'{"type": "ADDED", "object": {"metadata": {"name": "x", "resourceVersion": "999"']
)
def test_a_connection_that_breaks_loses_nothing(api: KubernetesApi, following: Follow, half: bytes):
    api.put(endpoint_slice("a", "10.0.0.1"))
    told = following()
    is_watching(api)
    api.put(endpoint_slice("b", "10.0.0.2"))
    told.until("1", "2")
    api.cut(half)
    api.delete("a")
    api.put(endpoint_slice("b", "10.0.0.3"))
    told.until("3")
    is_watching(api, 2)
    assert len(told.errors) == 1 and told.errors[0].startswith("the API server: ")
    assert all(found for found in told.found), "what was known holds meanwhile"


def test_a_server_that_is_gone_for_a_while(api: KubernetesApi, following: Follow):
    api.put(endpoint_slice("a", "10.0.0.1"))
    told = following()
    told.until("1")
    is_watching(api)
    port = api.stop()
    wait_until(lambda: len(told.errors) > 1 and "refused" in told.errors[-1], "it is refused")
    assert told.found == [["10.0.0.1:8080"]]
    api.put(endpoint_slice("a", "10.0.0.2"))
    api.start(port)
    told.until("2")
    is_watching(api, 2)


def test_trouble_that_a_watch_tells_is_a_failure(api: KubernetesApi, following: Follow):
    told = following()
    is_watching(api)
    api.fail_watches(500, "etcdserver: leader changed")
    is_watching(api, 2)
    assert told.errors == ["the API server: ended the watch: etcdserver: leader changed"]
    api.put(endpoint_slice("a", "10.0.0.1"))
    told.until("1")


def test_a_token_that_ran_out_heals_when_it_is_renewed(api: KubernetesApi, following: Follow):
    """The kubelet writes a new one long before; if it cannot, the last answer holds."""
    api.put(endpoint_slice("a", "10.0.0.1"))
    told = following()
    told.until("1")
    is_watching(api)
    api.valid = "renewed"
    api.put(endpoint_slice("a", "10.0.0.2"))
    told.until("2")
    assert told.errors == [], "a watch that is open goes on"
    api.end_watches()
    wait_until(lambda: told.errors, "it is refused")
    assert "answered 401" in told.errors[0]
    assert TOKEN not in "".join(told.errors)
    assert told.found[-1] == ["10.0.0.2:8080"]
    api.renew("renewed\n")
    api.put(endpoint_slice("a", "10.0.0.3"))
    told.until("3")
    assert api.tokens[-1] == "renewed"


def test_a_renewed_authority_is_read(api: KubernetesApi, following: Follow, tmp_path: Path):
    told = following()
    told.until()
    is_watching(api)
    ca = authority(tmp_path, "renewed")
    pair = issue(tmp_path, ca, "server", "IP:127.0.0.1")
    (api.account / "ca.crt").write_bytes(ca.cert.read_bytes())
    port = api.stop()
    api._context.load_cert_chain(pair.cert, pair.key)
    api.put(endpoint_slice("a", "10.0.0.1"))
    api.start(port)
    told.until("1")
