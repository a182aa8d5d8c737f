"""Run Winnow on this machine until it is told to stop."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from config.embedded import fingerprints
from config.embedded.application import Application
from config.embedded.console import Console
from config.embedded.data_folder import DataFolder
from config.embedded.done import WorkDone
from config.embedded.environment import web_environment, write_services_env
from config.embedded.leftovers import ProcessRecords
from config.embedded.ports import PortBook
from config.embedded.preflight import check_disk, check_port
from config.embedded.services import Starter
from config.embedded.supervisor import Supervisor


def run_demo(*, port: int, as_json: bool, with_local_model: bool = False) -> None:
    """Start everything, print where it is, and look after it. Ends by StopRequested or an EmbeddedError."""
    console, folder = Console(), DataFolder.from_environment()
    check_disk(folder.root)
    folder.create()
    address = f"http://127.0.0.1:{port}"
    with folder.locked(url=address), Supervisor(ProcessRecords(folder.run), console) as supervisor:
        check_port(port)
        console.say(f"Starting Winnow. Data: {folder.root}")
        try:
            demo = _start(supervisor, folder, console, port, with_local_model=with_local_model)
            _announce(demo, address, folder, console, as_json=as_json)
            supervisor.watch()
        finally:
            folder.services_env.unlink(missing_ok=True)


def connect(
    supervisor: Supervisor,
    folder: DataFolder,
    console: Console,
    *,
    web_port: int,
    sandbox_port: int,
    model_port: int | None = None,
) -> Application:
    """Start the services, leave their addresses in services.env, and return the application to run on them."""
    services = Starter(supervisor, folder, console).start(os.environ)
    own = {
        **web_environment(folder, web_port=web_port, sandbox_port=sandbox_port, model_port=model_port),
        **services.environment(folder),
    }
    write_services_env(folder, own)
    return Application(folder, {**os.environ, **own})


def _start(
    supervisor: Supervisor, folder: DataFolder, console: Console, port: int, *, with_local_model: bool
) -> dict[str, Any]:
    """Bring everything up and return the demo's logins and addresses."""
    ports = PortBook(folder.ports)
    sandbox_port, model_port = ports.port_for("sandbox"), ports.port_for("local-model") if with_local_model else None
    application = connect(supervisor, folder, console, web_port=port, sandbox_port=sandbox_port, model_port=model_port)
    if model_port is not None:
        with console.step("Local model"):
            supervisor.start(application.local_model(model_port))
    _prepare(supervisor, application, console)
    with console.step("Web, worker, beat and sandbox"):
        supervisor.start(
            application.web(port), application.worker(), application.beat(), application.sandbox(sandbox_port)
        )
    demo: dict[str, Any] = json.loads(folder.demo.read_text())
    return demo


def _prepare(supervisor: Supervisor, application: Application, console: Console) -> None:
    """Make tables, demo data and static files, unless an earlier start made them from the same sources."""
    folder = application.folder
    done = WorkDone(folder.done)
    sources = fingerprints.of_tables_and_demo(application.environment["PUBLIC_URL"])
    # What an external database holds is not ours to remember.
    if os.environ.get("DATABASE_URL") or not done.has("tables and demo", sources):
        with console.step("Tables"):
            supervisor.run(application.migrate())
        with console.step("Demo data"):
            supervisor.run(application.seed(folder.demo))
        done.note("tables and demo", sources)
    if not done.has("static files", sources := fingerprints.of_static_files()):
        with console.step("Static files"):
            supervisor.run(application.collect_static())
        done.note("static files", sources)


def _announce(demo: Mapping[str, Any], address: str, folder: DataFolder, console: Console, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"url": address, **demo}) + "\n")
    else:
        sys.stdout.write(_welcome(demo, address, folder, console.elapsed_seconds))
    sys.stdout.flush()


def _welcome(demo: Mapping[str, Any], address: str, folder: DataFolder, seconds: float) -> str:
    logins = [[login["role"], login["email"], login["password"], login["company"] or ""] for login in demo["logins"]]
    addresses = [[name.replace("_", " "), url] for name, url in demo["urls"].items()]
    return "\n".join(
        [
            f"\nWinnow runs at {address} (started in {seconds:.1f} s)\n",
            *_columns(logins),
            "",
            *_columns(addresses),
            "",
            "AI answers come from the sandbox (rules, not AI) unless a provider's key is set"
            " or this is make demo-llm (a very small real model).",
            f"Mail that Winnow sends: {folder.mail}   Logs: {folder.logs}",
            "Stop with Ctrl-C. The data stay; make demo-reset clears them.\n",
        ]
    )


def _columns(rows: list[list[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  " + "   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
