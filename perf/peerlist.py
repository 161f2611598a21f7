"""`python -m perf peers`: what each peer does and leaves out, whether it is here, and how it gets here."""

from __future__ import annotations

import argparse
import subprocess
import sys
import textwrap
from typing import Any

from perf import peer, peercheck
from perf.tools import find


def add(commands: Any) -> None:
    """The command of this module."""
    peers = commands.add_parser("peers", help="other gateways: what they do, and whether they are here")
    peers.add_argument("names", nargs="*", metavar="NAME", help="all by default")
    peers.add_argument("--install", action="store_true", help="from pip or npm into build/perf")
    peers.add_argument("--check", action="store_true", help="start each at full work and ask whether it does it")
    peers.set_defaults(command=_peers)


def _peers(given: argparse.Namespace) -> int:
    known = peer.names()
    if strange := [name for name in given.names if name not in known]:
        raise peer.PeerError(f"no peer {strange[0]!r}; there are {', '.join(known)}")
    failed = False
    for found in map(peer.load, given.names or known):
        if given.install:
            install(found)
        print(text(found), flush=True)
        if given.check and "full" in found.works and not found.absent():
            faults = peercheck.faults(found.name)
            print("  full work checked:", "; ".join(faults) or "it does it", flush=True)
            failed |= bool(faults)
    return int(failed)


def install(found: peer.Peer) -> None:
    """What is missing of its packages, by the ordinary clients; what comes with the system is left to who runs it."""
    if not found.absent():
        return
    commands: list[list[str]] = []
    if found.needs.pip:
        venv = peer.BUILD / "venv"
        if not (venv / "bin" / "pip").exists():
            commands.append([sys.executable, "-m", "venv", str(venv)])
        commands.append([str(venv / "bin" / "pip"), "install", "-q", *found.needs.pip])
    if found.needs.npm:
        node = peer.BUILD / "node"
        node.mkdir(parents=True, exist_ok=True)
        # NOTE: no lock file, which would hold the registry's host; no scripts, for what they build is not ours to run.
        flags = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        commands.append([find("npm") or "npm", "install", "--prefix", str(node), *flags, *found.needs.npm])
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            raise peer.PeerError(f"{found.name}: {command[0]} is not installed") from None
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            raise peer.PeerError(f"{found.name}: `{' '.join(command)}` failed: {last}")


def text(found: peer.Peer) -> str:
    """A peer for people."""
    lines = [f"{found.name}: {found.title}; {found.absent() or f'here {found.version()}'.rstrip()}"]
    for name, work in found.works.items():
        token = f"; token {work.token}" if work.token != "none" else ""
        lines += textwrap.wrap(f"{name}: {work.does}{token}", 116, initial_indent="  ", subsequent_indent="    ")
        lines += textwrap.wrap(f"leaves out {work.leaves_out}", 116, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)
