"""Changes to headers, as values."""

from gateway.config.options import Options

Pairs = tuple[tuple[str, str], ...]


class HeaderEdit(Options, frozen=True):
    """Changes to one message's header section; values are templates."""

    set: Pairs
    add: Pairs
    remove: tuple[str, ...]
    rename: Pairs = ()
    #: lower-case names in set and add whose values came from references: these are not shown (test_no_secret_is_told)
    hidden: tuple[str, ...] = ()


class HeaderRules(Options, frozen=True):
    """Header changes towards the upstream (request) and towards the client (response), defaults merged in.

    `preset` is "security" or "", not asked for.
    """

    request: HeaderEdit
    response: HeaderEdit
    where: str
    preset: str = ""
