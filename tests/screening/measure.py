"""How much of what is an attack is found, and how much of what is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.screening.attacks import Attack
from tests.screening.benign import Benign
from tests.screening.encodings import variants

#: the rule that finds something in a value, "" for none; the value as it stands in a JSON text or a form
Find = Callable[[str], str]


@dataclass(slots=True)
class Rate:
    """How many of how many were found."""

    found: int = 0
    of: int = 0

    @property
    def share(self) -> float:
        """0..1; of nothing, all."""
        return self.found / self.of if self.of else 1.0

    def count(self, is_found: bool) -> None:
        """One more."""
        self.of += 1
        self.found += is_found

    def __str__(self) -> str:
        return f"{100 * self.share:6.2f} %  {self.found} of {self.of}"


@dataclass(slots=True)
class Measured:
    """What came of a set: rates by (half, family, encoding), and what was missed or found where it should not be."""

    rates: dict[tuple[str, str, str], Rate] = field(default_factory=dict)
    sources: dict[tuple[str, str], Rate] = field(default_factory=dict)
    wrong: list[tuple[str, str, str, str]] = field(default_factory=list)
    rules: Counter[str] = field(default_factory=Counter)

    def rate(self, **only: str) -> Rate:
        """The rate of all that have these: half, family, encoding."""
        names = ("half", "family", "encoding")
        chosen = [
            rate for key, rate in self.rates.items() if all(key[names.index(name)] == only[name] for name in only)
        ]
        return Rate(sum(rate.found for rate in chosen), sum(rate.of for rate in chosen))


def true_positives(attacks: Iterable[Attack], find: Find, encoded: bool = True) -> Measured:
    """What `find` finds of attacks in all encodings; `wrong` are (family/source, encoding, "", text) that it missed."""
    measured = Measured()
    for attack in attacks:
        half = "held out" if attack.is_held_out else "seen"
        for encoding, text in variants(attack.family, attack.text) if encoded else [("plain", attack.text)]:
            rule = find(text)
            measured.rules[rule] += 1
            measured.rates.setdefault((half, attack.family, encoding), Rate()).count(bool(rule))
            measured.sources.setdefault((attack.family, attack.source), Rate()).count(bool(rule))
            if not rule and half == "seen":
                measured.wrong.append((f"{attack.family}/{attack.source}", encoding, "", text))
    return measured


def false_positives(values: Iterable[Benign], find: Find) -> Measured:
    """What `find` finds in harmless values; `wrong` are (source, "", rule, text)."""
    measured = Measured()
    for value in values:
        rule = find(value.text)
        measured.rates.setdefault(("all", "benign", "plain"), Rate()).count(bool(rule))
        measured.sources.setdefault(("benign", value.source), Rate()).count(bool(rule))
        if rule:
            measured.rules[rule] += 1
            measured.wrong.append((value.source, "", rule, value.text))
    return measured
