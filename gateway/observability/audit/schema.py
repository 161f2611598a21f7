"""`audit` for the published schema."""

from gateway.config.schema_parts import LINE, Schema, section, text


def root_sections() -> dict[str, Schema]:
    """The audit log."""
    secret = text("a string of 16 characters or more", "Keys the chain: nobody without it can make a line.")
    keys = {
        "to": text("stdout or a file name", "Where the lines go; a file is never cut nor written over.", LINE),
        "secret": {**secret, "writeOnly": True},
    }
    return {"audit": section("A log of who changed what, and of who was denied access.", keys, ("to",))}
