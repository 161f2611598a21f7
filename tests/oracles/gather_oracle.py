"""Fields by name, the slow and obvious way."""

from collections.abc import Iterable

from gateway.exchange import Headers
from tests.oracles.fields_oracle import lower


def gathered(headers: Headers, names: Iterable[str]) -> dict[str, str] | None:
    values = {name: [value for key, value in headers if lower(key) == name] for name in names}
    return {name: ", ".join(each) for name, each in values.items() if each} or None
