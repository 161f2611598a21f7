"""Whether a peer at full work does that work: asked over raw sockets, with an upstream that says what reached it."""

from __future__ import annotations

import json
import re
import socket

from perf import identity, peer
from perf.arena import READY, Arena, get
from perf.scenario import Load, Shape, Trial
from perf.streams import Accepting, read_head

TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]")
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Echo(Accepting):
    """An upstream whose answer is what it was asked, as JSON: target and headers."""

    def serve(self, connection: socket.socket) -> None:
        """Answer one request after the other."""
        with connection:
            try:
                while asked := read_head(connection)[0]:
                    first, *lines = asked.decode("latin-1").split("\r\n")
                    if not first.endswith("HTTP/1.1"):
                        return  # spans that a peer sends here in HTTP/2
                    pairs = (each.partition(":") for each in lines)
                    headers = {name.lower(): value.strip() for name, _, value in pairs}
                    body = json.dumps({"target": first.split()[1], "headers": headers}).encode()
                    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
                    connection.sendall(f"{head}\r\n\r\n".encode() + body)
                    if headers.get("connection", "").lower() == "close":
                        return
            except OSError:
                return


def ask(port: int, request: bytes) -> tuple[int, dict[str, object]]:
    """(status, the JSON of the answer, empty when it is none) of a request that closes its connection."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(request)
        answer = connection.makefile("rb").read()
    head, _, body = answer.partition(b"\r\n\r\n")
    try:
        said = json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])
    except ValueError:
        said = {}
    return int(head[9:12]), said


def faults(name: str) -> list[str]:
    """What a peer at full work does not do of what its file says; none is what one wants."""
    found = peer.load(name)
    echo = Echo()
    try:
        with Arena() as arena:
            port = arena.get(Trial(name, name, Shape(), Load(), "full"), echo.port).port
            said = _passed(port)
            return said + (_refused(port) if found.works["full"].token != "none" else [])
    finally:
        echo.close()


def _refused(port: int) -> list[str]:
    """Callers that must not come through, and did."""
    good = identity.token(0)
    forged = good[:-6] + ("AAAAAA" if good[-6:] != "AAAAAA" else "BBBBBB")
    wanted = {
        "without a token": (get(READY), 401),
        "with a forged token": (get(READY, forged), 401),
        "with an expired token": (get(READY, identity.token(0, lifetime=-60)), 401),
        "of another issuer": (get(READY, identity.token(0, issuer="https://other.example.com/")), 401),
        "without the scope": (get(READY, identity.token(0, scope="items:reader write")), 403),
    }
    seen = {words: (ask(port, request)[0], status) for words, (request, status) in wanted.items()}
    other = ask(port, get(READY, identity.token(0, audience="other")))[0]
    wrong = (
        [] if other in (401, 403) else [f"a call for another audience got {other}"]
    )  # who it is is known: some say 403
    return wrong + [f"a call {words} got {got}, not {status}" for words, (got, status) in seen.items() if got != status]


def _passed(port: int) -> list[str]:
    """What is wrong with a call that came through, and whether other paths are known."""
    token = identity.token(0)
    status, said = ask(port, get(READY, token))
    headers = said.get("headers")
    if status != 200 or not isinstance(headers, dict):
        return [f"a good call got {status}"]
    wrong = [] if headers.get("x-request-id") else ["no request id reached the upstream"]
    if not TRACE.fullmatch(headers.get("traceparent", "")):
        wrong.append(f"traceparent was {headers.get('traceparent')!r}")
    marked = get(READY, token).replace(b"\r\nHost", f"\r\ntraceparent: {PARENT}\r\nHost".encode(), 1)
    child = ask(port, marked)[1].get("headers")
    passed = child.get("traceparent", "") if isinstance(child, dict) else ""
    if passed[:35] != PARENT[:35] or passed[36:52] == PARENT[36:52]:
        wrong.append(f"the child of {PARENT} was {passed!r}")
    if (other := ask(port, get("/svc98/a/things/5", token))[0]) != 200:
        wrong.append(f"the 99th route answered {other}")
    if (other := ask(port, get("/no/such/route", token))[0]) != 404:
        wrong.append(f"a path of no route answered {other}")
    return wrong
