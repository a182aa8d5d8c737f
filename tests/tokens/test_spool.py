"""Settlements survive a database that is away; the database's absence is played by a function that raises as it would."""

import os
import time

import pytest
from django.db import OperationalError

from tests.tokens.ledger import end_lease, hold, new_company, used
from tokens.models import UsageLog
from tokens.selectors import get_balance
from tokens.services import spool, upkeep
from tokens.services.holds import Closing, close_hold, release_hold

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.SPOOL_DIR = tmp_path / "spool"
    return settings.SPOOL_DIR


@pytest.fixture
def database_away(monkeypatch):
    """Until ``come_back()``, closing a hold fails as it does without a server."""

    def fail(_closing):
        raise OperationalError("connection refused")

    monkeypatch.setattr(spool, "close_hold", fail)
    monkeypatch.setattr(spool.connection, "close", lambda: None)
    return lambda: monkeypatch.setattr(spool, "close_hold", close_hold)


def test_a_settlement_waits_on_disk_and_is_applied_once(database_away):
    company = new_company(tokens=100)
    closing = Closing.settling(hold(company, 60).hold_id, [used(50)], {"text": "hi"})

    assert spool.close_or_spool(closing) is None
    assert spool.drain() == 0
    assert len(spool.list_waiting()) == 1
    database_away()

    assert spool.drain() == 1
    assert spool.drain() == 0
    assert get_balance(company.pk).available_tokens == 50
    assert UsageLog.objects.count() == 1
    assert spool.list_waiting() == []


def test_what_was_applied_before_is_not_applied_again():
    company = new_company(tokens=100)
    closing = Closing.settling(hold(company, 60).hold_id, [used(50)], None)
    spool.write(closing)
    close_hold(closing)

    spool.drain()

    assert get_balance(company.pk).available_tokens == 50
    assert spool.list_waiting() == []


def test_a_settlement_applied_after_the_lease_still_charges(database_away):
    company = new_company(tokens=100)
    placed = hold(company, 60)
    spool.close_or_spool(Closing.settling(placed.hold_id, [used(50)], None))
    database_away()
    end_lease(placed.hold_id)
    upkeep.expire_holds()

    spool.drain()

    assert get_balance(company.pk).available_tokens == 50


def test_a_settlement_of_a_released_hold_leaves_the_spool_and_charges_nothing():
    company = new_company(tokens=100)
    placed = hold(company, 60)
    release_hold(hold_id=placed.hold_id)
    spool.write(Closing.settling(placed.hold_id, [used(50)], None))

    spool.drain()

    assert get_balance(company.pk).available_tokens == 100
    assert spool.list_waiting() == []


def test_an_unreadable_file_is_set_aside_and_the_rest_applied(folder):
    company = new_company(tokens=100)
    folder.mkdir()
    (folder / "0-broken.json").write_text('{"hold_id": ')
    spool.write(Closing.settling(hold(company, 60).hold_id, [used(50)], None))

    assert spool.drain() == 1

    assert [path.name for path in folder.iterdir()] == ["0-broken.unreadable"]


def test_a_half_written_draft_is_not_taken_for_a_settlement(folder):
    folder.mkdir()
    (folder / "abc.1234.draft").write_text('{"hold_id": ')

    assert spool.drain() == 0


def test_a_draft_whose_writer_died_is_removed_after_an_hour(folder):
    folder.mkdir()
    for name, age_seconds in (("dead", 3660), ("young", 3540)):
        draft = folder / f"{name}.1234.draft"
        draft.write_text('{"hold_id": ')
        os.utime(draft, (time.time() - age_seconds,) * 2)

    spool.drain()

    assert [path.name for path in folder.iterdir()] == ["young.1234.draft"]


def test_the_files_are_their_owner_s_alone(folder):
    spool.write(Closing.settling(hold(new_company(tokens=100), 60).hold_id, [used(50)], None))

    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600]
