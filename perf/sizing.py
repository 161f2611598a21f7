"""The figures and pictures of docs/sizing.md: `python -m perf.sizing measure` (four minutes, a quiet machine), `draw`.

`measure` runs `gateway tune` for the bare proxy and for the full line and keeps all of it in docs/measured/sizing.json;
`draw` writes docs/images/sizing-*.svg from that, the same bytes for the same figures.
"""

from __future__ import annotations

import datetime
import json
import re
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.tuning.advice import pods
from perf import identity
from perf.arena import gateway_command
from perf.configs import gateway_config
from perf.page.lines import HEIGHT, WIDTH, Axis, Line, Point, drawing
from perf.page.scale import short
from perf.page.svg import Markup, join, label, line, tag
from perf.scenario import Shape

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "docs" / "measured" / "sizing.json"
FOLDER = ROOT / "docs" / "images"
PAGE = ROOT / "docs" / "sizing.md"
BLOCK = re.compile(r"(?<=<!-- measured -->\n).*?(?=<!-- /measured -->)", re.S)
SHAPES = {"bare": Shape(workers=2), "full": Shape(workers=2, auth=True, limits=True, observed="1%")}
TARGETS = ("--rate", "2500/s", "--p99", "20ms", "--seconds", "60")
HANDSHAKES = 200
STYLE = """
svg { background: #fff; } text { font: 12px system-ui, sans-serif; fill: #1c1e21; } .tick, .unit { fill: #5a6068; }
.grid { stroke: #e1e4e8; } .near { fill: transparent; } .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.band { opacity: .16; } .c0 { stroke: #0b62d0; fill: #0b62d0; } .c1 { stroke: #2c8a2c; fill: #2c8a2c; }
.c2 { stroke: #c2410c; fill: #c2410c; } .c3 { stroke: #8b32c9; fill: #8b32c9; } path.line { fill: none; }
polygon.band { stroke: none; } .line.c1, .line.c3 { stroke-dasharray: 7 3; }
@media (prefers-color-scheme: dark) {
  svg { background: #14171a; } text { fill: #e8eaed; } .tick, .unit { fill: #a4abb3; } .grid { stroke: #333a41; }
  .c0 { stroke: #6cabff; fill: #6cabff; } .c1 { stroke: #6ccf6c; fill: #6ccf6c; }
  .c2 { stroke: #ff9561; fill: #ff9561; } .c3 { stroke: #cf9bff; fill: #cf9bff; }
}
"""


def measure() -> None:
    """Measure and keep."""
    found: dict[str, Any] = {"when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}
    for name, shape in SHAPES.items():
        found[name] = tuned(shape)
    found["handshake_us"] = {kind: handshake(kind) for kind in ("P-256", "RSA-2048")}
    FIGURES.write_text(json.dumps(found, indent=1) + "\n")


def tuned(shape: Shape) -> dict[str, Any]:
    """The JSON of one run of `gateway tune`."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "gateway.yaml"
        config.write_text(gateway_config(shape, 8000, 8001, 9, statsd=8125))
        command = [gateway_command(), "tune", "-c", str(config), *TARGETS, "--format", "json"]
        command += ["--route", "measured", "--path", "/v1/items/42"]
        command += ["--header", f"Authorization: Bearer {identity.token(1)}"] if shape.auth else []
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"config": "gateway.yaml"}


def handshake(kind: str) -> float:
    """Microseconds of CPU that a server spends on one TLS 1.3 handshake, the median of HANDSHAKES, none resumed."""
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder) / "chain.pem"
        chain.write_bytes(_certified(kind))
        theirs.load_cert_chain(chain)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    return round(median(_shaken(client, theirs) for _ in range(HANDSHAKES)), 1)


def _certified(kind: str) -> bytes:
    """A key and a certificate that it signed itself, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "P-256" else rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private + made.sign(key, hashes.SHA256()).public_bytes(pem)


def _shaken(client: ssl.SSLContext, server: ssl.SSLContext) -> float:
    up, down, spent = ssl.MemoryBIO(), ssl.MemoryBIO(), 0.0
    ours, theirs = client.wrap_bio(down, up), server.wrap_bio(up, down, server_side=True)
    done = False
    while not done:
        _step(ours)
        start = time.process_time()
        done = _step(theirs)
        spent += time.process_time() - start
    return spent * 1e6


def _step(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def pictures(found: dict[str, Any]) -> dict[str, str]:
    """{file name: SVG} of the figures."""
    return {
        "sizing-connections.svg": _picture(
            "Requests a second by connections, as fast as they are answered", "requests/s", *_connections(found)
        ),
        "sizing-latency.svg": _picture("p99 at fixed rates, one worker on a core of its own", "ms", *_latency(found)),
    }


def _connections(found: dict[str, Any]) -> tuple[Axis, list[Line]]:
    lines = []
    for number, (name, workers) in enumerate((name, workers) for name in SHAPES for workers in (1, 2)):
        points = [p for p in found[name]["found"]["points"] if p["workers"] == workers]
        rps = tuple(_point(p["connections"], p["rps"]) for p in points)
        lines.append(Line(f"{name}, {workers} worker{'s' * (workers > 1)}", f"c{number}", rps))
    counts = sorted({point.x for each in lines for point in each.points})
    return Axis("connections", tuple((count, f"{count:.0f}") for count in counts)), lines


def _latency(found: dict[str, Any]) -> tuple[Axis, list[Line]]:
    lines = [
        Line(name, f"c{2 * number}", tuple(_point(p["rate"], p["p99_ms"]) for p in found[name]["found"]["curve"]))
        for number, name in enumerate(SHAPES)
    ]
    most = max(point.x for each in lines for point in each.points)
    step = 10 ** (len(str(int(most))) - 1) / (2 if most < 5 * 10 ** (len(str(int(most))) - 1) else 1)
    named = tuple((at * step, short(at * step)) for at in range(int(most / step) + 1))
    return Axis("requests a second", named, log=False), lines


def _point(x: float, spread: dict[str, float]) -> Point:
    return Point(float(x), spread["value"], spread["low"], spread["high"])


def _picture(title: str, unit: str, axis: Axis, lines: Iterable[Line]) -> str:
    """A file of its own: what the page of `perf report` draws, with its colours and a legend inside."""
    lines = list(lines)
    legend: list[Markup] = []
    for number, each in enumerate(lines):
        x, y = 12.0 + 118.0 * number, HEIGHT + 14
        legend += [line(x, y - 4, x + 18, y - 4, f"line {each.kind}"), label(x + 23, y, each.name, "tick")]
    box = f"0 0 {WIDTH:.0f} {HEIGHT + 24:.0f}"
    inside = join(tag("title", title), tag("style", Markup(STYLE)), drawing(unit, axis, lines), *legend)
    return tag("svg", inside, xmlns="http://www.w3.org/2000/svg", viewBox=box, role="img", aria_label=title) + "\n"


def table(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    runs = [found[name] for name in SHAPES]
    rows: dict[str, list[str]] = {
        "CPU us for a request, one worker": [f"{run['advice']['cpu_us']:.0f}" for run in runs],
        "the same as requests/s of a core": [f"{run['advice']['requests_per_core_second']:,.0f}" for run in runs],
        "requests/s of one worker, seen": [_seen(run, 1) for run in runs],
        "requests/s of two workers, seen": [_seen(run, 2) for run in runs],
        "knee, connections": [f"{run['advice']['knee']}" for run in runs],
        "contention, coherence": [_law(run) for run in runs],
        "borne with p99 within 20 ms, of the capacity": [f"{run['advice']['borne']:.0%}" for run in runs],
        "target of the HPA": [_planned(run, f"{run['advice']['hpa']} %") for run in runs],
        "requests/s of a pod with one worker": [_planned(run, f"{run['advice']['planned']:,.0f}") for run in runs],
        "pods for 100,000 requests/s": [_pods(run, 100_000) for run in runs],
        "CPU us with a new connection for each": [f"{run['found']['fresh']['cpu_us']:.0f}" for run in runs],
        "MB of master, observer and a worker, at rest": [f"{run['found']['held']['rest_mb']:.0f}" for run in runs],
        "other processes meanwhile, of all cores": [f"{run['found']['others']:.0%}" for run in runs],
        "KB of a kept connection": [f"{run['found']['held']['each_kb']:.1f}" for run in runs],
    }
    lines = [
        "| what | bare | full |",
        "|---|---|---|",
        *(f"| {what} | {' | '.join(cells)} |" for what, cells in rows.items()),
    ]
    shaken = ", ".join(f"{cost:.0f} us with {kind}" for kind, cost in found["handshake_us"].items())
    machine = f"{runs[0]['machine']}, {found['when'][:10]}."
    return "\n".join([*lines, "", f"A TLS 1.3 handshake costs a server {shaken}. {machine}", ""])


def _seen(run: dict[str, Any], workers: int) -> str:
    top = max((p for p in run["found"]["points"] if p["workers"] == workers), key=lambda p: p["rps"]["value"])
    rps = top["rps"]
    return f"{rps['value']:,.0f} ({rps['low']:,.0f} to {rps['high']:,.0f})"


def _law(run: dict[str, Any]) -> str:
    law = run["advice"]["usl"]
    return f"{law['contention']:.2f}, {law['coherence']:.1g}" if law else "none fits"


def _planned(run: dict[str, Any], words: str) -> str:
    return words if run["advice"]["borne"] else "nobody can say"


def _pods(run: dict[str, Any], rate: float) -> str:
    return str(pods(rate, run["advice"]["planned"])) if run["advice"]["borne"] else "nobody can say"


def draw() -> None:
    """Write the pictures, and the table into the page."""
    found = json.loads(FIGURES.read_text())
    for name, text in pictures(found).items():
        (FOLDER / name).write_text(text)
    PAGE.write_text(BLOCK.sub(lambda _: table(found), PAGE.read_text()))


def main(arguments: list[str]) -> int:
    """`measure`, which draws as well, or `draw`."""
    if arguments == ["measure"]:
        measure()
    elif arguments != ["draw"]:
        print(__doc__, file=sys.stderr)
        return 2
    draw()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
