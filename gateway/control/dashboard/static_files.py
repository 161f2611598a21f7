"""The page of the dashboard and its files, from the package: the same for everybody, without any figures."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import falcon

from gateway.errors import ROUTE_NOT_FOUND, GatewayError

TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}
# SECURITY: nothing but our own files runs or is asked, no text becomes markup or code, and no page frames this one
# (tests/unit/observer/test_shell.py).
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
PAGE: Final = "index.html"
VENDOR: Final = "vendor"
SCRIPT: Final = f"{VENDOR}/uPlot.iife.min.js"
#: sent as one, for the page is not painted before the last of them is there; the last is uPlot's
STYLE: Final = "style.css"
STYLES: Final = (STYLE, "parts.css", f"{VENDOR}/uPlot.min.css")
#: where the page names what draws its charts, which a build without npm has not
MARK: Final = b"<!-- charts -->"
TAG: Final = b'<script defer src="dashboard/vendor/uPlot.iife.min.js"></script>'


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is sent."""

    kind: str
    data: bytes
    packed: bytes
    tag: str


class StaticFiles:
    """The files, read when the first of them is asked for."""

    def __init__(self) -> None:
        self._files: dict[str, File] | None = None

    def answer(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Send the file `name` ("vendor/…" for what others wrote). Raises GatewayError when there is none."""
        if self._files is None:
            self._files = load()
        file = self._files.get(name)
        if file is None:
            raise GatewayError(ROUTE_NOT_FOUND, f"The dashboard has no file {name!r}.")
        for header, value in HEADERS.items():
            resp.set_header(header, value)
        resp.set_header("Vary", "Accept-Encoding")
        resp.set_header("ETag", file.tag)
        if file.tag in req.get_header("If-None-Match", default=""):
            resp.status = 304
            return
        resp.content_type = file.kind
        if "gzip" in req.get_header("Accept-Encoding", default=""):
            resp.set_header("Content-Encoding", "gzip")
            resp.data = file.packed
        else:
            resp.data = file.data


def load() -> dict[str, File]:
    """Every file by its name; the page names the charts where they were built in."""
    folder = files("gateway.control.dashboard").joinpath("static")
    found = {each.name: each.read_bytes() for each in _files(folder)}
    found |= {f"{VENDOR}/{each.name}": each.read_bytes() for each in _files(folder.joinpath(VENDOR))}
    found[PAGE] = found[PAGE].replace(MARK, TAG if SCRIPT in found else b"")
    found[STYLE] = b"\n".join([found.pop(name) for name in STYLES if name in found])
    return {name: _file(name, data) for name, data in found.items()}


def _files(folder: Traversable) -> list[Traversable]:
    is_known = folder.is_dir()
    return [each for each in folder.iterdir() if each.is_file() and _ending(each.name) in TYPES] if is_known else []


def _file(name: str, data: bytes) -> File:
    packed = gzip.compress(data, 9, mtime=0)
    return File(TYPES[_ending(name)], data, packed, f'W/"{hashlib.sha256(data).hexdigest()[:24]}"')


def _ending(name: str) -> str:
    return name.rpartition(".")[2]
