"""An event for the signals that end a process."""

from __future__ import annotations

import os
import signal
import threading


def ended_by(*numbers: signal.Signals) -> threading.Event:
    """An event that is set when one of these comes, however many come at once. For the main thread, once.

    NOTE: no handler sets it: what that interrupts may hold the event's lock, another handler among them, and then
    nobody ever lets go of it. Python writes each signal into a pipe, and a thread reads there.
    """
    over = threading.Event()
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, lambda _number, _frame: None)

    def listen() -> None:
        while os.read(ours, 1)[0] not in numbers:  # others have handlers of their own
            pass
        over.set()

    threading.Thread(target=listen, daemon=True).start()
    return over
