# Small messages on their way to the kernel: what one turn of the loop has to say goes out together at its end.
# Included by channel.pyx.
#
# PERF: a send(2) that wakes a sleeping reader on another core costs thrice one that finds it awake, and the reader goes
# back to sleep while we work out the next message.  Sent in a row they find it awake.  Bench: perf scenario `bare`.
#
# Who posts does not hear whether it went well: what the kernel does not take at once is `owed` and follows when it can,
# and a channel that failed is `gone` and says so to whoever reads it or sends next.

cdef enum:
    OUTBOX_MESSAGES = 32            # so many requests at most wait for one another
    OUTBOX_BYTES = 65536
    POST_MAX = 16384

cdef char _outbox[OUTBOX_BYTES]
cdef Py_ssize_t _outbox_ends[OUTBOX_MESSAGES]
cdef list _outbox_channels = [None] * OUTBOX_MESSAGES
cdef int _outbox_count = 0
cdef Py_ssize_t _outbox_size = 0
cdef object _turn = None                # the turn of the loop in which the last message came
cdef int _messages = 0                  # that came in it
cdef bint _is_busy = False              # there was more than one in the turn before: it pays to wait for others


def send_posted():
    """Loop callback before it waits for events: send all that was posted, in order."""
    global _outbox_count, _outbox_size
    cdef int i, count = _outbox_count
    cdef Py_ssize_t at = 0
    cdef Channel channel
    _outbox_count = 0
    _outbox_size = 0
    for i in range(count):
        channel = <Channel>_outbox_channels[i]
        _outbox_channels[i] = None
        channel.posted = False
        channel.deliver(_outbox + at, _outbox_ends[i] - at)
        at = _outbox_ends[i]
    if count < 2:
        _sweep.end_of_turn.stop()


cdef bint is_worth_posting():
    """Whether a message should wait for others of this turn; one that comes alone would only be later."""
    global _turn, _messages, _is_busy
    cdef object turn = _sweep.hub.loop.iteration
    if turn != _turn:
        _turn = turn
        _is_busy = _messages > 1
        _messages = 0
    _messages += 1
    return _is_busy


cdef int put_in_outbox(Channel channel, const char *data, Py_ssize_t size) except -1:
    global _outbox_count, _outbox_size
    if _outbox_count == OUTBOX_MESSAGES or _outbox_size + size > OUTBOX_BYTES:
        send_posted()
    memcpy(_outbox + _outbox_size, data, size)
    _outbox_size += size
    _outbox_channels[_outbox_count] = channel
    _outbox_ends[_outbox_count] = _outbox_size
    _outbox_count += 1
    if not _sweep.end_of_turn.active:
        _sweep.end_of_turn.start(send_posted)
    channel.posted = True
    return 0
