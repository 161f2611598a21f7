"""`gateway top`: what the dashboard shows, in a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import click

from gateway.cli.options import config_option, format_option

RANGES: Final = ("5m", "1h", "24h")
EVERY: Final = 1.0  # seconds
QUIT: Final = (b"q", b"Q", b"\x03", b"\x04", b"")
WHOLE: Final = (200, 80)  # columns and lines where there is no terminal
#: the alternate screen, without a cursor; and back
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
HOME, TO_END_OF_LINE, TO_END = "\x1b[H", "\x1b[K", "\x1b[J"


@click.command()
@click.option("--range", "span", type=click.Choice(RANGES), default="5m", show_default=True, help="Of which time.")
@click.option("--once", is_flag=True, help="Print it once and end.")
@config_option
@format_option("text")
def top(span: str, once: bool, config: str, style: str) -> None:
    """Watch the running gateway: rates, routes, upstreams, workers, failures, alerts. q or Ctrl-C ends it."""
    from gateway.cli.client import Problem, admin_request, document_of

    try:
        document = document_of(config)

        def look() -> Any:
            overview = admin_request(document, "GET", f"/api/overview?range={span}")
            return {**overview, "alerts": admin_request(document, "GET", "/api/alerts")["alerts"]}

        if once:
            click.echo(_text(look(), style, WHOLE))
        elif style == "text" and sys.stdout.isatty() and sys.stdin.isatty():
            with _screen():
                _watch(look)
        else:
            _tell(look, style)
    except Problem as problem:
        click.echo(str(problem), err=True)
        sys.exit(1)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(0)


def _tell(look: Callable[[], Any], style: str) -> None:
    """One after another, for a pipe; JSON is one line each."""
    while True:
        click.echo(_text(look(), style, WHOLE))
        sys.stdout.flush()
        time.sleep(EVERY)


def _watch(look: Callable[[], Any]) -> None:
    """Draw anew each second, and when the window has another size, until q is pressed."""
    found: Any = ""
    due, size = 0.0, (0, 0)
    while True:
        if is_due := time.monotonic() >= due:
            due = time.monotonic() + EVERY
            found = _look(look)
        if is_due or size != shutil.get_terminal_size(WHOLE):
            size = shutil.get_terminal_size(WHOLE)
            text = found if isinstance(found, str) else _text(found, "text", size)
            body = "\n".join(line + TO_END_OF_LINE for line in text.split("\n")[: size[1] - 1])
            sys.stdout.write(f"{HOME}{body}\n{TO_END}")
            sys.stdout.flush()
        # A change of the size interrupts nothing here: it is looked for ten times a second.
        wait = min(0.1, max(0.0, due - time.monotonic()))
        if select.select([sys.stdin], [], [], wait)[0] and os.read(sys.stdin.fileno(), 64)[:1] in QUIT:
            return


def _look(look: Callable[[], Any]) -> Any:
    """The overview, or why there is none: a gateway that is started again is waited for."""
    from gateway.cli.client import Problem

    try:
        return look()
    except Problem as problem:
        return str(problem)


@contextlib.contextmanager
def _screen() -> Iterator[None]:
    """The terminal as a page: keys come at once and are not shown; left as it was, whatever happens."""
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        sys.stdout.write(ENTER)
        yield
    finally:
        sys.stdout.write(LEAVE)
        sys.stdout.flush()
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _text(found: Any, style: str, size: tuple[int, int]) -> str:
    if style == "json":
        return json.dumps(found, ensure_ascii=False)
    from gateway.control.top_view import view

    return view(found, size)
