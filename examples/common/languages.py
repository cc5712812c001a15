"""How dates are written in twelve languages: names of months and weekdays, and the forms of a date.

A form is a text with fields: {d} and {dd} the day, without and with a leading zero, {th} the day as an
ordinal number, {m} and {mm} the month as a number, {month} and {mon} its name and what that is shortened to,
{Y} and {yy} the year in four and in two digits, {weekday} and {wd} the weekday and what it is shortened to.

A month as a number stands second, "/" and "." and "-" alike, but after a year in four digits (2021-09-04,
in Swedish). Americans put it first, and here they do so after the 12th of a month only: 9/23/2021 has one
reading, 9/4/2021 would have two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """Names, from January and from Monday on, and forms; `late_forms` are for days after the 12th only."""

    name: str
    months: list[str]
    shortened: list[str]
    weekdays: list[str]
    shortened_weekdays: list[str]
    forms: list[str]
    late_forms: tuple[str, ...] = ()
    ordinal: Callable[[int], str] = str


def _english(day: int) -> str:
    last = 0 if day in (11, 12, 13) else day % 10
    return f"{day}{({1: 'st', 2: 'nd', 3: 'rd'}).get(last, 'th')}"


def _first(mark: str) -> Callable[[int], str]:
    """An ordinal number for the first of a month only."""
    return lambda day: f"{day}{mark}" if day == 1 else str(day)


def _language(name: str, months: str, short: str, days: str, short_days: str, forms: str, late="", **more):
    lists = [names.split() for names in (months, short, days, short_days)]
    return Language(name, *lists, forms.split("|"), tuple(late.split("|")) if late else (), **more)


LANGUAGES = [
    _language(
        "English",
        "January February March April May June July August September October November December",
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "Mon Tue Wed Thu Fri Sat Sun",
        "{d} {month} {Y}|{th} {month} {Y}|{th} of {month} {Y}|the {th} of {month}, {Y}|{weekday}, {d} "
        "{month} {Y}|{month} {d}, {Y}|{month} {th}, {Y}|{weekday}, {month} {d}, {Y}|{d} {mon} {Y}|{wd} {d} "
        "{mon} {Y}|{mon} {d}, {Y}|{d} {mon} '{yy}|{mon} {th} '{yy}|{dd}/{mm}/{Y}|{d}/{m}/{Y}|{d}/{m}/{yy}",
        "{mm}/{dd}/{Y}|{m}/{d}/{yy}",
        ordinal=_english,
    ),
    _language(
        "German",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        "Mo Di Mi Do Fr Sa So",
        "{d}. {month} {Y}|{weekday}, {d}. {month} {Y}|{weekday}, den {d}. {month} {Y}|den {d}. {month} {Y}|"
        "{d}. {mon} {Y}|{wd}., {d}. {mon} {Y}|{d}.{m}.{Y}|{dd}.{mm}.{Y}|{dd}.{mm}.{yy}|{wd} {d}.{m}.{yy}",
    ),
    _language(
        "French",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "lun. mar. mer. jeu. ven. sam. dim.",
        "{th} {month} {Y}|le {th} {month} {Y}|{weekday} {th} {month} {Y}|le {weekday} {th} {month} {Y}|"
        "{th} {mon} {Y}|{wd} {th} {mon} {Y}|{dd}/{mm}/{Y}|{d}/{m}/{Y}|{dd}/{mm}/{yy}",
        ordinal=_first("er"),
    ),
    _language(
        "Spanish",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "ene feb mar abr may jun jul ago sept oct nov dic",
        "lunes martes miércoles jueves viernes sábado domingo",
        "lun mar mié jue vie sáb dom",
        "{d} de {month} de {Y}|{d} de {month} del {Y}|{weekday}, {d} de {month} de {Y}|{weekday} {d} de "
        "{month} de {Y}|{d} {mon} {Y}|{wd} {d} {mon} {Y}|{dd}/{mm}/{Y}|{d}/{m}/{yy}|{dd}-{mm}-{Y}",
    ),
    _language(
        "Italian",
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "lunedì martedì mercoledì giovedì venerdì sabato domenica",
        "lun mar mer gio ven sab dom",
        "{th} {month} {Y}|{weekday} {th} {month} {Y}|{weekday}, {th} {month} {Y}|{d} {mon} {Y}|"
        "{wd} {d} {mon} {Y}|{dd}/{mm}/{Y}|{d}/{m}/{Y}|{d}/{m}/{yy}",
        ordinal=_first("º"),
    ),
    _language(
        "Portuguese",
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.",
        "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
        "seg ter qua qui sex sáb dom",
        "{d} de {month} de {Y}|{th} de {month} de {Y}|{weekday}, {d} de {month} de {Y}|{d} {mon} {Y}|"
        "{wd}, {d} de {mon} de {Y}|{dd}/{mm}/{Y}|{d}/{m}/{yy}",
        ordinal=_first("º"),
    ),
    _language(
        "Dutch",
        "januari februari maart april mei juni juli augustus september oktober november december",
        "jan. feb. mrt. apr. mei jun. jul. aug. sep. okt. nov. dec.",
        "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
        "ma di wo do vr za zo",
        "{d} {month} {Y}|{weekday} {d} {month} {Y}|{d} {mon} {Y}|{wd} {d} {mon} {Y}|{dd}-{mm}-{Y}|{d}-{m}-{Y}"
        "|{d}/{m}/{yy}",
    ),
    _language(
        "Swedish",
        "januari februari mars april maj juni juli augusti september oktober november december",
        "jan. feb. mars apr. maj juni juli aug. sep. okt. nov. dec.",
        "måndag tisdag onsdag torsdag fredag lördag söndag",
        "mån tis ons tors fre lör sön",
        "{d} {month} {Y}|den {d} {month} {Y}|{weekday} den {d} {month} {Y}|{d} {mon} {Y}|{wd} {d} {mon} {Y}|"
        "{Y}-{mm}-{dd}|{d}/{m} {Y}",
    ),
    _language(
        "Danish",
        "januar februar marts april maj juni juli august september oktober november december",
        "jan. feb. mar. apr. maj jun. jul. aug. sep. okt. nov. dec.",
        "mandag tirsdag onsdag torsdag fredag lørdag søndag",
        "man tirs ons tors fre lør søn",
        "{d}. {month} {Y}|den {d}. {month} {Y}|{weekday} den {d}. {month} {Y}|{d}. {mon} {Y}|"
        "{wd} {d}. {mon} {Y}|{dd}-{mm}-{Y}|{dd}.{mm}.{Y}|{d}/{m}-{Y}",
    ),
    _language(
        "Polish",
        "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
        "sty lut mar kwi maj cze lip sie wrz paź lis gru",
        "poniedziałek wtorek środa czwartek piątek sobota niedziela",
        "pon. wt. śr. czw. pt. sob. niedz.",
        "{d} {month} {Y}|{d} {month} {Y} r.|{weekday}, {d} {month} {Y}|{d} {mon} {Y}|{wd} {d} {mon} {Y}|"
        "{dd}.{mm}.{Y}|{d}.{m}.{yy}",
    ),
    _language(
        "Finnish",
        "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta "
        "lokakuuta marraskuuta joulukuuta",
        "tammik. helmik. maalisk. huhtik. toukok. kesäk. heinäk. elok. syysk. lokak. marrask. jouluk.",
        "maanantaina tiistaina keskiviikkona torstaina perjantaina lauantaina sunnuntaina",
        "ma ti ke to pe la su",
        "{d}. {month} {Y}|{weekday} {d}. {month} {Y}|{d}. {mon} {Y}|{wd} {d}. {mon} {Y}|{d}.{m}.{Y}|"
        "{wd} {d}.{m}.{Y}",
    ),
    _language(
        "Turkish",
        "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
        "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara",
        "Pazartesi Salı Çarşamba Perşembe Cuma Cumartesi Pazar",
        "Pzt Sal Çar Per Cum Cmt Paz",
        "{d} {month} {Y}|{d} {month} {Y} {weekday}|{d} {month} {Y}, {weekday}|{d} {mon} {Y}|{d} {mon} {Y} "
        "{wd}|{dd}.{mm}.{Y}|{dd}/{mm}/{Y}|{d}.{m}.{yy}",
    ),
]  # fmt: skip
