"""What the access log of a plan hides: what stands where the configuration looks for credentials, whatever its name."""

import json

import pytest

from gateway.config.compile import compile
from gateway.config.document import loads
from gateway.config.resources import RuntimeResources
from gateway.exchange import Response
from gateway.observability.access_log import AccessLogs
from tests.exchanges import exchange

CONFIG = """
version: 1
upstreams: {{app: {{targets: [http://127.0.0.1:9]}}}}
auth:
  staff: {{jwt: {{algorithms: [HS256], secret: 0123456789abcdef0123456789abcdef, audience: a, from: {jwt}}}}}
  partners: {{api_key: {{stored: true, from: {key}}}}}
routes:
  - {{name: item, match: {{path: /item, headers: {{X-Partner-Id: p}}}}, upstream: app,
     auth: {{use: [staff, partners]}}}}
observability: {{access_log: {{format: json, to: {file}}}}}
"""


@pytest.mark.parametrize(
    ("jwt", "key", "target", "told"),
    [
        ("query:k2", "header:X-Partner-Id", "/item?k2=s3cret&q=1", "/item?k2=***&q=1"),
        ("header:X-Partner-Id", "query:Partner-Id", "/item?Partner%2DId=s3cret&q=1", "/item?Partner%2DId=***&q=1"),
    ],
)
def test_credentials_stand_in_no_line(tmp_path, jwt, key, target, told):
    text = CONFIG.format(jwt=jwt, key=key, file=tmp_path / "access.log")
    logs = AccessLogs()
    plan = compile(loads(text, "x.yaml", base=tmp_path, env={}), RuntimeResources(logs=logs))
    (log,) = [step for step in plan.routes[0].steps if step.name == "log"]
    log.steps.on_close(exchange(target=target, headers=[("X-Partner-Id", "s3cret")], response=Response(200, [])))
    logs.close()
    line = (tmp_path / "access.log").read_text()
    assert "s3cret" not in line
    assert json.loads(line)["target"] == told
    assert json.loads(line)["headers"] == {"x-partner-id": "***"}
