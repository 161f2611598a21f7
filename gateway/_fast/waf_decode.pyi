from typing import Final

FORM: Final[int]
URL: Final[int]
TEXT: Final[int]

NUL: Final[int]
CRLF: Final[int]
TRAVERSAL: Final[int]
OVERLONG: Final[int]
INVALID: Final[int]
DOUBLE: Final[int]
CONTROL: Final[int]

def readings(raw: bytes | str, kind: int, /) -> tuple[int, tuple[bytes | str, ...]]: ...
