from collections.abc import Iterable
from typing import Any, final

@final
class Reader:
    """Reads texts with at most `depth` arrays and objects in each other, and `members` of them and of commas.

    `names` are those that members will mostly have.
    """

    def __new__(cls, depth: int, members: int, names: Iterable[str] = ()) -> Reader: ...
    def __init__(self, depth: int, members: int, names: Iterable[str] = ()) -> None: ...
    def read(self, data: bytes) -> Any:
        """The value that `data` says. Raises ValueError for what is not JSON that all readers read alike."""
