"""Statements as files, which can be verified offline."""

import csv
import json
import re
import runpy
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.tokens.ledger import charge, grant, new_company
from tests.tokens.past import company_of_three_days, days_ago, seal_all
from tokens.periods import Period
from tokens.seal_format import ENTRY_FIELDS, SEAL_FIELDS, SealHash
from tokens.statement_files import COLUMNS, write_csv

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


@pytest.fixture
def company(committed_db):
    return company_of_three_days()


@pytest.fixture
def script(tmp_path):
    """The script that docs/verify-a-statement.md prints, as a company would save it."""
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "verify-a-statement.md").read_text("utf-8"), re.DOTALL)
    path = tmp_path / "verify_statement.py"
    path.write_text(code, "utf-8")
    return path


def export(company, path, first=9, last=0):
    period = days_ago(company, first, last)
    call_command("export_statement", f"--company={company.slug}", f"--from={period.first}", f"--to={period.last}", f"--out={path}")  # fmt: skip
    return path


def verify(script, path, *arguments):
    command = [sys.executable, "-I", script, path, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["all.csv", "all.jsonl"])
def test_a_company_verifies_its_statement_offline(company, script, tmp_path, name):
    grant(company, 5, reason_code="=cmd|'/c calc'!A1\t\\")
    grant(company, 5, reason_code="'quoted'")
    seals = seal_all(company, include_today=True)
    charge(company, 1)

    code, output = verify(script, export(company, tmp_path / name))

    assert (code, output) == (
        0,
        f"3 seals hold; 1 entries are not sealed yet; keep for next time: {seals[-1].sha256}\n",
    )


@pytest.mark.parametrize("name", ["all.csv", "all.jsonl"])
def test_the_script_finds_a_changed_byte_and_a_file_cut_short(company, script, tmp_path, name):
    seal_all(company, include_today=True)
    path = export(company, tmp_path / name)
    whole = path.read_bytes()
    assert verify(script, path)[0] == 0

    path.write_bytes(whole.replace(b"usage", b"usagf", 1))
    assert verify(script, path) == (1, f"DIFFERS: seal 1 of {days_ago(company, 3).first} or its entries were changed\n")
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    assert verify(script, path) == (1, "DIFFERS: the file was cut off\n")


def test_the_script_finds_a_change_in_every_sealed_value(company, script, tmp_path, monkeypatch):
    seal_all(company, include_today=True)
    records = [json.loads(line) for line in export(company, tmp_path / "all.jsonl").read_text("utf-8").splitlines()]
    changed = tmp_path / "changed.jsonl"
    monkeypatch.setattr(sys, "argv", ["verify_statement.py", str(changed)])
    found = []
    for number, record in enumerate(records):
        names = {"entry": (*ENTRY_FIELDS, "balance_tokens"), "seal": (*SEAL_FIELDS, "previous_sha256", "sha256")}
        for name in names.get(record["record"], ("balance_tokens",)):
            value = record.get(name, "")
            forged = {**record, name: value + 1 if isinstance(value, int) else value[:-1] + "~"}
            lines = [*records[:number], forged, *records[number + 1 :]]
            changed.write_text("\n".join(map(json.dumps, lines)), "utf-8")
            with pytest.raises(SystemExit, match="DIFFERS"):
                runpy.run_path(str(script))
            found.append(name)

    assert len(found) == 4 * 13 + 3 * 11 + 2


def test_the_script_finds_an_entry_taken_out_with_its_balances_put_right(company, script, tmp_path):
    seal_all(company, include_today=True)
    path = export(company, tmp_path / "all.jsonl")
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    taken = next(number for number, record in enumerate(records) if record.get("delta_tokens") == -50)
    for record in records[taken:]:
        record["balance_tokens"] += 50
    path.write_text("\n".join(map(json.dumps, records[:taken] + records[taken + 1 :])), "utf-8")

    day = days_ago(company, 1).first
    assert verify(script, path) == (1, f"DIFFERS: seal 2 of {day} or its entries were changed\n")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("from_xact", "entries are missing before seal 2 of {day}"),
        ("entry_count", "seal 2 of {day} was made of another number of entries"),
        ("balance_tokens", "the balance after seal is not the sum"),
    ],
)
def test_the_script_finds_a_seal_that_was_wrong_when_it_was_made(company, script, tmp_path, name, problem):
    seal_all(company)
    path = export(company, tmp_path / "all.jsonl")
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    _first, second = (record for record in records if record["record"] == "seal")
    entry = records[records.index(second) - 1]
    second[name] += 1
    digest = SealHash(second["previous_sha256"])
    digest.add_entry(entry.get(field) for field in ENTRY_FIELDS)
    second["sha256"] = digest.finish(second[field] for field in SEAL_FIELDS)
    path.write_text("\n".join(map(json.dumps, records)), "utf-8")

    assert verify(script, path) == (1, f"DIFFERS: {problem.format(day=second['company_day'])}\n")


def test_statements_continue_each_other_by_the_hash_that_was_kept(company, script, tmp_path):
    first, second = seal_all(company)
    older = export(company, tmp_path / "older.csv", 3, 2)
    newer = export(company, tmp_path / "newer.csv", 1, 1)

    assert first.sha256 in verify(script, older)[1]
    assert verify(script, newer, first.sha256)[0] == 0
    assert verify(script, newer, second.sha256) == (
        1,
        f"DIFFERS: seal 2 of {second.company_day} does not continue the seal before it\n",
    )


def test_a_csv_is_made_for_spreadsheets(company, tmp_path):
    grant(company, 5, reason_code="+1")
    seal_all(company)
    raw = export(company, tmp_path / "all.csv").read_bytes()
    rows = list(csv.DictReader(raw.decode("utf-8-sig").splitlines()))

    assert raw.startswith(b"\xef\xbb\xbfrecord,company_day,")
    assert raw.count(b"\r\n") == raw.count(b"\n") == len(rows) + 1
    assert [row["record"] for row in rows] == ["opening", "entry", "entry", "seal", "entry", "seal", "entry", "entry", "closing"]  # fmt: skip
    assert [row["balance_tokens"] for row in rows] == ["0", "1000", "900", "900", "850", "850", "843", "848", "848"]
    assert rows[2]["delta_tokens"] == "-100"
    assert rows[7]["reason_code"] == "'+1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", rows[1]["recorded_at"])


def test_every_column_that_is_sealed_is_exported():
    assert set(COLUMNS) >= {*ENTRY_FIELDS, *SEAL_FIELDS, "previous_sha256", "sha256"}


def test_an_export_goes_to_standard_output(company, capsys):
    call_command("export_statement", "--company=acme", "--from=2026-01-01", "--to=2026-01-31")

    assert capsys.readouterr().out == "".join(write_csv(company.pk, Period(date(2026, 1, 1), date(2026, 1, 31))))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--company=nobody", "--from=2026-01-01", "--to=2026-01-31"], "no company"),
        (["--company=acme", "--from=2026-02-01", "--to=2026-01-31"], "before --from"),
        (["--company=acme", "--from=soon", "--to=2026-01-31"], "no date"),
    ],
)
def test_a_wrong_question_is_refused_and_leaves_no_file(tmp_path, arguments, message):
    new_company()

    with pytest.raises(CommandError, match=message):
        call_command("export_statement", *arguments, f"--out={tmp_path / 'out.csv'}")

    assert list(tmp_path.iterdir()) == []


def test_an_export_that_breaks_off_leaves_no_file(company, tmp_path, monkeypatch):
    monkeypatch.setattr("tokens.statement_files._entry_record", lambda _movement: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        export(company, tmp_path / "all.csv")

    assert list(tmp_path.iterdir()) == []
