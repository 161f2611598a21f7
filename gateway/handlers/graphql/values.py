"""Values for GraphQL's variables: texts become what the variable's type asks for, all else must be it already."""

from __future__ import annotations

import re
from typing import Any, Final

_INT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,9})")
_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,307})(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,3})?")
_BOOLEANS: Final = {"true": True, "false": False}
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "Int": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
    "String": (str,),
    "ID": (str, int),
}
_INT_MAX: Final = 2**31


def coerced(value: Any, type_name: str, lists: int) -> Any:
    """`value` for a variable of a type in so many lists (section 3.5). Raises ValueError with words.

    One value where a list is asked for is a list of one (section 3.11).  Types of the service's own are its to judge.
    """
    if value is None:
        return None
    if lists:
        items = value if isinstance(value, list) else [value]
        return [coerced(item, type_name, lists - 1) for item in items]
    kinds = _KINDS.get(type_name)
    if kinds is None:
        return value
    if isinstance(value, str) and str not in kinds:
        return _read(value, type_name)
    if type(value) not in kinds:
        raise ValueError(f"is no {type_name}")
    if type_name == "Int" and not -_INT_MAX <= value < _INT_MAX:
        raise ValueError("has more than the 32 bits of an Int")
    return value


def _read(text: str, type_name: str) -> Any:
    if type_name == "Boolean":
        if text not in _BOOLEANS:
            raise ValueError("is neither true nor false")
        return _BOOLEANS[text]
    if not (_INT if type_name == "Int" else _FLOAT).fullmatch(text):
        raise ValueError(f"is no {type_name}")
    return coerced(int(text), "Int", 0) if type_name == "Int" else float(text)
