"""The benchmark of the ledger runs, and its figures are what they are called."""

import json
import subprocess
import sys

import pytest

from benchmarks.report import AuditRun, Measured, Run, ratios

RATIOS = [
    "many_vs_pgbench_8",
    "hot_vs_pgbench_8",
    "hot_vs_many_8",
    "hot_32_vs_8",
    "orm_vs_ours",
    "cpu_ms_per_pair",
    "audit_vs_sql",
    "with_budgets_vs_without",
]


@pytest.mark.slow
def test_the_benchmark_runs_on_a_database_of_its_own():
    command = [sys.executable, "-m", "benchmarks.ledger", "--quick", "--seconds=0.1", "--audited-calls=1000"]

    done = subprocess.run([*command, "--row-lock"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    *table, figures = done.stdout.splitlines()
    assert list(json.loads(figures)) == RATIOS
    assert all(figure > 0 for figure in json.loads(figures).values())
    assert [line.split("  ")[0] for line in table if "32 clients" in line] == [
        "winnow, 1,000 companies, 32 clients",
        "pgbench, 1,000 companies, 32 clients",
        "winnow, one hot company, 32 clients",
        "pgbench, one hot company, 32 clients",
        "winnow with a plain row lock, one hot company, 32 clients",
        "pgbench with a plain row lock, one hot company, 32 clients",
    ]


def test_ratios_are_taken_within_a_round_and_from_the_middle_round():
    speeds = {
        ("winnow", "many", 8): (90, 50, 40),  # the machine slowed down meanwhile
        ("pgbench", "many", 8): (100, 100, 50),
        ("winnow", "hot", 8): (45, 20, 20),
        ("pgbench", "hot", 8): (50, 25, 25),
        ("winnow", "hot", 32): (45, 10, 16),
        ("winnow", "many, two budgets each", 8): (45, 50, 36),
        ("orm", "many", 8): (9, 5, 4),
    }
    runs = [
        Run(*writer, round=number, pairs_per_second=speed, cpu_ms=number / 10)
        for writer, rounds in speeds.items()
        for number, speed in enumerate(rounds, start=1)
    ]
    audit = AuditRun(usage_logs=1, audit_seconds=3.0, plain_seconds=1.5, memory_growth_mb=0.0)

    assert ratios(Measured(tuple(runs), audit)) == {
        "many_vs_pgbench_8": 0.8,
        "hot_vs_pgbench_8": 0.8,
        "hot_vs_many_8": 0.5,
        "hot_32_vs_8": 0.8,
        "orm_vs_ours": 0.1,
        "cpu_ms_per_pair": 0.2,
        "audit_vs_sql": 2.0,
        "with_budgets_vs_without": 0.9,
    }
