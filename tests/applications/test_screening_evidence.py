"""Quotes are looked up as a person would: line breaks do not matter, words and numbers do."""

import pytest

from applications.screening.evidence import check_evidence, find_quote
from applications.screening.schemas import CriterionFinding, CVAnalysis, Finding

PAGES = [
    "Ada Lovelace\nBackend developer with 7 years of Python\nand micro-\nservices in a ﬁnance company",
    "• Led a team of 5 – 6 people, 2015–2018\nSprachen: Deutsch (Muttersprache)\n使用Python开发推荐系统\nC++ and .NET",
]


@pytest.mark.parametrize(
    ("quote", "page"),
    [
        ("Backend developer with 7 years of Python", 1),
        ("backend DEVELOPER with 7 years of python", 1),
        ("7 years of Python and microservices", 1),
        ("micro-services in a finance company", 1),
        ("“Led a team of 5-6 people, 2015 — 2018.”", 2),
        ("Led a team of 5\u00a0–\u00a06 people", 2),
        ("Deutsch (Mutter\u00adsprache)", 2),
        ("开发推荐系统", 2),
        ("Python开发", 2),
        ("C++", 2),
        (".NET", 2),
        ("in a finance company • Led a team", 1),
    ],
)
def test_a_quote_is_found_whatever_the_extraction_did_to_it(quote: str, page: int) -> None:
    assert find_quote(quote, PAGES) == page


@pytest.mark.parametrize(
    "quote",
    [
        "8 years of Python",
        "Led a team of 56 people",
        "Backend developer with years of Python",
        "ackend developer",
        "years of Pyth",
        "Led a team ... people",
        "Score 100",
        "…",
        "",
    ],
)
def test_a_quote_that_the_cv_does_not_contain_is_not_found(quote: str) -> None:
    assert find_quote(quote, PAGES) is None


def test_angle_brackets_are_found_as_the_prompt_showed_them() -> None:
    assert find_quote("List‹String›", ["Java: List<String>"]) == 1


def test_an_empty_cv_contains_nothing() -> None:
    assert find_quote("Python", []) is None
    assert find_quote("Python", ["", ""]) is None


def analysis(finding: Finding, quote: str | None, page: int | None = 7) -> CVAnalysis:
    found = CriterionFinding(criterion_id="c1", finding=finding, quote=quote, page=page, explanation="because")
    return CVAnalysis(summary="", strengths=[], concerns=[], criteria=[found])


def test_a_found_quote_verifies_a_finding_and_corrects_its_page() -> None:
    (checked,) = check_evidence(analysis("met", "Led a team"), PAGES)
    assert (checked.standing, checked.quote_verified, checked.page) == ("met", True, 2)


@pytest.mark.parametrize("finding", ["met", "not_met"])
@pytest.mark.parametrize("quote", ["Led a team of 50", None])
def test_a_finding_without_a_found_quote_is_unverified(finding: Finding, quote: str | None) -> None:
    (checked,) = check_evidence(analysis(finding, quote), PAGES)
    assert (checked.standing, checked.quote_verified, checked.page) == ("unverified", False, None)


def test_no_evidence_needs_no_quote() -> None:
    (checked,) = check_evidence(analysis("no_evidence", None, None), PAGES)
    assert checked.standing == "no_evidence"
