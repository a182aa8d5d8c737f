"""Run any command with throw-away services around it: ``python -m config.embedded exec -- pytest``."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from config.embedded.console import Console
from config.embedded.errors import EmbeddedError, StopRequested
from config.embedded.leftovers import ProcessRecords
from config.embedded.preflight import check_disk
from config.embedded.processes import end_with_parent
from config.embedded.services import Starter
from config.embedded.supervisor import Supervisor
from config.embedded.throwaway import throwaway_folder

_STOP_SECONDS = 30


def execute(command: Sequence[str], console: Console) -> int:
    """Run the command as the database's owner and return its exit code.

    The command's environment has DATABASE_URL (the owner, who may create databases), DATABASE_APP_ROLE (the role
    that the product has, to be taken with SET ROLE), REDIS_URL, SECRET_KEY and TIKTOKEN_CACHE_DIR.
    """
    check_disk(Path(tempfile.gettempdir()))
    with throwaway_folder() as folder, Supervisor(ProcessRecords(folder.run), console) as supervisor:
        services = Starter(supervisor, folder, console, durable=False).start(os.environ)
        environment = {
            **os.environ,
            **services.environment(folder),
            "WINNOW_DATA": str(folder.root),
            "DATABASE_URL": services.owner_url,
            "DATABASE_APP_ROLE": os.environ.get("DATABASE_APP_ROLE", "winnow_app"),
        }
        return _run_in_foreground(command, environment, supervisor)


def _run_in_foreground(command: Sequence[str], environment: dict[str, str], supervisor: Supervisor) -> int:
    """Run the command in our own process group, so that the terminal's Ctrl-C reaches it as usual."""
    try:
        process = subprocess.Popen(command, env=environment, preexec_fn=end_with_parent(signal.SIGTERM))
    except OSError as error:
        raise EmbeddedError(f"{command[0]}: {error.strerror}") from error
    try:
        while process.poll() is None:
            supervisor.take_turn()
    except BaseException as error:
        by_terminal = isinstance(error, StopRequested) and error.signal_number == signal.SIGINT
        _end(process, signal_first=not by_terminal)
        raise
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _end(process: subprocess.Popen[bytes], *, signal_first: bool) -> None:
    """Wait for a command that is ending, telling it to if nobody has."""
    if signal_first:
        process.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
