"""``make bench-gateway``: accounted calls per second over HTTP, beside the upstream alone and a bare proxy.

Starts a throw-away PostgreSQL that is as durable as a real one, runs ``benchmarks.gateway_measure`` on it as the
product's role, and prints a table and, last, one line of JSON.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from statistics import median
from typing import Any

from config.embedded.application import Application
from config.embedded.console import Console
from config.embedded.errors import EmbeddedError, StopRequested
from config.embedded.leftovers import ProcessRecords
from config.embedded.preflight import check_platform
from config.embedded.processes import Program
from config.embedded.services import Starter
from config.embedded.supervisor import Supervisor
from config.embedded.throwaway import throwaway_folder

_NO_BROKER = {"REDIS_URL": "redis://127.0.0.1:1/0"}  # named, so that none is started; nothing here asks for one
_SYSTEMS = ("upstream", "bare", "gateway")
_COLUMNS = ("rps", "p50_ms", "p99_ms", "ttfb_p50_ms", "cpu_ms")
_LOADS = {
    "c1": "1 caller, 1 kB",
    "c16": "16 callers, 1 kB",
    "c16_100kB": "16 callers, 100 kB",
    "stream_c16": "16 callers, 1 kB, streams",
}


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load in each round")
    options = parser.parse_args(arguments)
    try:
        check_platform()
        measured = _measure(options)
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except StopRequested as request:
        return request.exit_code
    sys.stdout.write(f"{write_table(measured)}\n{json.dumps(summarise(measured))}\n")
    return 0


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    os.sched_setaffinity(0, {1})  # inherited by PostgreSQL: core 0 is for the systems under test
    console = Console()
    with throwaway_folder() as folder, Supervisor(ProcessRecords(folder.run), console) as supervisor:
        services = Starter(supervisor, folder, console, durable=True).start(_NO_BROKER)
        environment = {
            **os.environ,
            **services.environment(folder),
            "WINNOW_DATA": str(folder.root),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),  # as in production: its lines are part of the work
            "LOG_JSON": "1",
        }
        with console.step("Tables"):
            supervisor.run(Application(folder, environment).migrate())
        result = folder.root / "measured.json"
        command = [sys.executable, "-m", "benchmarks.gateway_measure", str(options.rounds), str(options.seconds)]
        supervisor.run(
            Program(
                name="measure",
                command=command,
                environment=environment,
                log=folder.logs / "measure.log",
                stdout=result,
            )
        )
        measured: dict[str, Any] = json.loads(result.read_text())
        return measured


def write_table(measured: dict[str, Any]) -> str:
    """Return what was measured for people: medians over the rounds."""
    lines = [f"{'':28}{'':10}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'first byte ms':>15}{'CPU ms':>8}{'failed':>8}"]
    for load, label in _LOADS.items():
        for system in _SYSTEMS:
            found = {name: _of_rounds(measured, system, load, name) for name in _COLUMNS}
            failures = sum(round_[f"{system} {load}"]["failures"] for round_ in measured["rounds"])
            lines.append(
                f"{label:28}{system:10}{found['rps']:9,.0f}{found['p50_ms']:9.2f}{found['p99_ms']:9.2f}"
                f"{found['ttfb_p50_ms']:15.2f}{found['cpu_ms']:8.2f}{failures:8}"
            )
    streams = measured["streams"]
    large = _ratio(measured, "gateway c16_100kB", "gateway c16")
    lines += [
        f"the gateway's requests with 100 kB, as a share of those with 1 kB: {large:.2f}",
        f"500 streams of 10 s: {streams['finished']} finished, {streams['failures']} failed, "
        f"{streams['fastest_seconds']:.1f} to {streams['slowest_seconds']:.1f} s, {streams['rss_mb']:.0f} MB",
    ]
    return "\n".join(lines)


def summarise(measured: dict[str, Any]) -> dict[str, float]:
    """Return the figures that the targets are about; what is added, is added to the upstream alone."""
    return {
        "rps_c16": round(_of_rounds(measured, "gateway", "c16", "rps")),
        "rps_vs_bare_c16": round(_ratio(measured, "gateway c16", "bare c16"), 3),
        "rps_vs_bare_c16_100kB": round(_ratio(measured, "gateway c16_100kB", "bare c16_100kB"), 3),
        "added_p50_ms_c1": round(_added(measured, "c1", "p50_ms"), 2),
        "added_p99_ms_c16": round(_added(measured, "c16", "p99_ms"), 2),
        "ttfb_added_ms_c16": round(_added(measured, "stream_c16", "ttfb_p50_ms"), 2),
        "rss_mb_500_streams": round(measured["streams"]["rss_mb"]),
    }


def _of_rounds(measured: dict[str, Any], system: str, load: str, name: str) -> float:
    return median(round_[f"{system} {load}"][name] for round_ in measured["rounds"])


def _ratio(measured: dict[str, Any], one: str, other: str) -> float:
    return median(round_[one]["rps"] / round_[other]["rps"] for round_ in measured["rounds"])


def _added(measured: dict[str, Any], load: str, name: str) -> float:
    return median(round_[f"gateway {load}"][name] - round_[f"upstream {load}"][name] for round_ in measured["rounds"])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
