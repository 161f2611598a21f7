"""`idempotency`, and what of `validate` is not about schemas: what is read, and what is refused with its place."""

import pytest

from gateway.config.compile import compile
from gateway.config.diagnostics import ConfigError
from gateway.config.document import load

HEAD = """\
version: 1
upstreams: {app: {targets: [http://127.0.0.1:9000]}}
routes:
  - name: r
    match: {path: /a, methods: [POST, PUT]}
    upstream: app
    """


def read(folder, text):
    file = folder / "gateway.yaml"
    file.write_text(HEAD + text + "\n")
    return load(file)


def complaints(folder, text):
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    return [str(each).replace(f"{folder}/", "") for each in caught.value.complaints]


def test_defaults(tmp_path):
    found = read(tmp_path, "idempotency: {}").routes[0].idempotency
    assert (found.is_required, found.ttl, found.header, found.wait) == (False, 86400.0, "Idempotency-Key", 0.0)
    assert (found.methods, found.max_body, found.max_answer) == (("POST", "PATCH"), 1 << 20, 256 << 10)
    assert found.on_store_failure == "deny" and found.where.endswith("gateway.yaml:7")
    assert read(tmp_path, "timeout: 1s").routes[0].idempotency is None


def test_the_step_stands_behind_the_guard_and_only_where_it_is_asked_for(tmp_path):
    plan = compile(read(tmp_path, "idempotency: {required: true}"))
    assert [step.name for step in plan.routes[0].steps][-3:] == ["guard", "idempotency", "idempotency-answer"]
    assert len(plan.kept) == 1
    plan = compile(read(tmp_path, "compress: {}\n    idempotency: {}"))
    names = [step.name for step in plan.routes[0].steps]
    assert names[-3:] == ["idempotency", "compress", "idempotency-answer"], "what is kept is not compressed"
    plan = compile(read(tmp_path, "timeout: 1s"))
    assert "idempotency" not in [step.name for step in plan.routes[0].steps] and not plan.kept


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("idempotency: {methods: [PATCH]}", "7:19: routes[0].idempotency.methods: the route has none of the methods"),
        ("idempotency: {max_answer: 1MB}", "idempotency.max_answer: no answer of more than 960KB"),
        ("idempotency: {ttl: 9999d}", "idempotency.ttl: "),
        ("idempotency: {ttl: 8785h}", "idempotency.ttl: nothing is remembered for longer than 366 days"),
        ("idempotency: {on_store_failure: local}", "idempotency.on_store_failure: "),
        ("idempotency: {require: true}", "did you mean `required`?"),
        ("validate: {body: {}, charset: [utf-16]}", "validate.charset[0]: JSON, which `body` takes, is in UTF-8 only"),
        ("validate: {body: {}, multipart: {}}", "validate.multipart: a route takes either JSON (`body`) or forms"),
        ("validate: {content_type: [image/*], multipart: {}}", "validate.multipart: no body is a form"),
        ("validate: {multipart: {others: no}}", "validate.multipart.others: "),
        ("validate: {multipart: {fields: {a: {contenttype: [a/b]}}}}", "did you mean `content_type`?"),
        ("validate: {produces: [json]}", "validate.produces[0]: "),
    ],
)
def test_mistakes(tmp_path, text, said):
    assert said in "\n".join(complaints(tmp_path, text))


def test_forms_are_what_a_route_with_rules_for_them_takes(tmp_path):
    found = read(tmp_path, "validate: {multipart: {fields: {a: {content_type: [IMAGE/*], max_size: 1KB}}}}")
    spec = found.routes[0].validate
    assert spec.content_types == ("multipart/form-data",)
    assert (spec.multipart.parts, spec.multipart.part_size, spec.multipart.headers) == (20, 5 << 20, 8)
    (field,) = spec.multipart.fields
    assert (field.name, field.content_types, field.max_size, field.count) == ("a", ("image/*",), 1024, 1)
    compile(found)
