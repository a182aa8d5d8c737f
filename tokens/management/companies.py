"""How commands of the ledger name a company."""

from argparse import ArgumentParser

from django.core.management.base import CommandError

from tenants.models import Company


def add_company_argument(parser: ArgumentParser, *, required: bool = False) -> None:
    """Let a command be told one company."""
    parser.add_argument(
        "--company", metavar="SLUG", required=required, help="One company." if required else "Default: all companies."
    )


def get_company_id(slug: str) -> int:
    """Return the id of a company.

    Raises:
        CommandError: there is no such company.
    """
    company_id = Company.objects.filter(slug=slug).values_list("pk", flat=True).first()
    if company_id is None:
        raise CommandError(f"There is no company “{slug}”.", returncode=2)
    return company_id
