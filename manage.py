#!/usr/bin/env python
"""Django's command line for Winnow."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - to say so instead of failing on a syntax or an import
    sys.exit(f"Winnow needs Python 3.11 or newer; this is {sys.version.split()[0]}.")


def main() -> None:
    """Run one management command."""
    try:
        if sys.argv[1:2] == ["demo"]:
            _run_demo()
        else:
            _run_command()
    except ModuleNotFoundError as error:
        if error.name not in ("celery", "django"):
            raise
        raise SystemExit(f"{error}: run `make demo` once, then use .venv/bin/python.") from error


def _run_demo() -> None:
    """Run the one command that makes the secrets and the database which settings need: it cannot read them."""
    from config.management.commands.demo import Command

    Command().run_from_argv(sys.argv)


def _run_command() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
