"""Generated routes and requests for the matcher; few words, so that they meet, and requests made from the routes."""

from typing import NamedTuple
from urllib.parse import quote_plus

from hypothesis import strategies as st

from gateway._fast.route import RouteSpec

UUID = "0189f7ea-ae2c-7000-8000-00805f9b34fb"
SEGMENTS = ["a", "b", "caf\xe9", "\u65e5", "7", "2026-11-24", "{n}", "{n:int}", "{n:float}", "{n:uuid}", "{n:dt}"]
VALUES = {
    "": ["a", "b", "x y", "caf\xe9"],
    "int": ["7", "-12", "007"],
    "float": ["7", "1.5", "-0.25"],
    "uuid": [UUID, UUID.upper()],
    "dt": ["2026-11-24", "2024-02-29T23:59:60Z", "2026-11-24T10:00:00.5+01:00"],
    "path": ["", "a", "a/b", "caf\xe9/"],
}
NEAR_MISSES = ["", "\u0667", "1_0", "+5", "1.", ".5", "2026-02-29", "2026-13-01", UUID.replace("-", ""), "{n}"]
HOSTS = ["x.com", "a.x.com", "b.a.x.com", "y.com"]
PATTERNS = ["x.com", "a.x.com", "*.x.com", "*.a.x.com", "*.com", "Y.com"]
METHODS = ["GET", "POST", "PURGE"]
HEADERS = ["X-Beta", "content-type"]
WANTED = ["1", "2", "\xe9 &+", "*"]


class Request(NamedTuple):
    """The arguments of Table.match."""

    host: str
    method: str
    path: str
    environ: dict[str, str]
    query: str


def some_of(values: list[str], most: int) -> st.SearchStrategy[tuple[str, ...]]:
    """A tuple of different values, empty more often than not."""
    return st.one_of(st.just(()), st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple))


def conditions(names: list[str]) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    """Conditions under different names, none more often than not."""
    pairs = st.dictionaries(st.sampled_from(names), st.sampled_from(WANTED), max_size=2).map(lambda d: tuple(d.items()))
    return st.one_of(st.just(()), pairs)


@st.composite
def templates(draw: st.DrawFn) -> str:
    """A path template with differently named parameters."""
    segments = draw(st.lists(st.sampled_from(SEGMENTS), min_size=0, max_size=3))
    named = [text.replace("{n", f"{{p{place}") for place, text in enumerate(segments)]
    return "/" + "/".join([*named, *draw(st.sampled_from([[], [], [""], ["{rest:path}"]]))])


specs = st.builds(
    RouteSpec,
    st.none(),
    templates(),
    some_of(METHODS, 2),
    some_of(PATTERNS, 2),
    conditions(HEADERS),
    conditions(["v", "w"]),
    st.sampled_from([0, 0, 0, 5]),
)


@st.composite
def route_sets(draw: st.DrawFn, most: int = 12) -> list[RouteSpec]:
    """Routes whose payload is their place; some are another one with one or two things changed."""
    found: list[RouteSpec] = []
    for place, fresh in enumerate(draw(st.lists(specs, min_size=1, max_size=most))):
        spec = fresh
        if found and draw(st.booleans()):
            changed = draw(st.sets(st.sampled_from(fresh._fields), max_size=2))
            spec = draw(st.sampled_from(found))._replace(**{name: getattr(fresh, name) for name in changed})
        found.append(spec._replace(payload=place))
    return found


@st.composite
def paths(draw: st.DrawFn, template: str) -> str:
    """A path that a template takes, or that misses it in one segment or by its length."""
    filled = []
    for segment in template.split("/")[1:]:
        kind = segment[1:-1].partition(":")[2] if segment.startswith("{") else None
        filled.append(segment if kind is None else draw(st.sampled_from(VALUES[kind])))
    match draw(st.integers(0, 9)):
        case 0:
            filled[draw(st.integers(0, len(filled) - 1))] = draw(st.sampled_from(NEAR_MISSES))
        case 1:
            filled.append(draw(st.sampled_from(["", "a"])))
        case 2:
            filled.pop()
    return "/" + "/".join(filled)


def on_the_wire(text: str) -> str:
    """A header value as a server shows it (PEP 3333)."""
    return text.encode().decode("latin-1")


FIELDS = ["v=1", "v=2", "v=%31", "v=%C3%A9+%26%2b", "w=2", "w", "%77=1", "v=", "", "=", "v=%ff", "V=1"]


@st.composite
def requests(draw: st.DrawFn, routes: list[RouteSpec]) -> Request:
    """A request near one of the routes."""
    route = draw(st.sampled_from(routes))
    environ = {}
    for name, key in (("X-Beta", "HTTP_X_BETA"), ("content-type", "CONTENT_TYPE")):
        wanted = dict(route.headers).get(name)
        value = draw(st.sampled_from([wanted, wanted, wanted, None, "1", "2", "\xe9 &+", "*"]))
        if value is not None:
            environ[key] = on_the_wire(value)
    fields = [f"{name}={quote_plus(value)}" for name, value in route.query if draw(st.integers(0, 4))]
    return Request(
        draw(st.sampled_from([*HOSTS, "", ".x.com", "com", "c.b.a.x.com"])),
        draw(st.sampled_from([*METHODS, "GET", "TRACE", "CONNECT"])),
        draw(paths(route.path)),
        environ,
        "&".join(draw(st.permutations([*fields, *draw(st.lists(st.sampled_from(FIELDS), max_size=2))]))),
    )
