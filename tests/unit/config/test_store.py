"""The store: one swap, nothing on error, callbacks afterwards."""

import types

import pytest

from gateway.config.diagnostics import ConfigError, Diagnostic
from gateway.config.document import loads
from gateway.config.store import Store


def document(status):
    return loads(f"version: 1\nroutes:\n  - {{name: a, match: {{path: /a}}, respond: {{status: {status}}}}}\n")


def plan_of(document, *, pause=None):
    if pause is not None:
        pause()
    return types.SimpleNamespace(version=document.version)


def test_nothing_is_loaded_until_a_document_is_adopted():
    store = Store(plan_of)
    assert not store.is_loaded
    assert store.adopt(document(200), 3)
    assert store.is_loaded
    assert (store.current.version, store.document, store.generation) == (document(200).version, document(200), 3)


def test_the_same_content_is_not_compiled_again_but_its_generation_counts():
    store = Store(plan_of)
    store.adopt(document(200), 1)
    before = store.current
    assert not store.adopt(document(200), 2)
    assert store.current is before
    assert store.generation == 2


@pytest.mark.parametrize("error", [ConfigError([Diagnostic("f", 1, 1, "", "no")]), RuntimeError("boom")])
def test_an_error_leaves_everything_as_it_was(error):
    def compiler(document, *, pause=None):
        if document.routes[0].respond.status == 500:
            raise error
        return plan_of(document)

    store = Store(compiler)
    swaps = []
    store.adopt(document(200), 1)
    store.on_swap(lambda *swap: swaps.append(swap))
    before = (store.current, store.document, store.generation)
    with pytest.raises(type(error)):
        store.adopt(document(500), 2)
    assert (store.current, store.document, store.generation) == before
    assert swaps == []


def test_callbacks_see_old_and_new_once_the_new_one_serves():
    store = Store(plan_of)
    seen = []
    store.on_swap(lambda old, new, document: seen.append((old, new, document, store.current)))
    store.adopt(document(200), 1)
    first = store.current
    store.adopt(document(201), 2)
    assert seen[0] == (None, first, document(200), first)
    assert seen[1] == (first, store.current, document(201), store.current)


def test_a_callback_that_raises_stops_neither_the_swap_nor_the_others(caplog):
    store = Store(plan_of)
    seen = []
    store.on_swap(lambda *_: 1 / 0)
    store.on_swap(lambda *_: seen.append(1))
    store.adopt(document(200), 1)
    assert seen == [1]
    assert store.current.version in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_pause_reaches_the_compiler():
    store = Store(plan_of)
    calls = []
    store.adopt(document(200), 1, lambda: calls.append(store.is_loaded))
    assert calls == [False]
