"""The breaker as a state machine, beside a slow one that keeps everything it ever saw. Workers die in it, too."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.upstream.resilience import circuit_breaker as breaker
from gateway.upstream.resilience.circuit_breaker import FREE, REFUSED, CircuitBreakerPolicy
from tests.support.drawing import examples


class SlowBreaker:
    """What breaker.py should do, in plain words."""

    def __init__(self, rules):
        self.rules = rules
        self.state = "closed"
        self.until = 0
        self.closed_at = 0
        self.history = []
        self.probes = []
        self.last_probe = 0

    def ask(self, now, call):
        if self.state == "open" and now >= self.until:
            self.state, self.probes, self.last_probe = "half-open", [], now
        if self.state == "half-open" and now >= self.last_probe + self.rules.lease:
            self.probes = []
        if self.state == "closed":
            return "free"
        if self.state == "open" or len(self.probes) >= self.rules.half_open:
            return "refused"
        self.probes.append({"call": call, "good": False})
        self.last_probe = now
        return "probe"

    def tell(self, now, call, was, is_failed, is_slow):
        self.history.append((now, is_failed, is_slow))
        if was == "probe":
            self.probe_ended(now, call, not is_failed and not is_slow)
        elif self.state == "closed" and (is_failed or is_slow):
            self.look_back(now)

    def probe_ended(self, now, call, is_good):
        mine = [probe for probe in self.probes if probe["call"] is call]
        if self.state != "half-open" or not mine:
            return
        mine[0]["good"] = is_good
        if not is_good:
            self.state, self.until = "open", now + self.rules.open_for
        elif sum(probe["good"] for probe in self.probes) >= self.rules.half_open:
            self.state, self.closed_at = "closed", now

    def look_back(self, now):
        after = max(self.closed_at, now - self.rules.window)
        seen = [event for event in self.history if event[0] > after]
        failed, slow = sum(event[1] for event in seen), sum(event[2] for event in seen)
        if len(seen) >= self.rules.min_requests and (failed / len(seen) >= 0.5 or slow / len(seen) >= 0.5):
            self.state, self.until = "open", now + self.rules.open_for

    def forget(self, call):
        if self.state == "half-open":
            self.probes = [probe for probe in self.probes if probe["call"] is not call or probe["good"]]


class Breaker(RuleBasedStateMachine):
    """Requests begin, end well, badly or slowly, are given up by their clients, or vanish with their worker."""

    @initialize(half_open=st.integers(1, 4), least=st.integers(1, 6))
    def begin(self, half_open, least):
        self.rules = CircuitBreakerPolicy(500_000, 2000, 500_000, 10_000, least, 5000, half_open, 9000)
        self.slow = SlowBreaker(self.rules)
        self.word = 0
        self.now = 1_000_000
        self.number = 0
        self.calls = []
        self.history = []

    def sums(self, span):
        seen = [event for event in self.history if event[0] > self.now - span]
        return len(seen), sum(event[1] for event in seen), sum(event[2] for event in seen)

    def pass_time(self, ms):
        """Nothing takes longer than the lease; what would has ended as a failure of its own."""
        self.now += ms
        overdue = [call for call in self.calls if self.now - call["at"] > self.rules.lease - 1000]
        for call in overdue:
            self.end(call, True, False)

    @rule(ms=st.sampled_from((1, 100, 1000, 2500, 5000)))
    def wait(self, ms):
        self.pass_time(ms)

    @rule()
    def start(self):
        self.number += 1
        call = {"at": self.now, "number": self.number}
        could = breaker.admits(self.word, self.now, self.rules)
        self.word, ticket = breaker.admit(self.word, self.now, self.rules)
        expected = self.slow.ask(self.now, call)
        assert expected == ("refused" if ticket == REFUSED else "free" if ticket == FREE else "probe")
        assert could == (ticket != REFUSED)
        if ticket != REFUSED:
            self.calls.append(call | {"ticket": ticket, "was": expected, "key": call})

    def end(self, call, is_failed, is_slow):
        self.calls.remove(call)
        self.history.append((self.now, is_failed, is_slow))
        if call["ticket"] != FREE:
            self.word = breaker.settle(self.word, self.now, call["ticket"], not is_failed and not is_slow, self.rules)
        elif is_failed or is_slow:
            sums = self.sums(breaker.span(self.word, self.now, self.rules))
            self.word = breaker.trip(self.word, self.now, sums, self.rules)
        self.slow.tell(self.now, call["key"], call["was"], is_failed, is_slow)

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), how=st.sampled_from(("good", "good", "failed", "slow")))
    def finish(self, data, how):
        call = data.draw(st.sampled_from(self.calls))
        self.pass_time(1)  # one event a millisecond: the oracle's times are never equal
        if call in self.calls:
            self.end(call, how == "failed", how == "slow")

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def give_up(self, data):
        call = data.draw(st.sampled_from(self.calls))
        self.calls.remove(call)
        if call["ticket"] != FREE:
            self.word = breaker.release(self.word, call["ticket"])
            self.slow.forget(call["key"])

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def kill_its_worker(self, data):
        self.calls.remove(data.draw(st.sampled_from(self.calls)))

    @invariant()
    def at_most_so_many_probes_are_under_way(self):
        """In one time of being half open; those of an earlier one that are late may still be on their way."""
        if hasattr(self, "rules"):
            tickets = Counter(call["ticket"] for call in self.calls if call["ticket"] != FREE)
            assert all(number <= self.rules.half_open for number in tickets.values())

    @invariant()
    def the_word_is_a_word_and_says_the_same(self):
        if not hasattr(self, "rules"):
            return
        assert 0 <= self.word < 1 << 63
        told = breaker.NAMES[breaker.state(self.word, self.now)]
        expected = self.slow.state
        if expected == "open" and self.now >= self.slow.until:
            expected = "half-open"
        assert told == expected


TestBreaker = Breaker.TestCase
TestBreaker.settings = examples(60, 60)
