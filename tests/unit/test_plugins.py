"""Plugins: found, placed and guarded, with words for whoever wrote them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from greenlet import GreenletExit
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import plugins
from gateway.config.plugins import PluginError
from gateway.contracts import Steps, Tools
from gateway.errors import PLUGIN_FAILED, ROUTE_NOT_FOUND, GatewayError
from gateway.exchange import Response
from gateway.features import ORDER
from tests.exchanges import exchange

TOOLS = Tools("item", lambda: 0.0, print)


class Policy:
    def __init__(self, name: Any, after: Any = None, before: Any = None, steps: Any = None) -> None:
        self.name, self.after, self.before, self.steps = name, after, before, steps

    def compile(self, spec: Any, tools: Tools) -> Any:
        if isinstance(self.steps, BaseException):
            raise self.steps
        return self.steps


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Write a module that can be imported, once per test."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(name: str, text: str) -> str:
        (tmp_path / f"{name}.py").write_text(text)
        return name

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


POLICY = """
class Policy:
    name, after = "{name}", "identity"
    def compile(self, spec, tools): ...
POLICIES = (Policy(),)
"""


def test_the_policies_of_modules(module) -> None:
    names = [module("acme_one", POLICY.format(name="one")), module("acme_two", POLICY.format(name="two"))]
    assert [policy.name for name in names for policy in plugins.from_module(name)] == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nowhere", r"cannot be imported: ModuleNotFoundError: No module named 'nowhere' \(.*acme.py:1\)"),
        ("def f(:", r"cannot be imported: SyntaxError: .* \(.*acme.py:1\)"),
        ("\n\nraise SystemExit(3)", r"cannot be imported: SystemExit: 3 \(.*acme.py:3\)"),
        ("x = 1 / 0", r"cannot be imported: ZeroDivisionError: division by zero \(.*acme.py:1\)"),
        ("", "the plugin acme has no POLICIES"),
        ("POLICIES = ()", "the plugin acme has no POLICIES"),
        ("POLICIES = [1]", "the plugin acme has no POLICIES"),
        ("POLICIES = (1,)", "POLICIES of acme: 1 is no policy"),
        (POLICY.format(name="x").replace("(Policy(),)", "(Policy,)"), "is no policy, an object"),
        (POLICY.format(name=""), "is no policy"),
        (POLICY.format(name="cache"), "the name cache belongs to a step of the gateway"),
        ('class P:\n name = "x"\n def compile(self): ...\nPOLICIES = (P(),)', "the policy x names no neighbour"),
        ('class P:\n name, after = "x", 7\n def compile(self): ...\nPOLICIES = (P(),)', "policy x names no neighbour"),
    ],
)  # fmt: skip
def test_a_module_that_cannot_be_used(module, text: str, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        plugins.from_module(module("acme", text))


def test_a_module_that_is_not_there_is_not_blamed_on_us() -> None:
    with pytest.raises(PluginError) as raised:
        plugins.from_module("nowhere_at_all")
    assert str(raised.value).endswith("cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'")


def test_a_policy_that_nobody_offers() -> None:
    assert plugins.from_entry_point("tenat") is None
    error = plugins.unknown("tenat", ["tenant"])
    assert str(error) == "no plugin has a policy named tenat"
    assert error.hint == "did you mean `tenant`?"


def names(*policies: Policy) -> list[str]:
    return list(plugins.order(policies, ("a", "b", "c")))


def test_places() -> None:
    assert plugins.order(()) == ORDER
    assert names(Policy("x", "a")) == ["a", "x", "b", "c"]
    assert names(Policy("x", None, "a")) == ["x", "a", "b", "c"]
    assert names(Policy("x", "c")) == ["a", "b", "c", "x"]
    assert names(Policy("x", "a"), Policy("y", "a")) == ["a", "x", "y", "b", "c"]
    assert names(Policy("x", None, "b"), Policy("y", None, "b")) == ["a", "x", "y", "b", "c"]
    assert names(Policy("y", "x"), Policy("x", "a"), Policy("z", "a")) == ["a", "x", "y", "z", "b", "c"]
    assert names(Policy("x", "a", "b"), Policy("y", "a")) == ["a", "x", "y", "b", "c"]
    assert names(Policy("x", "a", "c")) == ["a", "x", "b", "c"]
    assert names(Policy("x", "a"), Policy("y", "a", "x")) == ["a", "y", "x", "b", "c"]


def test_no_places() -> None:
    with pytest.raises(PluginError, match="the policy x stands beside idntity, which there is not") as raised:
        plugins.order((Policy("x", "idntity"),))
    assert raised.value.hint == "did you mean `identity`?"
    with pytest.raises(PluginError, match="wait for each other have no place: x, y"):
        names(Policy("x", "y"), Policy("y", "x"))
    with pytest.raises(PluginError, match="wait for each other"):
        names(Policy("x", "x"))
    with pytest.raises(PluginError, match="the policy x has no place: c comes after b"):
        names(Policy("x", "c", "b"))


places = st.sampled_from([*"abcuvwxyz"])


@given(st.lists(st.tuples(places, st.none() | places, st.none() | places), max_size=6, unique_by=lambda each: each[0]))
def test_an_order_keeps_what_every_policy_asks_for(asked: list[tuple[str, str | None, str | None]]) -> None:
    policies = [Policy(*each) for each in asked if each[0] not in "abc" and (each[1] or each[2])]
    try:
        line = names(*policies)
    except PluginError:
        return
    assert sorted(line) == sorted("abc" + "".join(policy.name for policy in policies))
    assert [name for name in line if name in "abc"] == ["a", "b", "c"]
    for policy in policies:
        assert policy.after is None or line.index(policy.after) < line.index(policy.name)
        assert policy.before is None or line.index(policy.name) < line.index(policy.before)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (ValueError("no tenant"), r"cannot be compiled: ValueError: no tenant \(.*test_plugins.py:\d+\)"),
        (SystemExit(1), "cannot be compiled: SystemExit: 1"),
        (None, "compiled to NoneType, not to Steps"),
        (Steps(on_close=7), "on_close is no function"),
    ],
)  # fmt: skip
def test_a_policy_that_does_not_compile(steps: Any, words: str) -> None:
    with pytest.raises(PluginError, match="the policy x on the route item.*" + words):
        plugins.steps_of(Policy("x", "a", steps=steps), {}, TOOLS)


def test_hooks_that_are_not_there_stay_so() -> None:
    assert plugins.steps_of(Policy("x", "a", steps=Steps()), {}, TOOLS) == Steps()


def compiled(**hooks: Any) -> Steps:
    return plugins.steps_of(Policy("x", "a", steps=Steps(**hooks)), {}, TOOLS)


def raising(error: BaseException) -> Any:
    def hook(*args: Any) -> None:
        raise error

    return hook


def test_hooks_that_do_well() -> None:
    given, closed = Response(200, []), []
    steps = compiled(on_request=lambda e: None, on_response=lambda e, r: r, on_close=closed.append)
    asked = exchange()
    assert steps.on_request(asked) is None
    assert steps.on_response(asked, given) is given
    steps.on_close(asked)
    assert closed == [asked]


async def coroutine(*args: Any) -> None: ...


@pytest.mark.parametrize(
    "error", [ValueError("secret"), SystemExit(1), KeyboardInterrupt(), BaseException("x")], ids=repr
)
def test_a_hook_that_raises_is_a_500_of_its_own(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    steps = compiled(on_request=raising(error), on_response=raising(error), on_close=raising(error))
    for hook, args in ((steps.on_request, ()), (steps.on_response, (Response(200, []),))):
        with pytest.raises(GatewayError) as raised:
            hook(exchange(), *args)
        assert raised.value.kind is PLUGIN_FAILED
        assert "secret" not in raised.value.detail
        assert raised.value.cause is error
    steps.on_close(exchange())
    assert [record.message.split(": ")[1] for record in caplog.records] == [
        f"{hook} of the policy x failed" for hook in ("on_request", "on_response", "on_close")
    ]
    assert all(record.exc_info and record.exc_info[1] is error for record in caplog.records)


@pytest.mark.parametrize("wrong", ["text", 200, {}, (200, [])])
def test_an_answer_that_is_none(wrong: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(GatewayError) as raised:
        compiled(on_request=lambda exchange: wrong).on_request(exchange())
    assert raised.value.kind is PLUGIN_FAILED
    assert f"it gave {type(wrong).__name__}, neither a Response nor None" in caplog.text


@pytest.mark.parametrize("error", [GatewayError(ROUTE_NOT_FOUND), GreenletExit()], ids=repr)
def test_what_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised:
        compiled(on_request=raising(error)).on_request(exchange())
    assert raised.value is error


def test_on_close_lets_the_greenlet_end() -> None:
    with pytest.raises(GreenletExit):
        compiled(on_close=raising(GreenletExit())).on_close(exchange())
