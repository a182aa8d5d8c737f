"""Compute the overall score from points and weights: code's work, so that it is the same for every candidate."""

from collections.abc import Mapping

from applications.screening.schemas import Scoring


def weighted_score(scoring: Scoring, weights: Mapping[str, int]) -> int | None:
    """Return the weighted mean of the known points, 0 to 100, rounded half up; None if nothing is known.

    A criterion without evidence is left out rather than counted as zero: missing evidence is unknown, not failure.
    ``evidence_percent`` says how much of the job the score speaks about.
    """
    known = _known_points(scoring, weights)
    total = sum(weights[criterion] for criterion in known)
    if total == 0:
        return None
    weighted = sum(points * weights[criterion] for criterion, points in known.items())
    return (2 * weighted + total) // (2 * total)


def evidence_percent(scoring: Scoring, weights: Mapping[str, int]) -> int:
    """Return how much of the job's weight has evidence either way, 0 to 100, rounded down."""
    total = sum(weights.values())
    if total == 0:
        return 0
    return 100 * sum(weights[criterion] for criterion in _known_points(scoring, weights)) // total


def _known_points(scoring: Scoring, weights: Mapping[str, int]) -> dict[str, int]:
    """Return the points of the job's criteria that have any; ids that the job does not have are ignored."""
    return {
        entry.criterion_id: entry.points
        for entry in scoring.criteria
        if entry.points is not None and entry.criterion_id in weights
    }
