"""Containers without a daemon: a store of images of its own, a base from Debian's mirror, and what runs in it.

It needs root, and leaves nothing behind but build/image/base.tar, which the next run takes again.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build" / "image"
BASE = "localhost/base:1"
IMAGE = "localhost/gateway:test"
#: podman wants a cgroup2 file system, whatever this machine has: it gets one in a mount namespace of its own
INSIDE = """
mount --make-rprivate / && mount -t tmpfs none /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"
"""
#: what Kubernetes gives a container with a read-only root: /dev/shm, and nothing else to write to
LOCKED = (
    *("--network", "none", "--read-only", "--read-only-tmpfs=false", "--tmpfs", "/dev/shm:rw,mode=1777"),
    *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
)
#: asks until it is answered, and says when that was
ASKING = """
import sys, time, http.client
host, port = sys.argv[1].split(":")
until = time.time() + 60
while time.time() < until:
    try:
        connection = http.client.HTTPConnection(host, int(port), timeout=5)
        connection.request("GET", sys.argv[2])
        if connection.getresponse().status == 200:
            sys.exit(print(time.time()))
    except OSError:
        time.sleep(0.005)
sys.exit("nobody answers")
"""


class Store:
    """Images and containers in a folder."""

    def __init__(self, folder: Path) -> None:
        assert os.geteuid() == 0, "building and running without a daemon needs root"
        self.folder = folder
        storage, containers = folder / "storage.conf", folder / "containers.conf"
        storage.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run"\n')
        limits = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
        hard = [f"{name}={(most := resource.getrlimit(kind)[1])}:{most}" for name, kind in limits.items()]
        containers.write_text(
            f'[containers]\ncgroups = "disabled"\ndefault_ulimits = {json.dumps(hard)}\n'
            '[engine]\nruntime = "crun"\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n'
        )
        self.env = {
            **os.environ,
            "CONTAINERS_STORAGE_CONF": str(storage),
            "CONTAINERS_CONF": str(containers),
            "BUILDAH_ISOLATION": "chroot",
            "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
        }

    def run(self, *command: str, may_fail: bool = False, **more: Any) -> subprocess.CompletedProcess[str]:
        """A command that knows the store."""
        env = {**self.env, **more.pop("env", {})}
        done = subprocess.run(command, cwd=ROOT, env=env, text=True, capture_output=True, timeout=900, **more)
        assert may_fail or done.returncode == 0, f"{command}: {done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done

    def podman(self, *arguments: str, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
        """The same, in a mount namespace."""
        return self.run("unshare", "-m", "sh", "-c", INSIDE, "sh", "podman", *arguments, may_fail=may_fail)

    def import_base(self) -> None:
        """Debian with its Python and certificates, made on this machine once."""
        tar = OUT / "base.tar"
        if not tar.exists():
            OUT.mkdir(parents=True, exist_ok=True)
            half = OUT / f"half-{os.getpid()}.tar"
            packages = "--include=python3,ca-certificates"
            self.run("mmdebstrap", "--quiet", "--variant=minbase", packages, "trixie", str(half))
            half.rename(tar)
        self.run("podman", "import", "--quiet", str(tar), BASE)

    def build(self) -> None:
        """The image, as `make image` builds it, on that base; certificates and pip.conf are this machine's."""
        env = {"BUILDER": "buildah", "BASE": BASE, "IMAGE": IMAGE}
        if Path("/etc/pip.conf").exists():
            env["PIP_CONF"] = "/etc/pip.conf"
        certificates = ("--volume", "/etc/ssl/certs:/etc/ssl/certs:ro")
        self.run("tools/deliver/image.sh", "build", "--network", "host", *certificates, env=env)

    def inspected(self, image: str = IMAGE) -> dict[str, Any]:
        """What is written on an image: its Config, and its layers under RootFS."""
        return dict(json.loads(self.run("podman", "image", "inspect", image).stdout)[0])

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """The image's files."""
        yield Path(self.run("podman", "image", "mount", IMAGE).stdout.strip())
        self.run("podman", "image", "unmount", IMAGE)

    @contextmanager
    def container(self, *command: str, options: tuple[str, ...] = ()) -> Iterator[Container]:
        """A container that is there and not started yet: read-only, without capabilities, with loopback alone."""
        name = f"gateway-{os.getpid()}-{time.monotonic_ns()}"
        self.podman("create", "--name", name, *LOCKED, *options, IMAGE, *command)
        try:
            self.podman("init", name)
            yield Container(self, name)
        finally:
            self.podman("rm", "--force", "--time", "0", name, may_fail=True)

    def remove(self) -> None:
        """All of it, which is a gigabyte."""
        self.run("podman", "rm", "--all", "--force", "--time", "0", may_fail=True)
        self.run("podman", "image", "unmount", "--all", "--force", may_fail=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class Container:
    """One that was made by `Store.container`."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self.name = name
        self.pid = int(self._state("{{.State.Pid}}"))

    def _state(self, what: str) -> str:
        return self._store.run("podman", "inspect", "--format", what, self.name).stdout.strip()

    def start(self, address: str, path: str) -> float:
        """Start it, and wait until `path` is answered with 200; the seconds from one to the other."""
        asking = self.beside(sys.executable, "-c", ASKING, address, path)
        began = time.time()
        self._store.podman("start", self.name)
        try:
            told, said = asking.communicate(timeout=70)
        finally:
            asking.kill()
        assert asking.returncode == 0, f"{said}{self.output()}"
        return float(told) - began

    def beside(self, *command: str) -> subprocess.Popen[str]:
        """A process of this machine in the network of the container."""
        network = f"--net=/proc/{self.pid}/ns/net"
        pipe = subprocess.PIPE
        return subprocess.Popen(["nsenter", network, *command], stdout=pipe, stderr=pipe, text=True)

    def curl(self, *arguments: str) -> str:
        """What curl says in there; its exit status when it fails."""
        with self.beside("curl", "--silent", "--max-time", "10", *arguments) as process:
            told, _ = process.communicate(timeout=20)
        return told if process.returncode == 0 else f"curl failed: {process.returncode}"

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command in the container."""
        return self._store.podman("exec", self.name, *command, may_fail=True)

    def status(self) -> dict[str, str]:
        """What the kernel says of its first process."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def terminate(self) -> None:
        """SIGTERM, to its first process."""
        os.kill(self.pid, 15)

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        return int(self._store.podman("wait", self.name).stdout)

    def output(self) -> str:
        """All that it has said."""
        done = self._store.run("podman", "logs", self.name, may_fail=True)
        return done.stdout + done.stderr
