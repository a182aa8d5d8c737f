"""The ledger's statements reach the database past Django's cursors: what Django promises of those holds for them."""

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from tests.tokens.ledger import new_company
from tokens.models import Account
from tokens.services.statement import run


def test_the_first_statement_of_a_transaction_is_undone_with_it(committed_db):
    company = new_company(tokens=0)
    insert = "INSERT INTO tokens_account (company_id) VALUES (%(company_id)s) RETURNING company_id"

    with transaction.atomic():
        assert run(insert, {"company_id": company.pk}) == (company.pk,)
        transaction.set_rollback(True)

    assert not Account.objects.exists()


def test_a_refusal_of_the_database_has_its_class(committed_db):
    with pytest.raises(IntegrityError, match="tokens_account"):
        run("INSERT INTO tokens_account (company_id) VALUES (%(company_id)s) RETURNING company_id", {"company_id": -1})


def test_a_name_used_twice_is_one_value(committed_db):
    assert run("SELECT %(n)s::int + %(n)s::int, %(text)s::text", {"n": 2, "text": "50 %(n)s"}) == (4, "50 %(n)s")


def test_a_connection_ended_by_the_server_is_an_operational_error(committed_db):
    try:
        with pytest.raises(OperationalError):
            run("SELECT pg_terminate_backend(pg_backend_pid())", {})
    finally:
        connection.close()

    assert run("SELECT 1", {}) == (1,)
