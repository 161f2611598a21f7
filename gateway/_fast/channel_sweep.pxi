# Who waits until when. Included by channel.pyx.

cdef class _Sweep:
    """The channels that wait, in two lists; one timer each on this process's hub, stopped while its list is empty."""

    cdef object hub
    cdef object end_of_turn
    cdef object fine_timer
    cdef object coarse_timer
    cdef Channel fine
    cdef Channel coarse

    def __cinit__(self):
        self.hub = gevent.get_hub()
        loop = self.hub.loop
        # Behind gevent's own watcher of that kind, which runs what was spawned.
        self.end_of_turn = loop.prepare(ref=False, priority=-2)
        self.fine_timer = loop.timer(FINE_PERIOD, FINE_PERIOD, ref=False)
        self.coarse_timer = loop.timer(COARSE_PERIOD, COARSE_PERIOD, ref=False)

    cdef void add(self, Channel channel, double timeout):
        cdef Channel head
        if timeout <= FINE_UP_TO:
            channel.where = FINE
            head = self.fine
            self.fine = channel
            if head is None:
                self.fine_timer.start(self.sweep, FINE)
        else:
            channel.where = COARSE
            head = self.coarse
            self.coarse = channel
            if head is None:
                self.coarse_timer.start(self.sweep, COARSE)
        channel.behind = head
        if head is not None:
            head.before = channel

    cdef void remove(self, Channel channel):
        if channel.before is not None:
            channel.before.behind = channel.behind
        elif channel.where == FINE:
            self.fine = channel.behind
        else:
            self.coarse = channel.behind
        if channel.behind is not None:
            channel.behind.before = channel.before
        channel.before = channel.behind = None
        channel.where = 0

    def sweep(self, int which):
        """Timer callback: wake what is late. A timer whose list is empty is stopped here, not at each removal."""
        cdef double now = monotonic()
        cdef Channel channel = self.fine if which == FINE else self.coarse
        cdef list late = []
        if channel is None:
            (self.fine_timer if which == FINE else self.coarse_timer).stop()
            return
        while channel is not None:
            if channel.deadline <= now:
                late.append(channel)
            channel = channel.behind
        for channel in late:
            if channel.deadline and channel.deadline <= now:
                channel.timed_out = True
                channel._wake(0)


cdef _Sweep _sweep = None
cdef int _sweep_pid = 0


cdef _Sweep sweep_of_process():
    """The sweep of this process: a forked worker gets its own."""
    global _sweep, _sweep_pid
    cdef int pid = os.getpid()
    if _sweep is None or _sweep_pid != pid:
        _sweep = _Sweep()
        _sweep_pid = pid
    return _sweep
