"""Whatever is done to sealed rows or to seals is found, and told apart."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.tokens.ledger import charge, grant
from tests.tokens.past import company_at_noon, move_to_past, seal_all, tamper, wait_for_others
from tokens.management.commands import verify_ledger
from tokens.models import Seal
from tokens.selectors import entries as commit_order
from tokens.selectors.audit import audit_ledger
from tokens.selectors.seals import Damage, verify_seals


@pytest.fixture
def company(committed_db):
    """A company with three sealed days, and one entry after them."""
    company = company_at_noon(tokens=1000)
    for days in (3, 2, 1):
        charge(company, 100 * days)
        move_to_past(company, days)
    seal_all(company)
    charge(company, 1)
    return company


def test_an_untouched_ledger_holds(company):
    verification = verify_seals(company.pk)

    assert (verification.seals, verification.entries, verification.difference) == (3, 4, None)
    assert verification.last == Seal.objects.get(number=3)


IN_SECOND = "xact_id >= (SELECT from_xact FROM tokens_seal WHERE number = 2) AND xact_id < (SELECT to_xact FROM tokens_seal WHERE number = 2)"
SLIPPED_IN = f"""
    INSERT INTO tokens_ledger_entry (company_id, kind, delta_tokens, company_day, xact_id)
    SELECT company_id, 'debt', 5, company_day, xact_id FROM tokens_ledger_entry WHERE {IN_SECOND}
"""


@pytest.mark.parametrize(
    ("damage", "number", "found"),
    [
        (f"UPDATE tokens_ledger_entry SET delta_tokens = -199 WHERE {IN_SECOND}", 2, Damage.ROWS_CHANGED),
        (f"UPDATE tokens_ledger_entry SET recorded_at = recorded_at + interval '1 microsecond' WHERE {IN_SECOND}", 2, Damage.ROWS_CHANGED),
        (f"UPDATE tokens_ledger_entry SET reason_code = 'x' WHERE {IN_SECOND}", 2, Damage.ROWS_CHANGED),
        (f"UPDATE tokens_ledger_entry SET id = uuidv7() WHERE {IN_SECOND}", 2, Damage.ROWS_CHANGED),
        (f"DELETE FROM tokens_ledger_entry WHERE {IN_SECOND}", 2, Damage.ROWS_REMOVED),
        (SLIPPED_IN, 2, Damage.ROWS_ADDED),
        ("UPDATE tokens_seal SET sha256 = repeat('a', 64) WHERE number = 2", 2, Damage.SEAL_CHANGED),
        ("UPDATE tokens_seal SET entry_count = 9 WHERE number = 2", 2, Damage.SEAL_CHANGED),
        ("UPDATE tokens_seal SET balance_tokens = 9 WHERE number = 3", 3, Damage.SEAL_CHANGED),
        ("DELETE FROM tokens_seal WHERE number = 2", 2, Damage.SEAL_MISSING),
        ("DELETE FROM tokens_seal WHERE number = 1", 1, Damage.SEAL_MISSING),
    ],
)  # fmt: skip
def test_damage_is_found_at_the_first_seal_that_it_touches(company, damage, number, found):
    tamper(damage)

    difference = verify_seals(company.pk).difference

    assert (difference.number, difference.damage) == (number, found)


def reseal(company, number):
    """Forge: make a seal's hash anew over rows that were changed, as the owner of the database could."""
    tamper("DELETE FROM tokens_seal WHERE number >= %s", number)
    seal_all(company)


def test_a_seal_made_anew_is_betrayed_by_the_seal_after_it(company):
    third = Seal.objects.get(number=3)
    tamper(f"UPDATE tokens_ledger_entry SET delta_tokens = -199 WHERE {IN_SECOND}")
    reseal(company, 2)
    tamper("DELETE FROM tokens_seal WHERE number = 3")
    third.save(force_insert=True)

    difference = verify_seals(company.pk).difference

    assert (difference.number, difference.damage) == (2, Damage.SEAL_CHANGED)


def test_a_chain_made_anew_is_found_only_by_what_was_handed_out(company):
    """The first assertion is the control: without an exported seal the forgery holds."""
    handed_out = dict(Seal.objects.values_list("number", "sha256"))
    tamper(f"UPDATE tokens_ledger_entry SET delta_tokens = -199 WHERE {IN_SECOND}")
    reseal(company, 2)

    assert verify_seals(company.pk).difference is None
    difference = verify_seals(company.pk, exported=handed_out).difference

    assert (difference.number, difference.damage) == (2, Damage.NOT_AS_EXPORTED)


def test_a_ledger_cut_off_at_its_end_is_found_by_what_was_handed_out(company):
    handed_out = dict(Seal.objects.values_list("number", "sha256"))
    tamper("DELETE FROM tokens_ledger_entry WHERE xact_id >= (SELECT from_xact FROM tokens_seal WHERE number = 3)")
    tamper("DELETE FROM tokens_seal WHERE number = 3")

    assert verify_seals(company.pk).difference is None
    difference = verify_seals(company.pk, exported=handed_out).difference

    assert (difference.number, difference.damage) == (3, Damage.SEAL_MISSING)


def test_other_companies_do_not_matter(company):
    other = company_at_noon(tokens=50, slug="other")
    seal_all(other, include_today=True)
    tamper("UPDATE tokens_ledger_entry SET delta_tokens = 51 WHERE company_id = %s", other.pk)

    assert verify_seals(company.pk).difference is None
    assert verify_seals(other.pk).difference.number == 1


def test_a_seal_is_read_in_pages(company, monkeypatch):
    monkeypatch.setattr(commit_order, "_PAGE_ROWS", 1)

    assert verify_seals(company.pk).difference is None


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("DELETE FROM tokens_seal WHERE number = 2", {"seals_chain"}),
        ("UPDATE tokens_seal SET from_xact = (SELECT min(xact_id) FROM tokens_ledger_entry) WHERE number = 2",
         {"seals_chain", "seals_count_their_entries"}),
        ("UPDATE tokens_seal SET balance_tokens = 1 WHERE number = 3", {"seals_chain"}),
        ("UPDATE tokens_seal SET sha256 = repeat('a', 64) WHERE number = 2", {"seals_chain"}),
        ("UPDATE tokens_seal SET company_day = company_day - 5 WHERE number = 2", {"seals_chain"}),
        (SLIPPED_IN, {"seals_count_their_entries"}),
        (f"DELETE FROM tokens_ledger_entry WHERE {IN_SECOND}", {"seals_count_their_entries"}),
    ],
)  # fmt: skip
def test_the_audit_of_law_8_finds_what_counts_and_links_show(company, damage, found):
    assert [result.name for result in audit_ledger() if result.law == 8 and not result.holds] == []
    tamper(damage)

    assert {result.name for result in audit_ledger() if result.law == 8 and not result.holds} == found


# The command ---------------------------------------------------------------------------------------------------------


def run(capsys, *arguments):
    """Run the command; returns its exit code, output and error output."""
    capsys.readouterr()
    code = 0
    try:
        call_command("verify_ledger", *arguments)
    except SystemExit as exit_:
        code = exit_.code
    return code, *capsys.readouterr()


def test_the_command_says_that_the_ledger_holds(company, capsys):
    day = Seal.objects.get(number=3).company_day

    assert run(capsys) == (0, f"acme: 3 seals hold over 4 entries, up to {day}.\n", "")


def test_the_command_names_what_differs_and_fails(company, capsys):
    grant(company_at_noon(slug="other"), 5)
    tamper(f"DELETE FROM tokens_ledger_entry WHERE {IN_SECOND}")

    code, output, _progress = run(capsys)

    assert code == 1
    assert output.splitlines() == [
        "acme: DIFFERS at seal 2: rows removed. 0 entries of 0 tokens; sealed were 1 of -200.",
        "other: nothing is sealed yet.",
    ]
    assert run(capsys, "--company=other")[0] == 0


def test_the_command_s_document_can_be_given_back_to_it(company, capsys, tmp_path):
    code, output, _progress = run(capsys, "--json")
    document = json.loads(output)
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps([row["last_seal"] for row in document["companies"]]))

    assert (code, document["holds"], document["companies"][0]["difference"]) == (0, True, None)
    assert run(capsys, f"--against={kept}", "--json") == (0, output, "")


def test_the_command_compares_with_what_seal_ledger_printed(company, capsys, tmp_path):
    kept = tmp_path / "kept.json"
    capsys.readouterr()
    wait_for_others()
    call_command("seal_ledger", "--today", "--json")
    kept.write_text(capsys.readouterr().out)
    assert run(capsys, f"--against={kept}")[0] == 0

    tamper(f"UPDATE tokens_ledger_entry SET delta_tokens = -199 WHERE {IN_SECOND}")
    tamper("DELETE FROM tokens_seal WHERE number >= 2")
    call_command("seal_ledger", "--today")
    code, output, _progress = run(capsys, f"--against={kept}", "--json")

    assert code == 1
    assert json.loads(output)["companies"][0]["difference"]["damage"] == "not as exported"


def test_a_company_that_vanished_differs(company, capsys, tmp_path):
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps({"company": "gone", "number": 4, "sha256": "a" * 64}))

    code, output, _progress = run(capsys, f"--against={kept}")

    assert (code, output.splitlines()[1]) == (
        1,
        f"gone: DIFFERS at seal 4: seal missing. It was exported as {'a' * 64}.",
    )


@pytest.mark.django_db
@pytest.mark.parametrize("content", ["not json", "[1]", '{"company": "acme"}', "7", None])
def test_a_file_that_holds_no_seals_is_refused(tmp_path, content):
    path = tmp_path / "kept.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(CommandError) as refusal:
        call_command("verify_ledger", f"--against={path}")

    assert refusal.value.returncode == 2


def test_progress_goes_to_standard_error(company, capsys, monkeypatch):
    monkeypatch.setattr(verify_ledger, "_PROGRESS_EVERY", 2)
    day = Seal.objects.get(number=2).company_day

    assert run(capsys)[2] == f"acme: 2 seals read, up to {day}\n"


def test_the_product_s_role_may_verify(company, capsys):
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE winnow_app")
        try:
            assert run(capsys)[0] == 0
        finally:
            cursor.execute("RESET ROLE")
