from gateway.exchange import Exchange, Headers

NAMES: tuple[str, ...]

def learn(exchange: type[Exchange]) -> None:
    """From here on objects of just this class are known. Raises TypeError unless every name is one of its slots."""

def another(exchange: Exchange, method: str, target: str, headers: Headers, deadline: float) -> Exchange:
    """A request of the gateway's own on behalf of an exchange: of the same caller and route, within its time.

    `deadline` is monotonic seconds; the exchange's own, where that is earlier.
    """

def read(exchange: object, name: str) -> object:
    """The attribute as C code sees it."""

def write(exchange: object, name: str, value: object) -> None:
    """Set the attribute as C code does."""
