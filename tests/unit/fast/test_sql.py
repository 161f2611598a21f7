"""SQL injection: what is one, what is none, and the table's reading against its oracle."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.waf_sql import sql_attack
from gateway._fast.waf_sql_rules import WORDS
from tests.oracles import sql_oracle

PIECES = [
    *(word for word, _ in WORDS),
    *("'", '"', "`", "''", "\\", "(", ")", ",", ";", "*", "/*", "*/", "/*!", "/*!50000", "--", "-- ", "#", "\n", " "),
    *("=", "<>", "<<", "!=", "!", "||", "&&", "|", "&", ":", "::", ":=", "@", "@@", "@a", "$$", "$", ".", "..", "+"),
    *("1", "0x1f", "1.5e3", "1e", "a", "id", "(s)", "q'[", "]'", "n'", "_utf8'", "xp_x", "mysql.user", "a.b", "a@b.c"),
    *(
        "\0",
        "\x0b",
        "\xa0",
        "é",
        "{",
        "?",
        "1=1",
        "or 1=1",
        "' or '",
        "union select 1",
        "; drop table x",
        " two words ",
    ),
]
values = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
ATTACKS = {
    "sql-tautology": (
        *(
            "1 or 1=1",
            "x' or 'a'='a",
            'x" or "a"="a',
            "x') or ('1'='1",
            "'or(1)=(1)--",
            "1/**/or/**/2>1",
            "' or 1 -- -",
        ),
        *(
            "1 and 'a' in ('a')",
            "' or name like '%",
            "x' || 1=1#",
            "'&&'1",
            "' or not false--",
            "0 or true",
            "x'='",
            "x '*'",
        ),
        *("' or 1 between 0 and 2", "x' is not null#", "1 /*!50000or*/ 1=1", "1\xa0or\xa01=1", "x\\' or 1=1#"),
        *("' or '1", "'||user||'", "' or n'a'=n'a", "' or q'[a]'='a", "' or '{\"a\":1}'::jsonb ? 'a'--"),
    ),
    "sql-arithmetic": ("'-'", "'-0-'", "'|1--"),
    "sql-union": (
        "1 union select password from users",
        "x' UnIoN/**/all select null#",
        "1.union select 1,2",
        "1 union values(1)",
    ),
    "sql-select": ("'||(select 1)||'", "1,(select 1)", "select * from users", "1-(case when 1=1 then 1 else 0 end)"),
    "sql-function": (
        "1 and ascii(version())",
        "' and updatexml(1,2,3)--",
        "'+char(65)+'",
        "1 into outfile 'x'",
        "@@version",
    ),
    "sql-stacked": ("1;drop table users", "x'; exec xp_cmdshell 'dir'--", "1; waitfor delay '0:0:5'", "';shutdown--"),
    "sql-time": ("1-sleep(5)", "waitfor delay '0:0:5'", ",sleep (5)#", "=sleep(1)"),
    "sql-order": ("x' order by 10--", "1 order by 3", "' group by 1--", "1 group by 2"),
    "sql-comment": ("admin'--", "admin' #", "admin'/*", "x');--", "',1)#", "john smith'-- and more words", "1';\0 "),
}
HARMLESS = (
    *(
        "union select committee",
        "O'Reilly and sons",
        "select a plan from the list",
        "drop table tennis",
        "a=b",
        "x' OR",
    ),
    *("rock 'n' roll -- live", "it's 5 o'clock and I'm = happy", "Gabriele D'Angelo", "1 or 2", "sleep (1963 film)"),
    *(
        "Select item(s) from the list",
        "the dogs' and the cats' bowls",
        "6' 2\" or 5' 11\"",
        "5 -- see below",
        "union jobs",
    ),
    *("He said 'no' -- and left.", "Toppings (select 3)", "order by phone", "from dual citizens", "^14 || >=16.1"),
    *("project = x and status = open", "user@example.com", "@alice and @bob", "price < 100 and rating > 4"),
    *(
        "for (int i = 0; i < n; i++) { if (a && b) sleep(1); }",
        "a => a.id === b.id",
        "`code` and [link](http://x/?a=1)",
    ),
    *("{'a': 1, 'b': [1, 2]}", "c++ vs c#", "-- \nBest regards", "What's 1+1=?", "", "'"),
    *("3f2a1b9c-1111-4222-8333-444455556666", "QUJDREVGRw==", "2026-01-02T03:04:05+02:00", "1,2,3", "time.sleep(5)"),
)


@pytest.mark.parametrize("rule", ATTACKS)
def test_an_attack_is_found_by_its_rule(rule: str) -> None:
    assert {text: sql_attack(text) for text in ATTACKS[rule]} == dict.fromkeys(ATTACKS[rule], rule)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_people_write_passes(text: str) -> None:
    assert sql_attack(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1 and sleep/**/ /**/(5)",
            "' and mid/**/('ab',1,1)='a",
            "' and 'a' 'b'='ab'-- -",
            "' and binary 1=binary 1#",
        ),
        *("1=1dunion all select null", "1 where 2 like 2 and 3 like 3", ",iif(1 like 1,1,1/0)"),
    ],
)
def test_other_spellings_of_sql_hide_nothing(text: str) -> None:
    assert sql_attack(text)


@pytest.mark.thorough
@pytest.mark.parametrize("text", [text for texts in ATTACKS.values() for text in texts if text[0] == "'"])
def test_padding_hides_nothing(text: str) -> None:
    assert sql_attack("long" * 20_000 + text)


def test_padding_between_tokens_hides_nothing() -> None:
    assert sql_attack("1 " + "/* x */ " * 20_000 + "or" + "\n" * 20_000 + "1=1") == "sql-tautology"
    assert sql_attack("1 + " * 20_000 + "1 or 1=1") == "sql-tautology"


@pytest.mark.thorough
@pytest.mark.parametrize("piece", ["'", "\\", "/*", "(", "--\n", "$$", "q'[", "\0", "\xff", "a", "1 or ", "x@", "@@."])
def test_a_long_value_is_read_to_its_end(piece: str) -> None:
    text = (piece * 1_000_000)[:1_000_000]
    assert isinstance(sql_attack(text.encode("latin-1")), str)
    assert sql_attack(text) == sql_attack(text.encode())


def test_a_lone_surrogate_is_a_sign_like_others() -> None:
    assert sql_attack("\ud800' or 1=1--") == "sql-tautology"
    assert sql_attack("\ud800") == ""


@pytest.mark.parametrize("wrong", [None, 1, bytearray(b"1 or 1=1")])
def test_only_text_is_read(wrong: Any) -> None:
    with pytest.raises(TypeError, match="bytes or str"):
        sql_attack(wrong)


@given(values)
def test_finds_what_the_oracle_finds(text: str) -> None:
    expected = sql_oracle.sql_attack(text.encode())
    assert sql_attack(text) == sql_attack(text.encode()) == expected


@given(st.binary(max_size=40) | st.lists(st.sampled_from(b"'\"`\\ -#/*!()=1aoOrR\0\n\xa0\xc2;@$.")).map(bytes))
def test_any_bytes_are_read_as_the_oracle_reads_them(text: bytes) -> None:
    assert sql_attack(text) == sql_oracle.sql_attack(text)
