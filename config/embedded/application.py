"""The programs that make up a running Winnow, besides its database and broker."""

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from config.embedded.data_folder import PROJECT, DataFolder
from config.embedded.processes import Program, Stage

WORKER_PROCESSES = 2


@dataclass(frozen=True)
class Application:
    """Winnow's own programs, run from this tree with the given environment."""

    folder: DataFolder
    environment: Mapping[str, str]

    def migrate(self) -> Program:
        """Bring the tables up to date, as the database's owner."""
        owner = {**self.environment, "DATABASE_URL": self.environment["DATABASE_OWNER_URL"]}
        return self._manage("migrate", "--no-input", environment=owner)

    def seed(self, output: Path) -> Program:
        """Make the demo's data where they are missing, and write logins and addresses as JSON."""
        return self._manage("seed_demo", "--applications", "--json", stdout=output)

    def report(self, output: Path) -> Program:
        """Let the sample CVs apply, wait until they are processed, and write what it came to as JSON."""
        quiet = {**self.environment, "LOG_LEVEL": "WARNING"}  # its standard error is the person's screen
        return self._manage("demo_report", "--json", environment=quiet, stdout=output, show_errors=True)

    def collect_static(self) -> Program:
        """Gather and compress what browsers load."""
        return self._manage("collectstatic", "--no-input", "--clear")

    def sandbox(self, port: int) -> Program:
        """Serve the provider that needs no key."""
        return self._program(
            "sandbox",
            "ai_gateway.sandbox",
            *("--host", "127.0.0.1", "--port", str(port)),
            stage=Stage.PROVIDER,  # it outlives the worker, whose last calls it answers
            is_ready=lambda: answers(f"http://127.0.0.1:{port}/healthz"),
        )

    def local_model(self, port: int) -> Program:
        """Serve the small model that runs on this machine."""
        return self._program(
            "local-model",
            "ai_gateway.local_model",
            *("--host", "127.0.0.1", "--port", str(port)),
            stage=Stage.PROVIDER,  # it outlives the worker, whose last calls it answers
            is_ready=lambda: answers(f"http://127.0.0.1:{port}/health"),
        )

    def web(self, port: int) -> Program:
        """Serve the pages."""
        return self._program(
            "web",
            "uvicorn",
            "config.asgi:application",
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--lifespan", "on", "--no-server-header"),
            *("--timeout-graceful-shutdown", "5"),
            is_ready=lambda: answers(f"http://127.0.0.1:{port}/healthz"),
        )

    def worker(self) -> Program:
        """Run background work."""
        return self._program(
            "worker",
            "celery",
            *("-A", "config.celery", "worker", "--loglevel", "INFO"),
            *("--pool", "prefork", "--concurrency", str(WORKER_PROCESSES)),
            # There is one worker: nobody to exchange news with.
            *("--without-gossip", "--without-mingle"),
            # Warm: running tasks end first. Cold, should that take too long: they are done again by the next worker.
            stop_with=((signal.SIGTERM, 15), (signal.SIGQUIT, 3)),
        )

    def beat(self) -> Program:
        """Wake the worker on schedule."""
        schedule = str(self.folder.beat_schedule)
        return self._program(
            "beat", "celery", "-A", "config.celery", "beat", "--loglevel", "INFO", "--schedule", schedule
        )

    def _manage(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        stdout: Path | None = None,
        show_errors: bool = False,
    ) -> Program:
        return Program(
            name=arguments[0],
            command=[sys.executable, str(PROJECT / "manage.py"), *arguments],
            environment=environment or self.environment,
            log=self.folder.logs / "setup.log",
            stdout=stdout,
            show_errors=show_errors,
        )

    def _program(self, name: str, module: str, *arguments: str, **how: object) -> Program:
        return Program(
            name=name,
            command=[sys.executable, "-m", module, *arguments],
            environment=self.environment,
            log=self.folder.logs / f"{name}.log",
            **how,  # type: ignore[arg-type]
        )


def answers(url: str) -> bool:
    """Tell whether a GET of the address succeeds."""
    try:
        with urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
