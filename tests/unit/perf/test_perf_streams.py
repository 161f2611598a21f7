"""The slow reader keeps its pace, on either side."""

import time

import pytest

from perf.streams import SlowSink, StreamBroken, body_length, upload
from tests.support.tries import first_quick


def test_the_sink_reads_a_whole_body_at_its_pace():
    sink = SlowSink(bytes_per_second=20e6)

    def took(size: int) -> float:
        start = time.perf_counter()
        upload(sink.port, "/", size)
        return time.perf_counter() - start

    try:
        assert 0.39 <= first_quick(lambda: took(8_000_000), lambda seconds: seconds < 1.0) < 1.0
        assert first_quick(lambda: took(0), lambda seconds: seconds < 0.3) < 0.3
    finally:
        sink.close()


def test_an_answer_that_is_none_is_said():
    class Deaf(SlowSink):
        def serve(self, connection):
            connection.recv(100_000)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\n\r\n")
            connection.close()

    sink = Deaf(1e9)
    try:
        with pytest.raises(StreamBroken, match="413"):
            upload(sink.port, "/", 1000)
    finally:
        sink.close()


def test_length_is_found_in_any_case():
    assert body_length(b"POST / HTTP/1.1\r\nCONTENT-LENGTH:  12\r\nX: y") == 12
    assert body_length(b"GET / HTTP/1.1\r\nHost: content-length: 3") == 0
