#!/usr/bin/env python3
"""Stands for election and works while it leads, in a thread that a term starts and ends.

    leasehold_example.py [GROUP]

Start it several times: one of them works. Settings come from LEASEHOLD_... variables and KUBECONFIG; TERM and INT end it in peace.
"""
import signal
import sys
import threading
import time
from typing import Optional

import leasehold


class Worker:
    """The work of one term."""

    def __init__(self, group: leasehold.Group):
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(group,))
        self._thread.start()

    def stop(self) -> None:
        self._ends.set()
        self._thread.join()

    def _work(self, group: leasehold.Group) -> None:
        while not self._ends.wait(0.05):
            # Asked before each piece of work: true no longer than the lease, whatever this process suffers. A store that compares
            # numbers refuses a token smaller than the largest it has seen, so that even a late write does no harm.
            term = group.term()
            if term:
                print(f"work {time.time_ns()} {term.token}", flush=True)


def main() -> None:
    worker: Optional[Worker] = None
    with leasehold.Service() as service:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: service.stop())
        group = service.stand(sys.argv[1] if len(sys.argv) > 1 else "example")
        print(f"{group.identity} stands", flush=True)
        try:
            for event in service.events():
                print(f"{event.name}: {event.text}", flush=True)
                if event.kind == leasehold.Kind.STARTED_LEADING:
                    worker = Worker(group)
                elif event.kind == leasehold.Kind.STOP_WORK and worker:
                    worker.stop()
                    worker = None
                    group.work_stopped(event.term)
        finally:
            if worker:
                worker.stop()


if __name__ == "__main__":
    try:
        main()
    except leasehold.Error as error:
        sys.exit(f"leasehold_example: {error}")
