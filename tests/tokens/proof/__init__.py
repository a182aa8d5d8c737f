"""The ledger's laws, proven from outside: against a model, under load, and killed at every point."""

import pytest

pytest.register_assert_rewrite("tests.tokens.proof.machine")
