"""Defects put into the functions of the ledger, to show that the tests of this package find them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection

from tokens.sql import load


@dataclass(frozen=True)
class Defect:
    """A change of one place in one file of ``tokens/sql/``."""

    what: str
    file: str
    right: str
    wrong: str

    def damage(self, text: str) -> str:
        """Return the file's text with the defect in it."""
        if text.count(self.right) != 1:
            raise AssertionError(f"{self.file}.sql no longer has this exactly once: {self.right}")
        return text.replace(self.right, self.wrong)


def put_in(*defects: Defect) -> None:
    """Load a file with defects of its own; whoever calls this takes them out again."""
    (file,) = {defect.file for defect in defects}
    text = load(file)
    for defect in defects:
        text = defect.damage(text)
    with connection.cursor() as cursor:
        cursor.execute(text)


@contextmanager
def restored(function: str) -> Iterator[None]:
    """Let a block change a function for all processes to see, and put it back as it was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [function])
        (original,) = cursor.fetchone()
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(original)


CHARGED_AGAIN = Defect(
    "what found no hold is charged again under the same key",
    "place_hold",
    "ELSIF known.state = 'settled' THEN",
    "ELSIF known.state = 'never' THEN",
)
SETTLED_AGAIN = Defect(
    "a settlement that is repeated charges again",
    "close_hold",
    "hold.state = 'open' OR (hold.state = 'expired' AND p_state = 'settled')",
    "hold.state = 'open' OR (hold.state IN ('expired', 'settled') AND p_state = 'settled')",
)
DEFECTS = (
    CHARGED_AGAIN,
    SETTLED_AGAIN,
    Defect(
        "a hold is placed although the balance does not cover it",
        "place_hold",
        "amount < p_minimum_tokens OR account.debt_tokens > 0)",
        "false)",
    ),
    Defect(
        "a call on a company's own key is held on its allocations",
        "place_hold",
        "IF is_own THEN\n        NULL;\n    ELSIF",
        "IF",
    ),
    Defect(
        "what was used on a company's own key does not count in budgets",
        "close_hold",
        "charged + own, -reserved",
        "charged, -reserved",
    ),
    Defect(
        "a budget lets one token too many through",
        "budgets",
        "b.limit_tokens - coalesce",
        "b.limit_tokens + 1 - coalesce",
    ),
    Defect(
        "tokens that have expired are still spent",
        "free_tokens",
        "AND (a.expires_at IS NULL OR a.expires_at > p_moment)",
        "",
    ),
    Defect(
        "tokens that never expire are spent first",
        "free_tokens",
        "coalesce(p_expires_at, 'infinity')",
        "coalesce(p_expires_at, '-infinity')",
    ),
    Defect(
        "a company spends another's tokens",
        "free_tokens",
        "a.company_id = p_company_id",
        "true",
    ),
    Defect(
        "what a charge leaves of its hold is not given back",
        "close_hold",
        "a.held_tokens - coalesce(own.tokens, 0)",
        "a.held_tokens - least(coalesce(own.tokens, 0), coalesce(paid.tokens, 0))",
    ),
    Defect(
        "a settlement after the lease charges nothing",
        "close_hold",
        "hold.state = 'open' OR (hold.state = 'expired' AND p_state = 'settled')",
        "hold.state = 'open'",
    ),
    Defect(
        "tokens given back do not repay debt",
        "close_hold",
        "ELSIF account.debt_tokens > 0 THEN",
        "ELSIF false THEN",
    ),
    Defect(
        "an attempt at no charge after a charged one breaks the settlement",
        "close_hold",
        "IF due > unpaid THEN",
        "IF true THEN",
    ),
    Defect(
        "an expired hold stays in its budgets",
        "expire_hold",
        "PERFORM tokens_count_in_budgets(p_hold_id, 0, -ended.held_tokens);",
        "",
    ),
    Defect(
        "a hold is extended by one token too many",
        "extend_hold",
        "available < p_more_tokens",
        "available + 1 < p_more_tokens",
    ),
    Defect(
        "refunds add up to more than the charge",
        "refund",
        "original.charged_tokens - original.absorbed_tokens + coalesce(sum(log.charged_tokens), 0)",
        "original.charged_tokens - original.absorbed_tokens",
    ),
    Defect(
        "tokens under a hold expire with their allocation",
        "expire_allocation",
        "- allocation.held_tokens",
        "",
    ),
    Defect(
        "more rolls over than the plan lets",
        "roll_over",
        "least(unused, p_max_tokens)",
        "unused",
    ),
)
DEFECTS_OF_GROUPS = (
    Defect(
        "a hold is written that takes nothing",
        "place_holds",
        "a.held_tokens + of_allocation.tokens",
        "a.held_tokens",
    ),
    Defect(
        "a hold is placed with a group although the balance does not cover it",
        "place_holds",
        "AND first.free >= (SELECT sum(other.needed_tokens) FROM request other)",
        "",
    ),
    Defect(
        "a group passes budgets by",
        "place_holds",
        "AND (SELECT b.id FROM tokens_budget b WHERE b.company_id = r.company_id LIMIT 1) IS NULL",
        "",
    ),
    Defect(
        "a group passes debt by",
        "take_turn",
        "WHERE account.debt_tokens = 0",
        "",
    ),
    Defect(
        "a group forgets an idempotency key",
        "place_holds",
        "AND r.call ->> 'key' IS NULL",
        "",
    ),
    Defect(
        "a call on a company's own key is held on its allocations, in a group",
        "place_holds",
        "AND r.call ->> 'key_owner' = 'platform'",
        "",
    ),
    Defect(
        "what a charge in a group leaves of its hold is not given back",
        "close_holds",
        "held_tokens = a.held_tokens - of_allocation.held",
        "held_tokens = a.held_tokens - of_allocation.charged",
    ),
    Defect(
        "a settlement in a group does not leave its budgets",
        "close_holds",
        "AND (SELECT b.id FROM tokens_budget b WHERE b.company_id = h.company_id LIMIT 1) IS NULL",
        "",
    ),
    Defect(
        "a settlement in a group leaves a second attempt open",
        "close_holds",
        "ORDER BY t.number DESC",
        "ORDER BY t.number",
    ),
    Defect(
        "a settlement that is repeated in a group charges again",
        "close_holds",
        "AND h.ended_at IS NULL  -- it is open",
        "",
    ),
    Defect(
        "a settlement in a group charges more than was held",
        "close_holds",
        "BETWEEN 1 AND h.held_tokens",
        "> 0",
    ),
)
