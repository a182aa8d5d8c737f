"""Take a hiring prompt apart again.

The tags are written by ``applications/screening/fencing.py``. This app must not import that one, so the format is
stated on both sides, and a test proves that they agree::

    <job>                        one line of JSON: title, description, criteria[{id, text, weight, must_have}]
    <earlier_results>            one line of JSON: facts, findings, points, overall_score, evidence_percent
    <cv pages= received= cut=>   <page number="n"> … </page>, in which angle brackets are shown as ‹ and ›
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

CV = re.compile(r"^<cv (?P<attributes>[^<>\n]*)>\n(?P<body>.*?)^</cv>$", re.DOTALL | re.MULTILINE)
PAGE = re.compile(r'^<page number="(?P<number>\d+)">\n(?P<text>.*?)\n</page>$', re.DOTALL | re.MULTILINE)
RECEIVED = re.compile(r'received="(\d{4}-\d{2}-\d{2})"')
JOB = re.compile(r"^<job>\n(?P<json>[^\n]*)\n</job>$", re.MULTILINE)
EARLIER_RESULTS = re.compile(r"^<earlier_results>\n(?P<json>[^\n]*)\n</earlier_results>$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One page of a CV, numbered as in the file."""

    number: int
    text: str


@dataclass(frozen=True)
class Criterion:
    """One criterion of the job."""

    id: str
    text: str
    weight: int
    must_have: bool


@dataclass(frozen=True)
class HiringPrompt:
    """What a hiring prompt holds; a part that the prompt does not have is empty."""

    job_title: str = ""
    criteria: tuple[Criterion, ...] = ()
    pages: tuple[Page, ...] = ()
    received_on: date | None = None
    earlier: Mapping[str, Any] = field(default_factory=dict)


def read_hiring_prompt(text: str) -> HiringPrompt | None:
    """Take a prompt apart, or return None if it is not one of Winnow's hiring prompts."""
    cv, job, earlier = CV.search(text), JOB.search(text), EARLIER_RESULTS.search(text)
    if cv is None and (job is None or earlier is None):
        return None
    try:
        brief = json.loads(job["json"]) if job else {}
        return HiringPrompt(
            job_title=brief.get("title", ""),
            criteria=tuple(Criterion(**entry) for entry in brief.get("criteria", [])),
            pages=_read_pages(cv["body"]) if cv else (),
            received_on=_read_received(cv["attributes"]) if cv else None,
            earlier=json.loads(earlier["json"]) if earlier else {},
        )
    except (ValueError, TypeError, AttributeError):
        return None


def _read_pages(body: str) -> tuple[Page, ...]:
    return tuple(Page(int(match["number"]), match["text"]) for match in PAGE.finditer(body))


def _read_received(attributes: str) -> date | None:
    match = RECEIVED.search(attributes)
    return date.fromisoformat(match[1]) if match else None
