"""Calls that clients make themselves: passed on as they come, and not looked into."""

from __future__ import annotations

from time import monotonic
from typing import Final

import gevent
from gevent.event import Event
from h2.events import DataReceived

from gateway._fast.channel import TimedOut
from gateway.exchange import Exchange
from gateway.http.grpc import DEADLINE_EXCEEDED, WANTS, GrpcCall
from gateway.upstream.grpc.base_call import BaseCall
from gateway.upstream.grpc.reply import RawReply, Reply
from gateway.upstream.pool.channel_writer import ChannelWriter
from gateway.upstream.pool.http2 import PIECE

#: bytes that are taken of the client at a time
TAKEN: Final = 16384
#: seconds: the shortest wait between two looks at the clock
TICK: Final = 0.02
#: the status for a call that the target ended for the client's own time: it speaks against nobody
_HURRIED: Final = 499


class GrpcPassthrough(BaseCall):
    """A call of which all that the client sends is here: its answer is read as it is wanted."""

    def _reply_to(self, exchange: Exchange) -> Reply:
        self._passage: GrpcCall = exchange.environ[WANTS]
        self.content_type = self._passage.content_type
        return RawReply(self._stream)

    @property
    def _is_answered(self) -> bool:
        """Its head."""
        return self._reply.has_head

    @property
    def status(self) -> int:
        """As of any call; SECURITY: a time of the client's own says nothing about the target."""
        is_hurried = self._is_hurried and self._reply.code == DEADLINE_EXCEEDED
        return _HURRIED if is_hurried else self._reply.status


class BidirectionalStream(GrpcPassthrough):
    """A call whose client still sends, for as long as it likes: both directions go on, whichever waits.

    Beside the greenlet that answers the client one listens to the target, so that windows open however slow the client
    is, and one passes on what the client says.  What waits is bounded by the windows of HTTP/2, on both sides.
    """

    def _reply_to(self, exchange: Exchange) -> Reply:
        self._outlet = ChannelWriter(self._channel, self._progressed)
        self._streams: list[gevent.Greenlet[..., None]] = []
        #: something came of the target; there may be room for more that goes there
        self._news, self._room = Event(), Event()
        self._cause: Exception | None = None
        #: when something last went either way
        self._moved = monotonic()
        return super()._reply_to(exchange)

    def begin(self, exchange: Exchange, first: bytes) -> None:
        """Send the head and wait for that of the answer; the client's messages follow as they come."""
        self._link()
        try:
            self._h2.send_headers(self._stream, self._head(exchange))
            self._flush()
            self._streams = [gevent.spawn(self._listen), gevent.spawn(self._pass_on)]
            while not self._is_answered:
                self._pump()
        except BaseException:
            self._is_over = True  # who passes on takes no more: whoever tries again needs it
            self._end_streams()
            raise
        self._is_begun = True

    def __next__(self) -> bytes:
        piece = super().__next__()
        self._moved = monotonic()
        if piece:
            self._h2.acknowledge_received_data(len(piece), self._stream)
            self._flush()
        return piece

    def _pump(self) -> None:
        """Wait for what the others bring; who listens minds the time."""
        self._news.clear()
        if self._cause is None:
            self._news.wait()
        if self._cause is not None and not self._reply.frames:
            raise self._cause

    def _credit(self, event: DataReceived) -> None:
        """What is here counts until the client has it; padding does not."""
        padding = (event.flow_controlled_length or 0) - len(event.data or b"")
        if padding:
            self._h2.acknowledge_received_data(padding, self._stream)

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data:
            self._is_written = True
            self._outlet.put(data)

    def _patience(self) -> float:
        """Seconds until it is to be asked whether it was too long; what a client does not take is not the target's."""
        now = monotonic()
        gap = self._read if self._reply.frames else self._moved + self._read - now
        return max(TICK, min(gap, self._deadline - now))

    def _is_late(self) -> bool:
        now = monotonic()
        if now >= self._deadline or self._is_gone:
            return True
        return not self._reply.frames and now >= self._moved + self._read

    def _listen(self) -> None:
        """A greenlet of its own: all that the target says, to its end."""
        try:
            while not (self._reply.is_ended or self._is_over):
                try:
                    data = self._channel.read(PIECE, self._patience())
                except TimedOut:
                    if self._is_late():
                        raise
                    continue
                self._moved = monotonic()
                self._take(data)
                self._progressed()
        except Exception as error:  # for whoever answers the client
            self._broke(error)

    def _pass_on(self) -> None:
        """A greenlet of its own: all that the client says, to its end."""
        body = self._passage.body
        try:
            while body is not None and not (self._is_whole or self._is_over):
                piece = body.read(TAKEN)
                self._has_taken = self._has_taken or bool(piece)
                self._moved = monotonic()
                self._send(piece, not piece or bool(getattr(body, "done", False)))
                if self._outlet.is_broken:  # NOTE: no end yet, for what the target said before is still read
                    return
                if self._reply.is_ended or self._is_over:
                    return
                while self._outlet.is_full:
                    self._wait_for_room()
        except Exception as error:  # for whoever answers the client
            self._broke(error)

    def _wait_for_room(self) -> None:
        self._room.clear()
        self._room.wait()

    def _progressed(self) -> None:
        self._news.set()
        self._room.set()

    def _broke(self, error: Exception) -> None:
        """The call cannot go on; what came of it before is still given."""
        if self._cause is None:
            self._cause = error
        self._progressed()

    def _end_streams(self) -> None:
        self._outlet.close()
        beside, self._streams = self._streams, []
        for each in beside:
            if each is not gevent.getcurrent():
                each.kill(block=False)

    def _finish(self, keep: bool) -> None:
        self._is_over = True
        self._end_streams()
        super()._finish(keep and not (self._reply.frames or self._outlet.size or self._outlet.is_broken))
