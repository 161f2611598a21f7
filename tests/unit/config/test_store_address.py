"""`store`: the addresses that are taken, and complaints that never show one."""

import pytest

from gateway.config.document import loads

STORES = [
    ("memory", None),
    ("redis://r.test", None),
    ("redis://u:p%40ss@127.0.0.1:6379/0", None),
    ("rediss://[::1]:6380/15", None),
    ("redis+cluster://a.test:1,b.test:2", None),
    ("rediss+cluster://:pw@a.test:1,b.test:2", None),
    ("redis+sentinel://a.test:26379,b.test/mymaster", None),
    ("redis://a.test:1,b.test:2", "several hosts of a store are a redis+cluster"),
    ("redis://a_b c", "expected `memory`, or an address that begins with redis://"),
    ("redis://", "expected `memory`, or an address"),
    ("postgres://a.test", "expected `memory`, or an address"),
    ("redis://a.test/x", "is the number of a database"),
    ("redis://-a.test", "a host of the store is not a host name"),
    ("redis://a.test:0", "a host of the store is name:port"),
    ("redis+cluster://a.test/1", "a Redis Cluster has only database 0"),
    ("redis+sentinel://a.test", "the name of the master"),
    ("rediss://a.test?ca=no.crt", 'store: the file "no.crt" cannot be read'),
]


@pytest.mark.parametrize(("store", "expected"), STORES)
def test_the_store(complaints, store, expected):
    text = f"version: 1\nstore: '{store}'\n"
    found = complaints(text)
    if expected is None:
        assert found == []
        assert loads(text).store == store
        return
    (one,) = found
    assert one.startswith("x.yaml:2:8: store: ")
    assert expected in one


def test_the_authorities_of_a_store_are_a_file_like_others(tmp_path):
    (tmp_path / "r.crt").write_text("pem")
    document = loads("version: 1\nstore: 'rediss://:pw@a.test?ca=r.crt'\n", base=tmp_path)
    assert document.store == f"rediss://:pw@a.test?ca={tmp_path}/r.crt"
    assert str(tmp_path / "r.crt") in document.files
    assert "pw" not in document.shown
