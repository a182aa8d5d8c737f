"""The overall score: code's work."""

import pytest

from applications.screening.schemas import CriterionPoints, Scoring
from applications.screening.score import evidence_percent, weighted_score


def scoring(**points: int | None) -> Scoring:
    entries = [CriterionPoints(criterion_id=key, points=value, reason="") for key, value in points.items()]
    return Scoring(criteria=entries, reason="")


def test_points_count_by_weight() -> None:
    assert weighted_score(scoring(c1=100, c2=40), {"c1": 3, "c2": 1}) == 85


def test_halves_are_rounded_up() -> None:
    assert weighted_score(scoring(c1=50, c2=51), {"c1": 1, "c2": 1}) == 51


@pytest.mark.parametrize("unknown", [scoring(c1=80, c2=None), scoring(c1=80)])
def test_a_criterion_without_evidence_is_unknown_and_not_a_failure(unknown: Scoring) -> None:
    weights = {"c1": 1, "c2": 3}
    assert weighted_score(unknown, weights) == 80
    assert evidence_percent(unknown, weights) == 25


def test_zero_points_are_evidence() -> None:
    assert weighted_score(scoring(c1=80, c2=0), {"c1": 1, "c2": 1}) == 40
    assert evidence_percent(scoring(c1=80, c2=0), {"c1": 1, "c2": 1}) == 100


def test_nothing_known_gives_no_score() -> None:
    assert weighted_score(scoring(c1=None), {"c1": 1}) is None
    assert evidence_percent(scoring(c1=None), {"c1": 1}) == 0
    assert evidence_percent(scoring(), {}) == 0


def test_a_criterion_that_the_job_does_not_have_counts_nothing() -> None:
    assert weighted_score(scoring(c1=60, invented=100), {"c1": 1}) == 60
    assert evidence_percent(scoring(c1=60, invented=100), {"c1": 1}) == 100
