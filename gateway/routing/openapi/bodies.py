"""Request bodies of operations: the types they may have, and the schema of those that are JSON."""

import re
from dataclasses import dataclass
from typing import Any, Final

from gateway.config.nodes import MappingNode
from gateway.config.schema_parts import MEDIA_TYPE
from gateway.routing.openapi.document import Documents, Node
from gateway.routing.openapi.schemas import Bundle, as_object
from gateway.validation.options import is_json

_MEDIA_TYPE: Final = re.compile(MEDIA_TYPE)


@dataclass(frozen=True, slots=True)
class Body:
    """What a body must be. No types: any. `schema` is JSON's, None where there is none; it stands at `node`."""

    types: tuple[str, ...]
    schema: dict[str, Any] | None
    node: Node
    is_required: bool


def read_body(documents: Documents, bundle: Bundle, operation: Node) -> Body | None:
    """The body of an operation, None where it says nothing of one."""
    said = documents.mapping(operation, "requestBody")
    node = documents.follow(said) if said is not None else None
    if node is None:
        return None
    content = documents.mapping(node, "content")
    if content is None:
        if "content" not in node.value:
            documents.complain(node, "the body has no `content`")
        return None
    types = _types(documents, content)
    judged = [media for kind, media in content.members() if is_json(_bare(kind)) and media.member("schema") is not None]
    is_required = node.value.get("required") is True
    if not judged or "*/*" in types:
        return Body(() if "*/*" in types else types, None, node, is_required)
    return Body(types, *_schema(documents, bundle, judged), is_required)


def _types(documents: Documents, content: Node) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for kind, media in content.members():
        bare = _bare(kind)
        if not _MEDIA_TYPE.fullmatch(bare) and bare != "*/*":
            documents.complain(content.named(kind), f"expected a media type such as application/json, found {kind!r}")
        elif documents.is_a(media, MappingNode, "what a body of the type is"):
            found[bare] = None
    return tuple(found)


def _bare(kind: str) -> str:
    """A media type without its parameters."""
    return kind.partition(";")[0].strip().lower()


def _schema(documents: Documents, bundle: Bundle, judged: list[Node]) -> tuple[dict[str, Any], Node]:
    """The schema of JSON; of several types any one of theirs. Where it is a reference, it stands where that leads."""
    refers: list[Node] = []
    nodes = [schema for media in judged if (schema := media.member("schema")) is not None]
    made = [bundle.schema(node, refers) for node in nodes]
    different = [one for index, one in enumerate(made) if one not in made[:index]]
    if len(different) > 1:
        return bundle.closed({"anyOf": different}, refers), nodes[0]
    return bundle.closed(as_object(different[0]), refers), documents.follow(nodes[0]) or nodes[0]
