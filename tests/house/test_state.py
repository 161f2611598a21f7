"""No state in modules: constants only, and nothing changes them."""

import ast

from tests.house.tree import files, shown

CONTAINERS = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
MAKERS = {"dict", "list", "set", "defaultdict", "OrderedDict", "Counter", "deque", "bytearray", "WeakValueDictionary"}
CHANGES = {
    *("append", "add", "update", "setdefault", "pop", "popitem", "clear", "extend", "insert", "remove", "discard"),
    *("appendleft", "popleft", "sort", "reverse"),
}
#: "file:name" of state that has to be in a module, and why.
EXCEPTIONS = {"gateway/server/context.py:_site": "one per process, made in the master before the first fork"}


def is_container(value) -> bool:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name | ast.Attribute):
        name = value.func.id if isinstance(value.func, ast.Name) else value.func.attr
        return name in MAKERS
    return isinstance(value, CONTAINERS)


def containers(tree):
    """Names at module level that hold something that could be changed, with their lines."""
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Name) and node.value is not None and is_container(node.value):
                yield target.id, node.lineno


def changed(tree, names):
    """Lines inside functions that change one of `names`."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        for node in ast.walk(function):
            target = None
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
                target = node.value
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
                target = node.func.value
            if isinstance(target, ast.Name) and target.id in names:
                yield target.id, node.lineno


def test_module_level_containers_are_constants():
    wrong = []
    for path in files(".py", under="gateway"):
        tree = ast.parse(path.read_text())
        found = dict(containers(tree))
        wrong += [f"{shown(path, n)} {name} is no constant" for name, n in found.items() if not _is_constant_name(name)]
        wrong += [f"{shown(path, line)} changes {name}" for name, line in changed(tree, found)]
    assert not wrong


def _is_constant_name(name) -> bool:
    return name.isupper() or (name.startswith("__") and name.endswith("__"))


def test_nothing_is_global():
    found = [
        f"{shown(path, node.lineno)} global {', '.join(node.names)}"
        for path in files(".py", under="gateway")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Global) and not all(f"{shown(path)}:{name}" in EXCEPTIONS for name in node.names)
    ]
    assert not found
