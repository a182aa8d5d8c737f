"""The same statements by pgbench, in C: what the database itself can do."""

import os
import re
import resource
import subprocess
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from psycopg import sql

from benchmarks.calls import closing, hold_parameters
from config.embedded.postgres import binary
from tokens.sql.calls import CLOSE_HOLD, MAKE_DURABLE, PLACE_HOLD

_THREADS = 2


def write_script(path: Path, first_company: int, last_company: int) -> None:
    """Write the script of one pair on a random company."""
    make_durable = f"\\if :is_durable\n\\else\n{MAKE_DURABLE};\n\\endif"
    hold = _filled(PLACE_HOLD, hold_parameters(0, ""), {"company_id": ":company", "key": "'step/' || uuidv7()"})
    settle = _filled(CLOSE_HOLD, closing(UUID(int=0))._asdict(), {"hold_id": ":hold_id"})
    company = f"\\set company random({first_company}, {last_company})"
    path.write_text(f"{company}\n{hold} \\gset\n{make_durable}\n{settle} \\gset\n{make_durable}\n")


def run(script: Path, clients: int, seconds: float) -> tuple[float, float]:
    """Return pairs per second, and the clients' processor time per pair in milliseconds.

    Raises:
        RuntimeError: a statement failed.
    """
    before = _children_cpu()
    command = [
        *(binary("pgbench"), "--no-vacuum", f"--file={script}", f"--client={clients}"),
        # As the product sends them: values apart, nothing prepared.
        *(f"--jobs={min(_THREADS, clients)}", "--protocol=extended", f"--time={max(1, round(seconds))}"),
        os.environ["DATABASE_URL"],
    ]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    output = finished.stdout
    done = re.search(r"transactions actually processed: (\d+)", output)
    speed = re.search(r"tps = ([\d.]+)", output)
    if finished.returncode or not done or not speed or "number of failed transactions: 0 " not in output:
        raise RuntimeError(f"pgbench failed: {finished.stderr[-2000:]}")
    return float(speed[1]), (_children_cpu() - before) * 1000 / int(done[1])


def _filled(statement: str, parameters: Mapping[str, object], variables: Mapping[str, str]) -> str:
    """Write the parameters into a statement: pgbench's variables where there are, else what psycopg would write.

    JSON gets a space after each colon: pgbench takes ``:true`` for a variable.
    """

    def value(match: re.Match[str]) -> str:
        return variables.get(match[1]) or sql.Literal(parameters[match[1]]).as_string().replace('":', '": ')

    return " ".join(re.sub(r"%\((\w+)\)s", value, statement).split())


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
