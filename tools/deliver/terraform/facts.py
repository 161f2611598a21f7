"""Reads one generated TypeScript source of a provider package: names, types and flags, nothing of its prose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Facts = dict[str, Any]

_CLASS = re.compile(r"^export class (\w+) extends cdktf\.(\w+) \{\n(.*?)^\}", re.M | re.S)
_ROOTS = ("TerraformResource", "TerraformDataSource", "TerraformProvider")
_MEMBER = re.compile(r"// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\s*\n")
_SIMPLE = re.compile(r"this\.(?:get(\w+)Attribute|(interpolationForAttribute))\(")
_NESTED = re.compile(r"= new (\w+)\(this, \"\w+\"(?:, (true|false))?\)")
_WRITTEN = re.compile(
    r"^ +(\w+): \{\n +value: (.*),\n +isBlock: (true|false),\n +type: \"(\w+)\",\n +storageClassType: \"(\w+)\",", re.M
)
_MAPPED = re.compile(r"(?:listMapperHcl\((\w+)ToHclTerraform, (true|false)\)|(?<![.\w])(\w+)ToHclTerraform)")

_READ = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "NumberList": ["list", "number"],
    "StringMap": ["map", "string"],
    "NumberMap": ["map", "number"],
    "BooleanMap": ["map", "bool"],
    "AnyMap": ["map", "string"],
}
_NATIVE = {"String": "string", "Number": "number", "Boolean": "bool"}
_STORED = {
    "string": "string",
    "number": "number",
    "boolean": "bool",
    "any": "dynamic",
    "stringList": ["list", "string"],
    "numberList": ["list", "number"],
    "booleanList": ["list", "bool"],
    "stringMap": ["map", "string"],
    "numberMap": ["map", "number"],
    "booleanMap": ["map", "bool"],
    "anyMap": ["map", "dynamic"],
}


@dataclass(frozen=True)
class Source:
    """One generated source; `nests` is true where the provider nests attributes, as the plugin framework has it."""

    text: str
    nests: bool

    def root(self) -> Facts:
        """The block of the resource, data source or provider that the source is about."""
        for found in _CLASS.finditer(self.text):
            if found[2] in (
                "TerraformResource",
                "TerraformDataSource",
                "TerraformEphemeralResource",
                "TerraformProvider",
            ):
                written = {one[1]: one for one in _WRITTEN.finditer(found[3])}
                if found[2] == "TerraformProvider":
                    flags = self._interface(found[1] + "Config")
                    # `alias` is Terraform's own word in a provider's block.
                    members = {name: (flags.get(name, "o"), "") for name in written if name != "alias"}
                    return self._block(members, written)
                return self._block(dict(_members(found[3])), written)
        raise ValueError("the source declares no resource, data source or provider")

    def _struct(self, name: str) -> Facts:
        """The block of a nested struct: from its class where there is one, otherwise from its interface."""
        function = re.search(rf"function {name[0].lower()}{name[1:]}ToHclTerraform\(.*?^\}}", self.text, re.M | re.S)
        written = {one[1]: one for one in _WRITTEN.finditer(function[0])} if function else {}
        found = re.search(rf"^export class {name}OutputReference extends .*?^\}}", self.text, re.M | re.S)
        if found:
            return self._block(dict(_members(found[0])), written)
        flags = self._interface(name)
        return self._block({key: (flags.get(key, "o"), "") for key in written}, written)

    def _interface(self, name: str) -> dict[str, str]:
        found = re.search(rf"^export interface {name}\b.*?^\}}", self.text, re.M | re.S)
        pairs = re.findall(r"^  readonly (\w+)(\??):", found[0], re.M) if found else []
        return {re.sub(r"(?<!^)([A-Z])", r"_\1", key).lower(): "o" if optional else "r" for key, optional in pairs}

    def _block(self, members: dict[str, tuple[str, str]], written: dict[str, re.Match[str]]) -> Facts:
        attributes: Facts = {}
        blocks: Facts = {}
        for name, (flags, read) in sorted(members.items()):
            if name not in written:
                attributes[name] = {"type": self._read(read), "flags": flags}
            elif written[name][3] == "false":
                attributes[name] = {"type": _stored(written[name]), "flags": flags}
            else:
                self._nested(name, flags, written[name], attributes, blocks)
        return {"attributes": attributes, "blocks": blocks}

    def _nested(self, name: str, flags: str, written: re.Match[str], attributes: Facts, blocks: Facts) -> None:
        mapped = _MAPPED.search(written[2])
        if mapped is None:
            raise ValueError(f"{name}: what it is made of is not to be read from: {written[2]}")
        function = mapped[1] or mapped[3]
        inner = self._struct(function[0].upper() + function[1:])
        mode = "single" if written[4] == "struct" else written[4]
        if mapped[2] == "false" or (mode == "single" and self.nests):
            attributes[name] = {"nested": {"mode": mode, "attributes": inner["attributes"]}, "flags": flags}
        else:
            one = mapped[2] is None and mode == "list"
            blocks[name] = {
                "mode": mode,
                "min": int("r" in flags and mode != "single"),
                "max": int(one),
                "block": inner,
            }

    def _read(self, code: str) -> Any:
        """The type of what can only be read, from the class or the method that its getter uses."""
        nested, simple = _NESTED.search(code), _SIMPLE.search(code)
        if nested and nested[1].startswith("cdktf"):
            raise ValueError(f"unknown: {nested[0]}")
        if nested:
            name, mode = nested[1], "set" if nested[2] == "true" else "list"
            if name.endswith("OutputReference"):
                return self._object(name.removesuffix("OutputReference"))
            if name.endswith("Map"):
                return ["map", self._object(name.removesuffix("Map"))]
            return [mode, self._object(name.removesuffix("List"))]
        native = re.search(r"new cdktf\.(\w+?)(List|Map)\(", code)
        if native:
            return [native[2].lower(), _NATIVE.get(native[1], "dynamic")]
        if simple is None:
            raise ValueError(f"a getter of no known kind: {code[:200]}")
        return "dynamic" if simple[2] else _set(code, _READ[simple[1]])

    def _object(self, name: str) -> Any:
        block = self._struct(name)
        return ["object", {key: value["type"] for key, value in block["attributes"].items()}]


def _members(body: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each member of a class: its flags (o, c, r) and the code up to the next one."""
    found = list(_MEMBER.finditer(body))
    for one, after in zip(found, [*found[1:], None], strict=True):
        flags = "".join(flag for flag, said in zip("cor", one.groups()[1:], strict=True) if said == "true")
        yield one[1], (flags or "o", body[one.end() : after.start() if after else len(body)])


def _stored(written: re.Match[str]) -> Any:
    kind = _STORED.get(written[5])
    if kind is None:
        raise ValueError(f"{written[1]}: a type of no known kind: {written[5]}")
    return ["set", kind[1]] if written[4] == "set" and isinstance(kind, list) else kind


def _set(code: str, kind: Any) -> Any:
    return ["set", kind[1]] if "tolist(" in code and isinstance(kind, list) else kind
