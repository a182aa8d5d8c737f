"""How the rules judge criteria, give points and recommend."""

from datetime import date
from typing import Any

import pytest

from ai_gateway.sandbox.rules.criteria import Judgement, judge
from ai_gateway.sandbox.rules.decision import answer_decision
from ai_gateway.sandbox.rules.prompt_reading import Criterion, HiringPrompt, Page
from ai_gateway.sandbox.rules.reading import read_cv
from ai_gateway.sandbox.rules.scoring import answer_scoring

CV = """Ada Byron
Customer support agent
ada.byron@example.org
Three years of customer service by telephone and e-mail, and some Python scripts to make the work easier.
Experience
Support agent, Kestrel Ltd
2023 - present
• Answered tickets in Zendesk.
• Wrote a macro in Python.
Education
BSc Mathematics, University of Wexmoor, 2019
Skills
Docker, MySQL
Languages
German (B2), English (native), Polish"""


def judged(criterion: str, cv: str = CV) -> Judgement:
    return judge(criterion, read_cv(HiringPrompt(pages=(Page(1, cv),), received_on=date(2026, 11, 21))))


@pytest.mark.parametrize(
    ("criterion", "finding", "quote"),
    [
        ("Python", "met", "Wrote a macro in Python."),
        ("Docker or Kubernetes", "met", "Docker, MySQL"),
        ("Docker and Kubernetes", "no_evidence", None),
        ("PostgreSQL databases", "no_evidence", None),
        ("Knowledge of databases", "met", "Docker, MySQL"),
        ("Kundenservice", "met", "Customer support agent"),
        ("3 years of customer support", "met", CV.split("\n")[3]),
        ("5 years of customer support", "not_met", CV.split("\n")[3]),
        ("5 years of Kubernetes", "no_evidence", None),
        ("German", "met", "German (B2), English (native), Polish"),
        ("German (C1)", "not_met", "German (B2), English (native), Polish"),
        ("Customer support in German at C1", "not_met", "German (B2), English (native), Polish"),
        ("French", "no_evidence", None),
        ("Polish", "met", "German (B2), English (native), Polish"),
        ("Bachelor's degree", "met", "BSc Mathematics, University of Wexmoor, 2019"),
        ("Master's degree", "no_evidence", None),
        ("Telephone and e-mail", "met", CV.split("\n")[3]),
        ("Falconry on horseback", "no_evidence", None),
        ("…", "no_evidence", None),
    ],
)
def test_a_criterion_is_judged_by_a_passage_of_the_cv(criterion: str, finding: str, quote: str | None) -> None:
    judgement = judged(criterion)
    assert (judgement.finding, judgement.quote) == (finding, quote)
    assert judgement.page == (1 if quote else None)


def test_years_are_those_of_the_clause_that_names_the_skill() -> None:
    cv = "Ten years of Java, three of them with Kotlin; two years of Python."
    assert (judged("5 years of Java", cv).finding, judged("5 years of Python", cv).finding) == ("met", "not_met")


def test_a_long_paragraph_is_quoted_by_the_sentence() -> None:
    cv = "I am Sam. " + "I like long walks by the sea and far away from it. " * 5 + "Today I write Python. Goodbye."
    assert judged("Python", cv).quote == "Today I write Python."


def test_a_quote_has_at_most_300_characters() -> None:
    cv = "Python " + "and services " * 60
    quote = judged("Python", cv).quote or ""
    assert 200 < len(quote) <= 300
    assert cv.startswith(quote)


def score(criterion: str, facts: dict[str, Any] | None = None, **finding: Any) -> int | None:
    found = {"criterion_id": "c1", "finding": "met", "quote": "x", "quote_verified": True, **finding}
    earlier = {"findings": [found], "facts": facts or {}}
    answer = answer_scoring(HiringPrompt(criteria=(Criterion("c1", criterion, 1, True),), earlier=earlier))
    points: int | None = answer["criteria"][0]["points"]
    return points


def test_points_grow_with_what_one_passage_shows() -> None:
    assert score("Python and Django", quote="Python and Django daily") == 95
    assert score("Python and Django", quote="Python daily") == 82
    assert score("Python and Django", quote="Built services") == 70


def test_years_well_beyond_what_is_asked_earn_more() -> None:
    assert score("4 years of Python", {"total_years_experience": 6.0}, quote="Python") == 100
    assert score("4 years of Python", {"total_years_experience": 5.9}, quote="Python") == 95


def test_less_than_asked_earns_points_by_how_near_it_comes() -> None:
    assert score("5 years", {"total_years_experience": 2.5}, finding="not_met") == 20
    assert score("5 years", {"total_years_experience": 4.9}, finding="not_met") == 38
    spoken = {"languages": [{"name": "Deutsch", "level": "B1"}]}
    assert score("German C1", spoken, finding="not_met") == 23
    assert score("Falconry", finding="not_met") == 20


def test_without_a_verified_quote_nothing_is_known() -> None:
    assert score("Python", quote_verified=False) is None
    assert score("5 years", finding="not_met", quote_verified=False) is None
    assert score("Python", finding="no_evidence", quote=None, quote_verified=False) is None
    assert score("Python", criterion_id="another") is None


def decide(points: dict[str, int | None], overall: int | None, evidence: int) -> tuple[str, str]:
    criteria = (Criterion("must", "Python", 2, True), Criterion("nice", "Docker", 1, False))
    earlier = {
        "points": [{"criterion_id": key, "points": value} for key, value in points.items()],
        "overall_score": overall,
        "evidence_percent": evidence,
    }
    answer = answer_decision(HiringPrompt(criteria=criteria, earlier=earlier))
    return answer["recommendation"], answer["confidence"]


@pytest.mark.parametrize(
    ("points", "overall", "evidence", "expected"),
    [
        ({"must": 90, "nice": 80}, 86, 100, ("advance", "high")),
        ({"must": 90, "nice": None}, 90, 66, ("advance", "medium")),
        ({"must": None, "nice": 95}, 95, 33, ("review", "low")),
        ({"must": None, "nice": 95}, 95, 60, ("review", "medium")),
        ({"must": 60, "nice": 60}, 60, 100, ("review", "high")),
        ({"must": 20, "nice": 95}, 45, 100, ("decline_suggested", "high")),
        ({"must": None, "nice": None}, None, 0, ("review", "low")),
    ],
)
def test_the_recommendation_follows_points_evidence_and_must_haves(
    points: dict[str, int | None], overall: int | None, evidence: int, expected: tuple[str, str]
) -> None:
    assert decide(points, overall, evidence) == expected
