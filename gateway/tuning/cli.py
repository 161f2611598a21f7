"""`gateway tune`: how many workers, connections and pods, found by measuring this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import click

from gateway.cli.options import config_option, duration, format_option, positive

LEAST, MOST = 1.0, 600.0  # seconds of load


Checked = Callable[[click.Context, click.Parameter, Any], Any]


def _checked(parse: Callable[[Any], Any]) -> Checked:
    """Parse what was given, with the option's name in what is wrong with it; "" is None."""
    return lambda ctx, param, given: parse(given) if given else None


def _rate(text: str) -> float:
    from gateway.config.units import parse_rate

    return positive(text, lambda given: parse_rate(given)[0] / parse_rate(given)[1], "a rate such as 5000/s")


def _size(text: str) -> int:
    from gateway.config.units import parse_size

    return int(positive(text, parse_size, "a size such as 512MB or 1GB"))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not text.isascii() or not text.isprintable():
        raise click.BadParameter("a header is 'NAME: VALUE'")  # and what was given may be a secret
    return name.strip(), value.strip()


def _headers(texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(map(_header, texts))


def _path(text: str) -> str:
    if not (text.startswith("/") and text.isascii() and text.isprintable() and " " not in text):
        raise click.BadParameter(f"{text!r} is no path")
    return text


def _method(text: str) -> str:
    if not (text.isascii() and text.isalpha()) or text.upper() in ("HEAD", "CONNECT", "TRACE"):
        raise click.BadParameter(f"{text!r} is no method that can be measured")
    return text.upper()


def _body(text: str) -> bytes:
    if not text.startswith("@"):
        return text.encode()
    try:
        with open(text[1:], "rb") as file:
            return file.read()
    except OSError as error:
        raise click.BadParameter(f"{text}: {error.strerror}") from None


@click.command()
@config_option
@click.option("--rate", callback=_checked(_rate), metavar="RATE", help="What has to be served, like 5000/s.")
@click.option(
    "--p99",
    callback=_checked(duration),
    metavar="TIME",
    help="The latency that 99 of 100 requests may have, like 20ms.",
)
@click.option(
    "--cores", type=click.IntRange(1, 1024), metavar="N", help="Cores of a pod; all that are here if not given."
)
@click.option("--memory", callback=_checked(_size), metavar="SIZE", help="Memory of a pod, like 1GB.")
@click.option("--upstream", type=click.Choice(["echo", "real"]), default="echo", show_default=True,
              help="What is asked: a small upstream of our own, or those of the configuration.")  # fmt: skip
@click.option(
    "--answer",
    callback=_checked(_size),
    metavar="SIZE",
    default="1KB",
    show_default=True,
    help="How large the echo's answers are.",
)
@click.option("--route", default="", metavar="NAME", help="The route that is asked; one without `auth` if not given.")
@click.option(
    "--path", callback=_checked(_path), metavar="/PATH", help="Its path, where parameters must have certain values."
)
@click.option("--method", callback=_checked(_method), metavar="METHOD", help="Its method, where it has several.")
@click.option("--header", "headers", callback=_checked(_headers), metavar="'NAME: VALUE'", multiple=True,
              help="A request header; may be repeated.")  # fmt: skip
@click.option("-d", "--data", callback=_checked(_body), metavar="TEXT|@FILE", help="A request body.")
@click.option("--seconds", type=click.FloatRange(LEAST, MOST), default=60, show_default=True, help="Of load in all.")
@format_option("text")
def tune(config: str, style: str, seconds: float, **given: Any) -> None:
    """Measure this machine and say which workers, connections and pods a target needs.

    A gateway of its own is started on free ports of 127.0.0.1 and ended again; one that runs here is not touched.
    """
    from gateway.tuning.processes import interrupted_once
    from gateway.tuning.request import CannotTune, TargetRequest
    from gateway.tuning.run import Plan, run

    wish = TargetRequest(
        given["route"],
        given["path"] or "",
        given["method"] or "",
        given["headers"] or (),
        given["data"] or b"",
    )
    target = given["rate"], given["p99"], given["cores"], given["memory"]
    plan = Plan(wish, *target, given["upstream"] == "echo", given["answer"], seconds)
    try:
        with interrupted_once():  # so that everything is ended on the way out
            found, text = run(config, plan, lambda line: click.echo(f"... {line}", err=True))
    except CannotTune as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"tune: {error.filename or 'this machine'}: {error.strerror or error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("tune: stopped; all that it started was ended", err=True)
        sys.exit(130)
    click.echo(json.dumps(found, indent=1) if style == "json" else text, nl=style == "json")
