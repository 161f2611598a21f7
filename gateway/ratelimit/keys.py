"""From who asks to the number of a bucket, and, for people, back.

SECURITY: the numbers are a keyed hash, so nobody can find out, by trying, names that share a bucket with another's.
The key is the same for all processes of a gateway and over reloads and upgrades, else every one of them would begin
with full buckets.
"""

from __future__ import annotations

import os
import secrets
from hashlib import blake2b
from pathlib import Path
from typing import Final

from gateway.observability.access_log import SECRETS

SECRET_SIZE: Final = 32  # bytes
#: numbers remembered per process, twice over; longer names are worked out each time
KEPT: Final = 8192
LONGEST: Final = 256  # characters

STORE_PREFIX: Final = b"gw:limit:"

_FILE: Final = "limits.key"
_END: Final = "\0"


class Keys:
    """Numbers of buckets by name, those met last remembered.

    PERF: a name met before costs one look-up, another one 2 us.
    """

    __slots__ = ("_names", "_numbers", "_older_names", "_older_numbers", "_secret", "known")

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._numbers: dict[str, int] = {}
        #: the number of a name that was met lately, else None
        self.known = self._numbers.get
        self._older_numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._older_names: dict[int, str] = {}

    def number(self, name: str) -> int:
        """The number of a name: 64 bits, never 0."""
        number = self.known(name)
        return self._remember(name) if number is None else number

    def name(self, number: int) -> tuple[str, str] | None:
        """(the limit, whose bucket it is) of a number that this process met lately, else None."""
        name = self._names.get(number) or self._older_names.get(number)
        return None if name is None else parts(name)

    def _remember(self, name: str) -> int:
        number = self._older_numbers.get(name) or self._hash(name)
        if len(name) > LONGEST:
            return number
        if len(self._numbers) >= KEPT:
            self._older_numbers, self._older_names = dict(self._numbers), self._names
            self._numbers.clear()
            self._names = {}
        self._numbers[name] = number
        self._names[number] = name
        return number

    def _hash(self, name: str) -> int:
        digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, key=self._secret).digest()
        return int.from_bytes(digest, "little") or 1


class StoreKeys:
    """What buckets are called in a store: a digest that every host makes alike, so without a secret.

    SECURITY: of 128 bits, so that nobody finds two names, or one for that of another, with the same.
    """

    __slots__ = ("_known", "_older")

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}
        self._older: dict[str, bytes] = {}

    def key(self, name: str) -> bytes:
        """The key of a name; those met last are remembered."""
        key = self._known.get(name)
        if key is not None:
            return key
        key = self._older.get(name) or store_key(name)
        if len(name) <= LONGEST:
            if len(self._known) >= KEPT:
                self._older, self._known = self._known, {}
            self._known[name] = key
        return key


def store_key(name: str) -> bytes:
    """The key in a store of the bucket of this name."""
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16, person=b"gateway limits")
    return STORE_PREFIX + digest.hexdigest().encode()


def begin(limit: str, per: tuple[str, ...], plan: str = "") -> str:
    """How the names of a limit's buckets begin; a value follows.  None of the parts may hold NUL."""
    return f"{limit}{_END}{'+'.join(per)}/{plan}{_END}"


def parts(name: str) -> tuple[str, str]:
    """(the limit, whose bucket it is) of a bucket's name.

    SECURITY: a credential that is counted by is not shown, but for a digest (test_no_secret_is_told).
    """
    limit, per, value = name.split(_END, 2)
    if any(SECRETS.hides(part.partition(":")[2]) for part in per.rpartition("/")[0].split("+")):
        return limit, f"*** {blake2b(value.encode('utf-8', 'surrogatepass'), digest_size=4).hexdigest()}"
    return limit, value


def join(values: list[str]) -> str:
    """Several values as one that no other values give."""
    return "+".join(f"{len(value)}:{value}" for value in values)


def hash_secret(folder: Path) -> bytes:
    """The secret that all processes which use `folder` share, made by the first of them."""
    path = folder / _FILE
    try:
        return path.read_bytes()
    except FileNotFoundError:
        fresh = folder / f"{_FILE}.{secrets.token_hex(8)}"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(SECRET_SIZE))
        try:
            os.link(fresh, path)  # whole or not at all, and the first one stays
        except FileExistsError:
            pass
        fresh.unlink()
        return path.read_bytes()
