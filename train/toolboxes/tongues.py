"""How dates, numbers and lists are written in the languages of the toolboxes."""

from collections.abc import Sequence
from random import Random

__all__ = ["LANGUAGES", "MONTHS", "join", "number"]

_WRITTEN = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada"
    " grudnia",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "tr": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
    "zh": "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
    "ja": "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
}
MONTHS = {language: tuple(names.split()) for language, names in _WRITTEN.items()}
"""Language -> the twelve months as they stand in a date."""

LANGUAGES = tuple(MONTHS)
"""Every language in which a toolbox may have phrasings; English is the first."""

_AND = {
    "en": "and",
    "de": "und",
    "fr": "et",
    "es": "y",
    "it": "e",
    "pt": "e",
    "nl": "en",
    "pl": "i",
    "sv": "och",
    "tr": "ve",
}
_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
_POINT = ("en", "zh", "ja")


def number(
    value: float, language: str, rng: Random, *, places: int | None = None, words: bool = True
) -> str:
    """A number as written in the language; in English large ones also with commas.

    words: in English, write small whole numbers in words now and then; places: digits after the point, always
    shown; as many as needed where None.
    """
    whole = int(value) if value == int(value) else None
    if whole is None:
        text = f"{value:f}".rstrip("0") if places is None else f"{value:.{places}f}"
        return text if language in _POINT else text.replace(".", ",")
    if words and language == "en" and 2 <= whole <= 12 and rng.random() < 0.35:
        return _WORDS[whole]
    if language == "en" and abs(whole) >= 10000:
        return f"{whole:,}"
    return str(whole)


def join(items: Sequence[str], language: str) -> str:
    """`a, b and c`."""
    if language in ("zh", "ja"):
        return "、".join(items)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {_AND[language]} {items[-1]}"
