"""``python -m config.embedded exec|status|reset``: the embedded services without Django."""

import argparse
import sys
from collections.abc import Sequence

from config.embedded.errors import EmbeddedError, StopRequested, full_disk_explained
from config.embedded.preflight import check_platform


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; an expected failure is told in one line."""
    options = _parser().parse_args(arguments)
    try:
        check_platform()
        with full_disk_explained():
            return _run(options)
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except StopRequested as request:
        return request.exit_code


def _run(options: argparse.Namespace) -> int:
    # Imported here: these modules need what only POSIX systems have, and check_platform says so readably.
    from config.embedded import folder_commands
    from config.embedded.console import Console
    from config.embedded.execute import execute

    if options.action == "exec":
        return execute(options.command, Console())
    if options.action == "reset":
        sys.stdout.write(f"{folder_commands.reset()}\n")
        return 0
    running, text = folder_commands.status()
    sys.stdout.write(f"{text}\n")
    return 0 if running else 3  # as "systemctl status" does


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m config.embedded", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    execute = actions.add_parser("exec", help="run a command with throw-away services around it")
    execute.add_argument("command", nargs="+", metavar="-- command")
    actions.add_parser("status", help="tell what runs on the data folder; code 3 if nothing does")
    actions.add_parser("reset", help="delete the data folder's content")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
