"""Base class of all values of a configuration."""

from typing import Any, ClassVar


class Options:
    """Base of a model's dataclasses: pickled as one call of the class, which loads twice as fast as field by field."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]]

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), tuple(getattr(self, name) for name in type(self).__match_args__)
