"""Rendezvous hashing as it is defined, and a field's values, the slow and obvious way."""

from math import log

WORD = 2**64


def mixed(word: int) -> int:
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % WORD
    return word ^ (word >> 31)


def digest(text: str) -> int:
    word = 0xCBF29CE484222325
    for letter in text:
        word = (word ^ ord(letter)) * 0x100000001B3 % WORD
    return mixed(word)


def order(names: list[str], weights: list[float], key: str) -> list[int]:
    def wait(at: int) -> float:
        number = ((mixed(digest(key) ^ digest(names[at])) >> 11) + 0.5) / 2**53
        return -log(number) * (1.0 / weights[at])

    return sorted(range(len(names)), key=lambda at: (wait(at), at))


def values(headers: list[tuple[str, str]], lower: str) -> list[str]:
    return [value for name, value in headers if name.isascii() and name.lower() == lower]
