"""Send every sample CV through the real worker once, on services of its own, and report."""

import shutil
import sys
import tempfile
from pathlib import Path

from config.embedded.console import Console
from config.embedded.demo import connect
from config.embedded.leftovers import ProcessRecords
from config.embedded.ports import PortBook
from config.embedded.preflight import check_disk
from config.embedded.supervisor import Supervisor
from config.embedded.throwaway import throwaway_folder


def run_once() -> int:
    """Print the report's JSON document, and nothing else, to standard output; return the report's exit code.

    A running demo is not disturbed: the data folder is a temporary one. Its settings are the durable ones of a
    real run, so that the seconds reported mean something.
    """
    console = Console()
    check_disk(Path(tempfile.gettempdir()))
    with throwaway_folder() as folder, Supervisor(ProcessRecords(folder.run), console) as supervisor:
        ports = PortBook(folder.ports)
        sandbox_port = ports.port_for("sandbox")
        application = connect(supervisor, folder, console, web_port=ports.port_for("web"), sandbox_port=sandbox_port)
        with console.step("Tables"):
            supervisor.run(application.migrate())
        with console.step("Worker, beat and sandbox"):
            supervisor.start(application.sandbox(sandbox_port), application.worker(), application.beat())
        document = folder.root / "report.json"
        code = supervisor.run_for_code(application.report(document))
        with document.open() as source:
            shutil.copyfileobj(source, sys.stdout)
        sys.stdout.flush()
    console.say(f"Done in {console.elapsed_seconds:.1f} s; the report ended with code {code}.")
    return code
