"""A site for the admin application without a server, and a way to ask it."""

import io
import json
import os
import pickle
import threading
import types
import warnings
from functools import partial
from wsgiref.validate import WSGIWarning, validator

from gateway.auth.runtime import AuthRuntime
from gateway.cache.runtime import CacheRuntime
from gateway.config import reload
from gateway.config.compile import compile
from gateway.config.document import load
from gateway.config.generation import GenerationWatcher
from gateway.config.leader import Leader
from gateway.config.publish import PlanDirectory
from gateway.config.resources import RuntimeResources
from gateway.config.store import Store
from gateway.control.app import make_admin
from gateway.observability.audit.denials import DenialLog
from gateway.observability.audit.log import Audit
from gateway.ratelimit.runtime import RateLimitRuntime
from gateway.state import SharedMemory, WorkerState
from gateway.upstream.pool.registry import Pools
from tests.unit.identity.issuer_parts import Clock, FakeStore

CONFIG = """\
version: 1
server:
  admin: {admin}
  admin_token: ${{env:ADMIN_TOKEN:-}}
  limits: {{headers: {headers}}}
upstreams:
  items: {{targets: [http://127.0.0.1:9]}}
routes:
  - name: any
    match: {{path: "/{{rest:path}}"}}
    respond: {{status: 404, headers: {{X-Secret: "${{env:SECRET_HEADER:-hidden}}"}}}}
  - name: item
    match: {{path: "/items/{{id:int}}", methods: [GET], hosts: [api.example.com], headers: {{X-Beta: "1"}}}}
    upstream: items
    rewrite: /v2/items/{{id}}
"""


class Answer:
    def __init__(self, status, headers, body):
        self.status = int(status.split()[0])
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


class AdminSite:
    """What a worker is to the admin application; `lead` is its turn to reload."""

    def __init__(self, folder, admin="127.0.0.1:8001"):
        self.admin = admin
        self.config = folder / "gateway.yaml"
        self.runtime = types.SimpleNamespace(path=folder / "run")
        self.runtime.path.mkdir()
        self.draining = False
        self.write(100)
        document = load(str(self.config))
        self.page = SharedMemory.create(workers_max=4)
        self.limiting = RateLimitRuntime.private()
        self.caching = CacheRuntime.private()
        self.audit = Audit(self.runtime.path)
        self.denials = DenialLog(self.audit)
        self.store = Store(partial(compile, resources=RuntimeResources(Pools(), limiting=self.limiting)))
        self.store.adopt(document, reload.publish_first(document, self.page, self.runtime.path))
        self.clock = Clock()
        self.values = FakeStore(self.clock)
        self.identity = AuthRuntime(self.values, None, self.clock)
        self.slot = self.page.claim_slot(os.getpid())
        self.slot.state.store(WorkerState.SERVING)
        published = PlanDirectory(self.runtime.path)
        parts = (self.page, self.slot, published, self.store, None)
        self.leader = Leader(*parts, lambda config, timeout, waiting: pickle.dumps(load(config)))
        GenerationWatcher(*parts).boot()
        self.app = make_admin(self)

    def write(self, headers):
        self.config.write_text(CONFIG.format(admin=self.admin, headers=headers))

    def ask(self, method, path, *, body=b"", **headers):
        """The answer, everything that PEP 3333 asks of both sides being checked."""
        headers = {"host": "127.0.0.1:8001"} | headers
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8001",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        if body:
            environ["CONTENT_LENGTH"] = str(len(body))
        environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items() if value is not None}
        started = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", WSGIWarning)  # of methods that it does not know
            pieces = validator(self.app)(environ, lambda *head: started.append(head) or (lambda data: None))
        try:
            data = b"".join(pieces)
        finally:
            pieces.close()
        return Answer(started[-1][0], started[-1][1], data)

    def change(self, path="/api/reload", **headers):
        """A POST as it should be, while a leader has its turns."""
        done = threading.Event()

        def lead():
            while not done.wait(0.01):
                self.leader.lead()

        thread = threading.Thread(target=lead)
        thread.start()
        try:
            return self.ask("POST", path, x_gateway_admin="1", **headers)
        finally:
            done.set()
            thread.join()
