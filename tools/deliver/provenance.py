"""Where what is in dist/ comes from: an in-toto statement with SLSA provenance v1, as dist/provenance.json.

With SIGNING_KEY (a private key as PEM, its password in COSIGN_PASSWORD) it is signed too: dist/provenance.dsse.json,
which `cosign verify-blob-attestation` reads.  dist/image.digest, which `make push` writes, makes the image a subject.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

DIST = Path("dist")
#: What `make sbom` wrote goes with what it describes.
SBOM = Path("build/image/gateway.cdx.json")
STATEMENT, SIGNED = DIST / "provenance.json", DIST / "provenance.dsse.json"
PREDICATE = "https://slsa.dev/provenance/v1"
#: What is built from, beside the commit: files whose digests say which dependencies went in.
LOCKED = ("requirements.lock", "tools/web/package-lock.json")


def git(*arguments: str) -> str:
    """What git says."""
    return subprocess.run(("git", *arguments), check=True, capture_output=True, text=True).stdout.strip()


def digest(path: Path) -> dict[str, str]:
    """The digest of a file, as in-toto writes it."""
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def subjects() -> list[dict[str, Any]]:
    """What was built: every file in dist/, and the image that was pushed."""
    made = {STATEMENT.name, SIGNED.name, "image.digest"}
    files = sorted(path for path in DIST.glob("*") if path.is_file() and path.name not in made)
    found = [{"name": path.name, "digest": digest(path)} for path in files]
    pushed = DIST / "image.digest"
    if pushed.exists():
        name, _, value = pushed.read_text().strip().rpartition("@sha256:")
        found.append({"name": name, "digest": {"sha256": value}})
    return found


def builder() -> dict[str, Any]:
    """Who built it: the workflow and its run, or this machine."""
    of = os.environ
    if "GITHUB_WORKFLOW_REF" not in of:
        return {"builder": {"id": "urn:gateway:builder:local"}}
    server, repository = of["GITHUB_SERVER_URL"], of["GITHUB_REPOSITORY"]
    run = f"{server}/{repository}/actions/runs/{of['GITHUB_RUN_ID']}/attempts/{of['GITHUB_RUN_ATTEMPT']}"
    return {"builder": {"id": f"{server}/{of['GITHUB_WORKFLOW_REF']}"}, "metadata": {"invocationId": run}}


def statement() -> dict[str, Any]:
    """The whole of it."""
    commit = {"uri": f"git+{git('remote', 'get-url', 'origin')}", "digest": {"gitCommit": git("rev-parse", "HEAD")}}
    locked = [{"uri": f"file:{name}", "digest": digest(Path(name))} for name in LOCKED if Path(name).exists()]
    definition = {
        "buildType": "urn:gateway:make:v1",
        "externalParameters": {"version": os.environ.get("VERSION", ""), "targets": ["wheels", "image", "sbom"]},
        "resolvedDependencies": [commit, *locked],
    }
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects(),
        "predicateType": PREDICATE,
        "predicate": {"buildDefinition": definition, "runDetails": builder()},
    }


def sign(payload: bytes, key: str) -> dict[str, Any]:
    """The envelope (DSSE) of a payload, signed."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

    password = os.environ.get("COSIGN_PASSWORD", "").encode() or None
    envelope = Envelope(payload=payload, payload_type="application/vnd.in-toto+json", signatures={})
    envelope.sign(CryptoSigner(load_pem_private_key(key.encode(), password)))
    written: dict[str, Any] = envelope.to_dict()
    return written


def main() -> int:
    """The exit status."""
    if SBOM.exists():
        DIST.mkdir(exist_ok=True)
        shutil.copy(SBOM, DIST)
    found = statement()
    if not found["subject"]:
        print("provenance: there is nothing in dist/; run `make wheels` and `make image` first", file=sys.stderr)
        return 1
    if git("status", "--porcelain"):
        print(
            "provenance: there are changes that are not committed, so no commit is where this comes from",
            file=sys.stderr,
        )
        return 1
    payload = json.dumps(found, indent=2).encode()
    STATEMENT.write_bytes(payload)
    if key := os.environ.get("SIGNING_KEY"):
        SIGNED.write_text(json.dumps(sign(payload, key)))
    else:
        print("provenance: not signed; SIGNING_KEY holds no key", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
