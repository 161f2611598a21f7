"""What it costs to tell SQL injection from other values."""

from functools import partial

from gateway._fast.waf_sql import sql_attack
from perf.micro.run import Bench

PROSE = (
    "The gateway reads every request once, and what it finds there decides which of the routes the request takes. "
    "It is a simple rule, but it holds: people write all kinds of things in a form, and most of them are harmless. "
) * 5


def benches() -> list[Bench]:
    """What is run."""
    return [
        ("an identifier", partial(sql_attack, "user_12345.item-7"), 200_000),
        ("two words", partial(sql_attack, "green tea"), 200_000),
        ("a name with a quote", partial(sql_attack, "Sean O'Brien"), 100_000),
        ("1 KB of prose", partial(sql_attack, PROSE[:1024]), 20_000),
        ("1 KB of prose with both quotes", partial(sql_attack, PROSE[:1024].replace("It is", 'It\'s "so"')), 20_000),
        ("1 KB of signs", partial(sql_attack, ("1+'a'\"b\"`c`--\\" * 80)[:1024]), 2_000),
        ("an attack", partial(sql_attack, "1' or '1'='1"), 100_000),
    ]
