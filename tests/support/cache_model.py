"""The simplest cache that could be made of gateway.cache: a list of entries for each path, and a clock to set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gateway.cache.invalidation import invalidated
from gateway.cache.lookup import Action, verdict
from gateway.cache.request_directives import RequestDirectives, bare
from gateway.cache.response import respond_from_cache
from gateway.cache.revalidate import agrees, conditional, freshened, head_agrees, is_error
from gateway.cache.rules import CacheOptions
from gateway.cache.storable import refusal
from gateway.cache.stored_response import StoredResponse, selects, stored
from gateway.exchange import Headers, Response

#: (method, path, headers) -> (status, headers, body)
Origin = Callable[[str, str, Headers], tuple[int, Headers, bytes]]
Entry = tuple[StoredResponse, bytes]
HOST = "http://a.example"


class Cache:
    """One route's cache."""

    def __init__(self, rules: CacheOptions, origin: Origin, now: float) -> None:
        self.rules = rules
        self.now = now
        self._origin = origin
        self._kept: dict[str, list[Entry]] = {}

    def ask(self, method: str, path: str, headers: Headers) -> Response:
        """Answer a request."""
        asked = RequestDirectives.of(method, headers)
        if method not in ("GET", "HEAD") or asked.is_for_origin:
            return self._pass(method, path, headers)
        entry = self._find(path, headers)
        found = verdict(asked, entry and entry[0], self.now)
        if found.use is Action.TIMEOUT:
            return Response(504, [])
        if entry is not None and found.use in (Action.FRESH, Action.STALE, Action.REFRESH):
            answer = respond_from_cache(asked, *entry, found.age)
            if found.use is Action.REFRESH:
                self._fetch(replace(asked, method="GET"), path, headers, entry)
            return answer
        answer = self._head(path, headers, entry) if method == "HEAD" else self._fetch(asked, path, headers, entry)
        if entry is not None and is_error(answer.status) and found.on_error:
            return respond_from_cache(asked, *entry, found.age)
        return answer

    def _find(self, path: str, headers: Headers) -> Entry | None:
        fitting = [entry for entry in self._kept.get(path, []) if selects(entry[0], headers, self.rules)]
        return fitting[-1] if fitting else None

    def _pass(self, method: str, path: str, headers: Headers) -> Response:
        status, fields, body = self._origin(method, path, headers)
        for gone in invalidated(method, status, HOST + path, fields):
            self._kept.pop(gone, None)
        return Response(status, fields, body)

    def _fetch(self, asked: RequestDirectives, path: str, headers: Headers, entry: Entry | None) -> Response:
        times = (self.now, self.now)
        asking = conditional(entry[0]) if entry else []
        status, fields, body = self._origin("GET", path, bare(headers) + asking)
        if entry is not None and asking and status == 304 and agrees(entry[0], fields):
            fresh = freshened(entry[0], headers, fields, times, self.rules)
            self._drop(path, entry)
            if refusal(asked, fresh.status, fresh.headers, self.rules) is None:
                self._keep(path, (fresh, entry[1]))
            return respond_from_cache(asked, fresh, entry[1], 0)
        if refusal(asked, status, fields, self.rules) is None:
            if entry is not None:
                self._drop(path, entry)
            self._keep(path, (stored(headers, status, fields, len(body), times, self.rules), body))
        return Response(status, fields, body)

    def _head(self, path: str, headers: Headers, entry: Entry | None) -> Response:
        status, fields, _ = self._origin("HEAD", path, headers)
        if entry is not None and status == 200:
            self._drop(path, entry)
            if head_agrees(entry[0], fields):
                times = (self.now, self.now)
                self._keep(path, (freshened(entry[0], headers, fields, times, self.rules), entry[1]))
        return Response(status, fields)

    def _keep(self, path: str, entry: Entry) -> None:
        self._kept.setdefault(path, []).append(entry)

    def _drop(self, path: str, entry: Entry) -> None:
        self._kept[path] = [each for each in self._kept[path] if each is not entry]
