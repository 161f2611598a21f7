"""`api_key` and `mtls` under `auth`: how machines say who they are."""

import re
from collections.abc import Iterator

from gateway.auth import schema
from gateway.auth.jwt.section import read_sources
from gateway.auth.model import ApiKey, Consumer, Mtls
from gateway.config.diagnostics import did_you_mean
from gateway.config.options import texts_once
from gateway.config.reader import OptionReader, ScalarNode

_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,127})[ \t]*:[ \t]*([0-9A-Fa-f]{64})")


def read_api_key(reader: OptionReader) -> ApiKey:
    """`api_key`."""
    is_stored = reader.flag("stored")
    if "keys" not in reader and not is_stored:
        reader.complain("nobody could call", "it needs `keys`, or `stored: true`")
    before = len(reader.load.complaints)
    digests = _digests(reader)
    is_read = "keys" in reader and len(reader.load.complaints) == before and reader.is_sound("keys")
    known = reader.section("consumers")
    holders = dict.fromkeys(digests.values())
    consumers = [_consumer(known, name, digest) for digest, name in digests.items()]
    for name in known:
        if is_stored:
            consumers.append(_consumer(known, name, ""))
        elif name not in holders and is_read:
            hint = did_you_mean(name, holders) if not _is_secret(reader) else ""
            known.key(name).complain("the consumer has no key in `keys`", hint)
    return ApiKey(read_sources(reader, schema.FROM_API_KEY)[0], tuple(consumers), is_stored)


def read_mtls(reader: OptionReader) -> Mtls:
    """`mtls`."""
    for text in reader.texts("subjects"):
        _check_subject(text)
    return Mtls(
        subjects=texts_once(reader, "subjects"),
        sans=texts_once(reader, "sans"),
        fingerprints=tuple(name.replace(":", "").lower() for name in texts_once(reader, "fingerprints")),
    )


def _digests(reader: OptionReader) -> dict[str, str]:
    """Who holds the key with a digest. SECURITY: complaints name lines by number; a line may hold a key itself."""
    found: dict[str, str] = {}
    for text in reader.texts("keys"):
        for place, line in _lines(text):
            shape = _LINE.fullmatch(line)
            if shape is None:
                text.complain(f"{place} is not name:sha256, with 64 hex digits", "`gateway keys` makes such lines")
                continue
            name, digest = shape[1], shape[2].lower()
            if digest in found:
                text.complain(f"{place} has the key of {found[digest]} again")
            found.setdefault(digest, name)
    return found


def _lines(text: ScalarNode) -> Iterator[tuple[str, str]]:
    """What complaints call a line, and the line, comments taken out."""
    lines = text.value.splitlines()
    for number, line in enumerate(lines, 1):
        if content := line.partition("#")[0].strip():
            yield f"line {number}" if len(lines) > 1 or text.origin else "it", content


def _is_secret(reader: OptionReader) -> bool:
    return any(text.origin for text in reader.texts("keys"))


def _consumer(known: OptionReader, name: str, digest: str) -> Consumer:
    if not isinstance(known.raw(name), dict):
        return Consumer(name, digest, (), (), ())
    reader = known.section(name)
    metadata = tuple(
        (key, value)
        for key in reader
        if key not in ("roles", "scopes") and isinstance(value := reader.raw(key), str | int | float)
    )
    return Consumer(name, digest, texts_once(reader, "roles"), texts_once(reader, "scopes"), metadata)


def _check_subject(text: ScalarNode) -> None:
    from cryptography import x509

    try:
        x509.Name.from_rfc4514_string(text.value)
    except ValueError:
        text.complain(f"{text.shown} is not a name as in RFC 4514", "such as CN=worker,O=Example")
