"""The tables of the ledger. docs/data-model.md describes them; their rules are constraints of the database.

Rows are written by the functions in ``tokens/sql/`` alone, so that every movement of tokens is one statement.
"""

from tokens.models.account import Account, Allocation, OverdraftPolicy, Source
from tokens.models.audit_run import AuditRun
from tokens.models.budget import Budget, BudgetAction, BudgetPeriod, BudgetScope, BudgetUse
from tokens.models.entry import EntryKind, LedgerEntry
from tokens.models.hold import Answer, Attempt, Hold, HoldPart, HoldState, IdempotencyKey
from tokens.models.seal import Seal
from tokens.models.usage import UsageLog, UsageStatus

__all__ = [
    "Account",
    "Allocation",
    "Answer",
    "Attempt",
    "AuditRun",
    "Budget",
    "BudgetAction",
    "BudgetPeriod",
    "BudgetScope",
    "BudgetUse",
    "EntryKind",
    "Hold",
    "HoldPart",
    "HoldState",
    "IdempotencyKey",
    "LedgerEntry",
    "OverdraftPolicy",
    "Seal",
    "Source",
    "UsageLog",
    "UsageStatus",
]
