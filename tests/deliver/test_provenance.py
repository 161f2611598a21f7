"""What is released says where it comes from, signed; and goes where it should: buildah and gh are played."""

import base64
import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "tools/deliver"
PYTHON = ROOT / "build/deliver/venv/bin/python"
pytestmark = pytest.mark.deliver


class Tree:
    """A repository whose dist/ has what was built."""

    def __init__(self, at: Path) -> None:
        self.at, self.dist, self.bin = at / "tree", at / "tree/dist", at / "bin"
        self.dist.mkdir(parents=True)
        self.bin.mkdir()
        self.run("git", "init", "--quiet")
        self.run("git", "remote", "add", "origin", "https://git.example/gateway.git")
        (self.at / ".gitignore").write_text("build/\ndist/\n")
        (self.at / "requirements.lock").write_text("falcon==4.4.0\n")
        (self.at / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n## 1.2.3 (2026-01-01)\n\n- All.\n")
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "-m", "begin")

    def play(self, command: str, script: str) -> None:
        """A command that notes how it was called."""
        path = self.bin / command
        path.write_text(f'#!/bin/sh\necho "$@" >>{self.at}/dist/../../said\n{script}\n')
        path.chmod(0o755)

    @property
    def said(self) -> list[str]:
        return (self.at.parent / "said").read_text().splitlines()

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        who = {f"GIT_{who}_{what}": "someone" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        plain = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "VERSION": "1.2.3"}
        env = {"PATH": f"{self.bin}:{os.environ['PATH']}"} | who | plain | more
        return subprocess.run(command, cwd=self.at, env=env, capture_output=True, text=True, timeout=60)

    def provenance(self, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run(str(PYTHON), str(TOOLS / "provenance.py"), **more)


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_it_names_what_was_built_and_from_what(tree):
    (tree.dist / "gateway.whl").write_bytes(b"wheel")
    (tree.dist / "image.digest").write_text("registry.example/gateway@sha256:" + "a" * 64 + "\n")
    (tree.at / "build/image").mkdir(parents=True)
    (tree.at / "build/image/gateway.cdx.json").write_bytes(b"sbom")
    done = tree.provenance()
    assert (done.returncode, done.stderr) == (0, "provenance: not signed; SIGNING_KEY holds no key\n")
    found = json.loads((tree.dist / "provenance.json").read_text())
    assert found["subject"] == [
        {"name": "gateway.cdx.json", "digest": {"sha256": hashlib.sha256(b"sbom").hexdigest()}},
        {"name": "gateway.whl", "digest": {"sha256": hashlib.sha256(b"wheel").hexdigest()}},
        {"name": "registry.example/gateway", "digest": {"sha256": "a" * 64}},
    ]
    head = tree.run("git", "rev-parse", "HEAD").stdout.strip()
    commit, lock = found["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert commit == {"uri": "git+https://git.example/gateway.git", "digest": {"gitCommit": head}}
    assert lock["uri"] == "file:requirements.lock"
    assert found["predicateType"] == "https://slsa.dev/provenance/v1"


def test_it_is_signed_over_every_byte(tree):
    (tree.dist / "gateway.whl").write_bytes(b"wheel")
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert tree.provenance(SIGNING_KEY=pem).returncode == 0
    envelope = json.loads((tree.dist / "provenance.dsse.json").read_text())
    payload = base64.b64decode(envelope["payload"])
    assert payload == (tree.dist / "provenance.json").read_bytes()
    kind = envelope["payloadType"].encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    key.public_key().verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        key.public_key().verify(signature, signed.replace(b"gateway.whl", b"gateway.wha"), ec.ECDSA(hashes.SHA256()))


def test_nothing_comes_from_changes_that_nobody_can_see(tree):
    assert "there is nothing in dist/" in tree.provenance().stderr
    (tree.dist / "gateway.whl").write_bytes(b"wheel")
    (tree.at / "requirements.lock").write_text("falcon==0\n")
    done = tree.provenance()
    assert done.returncode == 1
    assert "changes that are not committed" in done.stderr


IMAGE = "registry.example/gateway:1.2.3"


def test_an_image_is_pushed_by_its_version_and_known_by_its_digest(tree):
    script = 'for each; do [ "$last" != --digestfile ] || echo "sha256:12" >"$each"; last="$each"; done'
    tree.play("buildah", script)
    account = {"REGISTRY_USER": "me", "REGISTRY_PASSWORD": "secret"}
    done = tree.run(str(TOOLS / "push.sh"), IMAGE=IMAGE, BUILDER="buildah", **account)
    assert done.returncode == 0, done.stderr
    assert (tree.dist / "image.digest").read_text() == "registry.example/gateway@sha256:12\n"
    assert tree.said[1] == "login --username me --password-stdin registry.example"
    assert tree.said[2].endswith(f"{IMAGE} docker://{IMAGE}")
    assert "secret" not in "".join(tree.said) + done.stdout + done.stderr


def test_docker_tells_the_digest_that_the_registry_gave(tree):
    other = "echo other.example/gateway@sha256:34"
    tree.play("docker", f'case "$*" in *format*) {other}; echo registry.example/gateway@sha256:12 ;; esac')
    done = tree.run(str(TOOLS / "push.sh"), IMAGE=IMAGE, BUILDER="docker")
    assert (done.returncode, done.stdout) == (0, "registry.example/gateway@sha256:12\n")
    assert tree.said[1] == f"push --quiet {IMAGE}"


def test_no_image_and_nowhere_to_push_to_are_said(tree):
    assert "IMAGE=registry.example/gateway:1.2.3" in tree.run(str(TOOLS / "push.sh"), IMAGE="gateway").stderr
    tree.play("buildah", "exit 1")
    assert "run: make image" in tree.run(str(TOOLS / "push.sh"), IMAGE=IMAGE, BUILDER="buildah").stderr
    nobody = tree.run(str(TOOLS / "push.sh"), IMAGE=IMAGE, BUILDER="no-builder")
    assert "no docker, podman or buildah" in nobody.stderr


@pytest.mark.parametrize(("version", "kind"), [("1.2.3", "--latest"), ("1.2.3-rc.1", "--prerelease")])
def test_a_release_has_its_notes_and_everything_that_was_built(tree, version, kind):
    changelog = tree.at / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("1.2.3", version))
    tree.play("gh", f"cat >>{tree.at.parent}/said")
    refused = tree.run(str(TOOLS / "publish.sh"), VERSION=version)
    assert "run: make provenance" in refused.stderr
    for name in ("gateway.whl", "provenance.json"):
        (tree.dist / name).write_bytes(b"x")
    done = tree.run(str(TOOLS / "publish.sh"), VERSION=version)
    assert done.returncode == 0, done.stderr
    (tag, *options), notes = tree.said[0].split()[2:], tree.said[1:]
    assert (tag, notes) == (f"v{version}", ["- All."])
    assert "--verify-tag" in options and kind in options
    assert options[-2:] == ["dist/gateway.whl", "dist/provenance.json"]


def test_a_release_that_the_changelog_does_not_know_is_none(tree):
    tree.play("gh", "")
    done = tree.run(str(TOOLS / "publish.sh"), VERSION="9.9.9")
    assert done.returncode == 1
    assert "has no part '## 9.9.9'" in done.stderr
