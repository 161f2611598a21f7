"""`security` of a document: what it declares. Nothing of it lets anybody in; a route's `auth` does."""

from collections.abc import Iterator

from gateway.config.nodes import MappingNode, SequenceNode
from gateway.routing.openapi.document import Documents, Node


class Security:
    """What the operations of one document declare."""

    def __init__(self, documents: Documents, root: Node) -> None:
        self._documents = documents
        self._root = root
        components = root.member("components")
        schemes = documents.mapping(components, "securitySchemes") if components is not None else None
        found = dict(schemes.members()) if schemes is not None else {}
        self._schemes = {name: target for name, one in found.items() if (target := documents.follow(one)) is not None}

    def query_names(self) -> tuple[str, ...]:
        """The query parameters in which credentials travel."""
        of_query = (one for one in self._schemes.values() if one.text("in") == "query")
        return tuple(one.text("name") for one in of_query if one.text("name"))

    def is_required(self, operation: Node) -> bool:
        """Whether an operation wants callers to be known; {} among the ways makes it optional."""
        ways = list(self._ways(operation))
        return bool(ways) and all(isinstance(way.value, MappingNode) and bool(way.value) for way in ways)

    def scopes(self, operation: Node) -> tuple[str, ...]:
        """The scopes that the one way to call an operation needs; of several ways none are known to be needed."""
        ways = list(self._ways(operation))
        if len(ways) != 1:
            return ()
        found: dict[str, None] = {}
        for name, scopes in ways[0].members():
            scheme = self._schemes.get(name)
            if scheme is None:
                self._documents.complain(ways[0].named(name), f"there is no security scheme {name}")
            elif scheme.text("type") in ("oauth2", "openIdConnect") and isinstance(scopes.value, SequenceNode):
                found |= dict.fromkeys(each for each in scopes.value if isinstance(each, str))
        return tuple(found)

    def _ways(self, operation: Node) -> Iterator[Node]:
        holder = operation if operation.member("security") is not None else self._root
        return self._documents.listing(holder, "security")
