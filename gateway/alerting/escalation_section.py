"""`escalation`: who is told, and how."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from msgspec.structs import replace

from gateway.alerting.options import CHANNELS, Channel, ChannelKind, Escalation, Tier
from gateway.config.certificate_files import read_authorities
from gateway.config.hosts import host_mistake, is_loopback, port_mistake, split_port
from gateway.config.nodes import MappingNode
from gateway.config.reader import OptionReader, ScalarNode

PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
_HTTP = {"https": 443, "http": 80}
_SMTP = {"smtp": 587, "smtps": 465}
_VISIBLE = re.compile(r"[\x21-\x7e]+")


def read_escalations(reader: OptionReader) -> Iterator[Escalation]:
    """Those of one file."""
    if "escalation" not in reader:
        return
    section = reader.section("escalation")
    for severity in section:
        tiers = [_tier(each) for each in section.sections(severity)]
        if not tiers and section.raw(severity) == []:
            continue  # which the schema has complained of
        ordered = tuple(sorted(tiers, key=lambda tier: tier.after))
        yield Escalation(severity, ordered, section.key(severity).where)


def _tier(reader: OptionReader) -> Tier:
    channels = [channel for kind in CHANNELS if kind in reader and (channel := _channel(reader, kind)) is not None]
    if not any(kind in reader for kind in CHANNELS):
        reader.complain("the tier has no target: nobody would be told", f"write one of {', '.join(CHANNELS)}")
    return Tier(reader.duration("after"), tuple(channels))


def _channel(reader: OptionReader, kind: ChannelKind) -> Channel | None:
    if kind == "email":
        return _email(reader.section(kind)) if isinstance(reader.raw(kind), MappingNode) else None
    if kind == "pagerduty":
        return _pagerduty(reader)
    section = reader.section(kind) if isinstance(reader.raw(kind), MappingNode) else None
    text = reader.one(kind) if section is None else section.one("url")
    if text is None:
        return None
    host = _check(text, _HTTP)
    found = Channel(kind, text.value, f"{kind} {host}")
    if section is not None:
        headers = tuple((name.value, value.value) for name, value in section.pairs("headers"))
        found = replace(found, headers=headers, ca=read_authorities(section, "ca"))
    return found


def _pagerduty(reader: OptionReader) -> Channel | None:
    if not isinstance(reader.raw("pagerduty"), MappingNode):
        key = reader.one("pagerduty")
        return Channel("pagerduty", PAGERDUTY, "pagerduty", key=key.value) if key else None
    section = reader.section("pagerduty")
    key, url = section.one("routing_key"), section.one("url")
    if key is None:
        return None
    host = _check(url, _HTTP) if url else ""
    label = f"pagerduty {host}".strip()
    return Channel(
        "pagerduty", url.value if url else PAGERDUTY, label, key=key.value, ca=read_authorities(section, "ca")
    )


def _email(reader: OptionReader) -> Channel | None:
    smtp = reader.one("smtp")
    to = tuple(text.value for text in reader.texts("to"))
    if smtp is None or not to:
        return None
    host = _check(smtp, _SMTP)
    is_local = is_loopback(host)
    user, password, tls = reader.text("user"), reader.text("password"), reader.text("tls")
    if bool(user) != bool(password):
        reader.complain("`user` and `password` go together", key="user" if user else "password")
    if tls == "none" and not is_local and smtp.value.startswith("smtp:"):
        message = "alerts, and the password with them, would be readable on the way"
        reader.complain(message, "leave out `tls`, or use a server on this machine", key="tls")
    return Channel(
        kind="email",
        url=smtp.value,
        label=f"email {to[0]}" + (f" and {len(to) - 1} more" if len(to) > 1 else ""),
        to=to,
        sender=reader.text("from"),
        user=user,
        password=password,
        tls=tls,
        ca=read_authorities(reader, "ca"),
    )


def _check(text: ScalarNode, schemes: dict[str, int]) -> str:
    """host:port of an address; complains of one that is none. SECURITY: it may be a secret, so it is not quoted."""
    examples = " or ".join(f"{scheme}://" for scheme in schemes)
    try:
        url = urlsplit(text.value) if _VISIBLE.fullmatch(text.value) else None
    except ValueError:
        url = None
    if url is None or url.scheme not in schemes or not url.netloc:
        text.complain(f"the address does not begin with {examples} and a host")
        return ""
    if "@" in url.netloc or url.fragment:
        text.complain("the address may hold no user, no password and no fragment")
        return ""
    host, port = split_port(url.netloc)
    if mistake := host_mistake(host) or (port_mistake(port) if port else ""):
        text.complain(f"the host in the address {mistake}")
    if url.scheme == "http" and not is_loopback(url.netloc if port else f"{host}:80"):
        text.warn("what is sent over plain http can be read on the way")
    return f"{host}:{port or schemes[url.scheme]}"
