"""What taking turns gains: a company's movements with it, and with a plain lock on the row of its account."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.books import Connection
from tokens.sql import load

_PLAIN_LOCK = """
    CREATE OR REPLACE FUNCTION tokens_take_turn(p_company_id bigint, p_may_wait boolean DEFAULT true)
    RETURNS tokens_account
    LANGUAGE sql AS $$ SELECT * FROM tokens_account a WHERE a.company_id = p_company_id FOR NO KEY UPDATE $$
"""


@contextmanager
def plain_row_lock(owner: Connection) -> Iterator[None]:
    """Have movements wait for the locked row, and commit durably under that lock."""
    owner.execute(_PLAIN_LOCK)
    try:
        yield
    finally:
        owner.execute(load("take_turn"))
