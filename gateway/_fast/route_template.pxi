"""Part of route.pyx: what may stand in the configuration as a path template or a host, with words for the user."""

KINDS = {"uuid": UUID, "int": INT, "dt": DT, "float": FLOAT, "": UNTYPED, "path": REST}


def template(str path):
    """The segments of a path template as ((kind, text), ...), kind being literal, uuid, int, dt, float, "" or path.

    `text` is the literal or the parameter's name.  ValueError, with words for the user, for what could never match.
    """
    if not path.startswith("/"):
        raise ValueError("a path begins with '/'")
    texts = path.split("/")[1:]
    last = len(texts) - 1
    segments = [_segment(text, place == last) for place, text in enumerate(texts)]
    names = [text for kind, text in segments if kind != "literal"]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two parameters are named {{{name}}}")
    return tuple(segments)


def _segment(str text, bint is_last):
    """One segment of a template, checked."""
    if text.startswith("{") and text.endswith("}"):
        name, colon, kind = text[1:len(text) - 1].partition(":")
        if not name.isidentifier():
            raise ValueError(f"{text} needs a name of letters, digits and '_'")
        if kind not in KINDS or (colon and not kind):
            raise ValueError(f"{text} is of no known type: int, float, uuid, dt or path")
        if kind == "path" and not is_last:
            raise ValueError(f"{text} takes the rest of the path, so nothing may follow it")
        return kind, name
    if text in (".", "..") or (not text and not is_last):
        raise ValueError("a path has no empty, '.' or '..' segments when it is matched")
    for char, advice in (("{", "a parameter is a whole segment"), ("}", "a parameter is a whole segment"),
                         ("?", "conditions on the query stand under `query`"), ("#", "a path ends before it"),
                         ("%", "write the path decoded")):
        if char in text:
            raise ValueError(f"{text!r} has a {char!r}: {advice}")
    return "literal", text


def _host_pattern(str host):
    """A host of a route in lower case, or ValueError."""
    name = host[2:] if host.startswith("*.") else host
    if not name or "*" in name:
        raise ValueError(f"host {host!r}: a wildcard stands only in front, as in '*.example.com'")
    return host.lower()
