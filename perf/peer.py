"""Peers: other gateways, each a TOML file in perf/peers that says how it is started, what it does and leaves out.

A file holds `title`, `program`, `version` (arguments with which it says its own), `needs` (packages of apt, pip and
npm, files that must be there) and a table for each work that it can do: `bare` (pass everything on) and `full` (the
line that docs/perf.md describes).  A work names its `start` command, the template `files` that are filled in beside it,
`env`, `token` (how often a token is verified), and in words what it `does` and what it `leaves_out`, so that nobody
takes unequal work for equal.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perf import identity, tools

HERE = Path(__file__).parent
FOLDER = HERE / "peers"
BUILD = HERE.parent / "build" / "perf"  # what `python -m perf peers --install` fills
NODE_MODULES = BUILD / "node" / "node_modules"
WORKS = ("bare", "full")
TOKENS = ("none", "cached", "verified")
#: what templates and commands may ask for, as @PORT@
MARKS = {"PROGRAM", "PYTHON", "MODULES", "DIR", "PEERS", "PORT", "ADMIN", "UPSTREAM"}
MARKS |= {"SECRET", "SECRET64", "ISSUER", "AUDIENCE", "SCOPE"}
EACH = re.compile(r"@EACH@[^\n]*\n(.*?)@END@[^\n]*\n?", re.S)  # lines that are repeated with another @I@


class PeerError(Exception):
    """A peer file that cannot be used; the message names file and key."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Packages by where they come from, and files that one of them brings."""

    apt: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    npm: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """One thing that a peer can be started for."""

    start: tuple[str, ...]
    does: str
    leaves_out: str
    files: tuple[str, ...] = ()  # templates, each put into the peer's own folder under its last name
    env: tuple[tuple[str, str], ...] = ()
    token: str = "none"


@dataclass(frozen=True, slots=True)
class Peer:
    """A whole file."""

    name: str
    title: str
    program: str
    needs: Needs
    works: dict[str, Work]
    asked: tuple[str, ...] = ()  # arguments with which the program says its version

    def path(self) -> str | None:
        """The program: of our own Python, of what was installed for the peers, else on the PATH."""
        if self.program == "python":
            return sys.executable
        return shutil.which(self.program, path=str(BUILD / "venv" / "bin")) or tools.find(self.program)

    def version(self) -> str:
        """Of the program, or of the first package from npm; empty when nobody says."""
        if self.needs.npm:
            described = NODE_MODULES / package_of(self.needs.npm[0]) / "package.json"
            return str(json.loads(described.read_text())["version"]) if described.exists() else ""
        if not self.asked or not (path := self.path()):
            return ""
        done = subprocess.run([path, *self.asked], capture_output=True, text=True)
        found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
        return found[0] if found else ""

    def absent(self) -> str | None:
        """Why it cannot be measured here and what to do about it, or None when it can."""
        if self.needs.pip and not shutil.which(self.program, path=str(BUILD / "venv" / "bin")):
            return f"not installed: python -m perf peers --install {self.name}"
        if self.needs.npm and not all((NODE_MODULES / package_of(spec)).is_dir() for spec in self.needs.npm):
            return f"not installed: python -m perf peers --install {self.name}"
        if not self.path() or not all(Path(file).exists() for file in self.needs.files):
            return f"not installed: apt-get install {' '.join(self.needs.apt)}"
        return None


def package_of(spec: str) -> str:
    """The name in an npm package with its version: `@fastify/jwt@10` is `@fastify/jwt`."""
    return spec if "@" not in spec[1:] else spec[: spec.rindex("@")]


def names(folder: Path = FOLDER) -> tuple[str, ...]:
    """Every peer there is a file for."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def load(name: str, folder: Path = FOLDER) -> Peer:
    """One peer by its name."""
    return parse(name, (folder / f"{name}.toml").read_text(), folder)


def parse(name: str, text: str, folder: Path = FOLDER) -> Peer:
    """One peer file; whatever it does not know is an error."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PeerError(f"{name}.toml: {error}") from None
    _check(f"{name}.toml", document, {"title", "program"}, {"needs", "version", *WORKS})
    needs = document.get("needs", {})
    _check(f"{name}.toml: needs", needs, set(), {"apt", "pip", "npm", "files"})
    works = {work: _work(f"{name}.toml: {work}", document[work], folder) for work in WORKS if work in document}
    if not works:
        raise PeerError(f"{name}.toml: one of {' and '.join(WORKS)} must be there")
    lists = {key: tuple(value) for key, value in needs.items()}
    return Peer(name, document["title"], document["program"], Needs(**lists), works, tuple(document.get("version", ())))


def _work(where: str, row: dict[str, Any], folder: Path) -> Work:
    _check(where, row, {"start", "does", "leaves_out"}, {"files", "env", "token"})
    if (token := row.get("token", "none")) not in TOKENS:
        raise PeerError(f"{where}: token {token!r} is none of {', '.join(TOKENS)}")
    files = tuple(row.get("files", ()))
    for file in files:
        if not (folder / file).is_file():
            raise PeerError(f"{where}: there is no file {file!r}")
    env = tuple(row.get("env", {}).items())
    for said in (*row["start"], *(value for _, value in env)):
        if unknown := set(re.findall(r"@([A-Z0-9]+)@", said)) - MARKS:
            raise PeerError(f"{where}: unknown mark {min(unknown)!r} in {said!r}")
    return Work(tuple(row["start"]), row["does"], row["leaves_out"], files, env, token)


def _check(where: str, row: dict[str, Any], must: set[str], may: set[str]) -> None:
    if unknown := row.keys() - must - may:
        raise PeerError(f"{where}: unknown key {min(unknown)!r}; there are {', '.join(sorted(must | may))}")
    if absent := must - row.keys():
        raise PeerError(f"{where}: {min(absent)!r} is missing")


def fill(text: str, values: dict[str, str], routes: int = 100) -> str:
    """A template with its marks filled in; what stands in @EACH@ is there for every route but the last."""
    text = EACH.sub(lambda found: "".join(found[1].replace("@I@", str(i)) for i in range(routes - 1)), text)
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def values(found: Peer, folder: Path, port: int, admin: int, upstream: int) -> dict[str, str]:
    """What the marks stand for when a peer is started."""
    secret = base64.urlsafe_b64encode(identity.SECRET.encode()).rstrip(b"=").decode()
    return {
        "PROGRAM": found.path() or found.program,
        "PYTHON": sys.executable,
        "MODULES": str(NODE_MODULES),
        "DIR": str(folder),
        "PEERS": str(FOLDER),
        "PORT": str(port),
        "ADMIN": str(admin),
        "UPSTREAM": str(upstream),
        "SECRET": identity.SECRET,
        "SECRET64": secret,
        "ISSUER": identity.ISSUER,
        "AUDIENCE": identity.AUDIENCE,
        "SCOPE": "items:read",
    }
