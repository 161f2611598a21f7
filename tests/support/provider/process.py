"""A real OpenID provider as a child process: npm's oidc-provider, installed once into build/provider."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.gateway import PATIENCE, ROOT, free_port, wait_until

SOURCE = Path(__file__).parent
FILES = ("package.json", "package-lock.json", ".npmrc", "server.mjs")
PLACE = ROOT / "build" / "provider"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def installed() -> Path:
    """The folder with the server and its packages; installed when the list of packages is another."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done, wanted = PLACE / "installed.json", (SOURCE / "package-lock.json").read_text()
        for name in FILES:
            shutil.copy(SOURCE / name, PLACE / name)
        if not done.exists() or done.read_text() != wanted:
            done.unlink(missing_ok=True)
            result = subprocess.run(["npm", "ci"], cwd=PLACE, capture_output=True, text=True)
            assert result.returncode == 0, f"npm ci failed:\n{result.stdout}{result.stderr}"
            done.write_text(wanted)
    return PLACE


class Provider:
    """The provider; its clients are told by their redirect address. Accounts are ada and bob, their password secret."""

    def __init__(self, redirect_uri: str, *, access_ttl: int = 60, secret: str = "the client's secret") -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.secret = secret
        client = {
            "client_id": "web",
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "client_secret_basic" if secret else "none",
        } | ({"client_secret": secret} if secret else {})
        settings = {"issuer": self.issuer, "clients": [client], "accessTtl": access_ttl}
        place = installed()
        self.log = place / f"{self.port}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["node", "server.mjs", json.dumps(settings)],
                cwd=place,
                stdout=log,
                stderr=log,
                env={**os.environ, "NODE_ENV": "test"},
            )
        wait_until(self._is_ready, "the provider answers")

    def calls(self) -> dict[str, int]:
        """How often the token endpoint was asked, as in {"refresh_token success": 1}."""
        return self._get("/test/calls")

    def fail(self, status: int) -> None:
        """Let the token endpoint answer with this status; 0 ends that."""
        request = urllib.request.Request(self.issuer + "/test/fail", str(status).encode(), method="POST")
        DIRECT.open(request, timeout=PATIENCE).close()

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait(10)
        self.log.unlink(missing_ok=True)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return bool(self._get("/.well-known/openid-configuration")["issuer"] == self.issuer)
        except (OSError, http.client.HTTPException):
            return False

    def _get(self, path: str) -> Any:
        with DIRECT.open(self.issuer + path, timeout=PATIENCE) as answer:
            return json.loads(answer.read())
