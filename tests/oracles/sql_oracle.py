"""SQL tokens by regular expressions, and each shape searched for on its own: the slow and obvious way.

The words and the shapes are the gateway's own tables; what is told twice is how a value is read, and in which order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway._fast.waf_sql_rules import PREFIXES, SHAPES, WORDS

_LETTERS = {word.encode(): letter for word, letter in WORDS}
_PREFIXES = {word.encode() for word in PREFIXES}
_SHAPES = [(name, re.compile(f"(?:{shape})\\Z")) for name, shape in SHAPES]

_BLANK = rb"[\x00-\x20\xa0]"
_BYTE = rb"(?:[A-Za-z0-9_$\x80-\x9f\xa1-\xc1\xc3-\xff]|\xc2(?!\xa0))"
_WORD = rb"(?:BYTE)+(?:(?:\.\.?|@)(?:BYTE)+)*"
_COMMENT = rb"/\*(?!!)(?:(?!\*/).)*\*/"
_TOKENS = rb"""
    (?P<blank> [\x00-\x20\xa0] | \xc2\xa0 )
  | (?P<hex> 0[xXbB](?:TAIL)? )
  | (?P<number> \.?[0-9][0-9.]* (?: [eE][+-]?[0-9]+ )? )
  | (?P<dollars> \$\$ (?: .*? \$\$ | .* ) )
  | (?P<word> WORD )
  | (?P<quote> ['"`] )
  | (?P<dashes> -- )
  | (?P<hash> \# )
  | (?P<executed> /\*![0-9]* )
  | (?P<inline> /\* )
  | (?P<closing> \*/ )
  | (?P<cast> ::WORD )
  | (?P<assign> := )
  | (?P<global> @@WORD ) | (?P<variable> @WORD ) | (?P<sign_at> @@? )
  | (?P<shift> << (?![<=>]|!=) | >> (?![<=>]|!=) )
  | (?P<compared> (?: [=<>] | != )+ )
  | (?P<concat> \|\| ) | (?P<both> && )
  | (?P<sign> . )
"""


def _pattern(text: bytes) -> re.Pattern[bytes]:
    tail = rb"(?:BYTE)+(?:(?:\.\.?|@)(?:BYTE)+)*|(?:\.\.?|@)(?:BYTE)+(?:(?:\.\.?|@)(?:BYTE)+)*"
    text = text.replace(b"TAIL", tail).replace(b"WORD", _WORD).replace(b"BYTE", _BYTE)
    return re.compile(text, re.X | re.S)


_TOKEN = _pattern(_TOKENS)
_STUCK = _pattern(rb"@?WORD")
_SIGNS = {b"(": "l", b")": "r", b",": "m", b";": "j", b"*": "t", b"!": "x", b"|": "a", b"&": "a"}
_SIGNS |= {sign.encode(): "a" for sign in "+-/%^~#"}


def _letter(word: bytes) -> str:
    """The letter of a word as it stands alone."""
    word = word.lower() if len(word) <= 64 else b"?"
    if word in _LETTERS:
        return _LETTERS[word]
    first = re.match(rb"([^._$]*)[._$]", word)
    if not first:
        return "w"
    if first[0] in _PREFIXES or _LETTERS.get(first[1]) == "Y":
        return "Y"
    if b"." not in word:
        return "w"
    last = word.rsplit(b".", 1)[1]
    if _LETTERS.get(last) in ("F", "Y"):
        return _LETTERS[last]
    first = re.match(rb"[^_$]*[_$]", last)
    return "Y" if first and (first[0] in _PREFIXES or _LETTERS.get(first[0]) == "Y") else "w"


def _string_end(text: bytes, at: int, quote: bytes, mysql: bool) -> int | None:
    body = rb"(?:QQ|\\.|[^Q\\])*" if mysql else rb"(?:QQ|[^Q])*"
    found = re.compile(body.replace(b"Q", quote), re.S).match(text, at)
    assert found is not None
    return found.end() + 1 if text[found.end() : found.end() + 1] == quote else None


class _Value:
    """One reading of a value: `letters` are what its tokens became."""

    def __init__(self, text: bytes, quote: bytes, mysql: bool) -> None:
        self.text, self.quote, self.mysql, self.letters = text, quote, mysql, ""
        self.comment = ""
        self.is_short, self.opening = False, False

    def emit(self, letter: str) -> None:
        self.comment = ""
        if not (self.letters.endswith(letter) and letter in "lraxjs"):
            self.letters += letter

    def read(self) -> str | None:
        at = 0
        if self.quote:
            end = _string_end(self.text, 0, self.quote, self.mysql)
            if end is None:
                return None
            self.begin_behind(self.text[: end - 1])
            at = end
        else:
            self.emit("B")
        while at < len(self.text):
            at = self.token(at)
        if b"\0" in re.sub(rb"\A.*(?!" + _BLANK + rb").", b"", self.text, flags=re.S):
            self.comment = "c"
        if self.comment:
            self.emit(self.comment)
        return self.letters + "E"

    def begin_behind(self, head: bytes) -> None:
        trimmed = re.sub(rb"\A" + _BLANK + rb"+|" + _BLANK + rb"+\Z", b"", head)
        has_one_word = not re.search(_BLANK, trimmed)
        self.is_short = has_one_word or len(trimmed) <= 40
        behind_sign = head[-1:] in (b"(", b"[", b"{", b"=", b",", b":", b";") and bool(head)
        behind_blank = bool(trimmed) and bool(re.search(_BLANK + rb"\Z", head)) and not has_one_word
        self.opening = behind_sign or behind_blank or not trimmed
        self.emit("P" if behind_sign or behind_blank else "Q")

    def token(self, at: int) -> int:
        found = _TOKEN.match(self.text, at)
        assert found is not None and found.lastgroup is not None
        return int(getattr(self, f"on_{found.lastgroup}", self.on_letter)(found))

    def on_letter(self, found: re.Match[bytes]) -> int:
        kinds = {"hex": "n", "dollars": "s", "assign": "e", "global": "g", "variable": "v", "sign_at": "q"}
        kinds |= {"shift": "a", "compared": "e", "concat": "p", "both": "o"}
        assert found.lastgroup is not None
        self.emit(kinds[found.lastgroup])
        return found.end()

    def on_blank(self, found: re.Match[bytes]) -> int:
        return found.end()

    on_closing = on_cast = on_blank

    def on_sign(self, found: re.Match[bytes]) -> int:
        self.emit(_SIGNS.get(found[0], "q"))
        return found.end()

    def on_number(self, found: re.Match[bytes]) -> int:
        stuck = _STUCK.match(self.text, found.end())
        if stuck and _letter(stuck[0]) == "w":
            if stuck[0][:1] in b"dDfF" and len(stuck[0]) > 1 and _letter(stuck[0][1:]) != "w":
                self.emit("n")
                return found.end() + 1
            self.emit("w")
            return stuck.end()
        self.emit("n")
        return found.end()

    def on_word(self, found: re.Match[bytes]) -> int:
        word, rest = found[0], self.text[found.end() :]
        if rest[:1] in (b"'", b'"') and (word[:1] == b"_" or word.lower() in (b"n", b"x", b"b", b"e")):
            return found.end()
        if word.lower() == b"q" and rest[:1] == b"'" and len(rest) > 1:
            return self.oracle_string(found.end() + 1)
        letter, end = _letter(word), found.end()
        if letter in "Fz":
            letter = letter if re.match(rb"(?:" + _BLANK + rb"|" + _COMMENT + rb")*\(", rest, re.S) else "w"
        elif letter in "wykTai" and re.match(rb"(?:" + _COMMENT + rb")*\(", rest, re.S):
            plural = re.match(rb"\([eE]?[sS]\)", rest)
            letter = "w" if plural else "f"
            end += plural.end() if plural else 0
        self.emit(letter)
        return end

    def oracle_string(self, at: int) -> int:
        opening = self.text[at : at + 1]
        closing = {b"(": b")", b"[": b"]", b"{": b"}", b"<": b">"}.get(opening, opening)
        self.emit("s")
        end = self.text.find(closing + b"'", at + 1)
        return end + 2 if end >= 0 else len(self.text)

    def on_quote(self, found: re.Match[bytes]) -> int:
        self.emit("w" if found[0] == b"`" else "s")
        return _string_end(self.text, found.end(), found[0], self.mysql) or len(self.text)

    def on_dashes(self, found: re.Match[bytes]) -> int:
        if self.mysql and re.match(rb"[^\x00-\x20]", self.text[found.end() :]):
            self.emit("a")
            return found.start() + 1
        return self.line_comment(found)

    def on_hash(self, found: re.Match[bytes]) -> int:
        if self.mysql:
            return self.line_comment(found)
        self.emit("a")
        return found.end()

    def line_comment(self, mark: re.Match[bytes]) -> int:
        line = self.text[mark.end() :].split(b"\n")[0]
        words = [word for word in re.split(_BLANK, line) if word]
        is_text = len(words) > 1 and not self.is_short
        is_quoted = self.opening and self.text[mark.start() - 1 : mark.start()] == self.quote and self.quote in line
        self.comment = "d" if is_text or is_quoted else "c"
        return mark.end() + len(line)

    def on_executed(self, found: re.Match[bytes]) -> int:
        return found.end() if self.mysql else self.on_inline(found)

    def on_inline(self, found: re.Match[bytes]) -> int:
        end = self.text.find(b"*/", found.start() + 2)
        if end >= 0:
            return end + 2
        self.comment = "c"
        return len(self.text)


def _found(letters: str) -> str:
    """The rule whose shape ends first."""
    for end in range(1, len(letters) + 1):
        for name, shape in _SHAPES:
            if shape.search(letters[:end]):
                return name
    return ""


def readings(text: bytes) -> Iterator[str]:
    """The letters of every reading, in order."""
    for mysql in (False, True):
        for quote in (b"", b"'", b'"', b"`"):
            letters = _Value(text, quote, mysql).read()
            if letters is not None:
                yield letters


def sql_attack(text: bytes) -> str:
    """The rule that finds SQL injection in `text`, or ""."""
    return next((name for letters in readings(text) if (name := _found(letters))), "")
