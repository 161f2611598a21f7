"""`multipart` in `validate` of a route."""

from typing import Final

from gateway.config.reader import OptionReader
from gateway.validation.model import FormField, Multipart

FORM: Final = "multipart/form-data"
#: the ranges that have forms with files in them
_HAVE_FORMS: Final = frozenset((FORM, "multipart/*"))


def read_multipart(holder: OptionReader, types: tuple[str, ...]) -> Multipart | None:
    """The section, None where it is not written; `types` are those that the route takes."""
    if "multipart" not in holder:
        return None
    if "body" in holder:
        holder.complain("a route takes either JSON (`body`) or forms (`multipart`)", key="multipart")
    elif not _HAVE_FORMS & set(types):
        holder.complain(f"no body is a form: `content_type` does not have {FORM}", key="multipart")
    reader = holder.section("multipart")
    fields = reader.section("fields")
    return Multipart(
        parts=reader.integer("parts"),
        part_size=reader.size("part_size"),
        headers=reader.integer("headers"),
        is_closed=reader.text("others") == "refuse",
        fields=tuple(_field(name, fields.section(name)) for name in fields),
    )


def _field(name: str, reader: OptionReader) -> FormField:
    types = (text.value.lower() for text in reader.texts("content_type"))
    return FormField(
        name=name,
        content_types=tuple(dict.fromkeys(types)),
        is_required=reader.flag("required"),
        max_size=reader.size("max_size") if reader.text("max_size") else None,
        count=reader.integer("count"),
    )
