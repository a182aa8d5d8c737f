"""Put what others wrote between tags that it cannot close.

The format, which the sandbox's rules read back (``ai_gateway/sandbox/rules/prompt_reading.py``)::

    <job>
    {"title": "…", "description": "…", "criteria": [{"id": "c1", "text": "…", "weight": 3, "must_have": true}]}
    </job>

    <earlier_results>
    {…}
    </earlier_results>

    <cv pages="2" received="2026-11-21" cut="no">
    <page number="1">
    …
    </page>
    </cv>

Inside ``<cv>`` no angle bracket occurs: they are shown as ``‹`` and ``›``. Inside the JSON they are escaped.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

# Characters that no reader of a CV sees, but a model would: controls, marks that reorder text, and the "tag"
# characters with which instructions are hidden in plain text. Joiners stay: Persian and Hindi need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_BRACKETS = str.maketrans(dict.fromkeys("<\uff1c\ufe64", "\u2039") | dict.fromkeys(">\uff1e\ufe65", "\u203a"))
_BLANK_LINES = re.compile(r"\n{3,}")


def clean_text(text: str) -> str:
    """Remove what a reader cannot see and needless space, so that two extractions of a text give one prompt."""
    visible = _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n"))
    lines = (line.rstrip() for line in visible.split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def fence_json(tag: str, value: Mapping[str, Any]) -> str:
    """Write a value as one line of JSON between tags, with the order of keys as given."""
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return f"<{tag}>\n{text.replace('<', chr(92) + 'u003c').replace('>', chr(92) + 'u003e')}\n</{tag}>"


def fence_cv(pages: Sequence[tuple[int, str]], *, page_count: int, received: str | None, cut_characters: int) -> str:
    """Write numbered pages between tags; ``cut_characters`` says how much of the CV is not shown."""
    attributes = f'pages="{page_count}"' + (f' received="{received}"' if received else "")
    body = [f'<page number="{number}">\n{text.translate(_BRACKETS)}\n</page>' for number, text in pages]
    if cut_characters:
        body.append(f"[The CV was cut here: {cut_characters} more characters are not shown.]")
    opening = f'<cv {attributes} cut="{"yes" if cut_characters else "no"}">'
    return "\n".join([opening, *body, "</cv>"])
