"""What harmless requests hold: texts that people wrote, from this machine's packages, and values as APIs get them.

Chance is seeded: the set is the same on every run of one machine.
"""

from __future__ import annotations

import ast
import base64
import gzip
import json
import random
import re
from collections.abc import Iterable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

SEED = 20
#: packages whose descriptions show attacks
_OF_ATTACKS = frozenset(("brs-kb", "commonhuman-payloads"))
#: most values of one source
MOST = 4000


class Benign(NamedTuple):
    """One harmless value and where it is from."""

    source: str
    text: str


def benign() -> list[Benign]:
    """All harmless values, each once."""
    sources = (
        ("fortunes", _fortunes()), ("manual pages", _manuals()), ("package docs", _docs()), ("readmes", _readmes()),
        ("changelogs", _changelogs()), ("docstrings", _docstrings()), ("json", _json()), ("generated", _generated()),
    )  # fmt: skip
    found: dict[str, str] = {}
    for source, texts in sources:
        kept = sorted({text.strip() for text in texts if 2 <= len(text.strip()) <= 4000})
        if len(kept) > MOST:
            kept = random.Random(SEED).sample(kept, MOST)
        for text in kept:
            found.setdefault(text, source)
    return [Benign(source, text) for text, source in found.items()]


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs and single lines: comments are as long as the one, names and titles as the other."""
    for at, paragraph in enumerate(re.split(r"\n\s*\n", text)):
        yield paragraph
        lines = paragraph.splitlines()
        if lines:
            yield lines[at % len(lines)]


def _read(file: Path) -> str:
    if file.suffix != ".gz":
        return file.read_text("utf-8", "replace")
    with gzip.open(file, "rt", encoding="utf-8", errors="replace") as stream:
        return stream.read()


def _fortunes() -> Iterator[str]:
    for file in sorted(Path("/usr/share/games/fortunes").glob("*.u8")):
        for text in file.read_text("utf-8", "replace").split("\n%\n"):
            yield text
            yield from text.splitlines()[:1]


def _manuals() -> Iterator[str]:
    markup = re.compile(r"\\f(?:\(..|.)|\\[&%|^]|^\.[A-Za-z]{1,2}\b ?|^\.\\\".*", re.M)
    files = sorted(Path("/usr/share/man").glob("man[1-8]/*.gz"))
    for file in random.Random(SEED).sample(files, min(150, len(files))):
        text = markup.sub("", _read(file)).replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\")
        yield from re.split(r"\n+", text)


def _docs() -> Iterator[str]:
    files = [file for file in sorted(Path("/usr/share/doc").glob("*/README*")) if file.is_file()]
    files += sorted(Path("/usr/share/doc").glob("*/NEWS*"))[:60]
    for file in files:
        yield from _paragraphs(_read(file))


def _readmes() -> Iterator[str]:
    for one in sorted(distributions(), key=lambda each: each.metadata["Name"]):
        if one.metadata["Name"] in _OF_ATTACKS:
            continue
        yield from _paragraphs(one.metadata.get_payload() or one.metadata.get("Description", ""))


def _changelogs() -> Iterator[str]:
    for file in sorted(Path("/usr/share/doc").glob("*/changelog.Debian.gz"))[:200]:
        yield from (line.strip(" *") for line in _read(file).splitlines()[:60])


def _docstrings() -> Iterator[str]:
    files = sorted(Path(json.__file__).parents[1].glob("*.py"))
    for file in random.Random(SEED).sample(files, min(30, len(files))):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                yield from _paragraphs(ast.get_docstring(node) or "")


def _json() -> Iterator[str]:
    roots = (Path("/usr/share/nodejs"), Path("/usr/lib/node_modules"), Path("/usr/local/lib/node_modules"))
    files = [file for root in roots for file in sorted(root.rglob("package.json"))][:400]
    for file in files:
        try:
            yield from _texts(json.loads(file.read_text("utf-8", "replace")))
        except ValueError:
            continue


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


FIRST = (
    "Sean O'Brien", "Niamh O'Connor", "Gabriele D'Angelo", "Jean-Luc Picard", "Zoë Müller", "José García", "Łukasz Żak",
    "Nguyễn Văn An", "李小龙", "محمد علي", "Иван Петров", "Dr. Martin Luther King, Jr.", "Anne-Marie L'Hôpital",
    "N'Golo Kanté", "Select Committee", "Drew Union", "Robert Table", "Hans-Peter von und zu Stein", "Ng", "O",
)  # fmt: skip
STREETS = (
    "12 O'Connell St., Apt #4", "Union Square 1; 2nd floor", "Rue de l'Église 3 -- bâtiment B", "5 1/2 Main St. (rear)",
    "Königstr. 1 & 3", "P.O. Box 99", "Flat 2, 1 = one building", "C/O Smith & Sons, 7 Order Lane",
)  # fmt: skip
SEARCHES = (
    "men's shoes size 10 or 11", "select a plan from the list", "how to drop a table saw", "union jobs near me",
    "rock 'n' roll -- live", "what's 1+1=?", "c++ vs c#", "\"exact phrase\" -exclude", "site:example.com filetype:pdf",
    "price < 100 and rating > 4", "don't stop me now", "50% off & free shipping", "it's 5 o'clock", "and or not",
    "where to order pizza by the slice", "update from windows 10 to 11", "insert coin", "delete my account",
    "like a rolling stone", "having a baby; what to buy", "table for 2 (or 3)", "json & xml", "a*b?c", "<3", "x<y",
    "sleep (1963 film)", "script (unix)", "onion soup = good", "java script: the good parts", "if a<b then c>d",
    "The Who -- Who's Next (1971)", "100% cotton; 2 for 1", "'tis the season", "group by age", "order by phone",
)  # fmt: skip
_SNIPPETS = (
    "for (int i = 0; i < n; i++) { sum += a[i]; }", "if (a < b && c > d) return a;", "List<Map<String, Integer>> list;",
    "def f(x): return x or 1", "print('hello, world')", "git commit -m \"fix: don't crash\"", "SELECT-ed items: 3",
    "**bold** and `code` and [link](https://example.com/?a=1&b=2)", "# Title\n\n- one\n- two -- three", "<br>",
    "<b>bold</b> and <i>italic</i>", "<p>Hello <em>you</em></p>", "a => a.id === b.id", "x = y ? 1 : 2; // why",
    "std::vector<int> v(10);", "let s = \"it's\";", "$filter=price gt 10 and name eq 'O''Brien'", "user@example.com",
    "{ items(first: 10, after: \"abc\") { id title } }", "query($id: ID!) { item(id: $id) { name } }",
    "status:open AND (label:bug OR label:\"help wanted\")", "name~\"^foo.*\" and age>=18", "fields=id,name,price",
    "<john@example.com>", "Re: Fwd: order #1234 -- delayed", "-- \nBest regards,\nSean", "> quoted\n> text",
    "C:\\Users\\me\\file.txt", "../images/logo.png", "a/b/../c", "1;2;3", "key=value;other=2", "(a or b) and not c",
)  # fmt: skip
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "curl/8.5.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5",
    "okhttp/4.12.0", "python-requests/2.32.3", "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A.240205.002)",
)  # fmt: skip


def _generated() -> Iterator[str]:
    """Values as an API gets them."""
    chance = random.Random(SEED)
    yield from (*FIRST, *STREETS, *SEARCHES, *_SNIPPETS, *AGENTS)
    for _ in range(250):
        number = chance.getrandbits(128)
        raw = number.to_bytes(16, "big")
        yield str(UUID(int=number))
        yield base64.b64encode(raw).decode()
        yield base64.urlsafe_b64encode(raw * 3).decode().rstrip("=")
        yield f"{raw.hex()}"
        payload = base64.urlsafe_b64encode(json.dumps({"sub": raw.hex()}).encode()).decode()
        yield f"eyJhbGciOiJIUzI1NiJ9.{payload}.{raw.hex()}"
        yield f"{chance.choice(FIRST)} <sean.obrien@example.{chance.choice(('com', 'org'))}>"
        yield f"https://example.com/{raw.hex()[:6]}?utm_source=mail&q={chance.choice(SEARCHES).replace(' ', '+')}#top"
        yield f"{chance.choice(FIRST)}, {chance.choice(STREETS)}"
        yield f"{chance.choice(SEARCHES)} {chance.choice(('and', 'or', '-', '&', '--'))} {chance.choice(SEARCHES)}"
        yield f"2026-0{chance.randint(1, 9)}-1{chance.randint(0, 9)}T12:0{chance.randint(0, 9)}:00+02:00"
        yield f"{chance.uniform(-180, 180):.6f},{chance.uniform(-90, 90):.6f}"
        yield json.dumps({"name": chance.choice(FIRST), "note": chance.choice(_SNIPPETS), "qty": chance.randint(1, 9)})
        yield f"-{chance.choice(('price', 'created_at'))},{chance.choice(('name', 'id'))}:desc"
        yield f"GA1.2.{number % 10**9}.{number % 10**10}"
        yield f"session={raw.hex()}; theme=dark; lang=en-US; seen=[1,2,{chance.randint(3, 99)}]"
        yield f"{chance.choice(AGENTS)} App/{chance.randint(1, 9)}.{chance.randint(0, 20)}"


def counted(found: Iterable[Benign]) -> dict[str, int]:
    """How many there are of each source."""
    counts: dict[str, int] = {}
    for one in found:
        counts[one.source] = counts.get(one.source, 0) + 1
    return counts
