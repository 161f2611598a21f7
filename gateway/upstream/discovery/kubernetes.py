"""Targets by Kubernetes: the EndpointSlices of a service, listed once and then watched.

list -> watch from its resourceVersion -> events and bookmarks move that on -> the server ends the watch now and then:
watch again from there.  410 Gone (the version is too old), a broken connection and the time for a resync: list again.
"""

from __future__ import annotations

import json
import os
import random
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any, Final
from urllib.parse import quote, urlencode

import gevent
from urllib3 import BaseHTTPResponse, HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError, ReadTimeoutError

from gateway.upstream.discovery.endpoint_slices import EndpointSlices, Object
from gateway.upstream.discovery.options import Kubernetes
from gateway.upstream.discovery.source import Endpoint
from gateway.upstream.resilience.backoff import delay

#: seconds: for an answer to begin, between two lines of a watch, of a watch as the server is asked for, until a resync
OPEN: Final = 10.0
SILENCE: Final = 90.0
WATCH: Final = 240
RESYNC: Final = 1800.0
#: seconds before another attempt, by chance up to this, doubling up to ten times of it
BACKOFF: Final = 2.0
#: a watch that ends sooner and says nothing counts as a failure
SHORTEST: Final = 1.0
PAGE: Final = 500
LONGEST_LINE: Final = 16 << 20

ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"


class ResourceVersionExpired(Exception):
    """The version to watch from is no longer there."""


class KubernetesError(Exception):
    """The API server did not answer as it should; in words."""


class Api:
    """The API server, as a pod reaches it: address by the environment, token and CA by files that are renewed."""

    def __init__(self, environ: dict[str, str] | os._Environ[str] = os.environ) -> None:
        self._environ = environ

    @property
    def account(self) -> Path:
        """The folder with token, ca.crt and namespace."""
        return Path(self._environ.get("GATEWAY_SERVICE_ACCOUNT", ACCOUNT))

    def namespace(self) -> str:
        """The gateway's own. Raises Trouble."""
        return self._read("namespace").strip()

    def pool(self) -> HTTPSConnectionPool:
        """A connection to be. Raises Trouble."""
        host = self._environ.get("KUBERNETES_SERVICE_HOST", "")
        if not host:
            raise KubernetesError("KUBERNETES_SERVICE_HOST is not set: the gateway does not run in a cluster")
        context = ssl.create_default_context(cadata=self._read("ca.crt"))
        return HTTPSConnectionPool(
            host.strip("[]"),
            int(self._environ.get("KUBERNETES_SERVICE_PORT", "443")),
            maxsize=1,
            retries=False,
            timeout=Timeout(connect=OPEN, read=SILENCE),
            ssl_context=context,
        )

    def get(self, pool: HTTPSConnectionPool, url: str) -> BaseHTTPResponse:
        """The answer to a GET, its body still to be read. Raises Gone, Trouble, urllib3's errors, OSError."""
        headers = {"Authorization": f"Bearer {self._read('token').strip()}", "Accept": "application/json"}
        # NOTE: neither the resolver nor the TLS handshake has a timeout of its own.
        with gevent.Timeout(OPEN, KubernetesError(f"no answer within {OPEN:g}s")):
            answer = pool.urlopen("GET", url, headers=headers, preload_content=False, redirect=False)
        if answer.status == 410:
            answer.close()
            raise ResourceVersionExpired
        if answer.status != 200:
            with closing(answer):
                raise KubernetesError(f"answered {answer.status}: {answer.read(300, decode_content=False)!r}")
        return answer

    def _read(self, name: str) -> str:
        try:
            return (self.account / name).read_text()
        except OSError as error:
            raise KubernetesError(f"{error.filename}: {error.strerror}") from None


class EndpointSliceResolver:
    """Lists and watches the EndpointSlices of a service."""

    def __init__(self, spec: Kubernetes, api: Api | None = None) -> None:
        self._spec = spec
        self._api = api or Api()
        self._slices = EndpointSlices(spec.port)

    def run(self, found: Callable[[Iterable[Endpoint]], None], failed: Callable[[str], None]) -> None:
        """Follow for ever."""
        failures = 0
        while True:
            began = monotonic()
            try:
                with closing(self._api.pool()) as pool:
                    version = self._list(pool)
                    found(self._slices.endpoints())
                    self._watch(pool, version, found)
                failures = 0
                continue
            except ResourceVersionExpired:
                if monotonic() - began > SHORTEST:
                    failures = 0
                    continue  # a version grows old: nothing is wrong
            except (KubernetesError, HTTPError, OSError, ValueError, KeyError, TypeError) as error:
                failed(f"the API server: {str(error) or type(error).__name__}")
            failures = 1 if monotonic() - began > 10 * BACKOFF else failures + 1
            gevent.sleep(max(BACKOFF / 10, delay(failures, BACKOFF, random.random())))

    def _url(self, **query: str) -> str:
        namespace = self._spec.namespace or self._api.namespace()
        asked = {"labelSelector": f"kubernetes.io/service-name={self._spec.service}"} | query
        return f"/apis/discovery.k8s.io/v1/namespaces/{quote(namespace, safe='')}/endpointslices?{urlencode(asked)}"

    def _list(self, pool: HTTPSConnectionPool) -> str:
        """Learn all slices; the version to watch from."""
        items: list[Object] = []
        more: dict[str, str] = {}
        while True:
            with closing(self._api.get(pool, self._url(limit=str(PAGE), **more))) as answer:
                page = json.loads(answer.read(decode_content=True))
            items += page.get("items") or ()
            metadata = page["metadata"]
            if not metadata.get("continue"):
                self._slices.replace(items)
                return str(metadata["resourceVersion"])
            more = {"continue": metadata["continue"]}

    def _watch(self, pool: HTTPSConnectionPool, version: str, found: Callable[[Iterable[Endpoint]], None]) -> None:
        """Follow the changes since `version`, until it is time to list again."""
        resync_at = monotonic() + RESYNC * (1.0 + random.random())
        while (began := monotonic()) < resync_at:
            last = version
            try:
                for kind, item in self._events(pool, version):
                    version = str(item["metadata"]["resourceVersion"])
                    if kind != "BOOKMARK":
                        self._slices.apply(kind, item)
                        found(self._slices.endpoints())
            except ReadTimeoutError:
                continue  # quiet, or the other end is gone without a word: the next watch tells
            if version == last and monotonic() - began < SHORTEST:
                raise KubernetesError("ended a watch at once")

    def _events(self, pool: HTTPSConnectionPool, version: str) -> Iterator[tuple[str, Object]]:
        """(type, object) of each event of one watch. Raises Gone, Trouble, urllib3's errors."""
        seconds = str(WATCH + random.randrange(WATCH // 4))
        url = self._url(watch="1", resourceVersion=version, allowWatchBookmarks="true", timeoutSeconds=seconds)
        with closing(self._api.get(pool, url)) as answer:
            for line in _lines(answer):
                event: dict[str, Any] = json.loads(line)
                kind, item = event["type"], event["object"]
                if kind == "ERROR":
                    if item.get("code") == 410:
                        raise ResourceVersionExpired
                    raise KubernetesError(f"ended the watch: {item.get('message') or item.get('reason')}")
                yield kind, item


def _lines(answer: BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for piece in answer.stream(65536, decode_content=True):
        *lines, rest = (rest + piece).split(b"\n")
        yield from filter(None, lines)
        if len(rest) > LONGEST_LINE:
            raise KubernetesError(f"sent a line of more than {LONGEST_LINE >> 20} MB")
