"""Statements as files, CSV or JSON lines, that a company can verify offline: docs/verify-a-statement.md.

A file holds records in this order: ``opening``, then every ``entry`` in commit order, each ``seal`` right after the
last of its entries, then ``closing``. All values are written as they are sealed, so that the text under a seal's
SHA-256 can be made again from the file; ``balance_tokens`` and ``source`` of an entry are there for the reader.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping

from tokens.models import Seal
from tokens.periods import Period
from tokens.seal_format import SEAL_FIELDS, as_text
from tokens.selectors.snapshot import one_snapshot
from tokens.selectors.statement import Movement, Statement, get_statement, list_seals, stream_movements

COLUMNS = (
    "record",
    "company_day",
    "recorded_at",
    "kind",
    "source",
    "delta_tokens",
    "balance_tokens",
    "reason_code",
    "actor_id",
    "usage_log_id",
    "hold_id",
    "allocation_id",
    "corrects_id",
    "id",
    "xact_id",
    "company_id",
    "number",
    "closes_day",
    "from_xact",
    "to_xact",
    "entry_count",
    "previous_sha256",
    "sha256",
)
# How a spreadsheet would take a text for a formula; the apostrophe itself, so that the mark can be taken off again.
_FORMULA = tuple("=+-@\t\r'")

Record = Mapping[str, object]


def write_csv(company_id: int, period: Period) -> Iterator[str]:
    """Yield a statement as CSV for spreadsheets: UTF-8 with BOM, CRLF, ISO dates, numbers as numbers.

    A text that would be a formula gets an apostrophe before it.
    """
    yield "\ufeff" + _csv_line(COLUMNS)
    for record in _list_records(company_id, period):
        yield _csv_line(_cell(name, record.get(name)) for name in COLUMNS)


def write_json_lines(company_id: int, period: Period) -> Iterator[str]:
    """Yield a statement as one JSON object a line; what is absent is left out."""
    for record in _list_records(company_id, period):
        present = {name: _json_value(value) for name, value in record.items() if value is not None}
        yield json.dumps(present, ensure_ascii=False) + "\n"


def _list_records(company_id: int, period: Period) -> Iterator[Record]:
    with one_snapshot():
        statement = get_statement(company_id, period)
        yield _boundary("opening", statement, statement.opening_tokens)
        seals = list_seals(statement)
        for movement in stream_movements(statement):
            while seals and int(seals[0].to_xact) <= movement.entry.xact_id:
                yield _seal_record(seals.pop(0))
            yield _entry_record(movement)
        yield from map(_seal_record, seals)
        yield _boundary("closing", statement, statement.closing_tokens)


def _boundary(record: str, statement: Statement, balance_tokens: int) -> Record:
    day = statement.period.first if record == "opening" else statement.period.last
    return {
        "record": record,
        "company_day": day,
        "balance_tokens": balance_tokens,
        "company_id": statement.company_id,
    }


def _entry_record(movement: Movement) -> Record:
    reading = {"source": movement.source or None, "balance_tokens": movement.balance_tokens}
    return {"record": "entry", **movement.entry._asdict(), **reading}


def _seal_record(seal: Seal) -> Record:
    fields = {name: getattr(seal, name) for name in (*SEAL_FIELDS, "previous_sha256", "sha256")}
    return {"record": "seal", **fields, "from_xact": int(seal.from_xact), "to_xact": int(seal.to_xact)}


def _json_value(value: object) -> object:
    return int(value) if isinstance(value, int) else as_text(value)


def _cell(name: str, value: object) -> str:
    text = as_text(value)
    return f"'{text}" if name == "reason_code" and text.startswith(_FORMULA) else text


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
