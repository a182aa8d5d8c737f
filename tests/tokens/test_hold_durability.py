"""Holds are committed before anything is sent."""

import pytest
from django.db import transaction

from tests.tokens.ledger import hold, new_company
from tokens.models import Hold
from tokens.services.holds import settle_hold


def test_a_hold_inside_a_transaction_is_refused(committed_db):
    company = new_company(tokens=100)

    with pytest.raises(RuntimeError, match="outside transactions"), transaction.atomic():
        hold(company, 10)

    assert Hold.objects.count() == 0


def test_a_settlement_inside_a_transaction_is_refused(committed_db):
    placed = hold(new_company(tokens=100), 10)

    with pytest.raises(RuntimeError, match="outside transactions"), transaction.atomic():
        settle_hold(hold_id=placed.hold_id, usages=[], answer=None)

    assert Hold.objects.get().state == "open"
