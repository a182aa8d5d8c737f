#!/usr/bin/env python
"""Django's command line for Winnow."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - to say so instead of failing on a syntax or an import
    sys.exit(f"Winnow needs Python 3.11 or newer; this is {sys.version.split()[0]}.")


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        raise SystemExit(f"{error}. Use the project's environment: make .venv/ready, then .venv/bin/python.") from error
    if sys.argv[1:2] == ["demo"]:
        # It makes the secrets and the database that settings need, so it runs before they can be read.
        from config.management.commands.demo import Command

        Command().run_from_argv(sys.argv)
    else:
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
