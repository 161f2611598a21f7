"""`gateway keys`: API keys (through the admin API of the running gateway) and signing keys (in their files)."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import client as cli_admin
from gateway.cli.client import Problem
from gateway.config.cli import table

if TYPE_CHECKING:
    from gateway.auth.jwt.key_files import KeyBlock
    from gateway.auth.model import InternalToken, Issuer, Provider
    from gateway.config.model import Document

PUBLISHED_FIRST = 300.0
"""Seconds that a fresh key is published before it signs: so long may others keep the keys that they know."""

SLACK = 600.0
"""Seconds that a retired key is kept beyond the last token that it may have signed."""


def line(name: str) -> str:
    """A key that is not stored, with its line for a file."""
    from gateway.auth.api_key.stored_keys import digest_of, new_key

    key = new_key()
    return f"{key}\n{name}:{digest_of(key)}\n"


def create(document: Document, given: dict[str, Any], style: str) -> str:
    """Have a key made. What is shown of it is all that there will ever be."""
    made = cli_admin.admin_request(document, "POST", "/api/keys", given)
    return _json(made) if style == "json" else f"{made['key']}\n"


def listed(document: Document, style: str) -> str:
    """The keys in the store."""
    keys = cli_admin.admin_request(document, "GET", "/api/keys")
    if style == "json":
        return _json(keys)
    return table([_row(key) for key in keys]) if keys else "no API key is stored\n"


def revoke(document: Document, key_id: str) -> str:
    """Revoke one."""
    cli_admin.admin_request(document, "DELETE", f"/api/keys/{key_id}")
    return f"{key_id} is revoked\n"


def new(path: str, algorithm: str) -> str:
    """Write a first signing key."""
    from gateway.auth.jwt import key_files as key_file
    from gateway.auth.jwt import signing

    try:
        key_file.create(path, signing.make_key(algorithm))
    except FileExistsError:
        raise Problem(f"{path} is there already; `gateway keys rotate` puts a fresh key into it") from None
    except (OSError, ValueError) as error:
        raise Problem(_words(path, error)) from None
    return f"{path} holds a fresh key for {algorithm}\n"


def rotate(document: Document, provider: str | None, at_once: bool, older_than: float | None) -> str:
    """Put a fresh key first into the file of a provider's signing keys."""
    from gateway.auth.jwt import key_files as key_file
    from gateway.auth.jwt import signing

    spec = signing_keys(document, provider)
    now = time.time()
    starts = now if at_once else now + PUBLISHED_FIRST
    fresh = signing.make_key(spec.algorithm)
    blocks = _read(spec)
    if older_than is not None:
        blocks = key_file.prune(blocks, now - older_than)
    try:
        blocks = key_file.rotate(blocks, fresh, starts)
        key_file.write(spec.key, blocks)
        kid = signing.Signer(spec).newest.kid
    except (OSError, ValueError) as error:
        raise Problem(_words(spec.key, error)) from None
    when = "at once" if at_once else f"in {PUBLISHED_FIRST / 60:.0f} minutes"
    return f"{spec.key}: the key {kid} signs {when}; {len(blocks) - 1} before it are still verified\n"


def prune(document: Document, provider: str | None, older_than: float | None) -> str:
    """Remove signing keys that retired long ago."""
    from gateway.auth.jwt import key_files as key_file

    spec = signing_keys(document, provider)
    blocks = _read(spec)
    kept = key_file.prune(blocks, time.time() - (needed(spec) if older_than is None else older_than))
    if len(kept) < len(blocks):
        try:
            key_file.write(spec.key, kept)
        except OSError as error:
            raise Problem(_words(spec.key, error)) from None
    return f"{spec.key}: {len(blocks) - len(kept)} removed, {len(kept)} kept\n"


def needed(spec: Issuer | InternalToken) -> float:
    """Seconds that a retired key must still be verified: refresh tokens are not signed, so access tokens decide."""
    from gateway.auth.model import Issuer

    return SLACK + (spec.access_ttl + spec.leeway if isinstance(spec, Issuer) else spec.ttl)


def signing_keys(document: Document, wanted: str | None) -> Issuer | InternalToken:
    """What says how a provider signs; which one need not be said when one does. Raises Problem."""
    able = {each.name: spec for each in document.providers if (spec := _signs(each)) is not None}
    if wanted is None and len(able) == 1:
        return next(iter(able.values()))
    if not able:
        raise Problem("no provider under `auth` signs anything: it would be an `issuer`, or have an `internal_token`")
    if wanted not in able:
        raise Problem(f"name one of the providers that sign with --provider: {', '.join(able)}")
    return able[wanted]


def _signs(provider: Provider) -> Issuer | InternalToken | None:
    from gateway.auth.model import Issuer

    return provider.method if isinstance(provider.method, Issuer) else provider.told.internal


def _read(spec: Issuer | InternalToken) -> tuple[KeyBlock, ...]:
    from gateway.auth.jwt import key_files as key_file

    try:
        if key_file.is_exposed(spec.key):
            click.echo(f"warning: others than its owner may read {spec.key}; `chmod 600` it", err=True)
        return key_file.read(spec.key)
    except (OSError, ValueError) as error:
        raise Problem(_words(spec.key, error)) from None


def _row(key: dict[str, Any]) -> dict[str, str]:
    return {
        "id": key["id"],
        "name": key["name"],
        "provider": key["provider"],
        "roles": ",".join(key["roles"]),
        "scopes": ",".join(key["scopes"]),
        "metadata": " ".join(f"{name}={value}" for name, value in key["metadata"].items()),
        "created": key["created"],
        "expires": key["expires"] or "",
    }


def _words(path: str, error: Exception) -> str:
    return f"{path}: {(error.strerror or str(error)).lower() if isinstance(error, OSError) else error}"


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
