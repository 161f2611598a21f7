"""Part of route.pyx: what explain collects on a walk, and its words.  Serving never comes here."""


@cython.final
cdef class Search:
    """Makes a walk go wrong ways too, and keeps what it meets there."""
    cdef list mistakes         # on the way to here: [(place of the segment, aspect, detail)]
    cdef list near             # [(closeness, Route, aspect, detail)]
    cdef Route winner

    def __cinit__(self):
        self.mistakes, self.near = [], []

    cdef stray(self, Node node, const char* at, const char* stop, const char* end, Walk w):
        """Take the children that a segment does not lead to."""
        cdef Node child
        text = at[:stop - at].decode()
        for child in (*node.literals.values(), *node.typed):
            if child.kind == LITERAL and child.wanted == text.encode():
                continue
            if child.kind != LITERAL and fits(child.kind, at, stop - at):
                continue
            self.mistakes.append((node.depth, "path", f"segment {text!r} is not {_wanted(child)}"))
            step(child, stop, end, w)
            self.mistakes.pop()

    cdef around(self, Node node, const char* stop, const char* end, Walk w):
        """Look at the routes that end at `node` before the path does, or go on after it."""
        if stop == end:
            self.missing(node, w)
        elif node.leaves:
            self.mistakes.append((node.depth, "path", f"the path goes on with {stop[:end - stop].decode()!r}"))
            choose(node.leaves, w)
            self.mistakes.pop()

    cdef missing(self, Node node, Walk w):
        """Take every way on from where the path ends."""
        cdef Node child
        for child in (*node.literals.values(), *node.typed):
            self.mistakes.append((node.depth, "path", f"the path ends before {_wanted(child)}"))
            choose(child.leaves, w)
            self.missing(child, w)
            self.mistakes.pop()
        if node.rests:
            self.mistakes.append((node.depth, "path", "the path ends before a '/' and a rest"))
            choose(node.rests, w)
            self.mistakes.pop()

    cdef note(self, Route route, int fate, Walk w):
        """Keep a route and what it failed on first, if it came close; the first without a mistake is the winner."""
        mistakes = list(self.mistakes)
        if fate != TAKEN:
            mistakes.append((route.length(), ASPECTS[fate + 1], _failure(route, fate, w)))
        elif not mistakes and self.winner is None:
            self.winner = route
        elif not mistakes:
            mistakes.append((route.length(), *_lost(route, self.winner)))
        if not mistakes or not self.is_close(route, mistakes):
            return
        place, aspect, detail = mistakes[0]
        if aspect == "host":
            detail = f"{w.host!r} is not {' or '.join(route.spec[3]) or 'any'}"
        closeness = (len(mistakes), -ASPECTS.index(aspect), -place, route.rank)
        self.near.append((closeness, route, aspect, detail))

    cdef bint is_close(self, Route route, list mistakes):
        """At most one segment differs, or the first literal is right, or the host was asked for and is right."""
        places = [place for place, aspect, _ in mistakes if aspect == "path"]
        literals = [place for place, (kind, text) in enumerate(route.shape) if kind == LITERAL and text]
        return (
            len(places) <= 1
            or (len(literals) > 0 and min(literals) not in places)
            or (route.host is not None and mistakes[0][1] != "host")
        )

    cdef list closest(self):
        """The verdicts, one per route of the file."""
        seen = set() if self.winner is None else {id(self.winner.spec)}
        found = []
        for _, route, aspect, detail in sorted(self.near, key=_closeness):
            spec = id((<Route>route).spec)
            if spec not in seen and len(found) < CLOSEST:
                found.append(Verdict((<Route>route).payload, aspect, detail))
            seen.add(spec)
        return found


def _closeness(tuple entry):
    return entry[0]


cdef str _wanted(Node node):
    if node.kind != LITERAL:
        return WANTED[node.kind]
    return repr(node.wanted.decode()) if node.wanted else "a '/' at the end"


cdef str _failure(Route route, int fate, Walk w):
    """Why a route whose host and path were right did not take the request."""
    if fate == METHOD:
        return f"{w.method} is not routed" if route.methods is None else \
            f"{w.method} is not {' or '.join(sorted(route.methods))}"
    key, value, name = w.missed
    sent = [w.environ.get(key)] if fate == HEADER else w.fields.get(key, [None])
    has = "is not there" if sent[0] is None else f"is {' and '.join([repr(text) for text in sent])}"
    return f"{name} {has}" if value == "*" else f"{name} {has}, wants {value!r}"


cdef tuple _lost(Route route, Route winner):
    """(aspect, detail): in what a route that takes the request is outranked by the winner."""
    if route.host != winner.host:
        return "less specific", f"host {route.host or 'any'} is less specific than {winner.host}"
    for (kind, text), (better, other) in zip(route.shape, winner.shape, strict=False):
        if kind != better:
            return "less specific", f"{WANTED[kind]} is less specific than {WANTED.get(better, repr(other))}"
    if route.condition_rank != winner.condition_rank:
        if (route.methods is None) != (winner.methods is None):
            return "less specific", "any method is less specific than a listed one"
        if route.condition_rank[1] != winner.condition_rank[1]:
            return "less specific", f"{-route.condition_rank[1]} conditions are fewer than {-winner.condition_rank[1]}"
        return "less specific", "a condition on presence is less specific than one on a value"
    if route.spec[6] != winner.spec[6]:
        return "priority", f"priority {route.spec[6]} is below {winner.spec[6]}"
    return "priority", "equal in rank and priority"
