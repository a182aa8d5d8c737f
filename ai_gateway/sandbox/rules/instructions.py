"""Recognise passages of a CV that talk to the reader instead of about the candidate.

They are left out before any rule looks at the text, so that an order cannot be followed and the skills that it lists
are not taken for evidence.
"""

import re

_PATTERNS = (
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,60}\b(?:instruction|prompt|rule|guideline|criteri|above|previous)",
    r"\b(?:ignorier\w*|vergiss|vergessen sie|missachte\w*)\b.{0,60}(?:anweisung|anleitung|vorgabe|regel|instruktion)",
    r"\b(?:ignore[zr]?|oublie[zr]?)\b.{0,60}\b(?:instruction|consigne|r[eè]gle)",
    r"\b(?:ignor[ae]|olvid[ae]|esque[cç]a)\b.{0,60}(?:instruccion|instru[cç]|regla|regra)",
    r"\b(?:zignoruj|pomi[nń]|zapomnij)\b.{0,60}(?:instrukcj|polece|zasad)",
    r"(?:忽略|无视|忘记).{0,20}(?:指令|指示|说明|提示|规则|要求)",
    r"(?:指示|命令|ルール).{0,10}(?:無視|忘れ)",
    r"\b(?:score|rate|grade|rank|evaluate|mark|give|assign)\s+(?:this|the|him|her|them|me|my|every|each|all|it)\b"
    r".{0,60}(?:\b100\b|\b10/10|maximum|highest|perfect|full (?:score|marks|points))",
    r"\b(?:bewerte|gib)\b.{0,60}(?:\b100\b|höchst|maximal|volle punkt)",
    r"\b(?:recommend|advance|approve|select|accept|hire|invite)\s+(?:this|the|him|her|me|my)\b"
    r"(?:\s+(?:candidate|applicant|person|application|profile)|\s*[.!]|$|\s+for\s+(?:an?\s+)?(?:interview|hire))",
    r"\byou (?:must|should|will|are to|have to)\b.{0,40}"
    r"\b(?:score|rate|recommend|hire|advance|select|answer|output|say)\b",
    r"\b(?:as an|dear|attention,?|note to(?: the| any)?|instructions? (?:for|to)(?: the| any)?)\s+"
    r"(?:ai|llm|language model|recruiting (?:ai|bot)|assistant)\b",
    r"\b(?:system|developer) (?:prompt|message)\b|^\s*(?:system|assistant|user)\s*:",
    r"\byou are now\b|\bnew instructions?\b",
)
# A passage may run over a line's end, so "." matches newlines too.
_TALKS_TO_READER = re.compile(
    "|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE | re.DOTALL | re.MULTILINE
)
_ENDS_A_SENTENCE = re.compile(r"[.!?。！？]\W*$")
_MAX_CONTINUATION_LINES = 4
_WRAPPED_FROM_CHARACTERS = 50


def drop_instructions(lines: list[str]) -> list[str]:
    """Blank the lines that talk to the reader, with the lines that their last sentence runs on to."""
    text = "\n".join(lines)
    kept = list(lines)
    for match in _TALKS_TO_READER.finditer(text):
        first, last = text.count("\n", 0, match.start()), text.count("\n", 0, match.end())
        for index in range(first, _end_of_passage(lines, last) + 1):
            kept[index] = ""
    return kept


def _end_of_passage(lines: list[str], last: int) -> int:
    """Return the line on which the sentence ends that goes on at the end of ``last``."""
    for index in range(last, min(last + _MAX_CONTINUATION_LINES, len(lines) - 1)):
        if len(lines[index].strip()) < _WRAPPED_FROM_CHARACTERS or _ENDS_A_SENTENCE.search(lines[index]):
            return index
    return min(last + _MAX_CONTINUATION_LINES, len(lines) - 1)
