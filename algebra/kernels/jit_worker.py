"""A process that compiles kernels into the cache for another one (see `jit_pool`).

It reads names of kernels, a line each, and writes each name back when that kernel is compiled. It ends, at
once and whatever it is doing, when its input ends: so it never outlives the process that started it.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from queue import SimpleQueue

from zkroll.algebra.kernels import jit


def main() -> None:
    """Serve standard input and output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process decides what an interrupt means
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing else may write among the answers
    gc.disable()  # a seventh of the time, for some 100 MiB until the end
    kernels = jit.declare_all()
    orders: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_read_orders, args=(orders,), daemon=True).start()
    while True:
        name = orders.get()
        kernels[name].ready()
        print(name, file=answers, flush=True)


def _read_orders(orders: SimpleQueue[str]) -> None:
    for line in sys.stdin:
        orders.put(line.strip())
    os._exit(0)
