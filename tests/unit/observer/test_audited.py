"""What /metrics tells of the audit log."""

from types import SimpleNamespace

from gateway.observability.audit.counters import REGION, AuditCounts, region_size
from gateway.observability.audit.metrics import Audited
from gateway.observability.audit.options import Audit
from gateway.state import SharedMemory


def test_it_tells_what_the_workers_counted_while_there_is_an_audit_log():
    page = SharedMemory.create({REGION: region_size()})
    part = Audited(SimpleNamespace(page=page))
    worker = AuditCounts.of(page)
    worker.add("written", 7)
    worker.add("busy", 2)
    worker.add("failures", 3)
    assert list(part.metrics()) == []
    part.configure(SimpleNamespace(audit=Audit("stdout", "", "x:1")))
    assert list(part.metrics()) == [
        ("gateway_audit_lines_total", "counter", {}, 7.0),
        ("gateway_audit_lines_lost_total", "counter", {"reason": "full"}, 0.0),
        ("gateway_audit_lines_lost_total", "counter", {"reason": "destination"}, 0.0),
        ("gateway_audit_lines_lost_total", "counter", {"reason": "busy"}, 2.0),
        ("gateway_audit_write_failures_total", "counter", {}, 3.0),
    ]
    part.configure(SimpleNamespace(audit=None))
    assert list(part.metrics()) == []
