"""Attributes as Python reads and writes them."""


def read(thing: object, name: str) -> object:
    return getattr(thing, name)


def write(thing: object, name: str, value: object) -> None:
    setattr(thing, name, value)
