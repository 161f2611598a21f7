"""Revocations: what they hold for, that all workers know them, and what is known without the store."""

import threading

import pytest

from gateway.auth import revocation_list as room
from gateway.auth.revocation import BUCKETS, NAME_MAX, make, pack
from gateway.auth.revocation_list import CHANGES_MAX, RevocationList
from gateway.state.store import StoreError, StoreFullError, StoreUnavailableError


@pytest.fixture
def store(switched):
    return switched


@pytest.fixture
def worker(store, clock):
    """worker() -> what a worker knows that was started now."""

    def make():
        made = RevocationList(store, clock)
        made.tick()
        return made

    return make


def claims(**more):
    return {"sub": "alice", "jti": "t1", "iat": 1000, **more}


@pytest.mark.parametrize(
    ("said", "fitting", "others"),
    [
        ({"jti": "t1"}, [claims(), {"jti": "t1"}], [claims(jti="t2"), {}, {"sub": "t1"}]),
        ({"jti": "7"}, [{"jti": 7}], [{"jti": 7.0}, {"jti": ["7"]}, {"jti": None}]),
        ({"sub": "alice"}, [claims(jti="t9"), claims(iat=9e9), {"sub": "alice"}],
         [claims(sub="bob"), {"jti": "alice"}]),
        ({"sub": "alice", "before": 1000.5}, [claims(), claims(iat="1001"), {"sub": "alice"}, claims(iat=True)],
         [claims(iat=1001), claims(iat=1000.5), claims(sub="bob"), claims(iat=10**400)]),
        ({"before": 1000}, [claims(iat=999), {}, claims(sub="bob", iat=float("nan"))], [claims(), claims(sub=None)]),
    ],
)  # fmt: skip
def test_what_a_revocation_holds_for(worker, said, fitting, others):
    first, second = worker(), worker()
    first.revoke(provider="staff", ttl=60, **said)
    second.tick()
    for revoked in (first, second):
        for each in fitting:
            assert revoked.is_revoked("staff", each), each
            assert not revoked.is_revoked("partners", each), each
        for each in others:
            assert not revoked.is_revoked("staff", each), each


@pytest.mark.parametrize(
    "said",
    [
        {}, {"jti": "a", "sub": "b"}, {"jti": "a", "before": 1}, {"jti": ""}, {"sub": ""},
        {"sub": "x" * (NAME_MAX + 1)}, {"before": float("nan")}, {"before": float("inf")},
        {"jti": "a", "provider": ""}, {"jti": "a", "ttl": 0}, {"jti": "a", "ttl": float("nan")},
        {"jti": "a", "ttl": 1e12},
    ],
)  # fmt: skip
def test_what_makes_no_sense(worker, store, said):
    revoked = worker()
    with pytest.raises(ValueError, match=r"revocation|time|ttl"):
        revoked.revoke(**{"provider": "staff", "ttl": 60, **said})
    assert list(store.scan(b"")) == []


def test_a_change_is_known_with_the_next_tick_and_moves_the_epoch(worker):
    first, second = worker(), worker()
    epochs = first.epoch, second.epoch
    for number in range(3 * CHANGES_MAX):
        first.revoke(provider="staff", jti=f"t{number}", ttl=60)
        if number % 3 == 0 or number > CHANGES_MAX:
            second.tick()
    assert first.epoch == epochs[0] + 3 * CHANGES_MAX
    assert second.epoch > epochs[1]
    second.tick()
    assert all(second.is_revoked("staff", {"jti": f"t{number}"}) for number in range(3 * CHANGES_MAX))
    epochs = first.epoch, second.epoch
    first.tick()
    second.tick()
    first.revoke(provider="staff", jti="t0", ttl=1)  # it says nothing new
    second.tick()
    assert (first.epoch, second.epoch) == epochs


def test_quiet_costs_one_question_for_each_tick(worker, store):
    revoked, other = worker(), worker()
    other.revoke(provider="staff", jti="t1", ttl=60)
    asked = store.asked
    revoked.tick()
    assert store.asked - asked <= 3  # the generation, what changed, the bucket
    asked = store.asked
    for _ in range(10):
        revoked.tick()
    assert store.asked - asked == 10


def test_revocations_end(worker, clock):
    revoked = worker()
    revoked.revoke(provider="staff", jti="t1", ttl=60)
    revoked.revoke(provider="staff", sub="alice", ttl=100)
    revoked.revoke(provider="staff", sub="alice", before=5, ttl=10)  # it does not weaken what was said
    clock.now += 61
    assert revoked.is_revoked("staff", claims())
    assert not revoked.is_revoked("staff", {"jti": "t1"})
    assert [entry.sub for entry in revoked.entries()] == ["alice"]
    clock.now += 40
    assert not revoked.is_revoked("staff", claims())
    assert revoked.entries() == worker().entries() == []


def test_the_later_of_two_times_counts(worker):
    revoked = worker()
    for before in (1000, 2000, 1500):
        revoked.revoke(provider="staff", sub="alice", before=before, ttl=60)
    assert revoked.is_revoked("staff", claims(iat=1999))
    assert not revoked.is_revoked("staff", claims(iat=2000))
    assert len(revoked.entries()) == 1


def test_what_was_said_can_be_listed_and_taken_back(worker, clock):
    first, second = worker(), worker()
    first.revoke(provider="staff", sub="alice", before=5, ttl=60)
    first.revoke(provider="staff", jti="t1", ttl=30)
    listed = second.entries()
    assert [(e.provider, e.jti, e.sub, e.before, e.until - clock.now) for e in listed] == [
        ("staff", "t1", None, None, 30),
        ("staff", None, "alice", 5, 60),
    ]
    assert second.withdraw(listed[0].id)
    assert not second.withdraw(listed[0].id)
    first.tick()
    assert not first.is_revoked("staff", {"jti": "t1"})
    assert first.is_revoked("staff", {"sub": "alice"})
    for bad in ("", "x", "zz" + "0" * 22, "0" * 24, "00" + "/" * 22, "\u0665\u0665" + "0" * 22):
        assert not first.withdraw(bad)


def test_workers_of_one_time_lose_nothing(worker):
    workers = [worker() for _ in range(4)]
    barrier = threading.Barrier(4)

    def revoke(number):
        barrier.wait()
        for each in range(100):
            workers[number].revoke(provider="staff", jti=f"{number}-{each}", ttl=60)

    threads = [threading.Thread(target=revoke, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in workers:
        each.tick()
        assert len(each.entries()) == 400


def test_there_are_not_too_many(worker, monkeypatch, clock):
    monkeypatch.setattr(room, "ENTRIES_MAX", 3)
    revoked = worker()
    for number in range(3):
        revoked.revoke(provider="staff", jti=f"t{number}", ttl=60 + number)
    with pytest.raises(StoreFullError, match="3 revocations"):
        revoked.revoke(provider="staff", jti="t3", ttl=60)
    revoked.revoke(provider="staff", jti="t1", ttl=90)
    clock.now += 60
    revoked.revoke(provider="staff", jti="t3", ttl=60)


def test_a_bucket_that_is_too_large_for_the_store(worker, monkeypatch):
    monkeypatch.setattr(room, "VALUE_MAX", 20)
    revoked = worker()
    with pytest.raises(StoreFullError, match="no room"):
        revoked.revoke(provider="staff", jti="t1", ttl=60)
    assert not revoked.is_revoked("staff", claims())


def test_without_a_store_the_last_that_was_known_counts(worker, store, clock, caplog):
    revoked = worker()
    revoked.revoke(provider="staff", jti="t1", ttl=600)
    epoch = revoked.epoch
    store.is_down = True
    for _ in range(4):
        revoked.tick()
        assert not revoked.is_stale
        clock.now += 0.25
    assert revoked.epoch == epoch
    clock.now += 0.25
    for _ in range(3):
        revoked.tick()
        assert revoked.is_stale
        assert revoked.epoch == epoch
    assert revoked.is_revoked("staff", claims())
    clock.now -= 7200
    assert revoked.is_stale  # a clock that was set back makes nothing known
    clock.now += 7200
    for call in (revoked.entries, lambda: revoked.withdraw("0" * 24)):
        with pytest.raises(StoreError):
            call()
    with pytest.raises(StoreUnavailableError):
        revoked.revoke(provider="staff", jti="t2", ttl=60)
    assert caplog.text.count("cannot be read") == 1
    store.is_down = False
    revoked.tick()
    assert not revoked.is_stale


def test_a_worker_that_has_not_read_is_stale(store, clock):
    store.is_down = True
    revoked = RevocationList(store, clock)
    assert revoked.is_stale
    revoked.tick()
    assert revoked.is_stale
    store.is_down = False
    revoked.tick()
    assert not revoked.is_stale


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"{}1", b"[1]", b"[[1]]", b'[[1,"a",null,null,1]]', b'[["p",1,null,null,1]]', b"\xff",
        b'[["p","a",null,null,"x"]]', b'[["p",null,null,"x",1]]', b'[["p","a",null,null]]',
    ],
)  # fmt: skip
def test_what_the_store_has_is_checked(worker, store, clock, caplog, raw):
    revoked = worker()
    revoked.revoke(provider="staff", jti="t1", ttl=60)
    bucket = int(revoked.entries()[0].id[:2], 16)
    store.set(b"revoked:%02x" % bucket, raw, None)
    store.incr(b"revoked", 1, None)
    revoked.tick()
    clock.now += 2
    assert revoked.is_stale
    assert revoked.is_revoked("staff", claims())
    assert "cannot be used" in caplog.text


def test_an_emptied_store_is_read_anew(worker, store):
    revoked = worker()
    revoked.revoke(provider="staff", jti="t1", ttl=60)
    revoked.tick()
    store.clear(b"revoked")
    revoked.tick()
    assert not revoked.is_revoked("staff", claims())


def test_ids_spread_over_all_buckets():
    entries = [make("staff", f"t{number}", None, None, 1.0) for number in range(20_000)]
    sizes = [0] * BUCKETS
    for entry in entries:
        sizes[int(entry.id[:2], 16)] += 1
    assert max(sizes) < 3 * 20_000 / BUCKETS
    assert len(pack(entries)) / 20_000 < 100  # bytes for each: 100,000 fit well


def test_ticks_do_not_raise(worker, caplog, monkeypatch):
    revoked = worker()
    monkeypatch.setattr(revoked, "_read", lambda: 1 / 0)
    revoked.tick()
    assert "ZeroDivisionError" in caplog.text
