"""A DNS server on loopback that says what a test wants."""

from __future__ import annotations

import contextlib
import socket
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

Records = dict[tuple[str, str], list[str]]


class DnsServer:
    """Answers over UDP. `records` is {(name, kind): [text of a record]}; a name without any is NXDOMAIN.

    `is_silent` drops what it is asked, `rcode` is answered in place of everything, `asked` counts questions. What it
    says is decided before a question is counted: who waits for the count may change it for the next one.
    """

    def __init__(self, records: Records, ttl: int = 1) -> None:
        self.records = records
        self.ttl = ttl
        self.is_silent = False
        self.rcode: dns.rcode.Rcode | None = None
        self.asked: dict[tuple[str, str], int] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        """127.0.0.1:port"""
        return f"127.0.0.1:{self.port}"

    def close(self) -> None:
        """Answer no more."""
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, client = self._socket.recvfrom(4096)
                query = dns.message.from_wire(data)
                is_silent, answer = self.is_silent, self._answer(query, self.records.copy())
                question = query.question[0]
                asked = question.name.to_text(omit_final_dot=True).lower(), question.rdtype.name
                self.asked = {**self.asked, asked: self.asked.get(asked, 0) + 1}
                if not is_silent:
                    self._socket.sendto(answer.to_wire(), client)

    def _answer(self, query: dns.message.Message, records: Records) -> dns.message.Message:
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = question.rdtype.name
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if (rcode := self.rcode) is not None:
            answer.set_rcode(rcode)
            return answer
        owner = question.name
        if alias := records.get((name, "CNAME")):
            answer.answer.append(dns.rrset.from_text(owner, self.ttl, "IN", "CNAME", *alias))
            name = alias[0].rstrip(".")
            owner = answer.answer[0][0].target
        if found := records.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(owner, self.ttl, "IN", kind, *found))
        elif not any(known == name for known, _ in records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer
