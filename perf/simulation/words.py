"""What simulations found, as Markdown, for the terminal and for docs/scaling.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from perf.page.scale import short

Found = dict[str, Any]
NOISY = (
    " Where they used more than 5 % in the rounds of a row, its rate is shown and not held: it is what others left."
    " What a second of CPU does is held everywhere."
)


def text(found: Found) -> str:
    """One scenario: its title and its table."""
    return f"{found['name']}: {found['title']}\n\n{table(found)}"


def table(found: Found) -> str:
    """Its figures."""
    return TABLES[found["kind"]](found)


def grid(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown."""
    head = list(head)
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _capacity(found: Found) -> str:
    head = ("line", "CPU us", "requests a minute", "cores busy", "pods", "where a pod is used up")
    above = f" (above max: {found['most']})"
    rows = (
        (
            each["line"], f"{each['cpu_us']:.0f}", short(each["per_minute"]), f"{each['cores']:.1f}",
            f"{each['settled']}{'' if each['is_within'] else above}", f"{each['full_pods']}",
        )
        for each in found["rows"]
    )  # fmt: skip
    return grid(head, rows)


def _redis(found: Found) -> str:
    head = ("mode", "requests/s", "workers", "calls/s", "Redis core", "p50 ms", "p99 ms", "without an answer")
    rows = (
        (
            each["mode"], f"{each['rate']:,.0f}", f"{each['workers']}", f"{each['calls']:,.0f}", f"{each['busy']:.0%}",
            f"{each['p50_ms']:.3g}", f"{each['p99_ms']:.3g}", _share(each["refused"]),
        )
        for each in found["rows"]
    )  # fmt: skip
    return grid(head, rows)


def _share(part: float) -> str:
    return "0" if not part else f"{part:.2%}" if part < 0.1 else f"{part:.0%}"


def _scaling(found: Found) -> str:
    ways = {"as a liquid": found["liquid"]}
    if "by_request" in found:
        ways["by request"] = found["by_request"]
    figures: dict[str, Callable[[Found], str]] = {
        "pods before": lambda _: f"{found['replicas']}",
        "most pods": lambda f: f"{f['most_pods']}",
        "served": lambda f: f"{f['served']:.2%}",
        "refused": lambda f: f"{_share(f['shed'])} ({short(f['shed_requests'])} requests)",
        "lost with pods": lambda f: f"{_share(f['lost'])} ({short(f['lost_requests'])} requests)",
        "seconds until none was refused": lambda f: f"{f['calm']:.0f}",
        "longest wait in a pod, s": lambda f: f"{f['longest_wait']:.2g}",
        "pods ready, seconds after it began": lambda f: ", ".join(f"{n} at {at:.0f}" for at, n in f["steps"]) or "none",
        "pod hours": lambda f: f"{f['pod_hours']:.1f}",
    }
    return grid(("", *ways), ((name, *(say(way) for way in ways.values())) for name, say in figures.items()))


def _leases(found: Found) -> str:
    head = ("hosts", "asked for, times the limit", "let in, of what is allowed", "most beyond it", "a lease each")
    rows = (
        (
            f"{each['hosts']}", f"{each['pressure']:g}", f"{each['share']:.1%}", f"{each['over']:.0f}",
            f"{each['bound']:.0f}",
        )
        for each in found["rows"]
    )  # fmt: skip
    return grid(head, rows)


TABLES: dict[str, Callable[[Found], str]] = {
    "capacity": _capacity,
    "redis": _redis,
    "scaling": _scaling,
    "leases": _leases,
}


def checked(found: Found) -> str:
    """The page of `--check`."""
    about = found["machine"]
    lines = [
        f"# One host, predicted and measured, {found['when'][:10]}",
        "",
        "Measured by `python -m perf simulate --check`. The CPU of a request comes from one worker at full speed with",
        "64 connections and with 4, for two workers on one core also from those with 32. What is compared was",
        "predicted from that alone, and measured in turn with it.",
        f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}, Python {about['python']},",
        f"Redis {about['redis']}. Other processes used {found['others']:.0%} of the cores while costs were taken."
        + (NOISY if any(each["what"].startswith("requests/s") > each["is_held"] for each in found["check"]) else ""),
        "",
        grid(
            ("line", "what", "predicted", "measured", "off", "held to 15 %"),
            (
                (
                    each["line"], each["what"], f"{each['predicted']:,.4g}", f"{each['measured']:,.4g}",
                    f"{each['off']:+.0%}", "yes" if each["is_held"] else "no",
                )
                for each in found["check"]
            ),
        ),
        "",
        "## What it was fed with",
        "",
        costs(found),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def costs(found: Found) -> str:
    """CPU of a request by line, and of the Redis by call."""
    lines = ((line, f"{c['value']:.1f} ({c['low']:.1f} to {c['high']:.1f})") for line, c in found["cpu_us"].items())
    counts = sorted({int(count) for by in found["redis_us"].values() for count in by})
    calls = (
        (kind, *(f"{by[count]:.1f}" for count in counts))
        for kind, by in ((kind, {int(n): c for n, c in by.items()}) for kind, by in found["redis_us"].items())
    )
    return "\n\n".join(
        (
            grid(("line", "CPU us of a request"), lines),
            f"A request that finds its worker idle costs {found['wake_us']:.0f} us more.",
            grid(("call", *(f"us of the Redis, {count} together" for count in counts)), calls),
        )
    )
