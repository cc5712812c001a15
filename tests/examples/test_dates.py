"""Dates as people write them: every form of every language, its one reading, and mistakes that keep it."""

import importlib
from datetime import date, timedelta
from pathlib import Path
from random import Random

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def dates(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("common.dates")


@pytest.fixture
def mistakes(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("common.mistakes")


def written(dates, day):
    """(language, text) of a day in all forms."""
    for language in dates.LANGUAGES:
        for form in dates.forms_of(day, language):
            yield language.name, dates.filled(form, day, language)


def year(number):
    return [date(number, 1, 1) + timedelta(i) for i in range(365)]


def test_names_are_complete_and_tell_months_apart(dates, mistakes):
    for language in dates.LANGUAGES:
        months = zip(language.months, language.shortened, strict=True)
        assert len(set(language.months)) == len(set(language.shortened)) == len(list(months)) == 12
        assert len(set(language.weekdays)) == len(set(language.shortened_weekdays)) == 7
        for names in (language.months, language.shortened):
            for month, name in enumerate(names, 1):
                assert mistakes.months_named()[mistakes.plain(name.lower().rstrip("."))] == month


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("English", ["1st of September 2021", "Wednesday, September 1, 2021", "1 Sep '21", "01/09/2021"]),
        ("German", ["Mittwoch, den 1. September 2021", "Mi., 1. Sept. 2021", "Mi 1.9.21", "01.09.2021"]),
        ("French", ["le mercredi 1er septembre 2021", "mer. 1er sept. 2021", "01/09/21"]),
        ("Spanish", ["miércoles, 1 de septiembre de 2021", "mié 1 sept 2021", "01-09-2021"]),
        ("Italian", ["mercoledì 1º settembre 2021", "mer 1 set 2021", "1/9/21"]),
        ("Portuguese", ["quarta-feira, 1 de setembro de 2021", "qua, 1 de set. de 2021"]),
        ("Dutch", ["woensdag 1 september 2021", "wo 1 sep. 2021", "1-9-2021"]),
        ("Swedish", ["onsdag den 1 september 2021", "ons 1 sep. 2021", "2021-09-01", "1/9 2021"]),
        ("Danish", ["onsdag den 1. september 2021", "1. sep. 2021", "1/9-2021"]),
        ("Polish", ["środa, 1 września 2021", "1 września 2021 r.", "śr. 1 wrz 2021"]),
        ("Finnish", ["keskiviikkona 1. syyskuuta 2021", "ke 1. syysk. 2021", "ke 1.9.2021"]),
        ("Turkish", ["1 Eylül 2021 Çarşamba", "1 Eyl 2021 Çar", "01.09.2021"]),
    ],
)
def test_a_day_in_each_language(dates, language, texts):
    found = [text for name, text in written(dates, date(2021, 9, 1)) if name == language]
    assert set(texts) <= set(found)


def test_ordinal_numbers(dates):
    english = dates.LANGUAGES[0].ordinal
    days = (1, 2, 3, 4, 11, 12, 13, 20, 21, 22, 23, 30, 31)
    found = " ".join(map(english, days))
    assert found == "1st 2nd 3rd 4th 11th 12th 13th 20th 21st 22nd 23rd 30th 31st"


def test_no_text_has_two_readings(dates, mistakes):
    """Nor without its accents, nor where only two digits are left of the year."""
    meant = {}
    for day in (*year(1950), *year(2004), *year(2049)):
        for _, text in written(dates, day):
            assert meant.setdefault(mistakes.plain(dates.tidy(text)), day) == day
    american = [text for _, text in written(dates, date(2004, 9, 23)) if text.startswith(("9/23", "09/23"))]
    assert american == ["09/23/2004", "9/23/04"]
    assert not any(text.startswith(("9/4", "09/04")) for _, text in written(dates, date(2004, 9, 4)))


def test_every_text_can_be_read(dates):
    longest = max(len(dates.tidy(text)) for day in year(2021) for _, text in written(dates, day))
    assert longest + 2 <= dates.LONGEST  # two mistakes may add a letter each
    for day in (*year(1999)[::3], date(1950, 1, 1), date(2049, 12, 31)):
        dates.padded([dates.tidy(text) for _, text in written(dates, day)])


def one_slip(right, wrong, beside):
    """Whether `wrong` is `right` with a letter dropped, doubled, from beside, or with two swapped."""
    n = len(right)
    dropped = any(wrong == right[:i] + right[i + 1 :] for i in range(n))
    doubled = any(wrong == right[:i] + right[i] + right[i:] for i in range(n))
    differ = [i for i in range(n) if len(wrong) == n and wrong[i] != right[i]]
    near = len(differ) == 1 and beside(right[differ[0]], wrong[differ[0]])
    swapped = len(differ) == 2 and wrong == swap(right, *differ) and differ[1] - differ[0] == 1
    return dropped or doubled or near or swapped


def swap(text, i, j):
    letters = list(text)
    letters[i], letters[j] = letters[j], letters[i]
    return "".join(letters)


def test_mistakes_are_slips_of_one_key(mistakes):
    def beside(a, b):
        places = {c: (x + 0.5 * y, y) for y, row in enumerate(mistakes.ROWS) for x, c in enumerate(row)}
        (x, y), (u, v) = (places[mistakes.plain(c)] for c in (a, b))
        return abs(y - v) <= 1 and abs(x - u) <= 1

    for word in ("september", "määrz", "mei", "ağustos", "aa"):
        wrong = list(mistakes.mistaken(word))
        assert wrong and all(w != word and one_slip(word, w, beside) for w in wrong), word
    assert {"mie", "emi", "ei", "mi", "me", "mmei", "meii", "mri", "mek"} <= set(mistakes.mistaken("mei"))


def test_mistakes_keep_the_reading(dates, mistakes):
    """Numbers and signs stay; the month's word, if it is wrong now, may be no other month's."""
    read = {}
    for name, month in mistakes.months_named().items():
        for variant in (name, *mistakes.mistaken(name)):
            read.setdefault(variant, set()).add(month)
    made = []
    everything = dates.Dates(dates.split_days(0)["train"])
    for number in range(3000):
        random = Random(number)
        e = everything.example(number)
        if e.mistakes:
            continue
        text, count = mistakes.with_mistakes(e.text, 2, random)
        assert [c for c in text if not c.isalpha()] == [c for c in e.text if not c.isalpha()]
        words = [(a, b) for a, b in zip(e.text.split(), text.split(), strict=True) if a != b]
        assert count == len(words) or "-" in e.text
        for right, wrong in words:
            right, wrong = right.strip(".,"), wrong.strip(".,")
            if right in mistakes.months_named():
                assert read[wrong] == {mistakes.months_named()[right]}, (right, wrong)
            else:
                assert wrong not in read, (right, wrong)
        made.append(count)
    assert np.bincount(made).min() > 100  # none, one and two


def test_a_mistake_that_would_be_another_month_is_not_made(mistakes):
    found = {mistakes.with_mistakes("4 juni 2021", 1, Random(i))[0] for i in range(500)}
    assert "4 jni 2021" in found and "4 jui 2021" not in found  # that is juli without its l
    assert {mistakes.with_mistakes("3rd", 1, Random(i)) for i in range(50)} == {("3rd", 0)}


def test_no_day_is_in_two_parts(dates):
    parts = dates.split_days(1)
    days = [day for part in parts.values() for day in part]
    assert len(days) == len(set(days)) == 36_525 and min(days).year == 1950 and max(days).year == 2049
    assert {name: len(part) for name, part in parts.items()} == {"train": 31_046, "val": 1826, "test": 3653}
    assert dates.split_days(1) == parts != dates.split_days(2)


def test_examples_are_of_their_days_and_found_by_number(dates):
    days = dates.split_days(1)["test"]
    stock = dates.Dates(days)
    examples = [stock.example(number) for number in stock.cover()]
    assert sorted(e.iso for e in examples) == sorted(map(str, days))
    assert examples[:50] == [dates.Dates(days).example(number) for number in range(50)]
    assert {e.language for e in examples} == {language.name for language in dates.LANGUAGES}
    assert {e.kind for e in examples} == {"name", "shortened", "number"}
    drawn = stock.draw(np.random.default_rng(0), 1000)
    assert len({stock.example(number).iso for number in drawn}) > 700
    assert {stock.example(number).iso for number in drawn} <= {e.iso for e in examples}


def test_what_a_model_is_given(dates):
    stock = dates.Dates([date(2021, 9, 4), date(1999, 12, 31)])
    source, target, mask, answer = stock.at([0, 1])
    assert source.shape == mask.shape == (2, dates.LONGEST) and target.shape == answer.shape == (2, 10)
    for i in range(2):
        e = stock.example(i)
        assert dates.VOCABULARY.decode(source[i][mask[i]]) == e.text
        assert dates.VOCABULARY.decode(answer[i]) == e.iso
        assert dates.VOCABULARY.decode(target[i]) == dates.START + e.iso[:-1]


def test_spaces_and_large_letters_make_no_difference(dates):
    assert dates.tidy("  4.  SEPTEMBER\t2021 ") == "4. september 2021"
    assert dates.tidy("4 HAZİRAN 2021") == "4 haziran 2021"
