"""JMESPath expressions in a configuration, and numbers among path parameters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.http import json_template as expressions

if TYPE_CHECKING:
    from gateway.config.text import ScalarNode

#: parameters of a path that are numbers
NUMBER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*):(?:int|float)\}")


def check_expression(text: ScalarNode) -> None:
    """Complain about an expression that is none."""
    try:
        expressions.compile(text.value)
    except expressions.ExpressionError as error:
        text.complain(f"{text.shown} is no JMESPath expression: {error}")
