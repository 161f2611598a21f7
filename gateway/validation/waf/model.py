"""Options of the WAF, as values."""

from dataclasses import dataclass

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class Sanitize(Options):
    """`modes` are (rule, "block", "log" or "off") of every rule; `parts` the parts of a request that are looked at.

    `excepted` are (part, field) that are not; header names in lower case. `max_body` is in bytes.
    """

    modes: tuple[tuple[str, str], ...]
    parts: tuple[str, ...]
    excepted: tuple[tuple[str, str], ...]
    max_body: int
    where: str

    def mode(self, rule: str) -> str:
        """What is done about a rule."""
        return dict(self.modes)[rule]
