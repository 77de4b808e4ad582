"""Forty ways to write ratings, those of MovieLens 100K among others, give the same cleaned events."""

import gzip
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest
import zstandard
from tests.examples import share_of

import tacit
from tacit.data.event_names import is_rated

USER, ITEM, RATING, TIME = "user", "item", "rating", "time"
CASTS = {USER: pl.Int64, ITEM: pl.Int64, RATING: pl.Int64, TIME: pl.Int64}
MOMENT = pl.from_epoch(TIME, time_unit="s")

TIMES: dict[str, pl.Expr] = {
    "seconds": pl.col(TIME),
    "milliseconds": pl.col(TIME) * 1000,
    "microseconds": pl.col(TIME) * 1_000_000,
    "nanoseconds": pl.col(TIME) * 1_000_000_000,
    "iso": MOMENT.dt.strftime("%Y-%m-%d %H:%M:%S"),
    "iso T": MOMENT.dt.strftime("%Y-%m-%dT%H:%M:%S"),
    "iso Z": MOMENT.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "iso fraction": MOMENT.dt.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    "offset": (MOMENT + pl.duration(hours=2)).dt.strftime("%Y-%m-%dT%H:%M:%S+02:00"),
    "utc": MOMENT.dt.strftime("%Y-%m-%d %H:%M:%S UTC"),
    "slashes": MOMENT.dt.strftime("%Y/%m/%d %H:%M:%S"),
    "day first": MOMENT.dt.strftime("%d/%m/%Y %H:%M:%S"),
    "dots": MOMENT.dt.strftime("%d.%m.%Y %H:%M:%S"),
    "dashes": MOMENT.dt.strftime("%d-%m-%Y %H:%M:%S"),
    "month first": MOMENT.dt.strftime("%m/%d/%Y %H:%M:%S"),
    "half day": MOMENT.dt.strftime("%m/%d/%Y %I:%M:%S %p"),
    "month name": MOMENT.dt.strftime("%d %b %Y %H:%M:%S"),
    "rfc 2822": MOMENT.dt.strftime("%a, %d %b %Y %H:%M:%S +0000"),
    "ctime": MOMENT.dt.strftime("%a %b %d %H:%M:%S %Y"),
    "14 digits": MOMENT.dt.strftime("%Y%m%d%H%M%S"),
    "comma": MOMENT.dt.strftime("%Y-%m-%d %H:%M:%S,000"),
    "typed": MOMENT,
}
"""Form of times -> what writes it; every one tells the second."""


@dataclass(frozen=True)
class Variant:
    """One way to write ratings.

    Attributes
    ----------
    header : str
        "name=what" for each column in its order, with "," between them; extra columns are constants.
    time : str
        A form of `TIMES`.
    named : bool
        Whether the header is written.
    kind : {"text", "json", "parquet"}
    pack : callable, optional
    """

    header: str = "user_id=user,item_id=item,rating=rating,timestamp=time"
    time: str = "seconds"
    separator: str = ","
    encoding: str = "utf-8"
    named: bool = True
    quoted: bool = False
    end: str = "\n"
    kind: Literal["text", "json", "parquet"] = "text"
    pack: Callable[[bytes], bytes] | None = None

    def write(self, ratings: pl.DataFrame, path: Path) -> Path:
        """Write ratings in this way."""
        pairs = [one.split("=") for one in self.header.split(",")]
        frame = ratings.select(self._column(what).alias(name) for name, what in pairs)
        data = {"text": self._text, "json": _json, "parquet": _parquet}[self.kind](frame)
        path.write_bytes(self.pack(data) if self.pack else data)
        return path

    def _column(self, what: str) -> pl.Expr:
        if what == TIME:
            return TIMES[self.time]
        if what == "row":
            return pl.int_range(pl.len())
        if what == "half":
            return pl.col(RATING).cast(pl.String) + ",0"
        return pl.col(what) if what in CASTS else pl.lit(what)

    def _text(self, frame: pl.DataFrame) -> bytes:
        double = len(self.separator) > 1
        text = frame.write_csv(
            separator="\x1f" if double else self.separator,
            include_header=self.named,
            quote_style="always" if self.quoted else "never" if double else "necessary",
            line_terminator=self.end,
        )
        return text.replace("\x1f", self.separator).encode(self.encoding)


def _json(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.write_ndjson(target)
    return target.getvalue()


def _parquet(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.write_parquet(target)
    return target.getvalue()


PLAIN = "user=user,item=item,rating=rating,time=time"
VARIANTS = {
    "as it is": Variant(PLAIN, named=False, separator="\t"),
    "rated_at": Variant("user_id=user,item_id=item,rating=rating,rated_at=time"),
    "MovieLens 25M": Variant("userId=user,movieId=item,rating=rating,timestamp=time"),
    "viewer and film": Variant("viewer=user,film=item,stars=rating,watched_on=time", "iso"),
    "reader and book": Variant("ReaderID=user,BookID=item,Score=rating,FinishedAt=time", "iso T"),
    "customer first": Variant(
        "customer_no=user,product_code=item,star_rating=rating,reviewed_at=time", "utc"
    ),
    "time first": Variant("when=time,who=user,movie=item,rating=rating", "iso Z"),
    "item first": Variant("movie_id=item,member_id=user,rated_on=time,grade=rating", "iso fraction"),
    "rating first": Variant("score=rating,date=time,track_id=item,listener_id=user", "offset"),
    "screaming": Variant("USER_KEY=user,ITEM_KEY=item,RATING=rating,EVENT_TS=time", "milliseconds"),
    "kebab": Variant("user-id=user,title-id=item,user-rating=rating,rating-date=time", "slashes"),
    "spaced": Variant("Customer ID=user,Item No=item,Star Rating=rating,Date Time=time", "month first"),
    "dotted": Variant(
        "event.user.id=user,event.item.id=item,event.rating=rating,event.time=time", "14 digits"
    ),
    "prefixed": Variant("dim_user=user,dim_movie=item,x_rating=rating,evt_ts=time", "microseconds"),
    "abbreviated": Variant("usr_id=user,itm_id=item,rtg=rating,crt_ts=time", "seconds"),
    "German": Variant("Kundennummer=user,Artikelnummer=item,Bewertung=rating,Zeitpunkt=time", "dots", ";"),
    "German, commas": Variant("Nutzer=user,Film=item,Sterne=half,Bewertet am=time", "day first", ";"),
    "French": Variant("utilisateur=user,film=item,note=rating,date=time", "day first", ";", "cp1252"),
    "Spanish": Variant("usuario=user,película=item,calificación=rating,fecha=time", "dashes", ";", "cp1252"),
    "Italian": Variant("utente=user,prodotto=item,valutazione=rating,data=time", "day first", ";"),
    "Portuguese": Variant("usuário=user,produto=item,avaliação=rating,data=time", "iso", ";", "utf-8-sig"),
    "Dutch": Variant("gebruiker=user,artikel=item,beoordeling=rating,datum=time", "dashes", ";"),
    "Polish": Variant("użytkownik=user,produkt=item,ocena=rating,data=time", "iso", ";", "cp1250"),
    "Russian": Variant("пользователь=user,товар=item,оценка=rating,дата=time", "dots", ";", "cp1251"),
    "Chinese": Variant("用户编号=user,影片编号=item,评分=rating,时间=time", "iso", ",", "gb18030"),
    "Japanese": Variant("会員ID=user,商品コード=item,評価=rating,日時=time", "slashes", ",", "shift_jis"),
    "Korean": Variant("회원번호=user,상품코드=item,평점=rating,일시=time", "iso", ",", "euc_kr"),
    "UTF-16": Variant("user=user,movie=item,rating=rating,time=time", "iso", "\t", "utf-16"),
    "MovieLens 1M": Variant(PLAIN, named=False, separator="::"),
    "no header, commas": Variant(PLAIN, "milliseconds", named=False),
    "no header, dates": Variant(PLAIN, "iso", "|", named=False),
    "quotes and CRLF": Variant(time="half day", quoted=True, end="\r\n"),
    "names of months": Variant(time="month name", separator="\t"),
    "mail dates": Variant(time="rfc 2822", separator=";"),
    "C dates": Variant(time="ctime", separator="|"),
    "log4j": Variant(time="comma", separator=";"),
    "gzip": Variant("reviewer=user,product=item,rating=rating,reviewed=time", "iso", pack=gzip.compress),
    "zstd": Variant("reviewer=user,asin=item,overall=rating,unixTime=time", pack=zstandard.compress),
    "JSON lines": Variant("userId=user,itemId=item,rating=rating,ratedAt=time", "iso Z", kind="json"),
    "JSON lines in milliseconds": Variant(
        "uid=user,movie=item,stars=rating,ts=time", "milliseconds", kind="json"
    ),
    "Parquet": Variant("member=user,film=item,stars=rating,seen_at=time", "typed", kind="parquet"),
    "Parquet in nanoseconds": Variant(
        "member_no=user,film_no=item,stars=rating,seen_ns=time", "nanoseconds", kind="parquet"
    ),
    "index of pandas": Variant("=row,user=user,movie=item,rating=rating,rated_at=time", "iso"),
    "what is the same everywhere": Variant(
        "source=web,user=user,country=Norway,movie=item,rating=rating,currency=NOK,rated_at=time", "iso"
    ),
}
SAME = ("rated_at", "German", "Parquet")
"""Variants whose evaluations are compared."""


def cleaned(path: Path) -> pl.DataFrame:
    """Return the events of a log, without the lines that they stood in."""
    events = tacit.read(path).events.sort("line", maintain_order=True)
    return events.select("user_id", "item_id", "event", "timestamp", "value", "seq")


def file_name(name: str) -> str:
    kind = VARIANTS[name].kind
    return {"text": "ratings.csv", "json": "ratings.jsonl", "parquet": "ratings.parquet"}[kind]


def assert_same(name: str, ratings: pl.DataFrame, folder: Path) -> None:
    """Write ratings in a way, and compare the events with what was written."""
    events = cleaned(VARIANTS[name].write(ratings, folder / file_name(name)))
    assert events["user_id"].to_list() == ratings[USER].cast(pl.String).to_list()
    assert events["item_id"].to_list() == ratings[ITEM].cast(pl.String).to_list()
    assert events["timestamp"].to_list() == ratings[TIME].cast(pl.Float64).to_list()
    assert events["value"].to_list() == ratings[RATING].cast(pl.Float64).to_list()
    assert [is_rated(event) for event in events["event"].unique()] == [True]
    assert events["seq"].null_count() == len(events)


@pytest.fixture(scope="module")
def few_ratings() -> pl.DataFrame:
    """A thousand ratings in the manner of MovieLens: no person rates a film twice."""
    rng = np.random.default_rng(5)
    pairs = rng.permutation(60 * 45)[:1000]
    rows = {
        USER: pairs % 60 + 1,
        ITEM: (pairs // 60) ** 2 // 3 + 11,
        RATING: rng.choice([1, 2, 3, 4, 5], 1000, p=[0.06, 0.11, 0.27, 0.35, 0.21]),
        TIME: 874_724_710 + rng.integers(0, 18_000_000, 1000),
    }
    return pl.DataFrame(rows).unique([USER, ITEM], keep="first", maintain_order=True)


@pytest.fixture(scope="module")
def movielens(request: pytest.FixtureRequest) -> pl.DataFrame:
    """MovieLens 100K as it is given out."""
    folder: Path = request.getfixturevalue("shared_data")
    path = folder / "raw" / "ml-100k" / "u.data.gz"
    if not path.is_file():
        pytest.skip(f"MovieLens 100K is not found at {path}")
    return pl.read_csv(
        path, separator="\t", has_header=False, new_columns=list(CASTS), schema_overrides=CASTS
    )


def test_there_are_forty_variants() -> None:
    assert len(VARIANTS) >= 40


@pytest.mark.parametrize("name", share_of([*VARIANTS], 2, first=1))
def test_a_variant_of_few_ratings_is_read_the_same(
    name: str, few_ratings: pl.DataFrame, tmp_path: Path
) -> None:
    assert_same(name, few_ratings, tmp_path)


@pytest.mark.parametrize("name", share_of([*VARIANTS], 6))
def test_a_variant_of_movielens_is_read_the_same(name: str, movielens: pl.DataFrame, tmp_path: Path) -> None:
    assert_same(name, movielens, tmp_path)


def figures(path: Path) -> pl.DataFrame:
    """Return the metrics of two cheap models, without what they cost."""
    table = tacit.evaluate(path, models=("popular", "covisitation")).table()
    return table.drop("fit_seconds", "ms_per_list", "peak_mb")


def assert_figures(ratings: pl.DataFrame, folder: Path, names: Sequence[str] = SAME) -> None:
    """Compare the evaluations of a few variants with that of the original."""
    original = figures(VARIANTS["as it is"].write(ratings, folder / "u.data"))
    for name in names:
        assert figures(VARIANTS[name].write(ratings, folder / file_name(name))).equals(original)


def test_variants_of_few_ratings_have_the_same_figures(few_ratings: pl.DataFrame, tmp_path: Path) -> None:
    assert_figures(few_ratings, tmp_path)


def test_variants_of_movielens_have_the_same_figures(movielens: pl.DataFrame, tmp_path: Path) -> None:
    assert_figures(movielens, tmp_path, share_of(SAME, 3, first=1))
