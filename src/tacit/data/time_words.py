"""Words in times: months, weekdays and zones by name, and the words that say that there is no time.

All words are in small letters. Months and weekdays have their names in English, German, French, Spanish,
Italian, Portuguese, Dutch, Polish, Russian, Ukrainian, Czech, Swedish, Danish, Norwegian, Finnish,
Turkish, Hungarian and Romanian.
"""

import unicodedata
from functools import cache

MISSING = frozenset(
    {
        "",
        "null",
        "none",
        "nil",
        "nan",
        "nat",
        "na",
        "n/a",
        "n.a.",
        "#n/a",
        "<na>",
        r"\n",
        "-",
        "--",
        "—",
        "?",
        ".",
        "missing",
        "unknown",
        "undefined",
        "(null)",
        "(none)",
        "never",
        "empty",
        "keine",
        "inconnu",
        "无",
        "空",
        "なし",
    }
)
"""Words that stand for no time."""

_MONTHS = (
    """jan january januar janv janvier ene enero gen gennaio janeiro januari sty stycznia styczeń янв
    января январь січ січня січень led ledna leden tammi tammikuu tammikuuta oca ocak január ian
    ianuarie jänner jän""",
    """feb february februar févr fév février febrero febbraio fev fevereiro februari lut lutego luty фев
    февр февраля февраль лют лютого лютий úno února únor helmi helmikuu helmikuuta şub şubat február
    februarie feber""",
    """mar march mär mrz märz maerz mars marzo março maart mrt marca marzec мар марта март бер березня
    березень bře března březen marts maalis maaliskuu maaliskuuta mart márc március martie""",
    """apr april avr avril abr abril aprile kwi kwietnia kwiecień апр апреля апрель кві квіт квітня
    квітень dub dubna duben huhti huhtikuu huhtikuuta nis nisan ápr április aprilie""",
    """may mai mayo mag maggio maio mei maj maja мая май тра трав травня травень kvě května květen touko
    toukokuu toukokuuta mayıs máj május""",
    """jun june juni juin junio giu giugno junho cze czerwca czerwiec июн июня июнь чер черв червня
    червень čvn června červen kesä kesäkuu kesäkuuta haz haziran jún június iun iunie""",
    """jul july juli juil juillet julio lug luglio julho lip lipca lipiec июл июля июль лип липня липень
    čvc července červenec heinä heinäkuu heinäkuuta tem temmuz júl július iul iulie""",
    """aug august août aou agosto ago augustus sie sierpnia sierpień авг августа август сер серп серпня
    серпень srp srpna srpen augusti elo elokuu elokuuta ağu ağustos augusztus""",
    """sep sept september septembre septiembre set sett settembre setembro wrz września wrzesień сен
    сент сентября сентябрь вер верес вересня вересень zář září syys syyskuu syyskuuta eyl eylül szept
    szeptember septembrie setiembre""",
    """oct october okt oktober octobre octubre ott ottobre out outubro paź października październik окт
    октября октябрь жов жовт жовтня жовтень říj října říjen loka lokakuu lokakuuta eki ekim október
    octombrie""",
    """nov november novembre noviembre novembro lis listopada listopad ноя нояб ноября ноябрь лис лист
    листопада marras marraskuu marraskuuta kas kasım noiembrie""",
    """dec december dez dezember déc décembre dic diciembre dicembre dezembro gru grudnia grudzień дек
    декабря декабрь гру груд грудня грудень pro prosince prosinec des desember joulu joulukuu joulukuuta
    ara aralık decembrie""",
)
_WEEKDAYS = (
    """mon monday mo montag lun lundi lunes lunedì seg segunda segunda-feira maandag ma pon poniedziałek
    пн пнд понедельник po pondělí måndag mån mandag man maanantai pzt pazartesi hétfő luni""",
    """tue tues tuesday di dienstag mar mardi mart martes martedì ter terça terça-feira dinsdag wt wto
    wtorek вт втр вторник út úterý tisdag tis tirsdag tir tiistai ti sal salı kedd marți""",
    """wed wednesday mi mittwoch mer mercredi mié miércoles mercoledì qua quarta quarta-feira woensdag
    wo śr śro środa ср срд среда středa onsdag ons keskiviikko ke çar çarşamba szerda miercuri""",
    """thu thur thurs thursday do donnerstag jeu jeudi jue jueves gio giovedì qui quinta quinta-feira
    donderdag czw czwartek чт чтв четверг čt čtvrtek torsdag tor tors torstai to per perşembe csütörtök
    joi""",
    """fri friday fr freitag ven vendredi vie viernes venerdì sex sexta sexta-feira vrijdag vr pt pią
    piątek пт птн пятница pá pátek fredag fre perjantai pe cum cuma péntek vineri""",
    """sat saturday sa samstag sonnabend sam samedi sáb sábado sab sabato zaterdag za so sob sobota сб
    сбт суббота lördag lør lör lørdag lauantai la cmt cumartesi szombat sâmbătă""",
    """sun sunday so sonntag dim dimanche dom domingo domenica zondag zo nd nie niedziela вс вск
    воскресенье ne neděle söndag sön søndag søn sunnuntai su paz pazar vasárnap duminică""",
)

_HOUR = 3600
OFFSETS = {
    **dict.fromkeys(("z", "utc", "gmt", "ut", "wet", "zulu"), 0),
    **dict.fromkeys(("cet", "mez", "west"), 1 * _HOUR),
    **dict.fromkeys(("cest", "mesz", "eet", "sast"), 2 * _HOUR),
    **dict.fromkeys(("eest", "msk", "trt"), 3 * _HOUR),
    **dict.fromkeys(("jst", "kst"), 9 * _HOUR),
    "sgt": 8 * _HOUR,
    "hkt": 8 * _HOUR,
    "aest": 10 * _HOUR,
    "aedt": 11 * _HOUR,
    "nzst": 12 * _HOUR,
    "nzdt": 13 * _HOUR,
    # RFC 2822 gives these; they are used with this meaning only.
    "edt": -4 * _HOUR,
    "est": -5 * _HOUR,
    "cdt": -5 * _HOUR,
    "mst": -7 * _HOUR,
    "mdt": -6 * _HOUR,
    "pdt": -7 * _HOUR,
    "pst": -8 * _HOUR,
    "akst": -9 * _HOUR,
    "akdt": -8 * _HOUR,
    "hst": -10 * _HOUR,
}
"""Seconds east of Greenwich of zones whose short names have one usual meaning."""

AMBIGUOUS_ZONES = {
    "cst": "America/Chicago or Asia/Shanghai",
    "ist": "Asia/Kolkata, Asia/Jerusalem or Europe/Dublin",
    "bst": "Europe/London or Asia/Dhaka",
    "ast": "America/Halifax or Asia/Riyadh",
    "gst": "Asia/Dubai or Atlantic/South_Georgia",
    "sst": "Pacific/Pago_Pago or Asia/Singapore",
    "amt": "America/Manaus or Asia/Yerevan",
    "adt": "America/Halifax or Asia/Baghdad",
    "ect": "America/Guayaquil or Europe/Paris",
    "pht": "Asia/Manila",
    "brt": "America/Sao_Paulo",
    "art": "America/Argentina/Buenos_Aires",
    "wib": "Asia/Jakarta",
    "pkt": "Asia/Karachi",
    "npt": "Asia/Kathmandu",
    "ict": "Asia/Bangkok",
}
"""Short names with several meanings, or hardly used outside one country, and the zones that they may mean."""


def _plain(word: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKD", word) if not unicodedata.combining(sign))


def _numbered(lists: tuple[str, ...]) -> dict[str, int]:
    """Return the number of each word from 1, as written and without accents; the written form wins."""
    written = {word: at for at, words in enumerate(lists, 1) for word in words.split()}
    return {_plain(word).replace("ı", "i").replace("ł", "l"): at for word, at in written.items()} | written


@cache
def months() -> dict[str, int]:
    """Return the number of each month by name."""
    return _numbered(_MONTHS)


@cache
def weekdays() -> dict[str, int]:
    """Return the ISO number of each weekday by name: Monday is 1; words of two meanings are 0."""
    known: dict[str, int] = {}
    for at, words in enumerate(_WEEKDAYS, 1):
        for word in {*words.split(), *map(_plain, words.split())}:
            known[word] = at if known.get(word, at) == at else 0
    return known
