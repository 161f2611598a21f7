"""The stock stack as it comes: Falcon under `gunicorn -k gevent`, each request passed on with urllib3.

Frozen: a change here starts a new series of results.  It is written as an application programmer would write it in an
afternoon; it has no limits, no timeouts to speak of and no header policy beyond what must be.
"""

import os

import falcon
import urllib3

UPSTREAM = f"http://127.0.0.1:{os.environ.get('PERF_UPSTREAM', '9101')}"
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}


def proxy(req: falcon.Request, resp: falcon.Response, **_: object) -> None:
    """Pass a request on and its answer back."""
    headers = {name: value for name, value in req.headers.items() if name.lower() not in HOP_BY_HOP | {"host"}}
    body = req.bounded_stream.read() if req.content_length else None
    answer = urllib3.request(
        req.method, UPSTREAM + req.relative_uri, headers=headers, body=body, redirect=False, decode_content=False
    )
    resp.status = answer.status
    for name, value in answer.headers.items():
        if name.lower() not in HOP_BY_HOP | {"content-length"}:
            resp.set_header(name, value)
    resp.data = answer.data


application = falcon.App()
application.add_sink(proxy, "/")
