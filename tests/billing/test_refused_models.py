import asyncio
import threading

import pytest
from django.db import connection

from billing.models import RefusedModel
from billing.services import refused_models
from billing.services.refused_models import note_refused_model


@pytest.fixture(autouse=True)
def _no_memory():
    refused_models._noted.forget()
    yield
    refused_models._noted.forget()


@pytest.mark.django_db
def test_a_refused_model_is_written_down_once_a_minute(django_assert_num_queries):
    note_refused_model("openai", "gpt-next", "api")
    with django_assert_num_queries(0):
        note_refused_model("openai", "gpt-next", "api")
    (note,) = RefusedModel.objects.all()
    refused_models._noted.forget()
    note_refused_model("openai", "gpt-next", "api")
    (again,) = RefusedModel.objects.all()
    assert (again.first_refused_at, again.operation) == (note.first_refused_at, "api")
    assert (note.refusals, again.refusals) == (1, 3)


@pytest.mark.django_db
def test_names_that_callers_make_up_fill_no_memory(monkeypatch):
    monkeypatch.setattr(refused_models, "_MAX_MODELS", 3)
    for number in range(10):
        note_refused_model("openai", f"gpt-{number}", "api")
        note_refused_model("openai", f"gpt-{number}", "api")
    assert len(refused_models._unwritten) <= 3


@pytest.mark.django_db
def test_a_name_that_is_too_long_is_cut():
    note_refused_model("openai", "x" * 500, "api")
    assert RefusedModel.objects.get().model == "x" * 128


def test_without_a_database_the_refusal_stands():
    note_refused_model("openai", "gpt-next", "api")  # pytest-django lets no test reach the database unasked


def test_on_an_event_loop_a_thread_writes_it_down(monkeypatch):
    writers = []
    written = threading.Event()

    def write(_refused):
        writers.append(threading.current_thread())
        written.set()

    monkeypatch.setattr(refused_models, "_note_in_thread", write)

    async def refuse():
        note_refused_model("openai", "gpt-next", "api")
        await asyncio.get_running_loop().run_in_executor(None, written.wait, 10)

    asyncio.run(refuse())
    assert writers != [threading.main_thread()]
    assert connection.connection is None or not connection.in_atomic_block
