"""Numbers of years, as criteria ask for them and as CVs state them."""

import re

from ai_gateway.sandbox.rules.folding import fold, has_cjk

_NUMBER_WORDS = {
    1: "one ein eine einem einen un une uno una um uma jeden 一",
    2: "two zwei deux dos dois dwa dwie dwoch 二 两",
    3: "three drei trois tres trzy trzech 三",
    4: "four vier quatre cuatro quatro cztery czterech 四",
    5: "five fünf cinq cinco pięć pięciu 五",
    6: "six sechs seis sześć sześciu 六",
    7: "seven sieben sept siete sete siedem siedmiu 七",
    8: "eight acht huit ocho oito osiem ośmiu 八",
    9: "nine neun neuf nueve nove dziewięć 九",
    10: "ten zehn dix diez dez dziesięć 十",
    11: "eleven elf onze once jedenaście 十一",
    12: "twelve zwölf douze doce doze dwanaście 十二",
    15: "fifteen fünfzehn quinze quince piętnaście 十五",
    20: "twenty zwanzig vingt veinte vinte dwadzieścia 二十",
}
_NUMBER_OF = {fold(word): number for number, words in _NUMBER_WORDS.items() for word in words.split()}
_WORDS = "|".join(sorted((word for word in _NUMBER_OF if not has_cjk(word)), key=len, reverse=True))
_CJK_WORDS = "|".join(sorted((word for word in _NUMBER_OF if has_cjk(word)), key=len, reverse=True))
# A CJK number may follow a letter, as there are no spaces; a year of the calendar has four digits and is none.
_YEARS = re.compile(
    rf"(?<![\w.])(?P<number>\d{{1,2}}(?:[.,]5)?|{_WORDS})\s?\+?(?:\s?(?:-|–|to|bis|a)\s?\d{{1,2}})?[\s-]?"
    r"(?:years?|yrs|jahre?n?|jahrige\w*|ans|annees?|anos|lata?|roku|年)"
    rf"|(?<![\d一二三四五六七八九十])(?P<cjk>\d{{1,2}}|{_CJK_WORDS})年(?!\s?\d{{1,2}}月)"
)


def find_stated_years(text: str) -> float | None:
    """Return the largest number of years that a text states, in figures or words; of a range, its beginning."""
    found = [_read(match["number"] or match["cjk"]) for match in _YEARS.finditer(fold(text))]
    return max(found, default=None)


def _read(number: str) -> float:
    return float(number.replace(",", ".")) if number[0].isdigit() else float(_NUMBER_OF[number])
