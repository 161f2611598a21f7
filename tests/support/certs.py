"""Certificates for tests, made by the openssl command."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, PEM files."""

    cert: Path
    key: Path


def authority(folder: Path, name: str = "ca") -> Pair:
    """A certificate authority."""
    extensions = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]
    return _make(folder, name, ["-subj", f"/CN={name}", *extensions])


def issue(folder: Path, ca: Pair, name: str, *names: str) -> Pair:
    """A certificate of `ca`; `names` such as DNS:api.example.com or IP:127.0.0.1."""
    extensions = ["-addext", f"subjectAltName={','.join(names or ('DNS:' + name,))}"]
    by = ["-CA", str(ca.cert), "-CAkey", str(ca.key), "-addext", "basicConstraints=critical,CA:FALSE"]
    return _make(folder, name, ["-subj", f"/CN={name}", *extensions, *by])


def _make(folder: Path, name: str, arguments: list[str]) -> Pair:
    pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(pair.key)]
    command = ["openssl", "req", "-x509", *key, "-days", "3", "-out", str(pair.cert), *arguments]
    subprocess.run(command, check=True, capture_output=True)
    return pair
