"""What `make run` starts: the commands it prints work as they stand, and Ctrl-C ends everything."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

from tests.support.gateway import PATIENCE, ROOT, free_port, wait_until
from tests.support.raw import Client

READY = re.compile(r"Ctrl-C ends all of it")
COMMAND = re.compile(r"^  ((?:curl|/|kill).*)$", re.M)


def free_ports():
    return [free_port() for _ in range(7)]


class Quickstart:
    """The process that `make run` ends in, on ports of its own."""

    def __init__(self, folder, ports, more=""):
        self.ports = ports
        self.config = folder / "quickstart.yaml"
        text = (ROOT / "conf" / "quickstart.yaml").read_text()
        text = text.replace("quickstart.pem", str(ROOT / "conf" / "quickstart.pem"))
        for old, new in zip((8000, 8001, 9101, 9201, 9202, 9102, 9203), ports, strict=True):
            text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
        self.config.write_text(text + more)
        examples = ",".join(map(str, ports[2:]))
        command = [sys.executable, "-m", "gateway.examples", "--ports", examples, "--gateway", str(self.config)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.output = ""
        self._came = threading.Condition()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._came:
                self.output += line
                self._came.notify_all()
        with self._came:
            self._came.notify_all()

    def wait_until_ready(self):
        with self._came:
            came = self._came.wait_for(lambda: READY.search(self.output) or self.process.poll() is not None, 60)
        assert came and READY.search(self.output), self.output

    def end(self, number=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.reader.join()
            self.process.stdout.close()


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    started = Quickstart(tmp_path_factory.mktemp("quickstart"), free_ports())
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.end()


def run(command):
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=True).stdout


def test_it_prints_commands_of_which_three_are_curl(quickstart):
    commands = COMMAND.findall(quickstart.output)
    assert len(commands) == 9
    assert len([command for command in commands if command.startswith("curl ")]) >= 3


def test_each_command_works_when_pasted(quickstart):
    items, page, stock, price, problem, live, explain, me, heal = COMMAND.findall(quickstart.output)
    assert {item["category"] for item in json.loads(run(items))["items"]} == {"outdoor"}
    assert set(json.loads(run(page))) == {"product", "availability", "reviews"}
    assert "fwd=miss" in run(stock) and "; hit" in run(stock)
    assert json.loads(run(price)) == {"sku": "KT-1402", "currency": "CHF", "rate": "0.93"}
    told = run(problem)
    assert told.startswith("HTTP/1.1 404 ")
    assert "application/problem+json" in told
    assert run(live).count("event: review\n") == 3
    assert "/reviews?item=7" in run(explain)
    assert run(me).endswith("You are alice.\n")
    assert_heals(quickstart, heal)


def assert_heals(quickstart, command):
    """A catalog is killed, is seen to go down and to come back, and no request fails meanwhile."""
    over = threading.Event()
    statuses = set()

    def ask():
        while not over.wait(0.02):
            client = Client(quickstart.ports[0]).send(b"GET /items/3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            statuses.add(client.answer()[0])
            client.close()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        seen = [json.loads(line) for line in run(command).splitlines()]
        look = re.search("curl -s [^;]+", command)[0]
        if seen[-1]["state"] != "serving":  # it takes its time to start on a busy machine
            wait_until(lambda: seen.append(json.loads(run(look))) or seen[-1]["state"] == "serving", "it is back")
    finally:
        over.set()
        asking.join()
    states = [target["state"] for target in seen]
    assert "down" in states, seen
    assert states[-1] == "serving", seen
    assert "no answer" in next(target["why"] for target in seen if target["state"] == "down")
    assert statuses == {200}


def test_the_dashboard_is_named_and_shows_demo_traffic(quickstart):
    page = re.search(r"http://127\.0\.0\.1:\d+/dashboard", quickstart.output)[0]
    assert "<title>Gateway</title>" in run(f"curl -s --retry 5 --retry-connrefused --fail {page}")
    demo = re.search(r"^    (/.* demo-traffic .*)$", quickstart.output, re.M)[1]
    assert int(re.search(r"(\d+) requests", run(f"{demo} --for 2s"))[1]) > 5


def test_the_other_routes_work_too(quickstart):
    base = f"http://127.0.0.1:{quickstart.ports[0]}"
    assert {review["item"] for review in json.loads(run(f"curl -s {base}/items/7/reviews"))["items"]} == {7}
    assert "<title>Example shop</title>" in run(f"curl -s {base}/")
    assert json.loads(run(f"curl -s {base}/v1/stock/KT-1015"))["sku"] == "KT-1015"
    assert run(f"curl -s {base}/hello/Ada") == "Hello, Ada!\n"
    assert json.loads(run(f"curl -sL {base}/shop/items/3"))["id"] == 3
    review = {"item": 3, "author": "Ada", "stars": 5, "text": "Sharp."}
    assert json.loads(run(f"curl -s -d '{json.dumps(review)}' {base}/reviews"))["author"] == "Ada"
    assert run(f"curl -si {base}/me").startswith("HTTP/1.1 401 ")
    assert "nosniff" in run(f"curl -si {base}/items/3")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything(tmp_path, number):
    ports = free_ports()
    started = Quickstart(tmp_path, ports)
    try:
        started.wait_until_ready()
    finally:
        status = started.end(number)
    assert status == 0, started.output
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=2).close()


@pytest.mark.parametrize("taken", range(6))
def test_a_port_in_use_is_said_in_one_line(tmp_path, taken):
    ports = free_ports()
    with socket.create_server(("127.0.0.1", ports[taken])):
        started = Quickstart(tmp_path, ports)
        try:
            assert started.process.wait(PATIENCE) == 1
        finally:
            started.end()
    last = started.output.strip().splitlines()[-1]
    assert str(ports[taken]) in last
    assert "in use" in last
    assert "Traceback" not in started.output
