"""A state machine that asks the same of the model and of PostgreSQL, and compares all that both say after every step."""

from typing import Any

from django.db import connection, transaction

from tests.tokens.ledger import new_company
from tests.tokens.proof.books import read_books, write_books
from tests.tokens.proof.histories import ZONES, Histories
from tests.tokens.proof.model import Outcome
from tests.tokens.proof.real_ledger import Clock, RealCompany, RealCompanyInGroups
from tokens.models import Account
from tokens.selectors.audit import audit_ledger


class LedgerMachine(Histories):
    """Two companies with accounts in PostgreSQL, and the model's idea of them."""

    kind: type[RealCompany] = RealCompany

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction._from_testcase = True  # as around a test case: holds refuse any other transaction
        self.transaction.__enter__()
        self.sound = True
        self.real = open_companies(Clock(), self.kind)

    def teardown(self) -> None:
        """Undo the example, having checked the laws unless a step has failed already."""
        try:
            if self.sound:
                self.do("sweep")
                with connection.cursor() as cursor:
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                assert [result for result in audit_ledger() if not result.holds] == []
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    def ask(self, company: int, verb: str, **details: Any) -> Outcome:
        """Ask the same of both, and compare what they answer and what their books say then."""
        self.sound = False
        expected = super().ask(company, verb, **details)
        assert self.real[company].request(verb, **details) == expected
        self.compare(company)
        self.sound = True
        return expected

    def do(self, verb: str, **details: Any) -> None:
        """Do the same to both, and compare the books of all companies."""
        self.sound = False
        super().do(verb, **details)
        self.real[0].request(verb, **details)
        for company in range(len(self.real)):
            self.compare(company)
        self.sound = True

    def compare(self, company: int) -> None:
        """Compare what the two say of a company."""
        assert read_books(self.real[company].company_id) == write_books(self.models[company])


class Hunter(LedgerMachine):
    """Compares the books at the end alone, and what does not last until then after every step: a hunt need not tell
    where it went wrong, and is several times as fast."""

    def teardown(self) -> None:
        """Undo the example, having compared the books unless a step has failed already."""
        try:
            if self.sound:
                self.sound = False
                for company in range(len(self.real)):
                    super().compare(company)
                self.sound = True
        finally:
            super().teardown()

    def compare(self, company: int) -> None:
        """Compare what the two say of a company's debt."""
        account = Account.objects.filter(company_id=self.real[company].company_id).first()
        assert (account.debt_tokens if account else 0) == self.models[company].debt


class LedgerMachineInGroups(LedgerMachine):
    """The same, of the functions of groups."""

    kind = RealCompanyInGroups


def open_companies(clock: Clock, kind: type[RealCompany] = RealCompany) -> list[RealCompany]:
    """Make the companies of a history in the database."""
    return [kind(new_company(slug=f"company-{place}", time_zone=zone), clock) for place, zone in enumerate(ZONES)]
