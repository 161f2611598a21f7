"""`python -m tests.screening`: the rates, in full."""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys

from tests.screening import attacks as attacks_
from tests.screening import benign as benign_
from tests.screening import requests as requests_
from tests.screening.encodings import ENCODINGS
from tests.screening.measure import Find, Measured, false_positives, true_positives

#: how many whole requests are made
REQUESTS = 20_000


def main() -> None:
    """Print what is found of attacks, and of what is harmless."""
    parser = argparse.ArgumentParser(prog="python -m tests.screening")
    parser.add_argument(
        "--engine", choices=("all", "sql", "markup"), default="all", help="one engine by itself, on decoded texts"
    )
    parser.add_argument("--family", choices=("sql", "xss", "traversal", "xml"), help="attacks of one family only")
    parser.add_argument(
        "--wrong", type=int, default=0, metavar="N", help="show N misses (of the seen half) and N false alarms"
    )
    parser.add_argument("--source", help="attacks of one source only")
    parser.add_argument("--more", action="store_true", help="also packages that are fetched first, into build/corpora")
    chosen = parser.parse_args()
    if chosen.more and not list(attacks_.BUILD.glob("wapiti3-*.whl")):
        fetch = ["pip", "download", "--quiet", "--no-deps", "--dest", str(attacks_.BUILD), "wapiti3==3.2.3"]
        subprocess.run([sys.executable, "-m", *fetch], check=True)
    family = chosen.family or {"sql": "sql", "markup": "xss"}.get(chosen.engine)
    find = _find(chosen.engine)
    found = [attack for attack in attacks_.attacks(chosen.more) if family in (None, attack.family)]
    found = [attack for attack in found if chosen.source in (None, attack.source)]
    _show_attacks(true_positives(found, find, encoded=chosen.engine == "all"), chosen.wrong)
    _show_benign(false_positives(benign_.benign(), find), chosen.wrong)
    if chosen.engine == "all":
        _show_requests(chosen.wrong)


def _find(engine: str) -> Find:
    if engine == "sql":
        from gateway._fast.waf_sql import sql_attack

        return sql_attack
    if engine == "markup":
        from gateway._fast.waf_xss import xss_attack

        return xss_attack
    from tests.screening.policy import find

    return find


def _show_attacks(measured: Measured, wrong: int) -> None:
    for (family, source), rate in measured.sources.items():
        print(f"{family:10}{source:14}{rate}")
    for family in dict.fromkeys(key[1] for key in measured.rates):
        for encoding in ENCODINGS:
            halves = {half: measured.rate(half=half, family=family, encoding=encoding) for half in ("seen", "held out")}
            if halves["seen"].of:
                print(f"{family:10}{encoding:14}seen {halves['seen']}   held out {halves['held out']}")
        print(f"{family:24}seen {measured.rate(half='seen', family=family)}   "
              f"held out {measured.rate(half='held out', family=family)}")  # fmt: skip
    for half in ("seen", "held out"):
        print(f"attacks, {half:15}{measured.rate(half=half)}")
    for source, encoding, _, text in _spread(measured.wrong, wrong):
        print(f"missed  {source} {encoding}: {text[:200]!r}")


def _show_benign(measured: Measured, wrong: int) -> None:
    for (_, source), rate in measured.sources.items():
        print(f"harmless  {source:14}{rate}")
    print(f"harmless, all           {measured.rate()}   {dict(measured.rules.most_common(12))}")
    for source, _, rule, text in _spread(measured.wrong, wrong):
        print(f"alarm   {source} {rule}: {text[:300]!r}")


def _show_requests(wrong: int) -> None:
    logging.getLogger("gateway").setLevel(logging.ERROR)
    rates, refused = requests_.measured(benign_.benign(), REQUESTS)
    for kind, rate in rates.items():
        print(f"harmless requests, {kind:40}{rate}")
    for one, where in refused[:wrong]:
        print(f"alarm   {one.method} {one.target[:100]} ({one.source}): {where}")


def _spread(wrong: list[tuple[str, str, str, str]], most: int) -> list[tuple[str, str, str, str]]:
    step = max(1, len(wrong) // most) if most else 1
    return wrong[::step][:most]


main()
