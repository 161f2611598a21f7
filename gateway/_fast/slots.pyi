from gateway.exchange import Exchange

NAMES: tuple[str, ...]

def learn(exchange: type[Exchange]) -> None:
    """From here on objects of just this class are known. Raises TypeError unless every name is one of its slots."""

def read(exchange: object, name: str) -> object:
    """The attribute as C code sees it."""

def write(exchange: object, name: str, value: object) -> None:
    """Set the attribute as C code does."""
