"""The store that several hosts share: a Redis, Redis Cluster, or a Redis behind sentinels."""

from __future__ import annotations

import hashlib
import math
import os
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from time import monotonic
from typing import Any, Final, TypeVar

from redis import exceptions as redis_errors

from gateway._fast.trace_context import waited
from gateway.state.redis.address import RedisAddress
from gateway.state.redis.client import Client, connect
from gateway.state.store import (
    StoreError,
    StoreFullError,
    StoreUnavailableError,
    check_key,
    check_number,
    check_ttl,
    check_value,
)

T = TypeVar("T")

PREFIX: Final = b"gw:"
#: seconds that a request waits for another one to find the nodes of a cluster
_WAIT: Final = 0.3
_BATCH: Final = 256  # keys for each round trip of scan and clear
_NOT_A_NUMBER: Final = "NOTANUMBER"
#: codes of answers that say the server cannot serve now, beside those that redis-py has classes for
_TROUBLE: Final = frozenset(("MISCONF", "NOREPLICAS", "BUSY", "UNKILLABLE", "NOMASTERLINK"))


class Script:
    """A Lua script that touches one key."""

    __slots__ = ("digest", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


_COMPARE_AND_SET: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
""")

# Numbers go in and out as text: Lua's have 53 bits. INCRBY refuses leading zeros, which the other store takes.
_INCR: Final = Script("""
local value = redis.call('GET', KEYS[1])
if not value then
  if ARGV[2] == '' then redis.call('SET', KEYS[1], ARGV[1]) else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
  return ARGV[1]
end
local sign, digits = string.match(value, '^(%-?)(%d+)$')
if not digits or #digits > 19 then return redis.error_reply('NOTANUMBER no decimal number') end
digits = string.match(digits, '^0*(%d+)$')
if digits == '0' then sign = '' end
if sign .. digits ~= value then redis.call('SET', KEYS[1], sign .. digits, 'KEEPTTL') end
local sum = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(sum) == 'table' then return redis.error_reply('NOTANUMBER beyond 64 bits') end
return redis.call('GET', KEYS[1])
""")

_PERSIST: Final = Script("redis.call('PERSIST', KEYS[1]) return redis.call('EXISTS', KEYS[1])")


class RedisStore:
    """A `Store` in a Redis; all keys stand behind a prefix, so the Redis may hold other things too.

    It connects with the first call of each process, so it may be made before a fork.  Ends are exact to a
    millisecond.  What a full Redis throws out is its own `maxmemory-policy`: volatile-ttl does as `Store` says.
    SECURITY: no error holds a password, nor what the server wrote.
    """

    def __init__(self, address: RedisAddress, *, prefix: bytes = PREFIX) -> None:
        self._address = address
        self._prefix = prefix
        self._client: Client | None = None
        self._lock = threading.Lock()
        self._pid = 0

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        found: bytes | None = self._command("GET", self._key(key))
        return found

    def set(self, key: bytes, value: bytes, ttl: float | None) -> None:
        """Write, whatever was there, and set its end anew."""
        self._command("SET", self._key(key), _checked(value), *_end(ttl))

    def set_if_absent(self, key: bytes, value: bytes, ttl: float | None) -> bool:
        """Write unless there is a value; whether it was written."""
        return bool(self._command("SET", self._key(key), _checked(value), "NX", *_end(ttl)))

    def compare_and_set(self, key: bytes, old: bytes, new: bytes, ttl: float | None) -> bool:
        """Write `new` and its end if the value is `old`; whether it was."""
        return bool(self._run(_COMPARE_AND_SET, key, old, _checked(new), _milliseconds(ttl)))

    def delete(self, key: bytes) -> bool:
        """Remove; whether it was there."""
        return bool(self._command("UNLINK", self._key(key)))

    def incr(self, key: bytes, by: int, ttl: float | None) -> int:
        """Add to a decimal number and return the sum; `ttl` is for a new key only."""
        return int(self._run(_INCR, key, b"%d" % check_number(by), _milliseconds(ttl)))

    def expire(self, key: bytes, ttl: float | None) -> bool:
        """Set the end anew; whether the key is there."""
        if ttl is None:
            return bool(self._run(_PERSIST, key))
        return bool(self._command("PEXPIRE", self._key(key), _milliseconds(ttl)))

    def scan(self, prefix: bytes) -> Iterator[bytes]:
        """The keys that begin with `prefix`, in no order.

        NOTE: a Redis that grows or shrinks meanwhile gives a key twice; what was given is kept so that it is not.
        """
        pattern = re.sub(rb"([*?\[\]\\])", rb"\\\1", self._prefix + prefix) + b"*"
        keys = self._ask(lambda client: iter(client.scan_iter(match=pattern, count=_BATCH)))
        seen = set()
        while (key := self._ask(lambda _: next(keys, None))) is not None:
            if key not in seen:
                seen.add(key)
                yield key[len(self._prefix) :]

    def clear(self, prefix: bytes) -> int:
        """Remove all keys that begin with `prefix`; how many there were."""
        count = 0
        keys = self.scan(prefix)
        while batch := list(islice(keys, _BATCH)):
            count += self._ask(partial(self._unlink, keys=batch))
        return count

    def sweep(self, limit: int) -> int:
        """Nothing: a Redis does it by itself."""
        return 0

    def close(self) -> None:
        """Let go of the connections; the next call opens them again."""
        client, self._client = self._client, None
        if client is not None and self._pid == os.getpid():
            client.close()

    def _key(self, key: bytes) -> bytes:
        check_key(key)
        return self._prefix + key

    def _command(self, *words: Any) -> Any:
        return self._ask(lambda client: client.execute_command(*words))

    def _run(self, script: Script, key: bytes, *arguments: bytes) -> Any:
        """Run a script; one that the server does not know yet is sent whole."""
        full = self._key(key)

        def run(client: Any) -> Any:
            try:
                return client.execute_command("EVALSHA", script.digest, 1, full, *arguments)
            except redis_errors.NoScriptError:
                return client.execute_command("EVAL", script.text, 1, full, *arguments)

        return self._ask(run)

    def _unlink(self, client: Any, keys: list[bytes]) -> int:
        pipeline = client.pipeline(transaction=False)
        for key in keys:
            pipeline.execute_command("UNLINK", self._key(key))
        return sum(pipeline.execute())

    def _ask(self, action: Callable[[Any], T]) -> T:
        """What `action` gives. Raises StoreError in place of redis-py's errors, ValueError for what is no number."""
        began = monotonic()
        try:
            return action(self._connected())
        except (redis_errors.RedisError, redis_errors.RedisClusterException, OSError) as error:
            raise self._failure(error) from None
        finally:
            waited(began)

    def _failure(self, error: Exception) -> Exception:
        if isinstance(error, redis_errors.OutOfMemoryError):
            return StoreFullError(f"the store {self._address} has no room")
        code = str(error).partition(" ")[0]
        if code == _NOT_A_NUMBER:
            return ValueError("the value is not a decimal number, or the sum does not fit into 64 bits")
        if type(error) is redis_errors.ResponseError and code not in _TROUBLE:
            return StoreError(f"the store {self._address} refused a command{_in_capitals(code)}")
        if isinstance(error, redis_errors.NoPermissionError):
            return StoreError(f"the user of the store {self._address} may not do what the gateway needs")
        return StoreUnavailableError(f"the store {self._address} is out of reach: {_words(error)}")

    def _connected(self) -> Client:
        """The client of this very process; what a parent made is not used, nor closed."""
        if self._pid != os.getpid():
            # NOTE: a lock of before the fork may be one that gevent had not patched yet.
            self._client, self._lock, self._pid = None, threading.Lock(), os.getpid()
        client = self._client
        if client is not None:
            return client
        if not self._lock.acquire(timeout=_WAIT):
            raise redis_errors.TimeoutError("others wait for the nodes")
        try:
            if self._client is None:
                self._client = connect(self._address)
            return self._client
        finally:
            self._lock.release()


def _checked(value: bytes) -> bytes:
    check_value(value)
    return value


def _milliseconds(ttl: float | None) -> bytes:
    check_ttl(ttl)
    return b"" if ttl is None else b"%d" % math.ceil(ttl * 1000)


def _end(ttl: float | None) -> tuple[bytes, ...]:
    milliseconds = _milliseconds(ttl)
    return (b"PX", milliseconds) if milliseconds else ()


def _in_capitals(code: str) -> str:
    """The code of an answer, where it is one and not a word of a text."""
    return f": {code}" if code.isupper() and code.isascii() and code.isalpha() else ""


def _words(error: Exception) -> str:
    """What went wrong, without what the server wrote."""
    if isinstance(error, redis_errors.TimeoutError | TimeoutError):
        return "no answer in time"
    if isinstance(error, redis_errors.AuthenticationError):
        return "it does not take the user and password"
    cause = error if isinstance(error, OSError) else error.__cause__ or error.__context__
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(error).__name__
