"""${env:NAME}, ${env:NAME:-default} and ${file:PATH} in strings; $${ stands for a plain ${.

SECURITY: what a reference stands for is never put into a complaint; `origins` on the holder says which values are such
(tests/unit/config/test_interpolate.py).
"""

import os
import re
from collections.abc import Iterable, Mapping

from gateway.config.diagnostics import Diagnostic, at, reason
from gateway.config.nodes import Reference, UnresolvedReference, place_of

MAX_SECRET_BYTES = 1024 * 1024

_REFERENCE = re.compile(r"\$\$\{|\$\{(?:env:([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?|file:([^}]+))\}|\$\{[^}]*\}?")


class _Failed(Exception):
    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(message)


class Interpolator:
    """Resolves references; `files` gathers the absolute names of the files that were read for them."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.files: list[str] = []

    def resolve(self, references: Iterable[Reference], base: str) -> list[Diagnostic]:
        """Put values in the place of references, file names being relative to the folder `base`."""
        complaints = []
        for holder, key, path in references:
            origins: list[str] = []
            try:
                holder[key] = self._text(holder[key], base, origins)
            except _Failed as failed:
                holder[key] = UnresolvedReference(holder[key])
                complaints.append(at(place_of(holder, key), path, failed.message, failed.hint))
            if origins:
                holder.origins[key] = origins[0]
        return complaints

    def _text(self, text: str, base: str, origins: list[str]) -> str:
        def value(found: re.Match[str]) -> str:
            name, default, file = found.groups()
            if name is not None:
                origins.append(f"${{env:{name}}}")
                return self._variable(name, default)
            if file is not None:
                origins.append(f"${{file:{file}}}")
                return self._file(os.path.join(base, file))
            if found.group() == "$${":
                return "${"
            raise _Failed("a reference that is none", "write ${env:NAME}, ${env:NAME:-default}, ${file:PATH}, or $${")

        return _REFERENCE.sub(value, text)

    def _variable(self, name: str, default: str | None) -> str:
        value = self._env.get(name, "")
        if any("\ud800" <= letter <= "\udfff" for letter in value):  # how Python holds bytes that are no text
            raise _Failed(f"the environment variable {name} is not text in UTF-8")
        if value or (default is None and name in self._env):
            return value
        if default is None:
            raise _Failed(f"the environment variable {name} is not set", f"set it, or write ${{env:{name}:-default}}")
        return default.removeprefix(":-")

    def _file(self, path: str) -> str:
        path = os.path.abspath(path)
        self.files.append(path)
        try:
            with open(path, "rb") as stream:
                data = stream.read(MAX_SECRET_BYTES + 1)
            if len(data) > MAX_SECRET_BYTES:
                raise _Failed(f"the file {path} is larger than {MAX_SECRET_BYTES // 1024**2} MB")
            return data.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise _Failed(f"the file {path} is not text in UTF-8") from None
        except (OSError, ValueError) as error:
            raise _Failed(f"the file {path} cannot be read: {reason(error)}") from None
