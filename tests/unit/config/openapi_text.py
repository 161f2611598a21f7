"""A document of a shop for the tests of `openapi`, in both versions, and what is made of it."""

from gateway.config.diagnostics import ConfigError
from gateway.config.document import load

HEAD = """\
version: 1
upstreams: {app: {targets: [http://127.0.0.1:9000]}}
routes:
  - openapi: shop.yaml
    upstream: app
"""

SHOP = """\
openapi: 3.0.3
info: {title: Shop, version: "1"}
servers: [{url: "https://{region}.example.com/v1/", variables: {region: {default: eu}}}]
paths:
  /items:
    get:
      operationId: listItems
      parameters: []
      responses: {"200": {description: ok}}
    post:
      operationId: createItem
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Item"}}}
      responses: {"200": {description: ok}}
  /items/{item-id}:
    parameters:
      - {name: item-id, in: path, required: true, schema: {type: integer}}
    get:
      responses: {"200": {description: ok}}
components:
  schemas:
    Item:
      type: object
      required: [id, name]
      properties:
        id: {type: integer, readOnly: true}
        name: {type: string, maxLength: 5}
"""


def write(folder, shop=SHOP, more="", **files):
    """A configuration whose one route has `more` keys, beside its document and other files."""
    (folder / "shop.yaml").write_text(shop)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    file = folder / "gateway.yaml"
    file.write_text(HEAD + "".join(f"    {line}\n" for line in more.splitlines()))
    return file


def read(folder, shop=SHOP, more="", **files):
    """The same, loaded."""
    return load(write(folder, shop, more, **files), env={})


def refused(folder, shop=SHOP, more="", **files):
    """Its complaints, one string each, file names being relative."""
    try:
        read(folder, shop, more, **files)
    except ConfigError as error:
        return [str(one).replace(f"{folder}/", "") for one in error.complaints]
    raise AssertionError("it was accepted")


def with_parameters(*parameters, version="3.0.3", components="{}"):
    """A document with one operation that has these parameters."""
    lines = "".join(f"        - {one}\n" for one in parameters)
    return f"""\
openapi: {version}
info: {{title: t, version: "1"}}
paths:
  /a:
    get:
      operationId: a
      parameters:
{lines}      responses: {{"200": {{description: ok}}}}
components: {components}
"""


def with_body(schema, version="3.0.3", components="{}", kind="application/json"):
    """A document with one operation that has this body."""
    return f"""\
openapi: {version}
info: {{title: t, version: "1"}}
paths:
  /a:
    post:
      operationId: a
      requestBody: {{required: true, content: {{{kind}: {{schema: {schema}}}}}}}
      responses: {{"200": {{description: ok}}}}
components: {components}
"""
