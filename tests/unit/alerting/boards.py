"""A board with rules of a configuration, on a clock that a test moves."""

from gateway.alerting.manager import AlertManager
from gateway.alerting.rules.evaluate import Evaluation
from gateway.alerting.rules.rule import rules
from gateway.config.document import loads

CONFIG = """\
version: 1
upstreams: {catalog: {targets: ["http://127.0.0.1:1"]}}
routes: [{name: item, match: {path: /a}, upstream: catalog}]
"""
ESCALATION = """\
escalation:
  warn: [{webhook: "http://127.0.0.1:9/"}]
  page: [{webhook: "http://127.0.0.1:9/"}, {after: 5m, webhook: "http://127.0.0.1:9/b"}, {after: 20m, slack: "http://127.0.0.1:9/c"}]
"""
START = 1_800_000_000.0


class Desk:
    """Feeds a board each second and gathers its notes as (seconds, name, state, tier)."""

    def __init__(self, alerts: str, more: str = ""):
        self.board = AlertManager("gw-1")
        self.now = START
        self.told = []
        self.notes = []
        self.read(alerts, more)

    def read(self, alerts: str, more: str = ""):
        alerting = loads(f"{CONFIG}{ESCALATION}alerts:\n{alerts}\n{more}").alerting
        self.rules = rules(alerting)
        routes = ["item"]
        self._take(self.board.configure(self.rules, alerting.inhibitions, alerting.windows, self.now, routes))

    def second(self, **holds):
        """One second in which the rules of these names have these verdicts, (verdict, labels) or the verdict."""
        for rule in self.rules:
            if rule.name in holds:
                call = rule.term.left if hasattr(rule.term, "left") else None
                holding = holds[rule.name]
                finding = Evaluation(holding, 0.05 if holding else 0.0, call, ">" if call else "", 0.02)
                more = {"route": "item", "metric": "p99"} if rule.watch else {}
                words = "p99 of route item is 480 ms, expected 95-140 ms" if rule.watch else ""
                self._take(self.board.observe(rule, more, finding, self.now, words))
        self._take(self.board.climb(self.now))
        self.now += 1

    def seconds(self, count, **holds):
        for _ in range(count):
            self.second(**holds)

    def take(self, notes):
        self._take(notes)

    def _take(self, notes):
        self.notes += notes
        self.told += [(int(note.at - START), note.name, note.state, note.tier) for note in notes]
