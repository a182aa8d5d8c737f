"""Read figures off a page, as somebody would who compares them with the books."""

from playwright.sync_api import Locator, Page

_ROWS = """table => [...table.tBodies, table.tFoot].filter(Boolean).flatMap(part => [...part.rows]).map(row => {
    const names = [...table.tHead.rows[0].cells].map(cell => cell.innerText);
    const cells = [...row.cells].flatMap(cell => [cell.innerText, ...Array(cell.colSpan - 1).fill("")]);
    return Object.fromEntries(names.map((name, index) => [name, cells[index]]));
})"""


def read_table(page: Page, name: str) -> list[dict[str, str]]:
    """Return the rows of a table, those of its foot last, as texts by the heads of their columns."""
    rows: list[dict[str, str]] = page.get_by_role("table", name=name, exact=True).evaluate(_ROWS)
    return rows


def read_card(page: Page, label: str) -> int:
    """Return the figure of a card on the token page."""
    card = page.locator(".card").filter(has=page.get_by_role("heading", name=label, exact=True))
    return int(card.locator("data").first.get_attribute("value") or "")


def screening(page: Page) -> Locator:
    """Return the part of an application's page that says how far its steps are."""
    return page.get_by_role("region", name="Screening")


def number(text: str) -> int:
    """Return a whole number as tables write it."""
    return int(text.replace(",", ""))
