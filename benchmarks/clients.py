"""Writers in Python: so many processes, each with a connection of its own."""

import gc
import multiprocessing
import random
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Any

from django.db import connection

# Forked with Django loaded and no connection open: 32 interpreters that start by themselves take half a minute.
_CONTEXT = multiprocessing.get_context("fork")
_READY_SECONDS = 60
_PAIRS_BEFORE = 20  # connects, has the functions planned, and has the process own the memory that it works in


@dataclass(frozen=True)
class Work:
    """What each process does until its time is over. ``pair`` holds and settles once for a company."""

    pair: Callable[[int], None]
    first_company: int
    last_company: int
    seconds: float
    database: dict[str, Any]


def run(work: Work, clients: int) -> tuple[float, float]:
    """Return pairs per second, and the clients' processor time per pair in milliseconds.

    Raises:
        RuntimeError: a process failed; what it said is on standard error.
    """
    gc.collect()
    gc.freeze()  # or each child's collector would copy all of Django's objects, on the time that is measured
    ready, answers = _CONTEXT.Barrier(clients), _CONTEXT.SimpleQueue()
    processes = [_CONTEXT.Process(target=_write, args=(work, ready, answers), daemon=True) for _ in range(clients)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("A writer failed.")
    found = [answers.get() for _ in processes]
    pairs = sum(pairs for pairs, _seconds, _cpu in found)
    speed = sum(pairs / seconds for pairs, seconds, _cpu in found)
    return speed, sum(cpu for _pairs, _seconds, cpu in found) * 1000 / max(1, pairs)


def _write(work: Work, ready: Barrier, answers: "multiprocessing.SimpleQueue[tuple[int, float, float]]") -> None:
    connection.settings_dict.update(work.database)
    chance = random.Random()
    try:
        for _ in range(_PAIRS_BEFORE):
            work.pair(chance.randint(work.first_company, work.last_company))
    except BaseException:
        ready.abort()  # nobody need wait for this one
        raise
    ready.wait(_READY_SECONDS)
    begun, cpu, pairs = time.monotonic(), _cpu(), 0
    while time.monotonic() - begun < work.seconds:
        work.pair(chance.randint(work.first_company, work.last_company))
        pairs += 1
    answers.put((pairs, time.monotonic() - begun, _cpu() - cpu))
    connection.close()


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
