"""From what was measured to a table and to ratios."""

import json
from dataclasses import asdict, dataclass
from statistics import median

TARGETS = {
    "many_vs_pgbench_8": "at least 0.8",
    "hot_vs_pgbench_8": "at least 0.8",
    "hot_32_vs_8": "at least 0.8",
    "cpu_ms_per_pair": "at most 0.35",
    "audit_vs_sql": "at most 3",
}


@dataclass(frozen=True)
class Run:
    """One writer for a few seconds. ``cpu_ms`` is the processor time of its clients, per pair."""

    writer: str
    companies: str
    clients: int
    round: int
    pairs_per_second: float
    cpu_ms: float

    @property
    def title(self) -> str:
        """Say who writes into what."""
        companies = {"hot": "one hot company", "many": "1,000 companies"}
        named = companies.get(self.companies) or self.companies.replace("many", "1,000")
        return f"{self.writer}, {named}, {self.clients} client{'s' if self.clients > 1 else ''}"


@dataclass(frozen=True)
class AuditRun:
    """The audit of a ledger of so many usage logs beside plain sums over the rows that it reads."""

    usage_logs: int
    audit_seconds: float
    plain_seconds: float
    memory_growth_mb: float


@dataclass(frozen=True)
class Measured:
    """All that a benchmark found."""

    runs: tuple[Run, ...]
    audit: AuditRun

    def to_json(self) -> str:
        """Write it down."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Measured":
        """Read what ``to_json`` wrote."""
        found = json.loads(text)
        return cls(tuple(Run(**run) for run in found["runs"]), AuditRun(**found["audit"]))

    def of(self, writer: str, companies: str, clients: int) -> list[Run]:
        """List one writer's runs, by round."""
        return [run for run in self.runs if (run.writer, run.companies, run.clients) == (writer, companies, clients)]


def ratios(measured: Measured) -> dict[str, float]:
    """Compute the figures that are compared from release to release."""

    def ratio(above: tuple[str, str, int], below: tuple[str, str, int]) -> float:
        """Divide round by round, for the machine drifts meanwhile, and take the middle."""
        rounds = zip(measured.of(*above), measured.of(*below), strict=False)
        return round(median(a.pairs_per_second / b.pairs_per_second for a, b in rounds), 3)

    return {
        "many_vs_pgbench_8": ratio(("winnow", "many", 8), ("pgbench", "many", 8)),
        "hot_vs_pgbench_8": ratio(("winnow", "hot", 8), ("pgbench", "hot", 8)),
        "hot_vs_many_8": ratio(("winnow", "hot", 8), ("winnow", "many", 8)),
        "hot_32_vs_8": ratio(("winnow", "hot", 32), ("winnow", "hot", 8)),
        "orm_vs_ours": ratio(("orm", "many", 8), ("winnow", "many", 8)),
        "cpu_ms_per_pair": round(median(run.cpu_ms for run in measured.of("winnow", "many", 8)), 3),
        "audit_vs_sql": round(measured.audit.audit_seconds / measured.audit.plain_seconds, 2),
        "with_budgets_vs_without": ratio(("winnow", "many, two budgets each", 8), ("winnow", "many", 8)),
    }


def table(measured: Measured) -> str:
    """Lay out what was measured and the ratios, for people."""
    lines = ["", f"{'':52}{'pairs per second':>17}{'client CPU per pair':>22}"]
    for title in dict.fromkeys(run.title for run in measured.runs):
        runs = [run for run in measured.runs if run.title == title]
        pairs, cpu_ms = (median(run.pairs_per_second for run in runs), median(run.cpu_ms for run in runs))
        lines.append(f"{title:<55}{pairs:>14,.0f}{cpu_ms:>19.2f} ms")
    audit = measured.audit
    lines += [
        "",
        f"audit of {audit.usage_logs:,} usage logs: {audit.audit_seconds:.2f} s, plain sums over the same rows: "
        f"{audit.plain_seconds:.2f} s, memory of the process +{audit.memory_growth_mb:.1f} MB",
        "",
        *(f"{name:<26}{value:>8}   {TARGETS.get(name, '')}".rstrip() for name, value in ratios(measured).items()),
        "",
    ]
    return "\n".join(lines)
