"""Measure the gateway beside the upstream alone and a bare proxy: run by ``benchmarks.gateway`` on its database.

Core 0 has the system under test, core 1 everything else: upstream, callers, PostgreSQL. In each round the systems take
turns, so that what disturbs the machine disturbs all of them.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryFile
from typing import IO, Any

from benchmarks.http_load import Load

UNDER_TEST, BESIDE = 0, 1
SMALL, LARGE = 1_000, 100_000
COMPANIES = 64
STREAMS = 500


def main(arguments: Sequence[str]) -> None:
    """Print what was measured as one JSON document."""
    rounds, seconds = int(arguments[0]), float(arguments[1])
    os.sched_setaffinity(0, {BESIDE})
    import django

    django.setup()
    from benchmarks.gateway_books import make_books

    keys = make_books(COMPANIES)
    ports = {name: _free_port() for name in ("upstream", "bare", "gateway")}
    environment = {
        **os.environ,
        "BENCH_UPSTREAM_URL": f"http://127.0.0.1:{ports['upstream']}",
        "AI_PROVIDER": "compatible",
        "COMPATIBLE_BASE_URL": f"http://127.0.0.1:{ports['upstream']}/v1",
        "COMPATIBLE_MODEL": "bench",
    }
    with ExitStack() as stack:
        start = stack.enter_context(_programs(environment))
        upstream = start(["benchmarks.http_upstream", str(ports["upstream"]), str(BESIDE)], ports["upstream"])
        bare = start(
            ["benchmarks.http_serve", "benchmarks.http_bare:application", str(ports["bare"]), "0"], ports["bare"]
        )
        gateway = start(
            ["benchmarks.http_serve", "config.asgi:application", str(ports["gateway"]), "0"],
            ports["gateway"],
        )
        pids = {"upstream": upstream.pid, "bare": bare.pid, "gateway": gateway.pid}
        for system in ports:  # connections, prepared statements and caches are there when it counts
            _load(Load(port=ports[system], connections=16, seconds=1.0, prompt_bytes=SMALL, keys=keys))
        measured = [_measure_round(ports, pids, keys, seconds) for _round in range(rounds)]
        memory = _measure_streams(ports["gateway"], keys, gateway.pid)
    json.dump({"rounds": measured, "streams": memory}, sys.stdout)


def _measure_round(ports: dict[str, int], pids: dict[str, int], keys: list[str], seconds: float) -> dict[str, Any]:
    loads = {
        "c1": {"connections": 1, "prompt_bytes": SMALL},
        "c16": {"connections": 16, "prompt_bytes": SMALL},
        "c16_100kB": {"connections": 16, "prompt_bytes": LARGE},
        "stream_c16": {"connections": 16, "prompt_bytes": SMALL, "stream": True},
    }
    found: dict[str, Any] = {}
    for name, options in loads.items():
        for system, port in ports.items():
            before = _processor_seconds(pids[system])
            outcome = _load(Load(port=port, seconds=seconds, keys=keys, **options))
            used_ms = (_processor_seconds(pids[system]) - before) * 1000
            found[f"{system} {name}"] = {**_summarise(outcome), "cpu_ms": used_ms / len(outcome["latencies"])}
    return found


def _summarise(outcome: dict[str, Any]) -> dict[str, float]:
    latencies, first = sorted(outcome["latencies"]), sorted(outcome["first_bytes"])
    cuts = quantiles(latencies, n=100)
    return {
        "rps": len(latencies) / outcome["seconds"],
        "p50_ms": cuts[49] * 1000,
        "p99_ms": cuts[98] * 1000,
        "ttfb_p50_ms": quantiles(first, n=100)[49] * 1000,
        "failures": outcome["failures"],
    }


def _measure_streams(port: int, keys: list[str], pid: int) -> dict[str, Any]:
    """Open many streams of ten seconds and look at the process while they run."""
    load = Load(
        port=port,
        connections=STREAMS,
        seconds=0.1,
        prompt_bytes=SMALL,
        keys=keys,
        stream=True,
        model="compatible/bench-slow",
        most_requests=1,
    )
    highest_kb = 0
    with TemporaryFile() as told:
        callers = _start_load(load, told)
        while callers.poll() is None:
            highest_kb = max(highest_kb, _resident_kb(pid))
            time.sleep(0.2)
        outcome = _wait_for_outcome(callers, told)
    return {
        "rss_mb": highest_kb / 1024,
        "finished": len(outcome["latencies"]),
        "failures": outcome["failures"],
        "slowest_seconds": max(outcome["latencies"]),
        "fastest_seconds": min(outcome["latencies"]),
    }


def _processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used so far, its threads' included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def _load(load: Load) -> dict[str, Any]:
    with TemporaryFile() as told:
        return _wait_for_outcome(_start_load(load, told), told)


def _start_load(load: Load, told: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start callers, who tell a file what came of it: from a pipe, one in thirty was read short."""
    command = [sys.executable, "-m", "benchmarks.http_load", json.dumps(asdict(load))]
    return subprocess.Popen(command, stdout=told)


def _wait_for_outcome(callers: "subprocess.Popen[bytes]", told: IO[bytes]) -> dict[str, Any]:
    if callers.wait():
        raise RuntimeError(f"the callers ended with {callers.returncode}")
    told.seek(0)
    outcome: dict[str, Any] = json.load(told)
    return outcome


@contextmanager
def _programs(environment: dict[str, str]) -> Iterator[Any]:
    """Start programs that are ended with the block."""
    started: list[subprocess.Popen[bytes]] = []

    def start(module: Sequence[str], port: int) -> "subprocess.Popen[bytes]":
        started.append(subprocess.Popen([sys.executable, "-m", *module], env=environment))
        _wait_for(port, started[-1])
        return started[-1]

    try:
        yield start
    finally:
        for program in reversed(started):
            program.terminate()
        for program in started:
            program.wait(10)


def _wait_for(port: int, program: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and program.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    main(sys.argv[1:])
