"""The ledger in PostgreSQL does what the model does, step by step."""

import pytest
from django.db import DatabaseError
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.tokens.proof.machine import Hunter, LedgerMachine, LedgerMachineInGroups
from tests.tokens.proof.mutations import DEFECTS, Defect, put_in

pytestmark = pytest.mark.django_db

HUNT = settings(
    max_examples=3000,  # it stops at the first find, and the rarest defects take long
    stateful_step_count=40,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
FAST = settings(HUNT, max_examples=16, phases=[Phase.generate, Phase.shrink])
THOROUGH = settings(FAST, derandomize=False, max_examples=80, stateful_step_count=60)

FOUND_AT_ONCE = {"a company spends another's tokens", "more rolls over than the plan lets"}


MACHINES = pytest.mark.parametrize("machine", [LedgerMachine, LedgerMachineInGroups])


@MACHINES
def test_model_and_database_agree(machine):
    run_state_machine_as_test(machine, settings=FAST)


@MACHINES
@pytest.mark.slow
def test_model_and_database_agree_over_thousands_of_steps(machine):
    run_state_machine_as_test(machine, settings=THOROUGH)


@pytest.mark.parametrize(
    "defect",
    [
        pytest.param(defect, id=defect.what, marks=() if defect.what in FOUND_AT_ONCE else pytest.mark.slow)
        for defect in DEFECTS
    ],
)
def test_the_machine_finds_a_defect(defect: Defect):
    put_in(defect)

    with pytest.raises((AssertionError, DatabaseError)):
        run_state_machine_as_test(Hunter, settings=HUNT)
