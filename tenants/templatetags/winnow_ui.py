"""How Winnow's pages write numbers, times, money and states.

Numbers follow the reader's locale. Tables show full integers; only figures on cards are abbreviated.
A shortened time, cost or number carries its exact value in ``datetime`` or ``value`` and in ``title``.
"""

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from django import template
from django.template import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

MINUS = "−"
NONE = mark_safe('<span class="none">–</span>')

MOMENT_FORMATS: Mapping[str, str] = {
    "minute": "j M Y, H:i",
    "second": "j M Y, H:i:s",
    "clock": "H:i:s",
    "day": "j M Y",
}

# A state is shown by word and icon; its tone only repeats what both say.
STATES_BY_TONE: Mapping[str, tuple[str, ...]] = {
    "good": ("succeeded", "screened", "settled", "open", "active", "met", "advance", "success"),
    "info": ("running", "screening", "info", "debug"),
    "warn": (
        *("waiting_for_tokens", "waiting_for_cap", "held_back", "needs_attention", "deactivated"),
        *("warning", "refused", "unknown", "partly_met", "review", "hold", "expires_soon"),
    ),
    "bad": ("failed", "critical", "error", "not_met", "reject", "expired"),
}
STATE_TONES = {state: tone for tone, states in STATES_BY_TONE.items() for state in states}
TONE_ICONS = {"good": "check", "info": "running", "warn": "warning", "bad": "cross", "quiet": "dash"}
NOTE_ICONS = {"good": "check", "info": "info", "warn": "warning", "bad": "warning", "quiet": "info"}
WAITING_STATES = frozenset({"waiting", "blocked", "ready", "received", "waiting_for_tokens", "waiting_for_cap"})


# Numbers --------------------------------------------------------------------------------------------------


@register.filter
def whole(value: int | None) -> str:
    """Write an integer in full, grouped as the locale groups; None as a dash."""
    return NONE if value is None else _grouped(Decimal(value), places=0)


@register.filter
def abbreviated(value: int) -> SafeString:
    """Write an integer for a card: in full below a million, else in millions or billions.

    Rounding towards zero keeps a card from promising more tokens than there are.
    """
    for unit, suffix in ((1_000_000_000, "B"), (1_000_000, "M")):
        if abs(value) >= unit:
            shown = (Decimal(value) / unit).quantize(Decimal("0.01"), ROUND_DOWN)
            text = f"{_grouped(shown, places=2)}{suffix}"
            return format_html('<data value="{}" title="{}">{}</data>', str(value), whole(value), text)
    return format_html('<data value="{}">{}</data>', str(value), whole(value))


@register.filter
def usd(value: Decimal | None) -> SafeString:
    """Write an amount of US dollars: cents from one dollar up, four places below, never a false zero.

    None means that no price is known, which is not the same as free.
    """
    if value is None:
        return format_html('<span class="unpriced">{}</span>', "not priced")
    places = 2 if value == 0 or abs(value) >= 1 else 4
    shown = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    sign = MINUS if value < 0 else ""
    if value and not shown:
        text = f"<{sign}${_grouped(Decimal('0.0001'), places=4)}"
    else:
        text = f"{sign}${_grouped(abs(shown), places=places)}"
    exact = f"{value.normalize():f}"
    return format_html('<data value="{}" title="{} USD">{}</data>', exact, exact, text)


@register.filter
def percent(value: Decimal | float | None) -> str:
    """Write a percentage with one decimal below ten, without above."""
    if value is None:
        return NONE
    exact = Decimal(str(value))
    places = 0 if exact == 0 or abs(exact) >= 10 else 1
    return f"{_grouped(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP), places=places)}%"


@register.filter
def change(value: Decimal | float | None) -> str:
    """Write a relative change with its sign; None as a dash."""
    if value is None or value <= 0:
        return percent(value)
    return f"+{percent(value)}"


@register.filter
def duration(seconds: Decimal | float | None) -> str:
    """Write a number of seconds as people say it: 3.2 s, 42 s, 3 min 12 s, 2 h 05 min."""
    if seconds is None:
        return NONE
    if seconds < 9.95:
        return f"{_grouped(Decimal(str(seconds)).quantize(Decimal('0.1'), ROUND_HALF_UP), places=1)} s"
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60:02d} s"
    return f"{total // 3600} h {total % 3600 // 60:02d} min"


def _grouped(value: Decimal, *, places: int) -> str:
    text = str(number_format(abs(value), decimal_pos=places, use_l10n=True, force_grouping=True))
    return f"{MINUS}{text}" if value < 0 else text


# Times ----------------------------------------------------------------------------------------------------


@register.simple_tag
def moment(value: date | None, zone: str | tzinfo | None = None, style: str = "minute") -> SafeString:
    """Write a time in ``zone`` (by default the current one), or a plain date; its exact form shows on hover.

    ``style``: minute, second, clock or day.
    """
    if value is None:
        return NONE
    if not isinstance(value, datetime):
        text = date_format(value, MOMENT_FORMATS["day"])
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), text)
    local = timezone.localtime(value, ZoneInfo(zone) if isinstance(zone, str) else zone)
    exact = local.isoformat(timespec="seconds")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', exact, exact, date_format(local, MOMENT_FORMATS[style])
    )


# Words ----------------------------------------------------------------------------------------------------


@register.filter
def in_words(key: object) -> str:
    """Turn an identifier into words: ``cv_parse`` → "Cv parse", ``workHistory`` → "Work history"."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in str(key))
    words = spaced.replace("_", " ").replace("-", " ").split()
    return " ".join(words).capitalize()


@register.filter
def shape(value: object) -> str:
    """Tell a template how to lay out parsed JSON: empty, mapping, words (short texts), list or text."""
    if value is None or value in ("", [], {}):
        return "empty"
    if isinstance(value, Mapping):
        return "mapping"
    if not isinstance(value, (list, tuple)):
        return "text"
    return "words" if all(isinstance(item, str) and len(item) <= 40 for item in value) else "list"


# Parts ----------------------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw an icon of the sprite; without a label it is decoration and hidden from assistive technology."""
    source = f"{static('winnow/icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"></use></svg>', label, source)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"></use></svg>', source)


@register.inclusion_tag("components/badge.html")
def state_badge(state: str, label: str = "") -> dict[str, str]:
    """Show a state as a badge; its tone and icon follow from the state's name, the words from the label."""
    tone = STATE_TONES.get(state, "quiet")
    return {
        "tone": tone,
        "icon_name": "clock" if state in WAITING_STATES else TONE_ICONS[tone],
        "label": label or in_words(state),
    }


@register.inclusion_tag("components/note.html")
def note(
    severity: str, title: str = "", text: str = "", action_label: str = "", action_url: str = ""
) -> dict[str, str]:
    """Show a note (an alert, a message) of a severity or state, with at most one action."""
    tone = STATE_TONES.get(severity, "quiet")
    return {
        "tone": tone,
        "icon_name": NOTE_ICONS[tone],
        "title": title,
        "text": text,
        "action_label": action_label,
        "action_url": action_url,
    }


@register.inclusion_tag("components/share_bar.html")
def share_bar(share_percent: Decimal | float | None) -> dict[str, str]:
    """Draw a share of 100 as a bar, for use beside its figure (the bar itself is decoration)."""
    share = min(max(float(share_percent or 0), 0.0), 100.0)
    return {"width": f"{share:.1f}"}


@register.inclusion_tag("components/balance_bar.html")
def balance_bar(allocated: int, used: int, held: int) -> dict[str, object]:
    """Draw what of the allocated tokens is used, held and free."""
    total = max(allocated, used + held, 1)
    used_width, held_width = 100 * used / total, 100 * held / total
    return {
        "used_width": f"{used_width:.2f}",
        "held_start": f"{used_width:.2f}",
        "held_width": f"{held_width:.2f}",
        "label": f"{whole(used)} used, {whole(held)} held, of {whole(allocated)} allocated",
    }


@register.simple_tag(takes_context=True)
def nav_link(context: Context, label: str, url: str) -> SafeString:
    """Link to a section of the app and mark it when the current page is in it; no link without a URL."""
    if not url:
        return SafeString("")
    path = context["request"].path if "request" in context else ""
    current = "page" if path == url else "true" if path.startswith(url) else ""
    attribute = format_html(' aria-current="{}"', current) if current else ""
    return format_html('<a href="{}"{}>{}</a>', url, attribute, label)


@register.simple_block_tag
def table_region(content: str, caption: str, fold: bool = False) -> SafeString:
    """Wrap rows in a table that scrolls inside its own region, or folds into blocks on a phone (``fold``).

    The caption names the region for those who do not see it; the visible heading stands above the table.
    """
    context = {"caption": caption, "fold": fold, "rows": content}
    return render_to_string("components/table.html", context)
