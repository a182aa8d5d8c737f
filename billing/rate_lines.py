"""Rates beside a model's standard price as lines of text, for people to read and write.

``flex: input=1 cache_read=0.1 output=5`` or ``standard above 272000: input=4 output=15``: all prices of that rate.
"""

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from billing.models import CLASS_PRICES, PriceRate, PriceVersion
from billing.price_list import ListedRate

# Short names of the columns; a tool request's is by the thousand, media by the hour, all others by the million.
SHORT_NAMES = {re.sub(r"_usd_per_\w+$", "", column): column for column in CLASS_PRICES}
_HEAD = re.compile(r"(?P<tier>[\w.-]{1,32})(?:\s+above\s+(?P<above>\d{1,9}))?")


def parse_rates(text: str) -> tuple[ListedRate, ...]:
    """Read lines of rates. Raises ``ValueError`` with what is wrong, and in which line."""
    rates = tuple(_parse_line(line.strip()) for line in text.splitlines() if line.strip())
    heads = [(rate.service_tier, rate.above_input_tokens) for rate in rates]
    if len(set(heads)) < len(heads):
        raise ValueError("Two lines are for the same tier and length.")
    if ("standard", 0) in heads:
        raise ValueError("The standard price has its own fields above.")
    return rates


def _parse_line(line: str) -> ListedRate:
    head, colon, prices = line.partition(":")
    found = _HEAD.fullmatch(head.strip())
    if not (colon and found and prices.strip()):
        raise ValueError(f"“{line}” is not like “flex: input=1 output=5”.")
    values: dict[str, Decimal | None] = dict.fromkeys(CLASS_PRICES)
    for part in prices.split():
        name, _, amount = part.partition("=")
        if name not in SHORT_NAMES:
            raise ValueError(f"“{name}” is not one of {', '.join(SHORT_NAMES)}.")
        values[SHORT_NAMES[name]] = _parse_amount(amount)
    return ListedRate(found["tier"], int(found["above"] or 0), values)


def _parse_amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"“{text}” is not a price.") from error
    if not amount.is_finite() or not 0 <= amount < 10**8 or amount != round(amount, 12):
        raise ValueError(f"“{text}” is not a price.")
    return amount


def write_rates(price: PriceVersion) -> str:
    """Write the rates of a price down as ``parse_rates`` reads them."""
    return "\n".join(_write_line(rate) for rate in _in_order(price.known_rates))


def _write_line(rate: PriceRate) -> str:
    above = f" above {rate.above_input_tokens}" if rate.above_input_tokens else ""
    prices = ((name, getattr(rate, column)) for name, column in SHORT_NAMES.items())
    listed = " ".join(f"{name}={usd.normalize():f}" for name, usd in prices if usd is not None)
    return f"{rate.service_tier}{above}: {listed}"


def _in_order(rates: Iterable[PriceRate]) -> list[PriceRate]:
    return sorted(rates, key=lambda rate: (rate.service_tier, rate.above_input_tokens))
