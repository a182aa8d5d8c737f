"""Processes of their own, with Django loaded and on the test's database, that cost a fork each.

They come from a server process that has Django loaded and no threads, so that forking it is safe; the process that
runs the tests has threads.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.db import connection

if not apps.ready:  # in the server process, which loads this module first
    django.setup()

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [__name__, "tests.tokens.proof.victims", "tests.tokens.proof.web_victims", "ai_gateway.providers.openai_chat"]
)

_PATIENCE_SECONDS = 900

Settings = dict[str, Any]


def settings_for_child(**changed: Any) -> Settings:
    """Return what a child needs to work on the test's database, with settings changed."""
    return {"DATABASE": {**connection.settings_dict, "OPTIONS": connection.settings_dict["OPTIONS"]}, **changed}


def enter(given: Settings) -> None:
    """Take on settings in a child, before its first query."""
    for name, value in given.items():
        if name == "DATABASE":
            connection.settings_dict.update(value)
        else:
            setattr(settings, name, value)


def start(task: Callable[..., None], *arguments: Any) -> multiprocessing.process.BaseProcess:
    """Start a child that runs ``task`` and nothing after it; the caller ends and joins it."""
    process = _CONTEXT.Process(target=task, args=arguments, daemon=True)
    process.start()
    return process


@contextmanager
def pool(size: int) -> Iterator[ProcessPoolExecutor]:
    """Run tasks in ``size`` children."""
    with ProcessPoolExecutor(size, mp_context=_CONTEXT) as executor:
        yield executor


def results(futures: Iterable["Future[Any]"]) -> list[Any]:
    """Wait for all tasks and return what they returned; the first error of any is raised."""
    return [future.result(timeout=_PATIENCE_SECONDS) for future in futures]
