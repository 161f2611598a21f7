"""Attacks, read from where scanners keep them: Debian's sqlmap and wfuzz, PyPI's brs-kb, commonhuman-payloads, wapiti3.

Nothing of them stands in this tree.  Half of each source is held out, chosen by a hash of the text: rules are made by
looking at the other half only.
"""

from __future__ import annotations

import ast
import hashlib
import html
import re
import zipfile
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree

BUILD = Path(__file__).parents[2] / "build" / "corpora"
SQLMAP = Path("/usr/share/sqlmap/data/xml")
WFUZZ = Path("/usr/share/wfuzz/wordlist")

#: most of one source, so that none outweighs the others
MOST = 1500


class Attack(NamedTuple):
    """One attack; `family` is sql, xss, traversal or xml."""

    family: str
    source: str
    text: str
    is_held_out: bool


def attacks(more: bool = False) -> list[Attack]:
    """All attacks, each text once; with `more` also those of packages that `fetch` brings."""
    sources = [("sql", "sqlmap", _sqlmap()), ("sql", "own", _OWN_SQL), ("xss", "own", _OWN_XSS)]
    sources += [(family, "wfuzz", _wfuzz(family)) for family in ("sql", "xss", "traversal", "xml")]
    sources += [("xss", "brs-kb", _brs_kb())]
    sources += [(family, "commonhuman", _commonhuman(family)) for family in ("sql", "xss")]
    if more:
        sources += [(family, "wapiti3", _wapiti(family)) for family in ("sql", "xss", "xml")]
    found: dict[tuple[str, str], Attack] = {}
    for family, source, texts in sources:
        kept = sorted({text.strip() for text in texts if 3 <= len(text.strip()) <= 4000}, key=_digest)[:MOST]
        for text in kept:
            found.setdefault((family, text), Attack(family, source, text, _is_held_out(text)))
    return list(found.values())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _is_held_out(text: str) -> bool:
    return int(_digest(text)[-1], 16) % 2 == 1


# What a text must have to be counted as an attack: the lists have single words and quotes in them, bare JavaScript,
# templates of other products and samples of careless code.  Nothing here looks at what the rules look at.
_SQL_WORD = re.compile(
    r"\b(select|union|insert|update|delete|drop|exec|execute|or|and|having|order\s+by|sleep|waitfor|benchmark|"
    r"shutdown|declare|where|like)\b|\|\||&&|/\*|--",
    re.I,
)
_SQL_MARK = re.compile(r"""['"`;()=<>]|--|/\*|#""")
_RUNS = re.compile(
    r"<\s*script\b|[\s\"'/]on[a-z]{3,}\s*=|javascript\s*:|data\s*:\s*text/html|srcdoc\s*=|vbscript\s*:", re.I
)


def _is_sql(text: str) -> bool:
    return len(text) >= 5 and bool(_SQL_WORD.search(text) and _SQL_MARK.search(text))


def _is_xss(text: str) -> bool:
    return bool(_RUNS.search(text)) and ("<" in text or text.lstrip()[:1] in "\"'`jJ")


_FILL = {
    "RANDNUM": "7431", "RANDNUM1": "7432", "RANDNUM2": "7433", "RANDNUM3": "7434", "RANDNUM4": "7435",
    "RANDNUM5": "7436", "RANDSTR": "wKxq", "RANDSTR1": "pLmz", "RANDSTR2": "tRvn", "SLEEPTIME": "5",
    "DELIMITER_START": "qzxkq", "DELIMITER_STOP": "qvjpq", "INFERENCE": "7431=7431", "QUERY": "version()",
    "DELAYED": "5000000", "ORIGVALUE": "12", "ORIGINAL": "12", "GENERIC_SQL_COMMENT": "-- wKxq", "CHAR": "NULL",
    "SPACE_REPLACE": "q1q", "DOLLAR_REPLACE": "q2q", "AT_REPLACE": "q3q", "HASH_REPLACE": "q4q",
    "TIME": "5", "VALUE": "12", "LF": "\n", "TAB": "\t", "FF": "\f", "NULL": "\0", "ATTR_SEP": '" ', "VALUE_SEP": "'",
    "EXTERNAL_ENDPOINT": "https://evil.example/", "PROTO_ENDPOINT": "evil.example/", "SESSION_ID": "7",
    "PATH_ID": "3", "PARAM_AS_HEX": "71",
}  # fmt: skip
_HOLE = re.compile(r"\[([A-Z][A-Z_0-9]*)\]")


def _filled(text: str) -> str:
    return _HOLE.sub(lambda hole: _FILL.get(hole[1], hole[0]), text)


def _sqlmap() -> Iterator[str]:
    """Each test within each boundary that its own clauses allow, as sqlmap itself puts them together."""
    boundaries = list(ElementTree.parse(SQLMAP / "boundaries.xml").getroot().iter("boundary"))
    for file in sorted((SQLMAP / "payloads").glob("*.xml")):
        tests = ElementTree.parse(file).getroot().iter("test")
        for test, boundary in product(list(tests), boundaries):
            clauses = _numbers(test, "clause"), _numbers(boundary, "clause")
            wheres = _numbers(test, "where") & _numbers(boundary, "where")
            if wheres and (clauses[0] & clauses[1] or 0 in clauses[0] | clauses[1]):
                yield _filled(_put_together(test, boundary, min(wheres)))


def _put_together(test: ElementTree.Element, boundary: ElementTree.Element, where: int) -> str:
    payload, comment = test.findtext("request/payload") or "", test.findtext("request/comment") or ""
    if test.find("request/columns") is not None:
        payload = "UNION ALL SELECT NULL,NULL,NULL"
    value = {1: "12", 2: "-7431", 3: ""}[where]
    suffix = "" if comment else boundary.findtext("suffix") or ""
    between = "" if payload.startswith(";") or not value else " "
    return f"{value}{boundary.findtext('prefix') or ''}{between}{payload}{comment}{suffix}"


def _numbers(node: ElementTree.Element, name: str) -> set[int]:
    return {int(number) for number in (node.findtext(name) or "0").split(",") if number.strip().isdigit()}


_LISTS = {
    "sql": ("Injections/SQL.txt", "vulns/sql_inj.txt"),
    "xss": ("Injections/XSS.txt",),
    "traversal": ("Injections/Traversal.txt", "vulns/dirTraversal.txt"),
    "xml": ("Injections/XML.txt",),
}


def _wfuzz(family: str) -> Iterator[str]:
    for name in _LISTS[family]:
        for line in (WFUZZ / name).read_text("utf-8", "replace").splitlines():
            text = unquote(line) if family != "traversal" else line
            if _belongs(family, text):
                yield text.replace("{FILE}", "etc/passwd")


def _belongs(family: str, text: str) -> bool:
    if family == "sql":
        return _is_sql(text)
    if family == "xss":
        return _is_xss(html.unescape(text))
    if family == "xml":
        return "<!ENTITY" in text or ("<!DOCTYPE" in text and "SYSTEM" in text)
    return text.count("..") >= 2


def _strings(tree: ast.AST) -> Iterator[str]:
    """The texts of a module that are neither its docstrings nor parts of f-strings."""
    skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    skipped |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value


def _package(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None, f"{name} is not installed: make build"
    return Path(spec.origin).parent


def _brs_kb() -> Iterator[str]:
    """The entries for HTML, attributes and scripts; read as text, never run."""
    for file in sorted((_package("brs_kb") / "payloads").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "PayloadEntry"):
                continue
            given = {word.arg: word.value for word in node.keywords}
            text, contexts = (getattr(given.get("payload"), "value", None), ast.unparse(given["contexts"]))
            is_html = "html_content" in contexts or "html_attribute" in contexts
            if isinstance(text, str) and is_html and _is_xss(html.unescape(unquote(text))):
                yield text


def _commonhuman(family: str) -> Iterator[str]:
    folder = _package("commonhuman_payloads") / {"sql": "sqli", "xss": "xss"}[family]
    for file in sorted(folder.glob("*.py")):
        for template in _strings(ast.parse(file.read_text())):
            text = re.sub(r"\{(\w+)\}", r"\1", template.replace("{{", "{").replace("}}", "}"))
            if _is_sql(text) if family == "sql" else _is_xss(html.unescape(text)):
                yield text


def _wapiti(family: str) -> Iterator[str]:
    name = {"sql": "blindSQLPayloads.ini", "xss": "xssPayloads.ini", "xml": "xxePayloads.ini"}[family]
    for wheel in sorted(BUILD.glob("wapiti3-*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            text = archive.read(f"wapitiCore/data/attacks/{name}").decode()
        for line in re.findall(r"^payload = (.+)$", text, re.M):
            filled = _filled(line).replace("[]", "")
            if {"sql": _is_sql, "xss": _is_xss, "xml": lambda text: "<!" in text}[family](filled):
                yield filled


def counted(found: Iterable[Attack]) -> dict[tuple[str, str], int]:
    """How many there are of each family and source."""
    counts: dict[tuple[str, str], int] = {}
    for attack in found:
        counts[attack.family, attack.source] = counts.get((attack.family, attack.source), 0) + 1
    return counts


_OWN_SQL = (
    "1 or 1=1", "1' or '1'='1", '1" or "1"="1', "admin'--", "admin' #", "x' or 1=1 limit 1 -- -", "1;drop table items",
    "-1 union select name, password from users", "1' union all select null,null--", "1 and sleep(5)",
    "1'; waitfor delay '0:0:5'--", "1 or pg_sleep(5)", "') or ('a'='a", "1 and (select count(*) from users) > 0",
    "1' and extractvalue(1, concat(0x7e, version()))-- ", "1 procedure analyse()", "'||(select 1 from dual)||'",
    "1' order by 9-- ", "x'; exec xp_cmdshell('dir')--", "1/**/union/**/select/**/1,2,3", "1 or 'a' like 'a'",
    "1'/**/or/**/1/**/=/**/1#", "1 || 1=1", "0 or true", "1 and 1=2 union select 1",
)  # fmt: skip
_OWN_XSS = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "javascript:alert(1)",
    '"><script>alert(1)</script>', "' onfocus=alert(1) autofocus x='", '" onmouseover="alert(1)', "';alert(1)//",
    '"-alert(1)-"', "<iframe src=javascript:alert(1)>", "<a href=' javascript:alert(1)'>x</a>",
    "<body onload=alert(1)>", "<details open ontoggle=alert(1)>", "<math><a xlink:href=javascript:alert(1)>x",
    "</script><script>alert(1)</script>", "<object data='data:text/html;base64,PHNjcmlwdD4='></object>",
    "<form action=javascript:alert(1)><input type=submit>", "<input autofocus onfocus=alert(1)>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>", "<iframe srcdoc='<script>alert(1)</script>'>",
)  # fmt: skip
