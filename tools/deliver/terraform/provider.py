"""A provider that has a schema and nothing else: Terraform checks a configuration against it, and tests mock it.

`provider.py SCHEMA.json` is what the mirror's executables run; it speaks the plugin protocol, version 6. With `--dev`
it stays, and says what TF_REATTACH_PROVIDERS has to be for Terraform to come to it: that saves its start.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tf.gen import tfplugin_pb2 as pb
from tf.runner import run_provider

_BLOCK = pb.Schema.NestedBlock.NestingMode
_OBJECT = pb.Schema.Object.NestingMode


class Facts:
    """What a file of terraform/testing/schemas says, in the words of the protocol."""

    attributes = ()
    block_types = ()

    def __init__(self, block: dict[str, Any]) -> None:
        self._block = block

    def to_pb(self) -> pb.Schema:
        """The schema as Terraform asks for it."""
        return pb.Schema(version=0, block=_block(self._block))


def _block(facts: dict[str, Any]) -> pb.Schema.Block:
    return pb.Schema.Block(
        attributes=[_attribute(name, one) for name, one in facts["attributes"].items()],
        block_types=[
            pb.Schema.NestedBlock(
                type_name=name,
                block=_block(one["block"]),
                nesting=_BLOCK.Value(one["mode"].upper()),
                min_items=one["min"],
                max_items=one["max"],
            )
            for name, one in facts["blocks"].items()
        ],
    )


def _attribute(name: str, facts: dict[str, Any]) -> pb.Schema.Attribute:
    flags = facts["flags"]
    more: dict[str, Any] = {}
    if "nested" in facts:
        nested = facts["nested"]
        more["nested_type"] = pb.Schema.Object(
            nesting=_OBJECT.Value(nested["mode"].upper()),
            attributes=[_attribute(key, one) for key, one in nested["attributes"].items()],
        )
    else:
        more["type"] = json.dumps(facts["type"]).encode()
    return pb.Schema.Attribute(name=name, required="r" in flags, optional="o" in flags, computed="c" in flags, **more)


class Provider:
    """The provider of one file; whatever is asked of it beyond its schema is a test without a mock, and fails."""

    def __init__(self, path: Path) -> None:
        self._facts = json.loads(path.read_text())

    def full_name(self) -> str:
        """The provider's address without its host."""
        return str(self._facts["source"])

    def get_model_prefix(self) -> str:
        """Names in the file are whole."""
        return ""

    def get_provider_schema(self, diagnostics: object) -> Facts:
        """What a `provider` block may say."""
        return Facts(self._facts["config"])

    def get_resources(self) -> list[type]:
        """One class for each resource that the configuration uses."""
        return [_model(name, block) for name, block in self._facts["resources"].items()]

    def get_data_sources(self) -> list[type]:
        """One class for each data source that the configuration uses."""
        return [_model(name, block) for name, block in self._facts["data_sources"].items()]

    def get_functions(self) -> list[type]:
        """None."""
        return []

    def validate_config(self, diagnostics: object, config: object) -> None:
        """Terraform itself held it against the schema."""

    def new_resource(self, model: type) -> Any:
        """One of what get_resources told of."""
        return model()

    new_data_source = new_resource


def _model(name: str, block: dict[str, Any]) -> type:
    return type(
        name,
        (),
        {
            "get_name": staticmethod(lambda: name),
            "get_schema": staticmethod(lambda: Facts(block)),
            "validate": lambda self, diagnostics, kind, config: None,
        },
    )


if __name__ == "__main__":
    run_provider(Provider(Path(sys.argv[1])), sys.argv)  # type: ignore[arg-type]
