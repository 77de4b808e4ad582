"""Public logs in the shape that their own documentation gives, with made-up content, and what each holds."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.reading.known import ANY, Row, Visit, delimited, visits

MAKERS: dict[str, Callable[[], "Public"]] = {}
"""Name -> maker, in the order of this file."""


@dataclass(frozen=True)
class Public:
    """A public log.

    Attributes
    ----------
    file : str
    content : str or bytes
    readings : sequence of lists of rows
        Any one is right.
    rated : bool, optional
        Whether the value is a rating.
    roles : mapping of role to columns
    rejected : int
    refusable : bool
        Whether a refusal is right as well: not everybody would agree on its user or item.
    """

    file: str
    content: str | bytes
    readings: Sequence[list[Row]]
    rated: bool | None = None
    roles: dict[str, str] | None = None
    rejected: int = 0
    refusable: bool = False


def public(maker: Callable[[], Public]) -> Callable[[], Public]:
    """Add a maker to the logs that are tested."""
    MAKERS[maker.__name__] = maker
    return maker


def sha1(text: object) -> str:
    return hashlib.sha1(str(text).encode()).hexdigest()


def moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def iso(at: int, pattern: str = "%Y-%m-%d %H:%M:%S") -> str:
    return moment(at).strftime(pattern)


def day(at: int) -> int:
    return at // 86_400 * 86_400


def json_lines(records: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


SEEN = visits(step=20_000)
STARS = [1 + (visit.user + 2 * visit.item + visit.number % 2) % 5 for visit in SEEN]


def rows_of(
    user: Callable[[Visit], object] = lambda visit: visit.user + 1,
    item: Callable[[Visit], object] = lambda visit: visit.item + 1,
    event: str | Any = None,
    at: Callable[[Visit], float | None] = lambda visit: visit.at,
    value: Callable[[Visit], Any] = lambda visit: None,
) -> list[Row]:
    """Return what the visits say."""
    return [Row(str(user(visit)), str(item(visit)), event, at(visit), value(visit)) for visit in SEEN]


def no_time(visit: Visit) -> None:
    return None


def stars(visit: Visit) -> int:
    return STARS[visit.number]


def anything(visit: Visit) -> Any:
    return ANY


# Music


@public
def lastfm_360k() -> Public:
    """Last.fm 360K, usersha1-artmbid-artname-plays.tsv: no header, plays in all."""
    text = delimited(
        (
            (
                sha1(v.user),
                f"{sha1(v.item)[:8]}-0d37-4a1b-9c8e-{sha1(v.item)[8:20]}",
                f"the band no {v.item}",
                3 + v.number * 7 % 900,
            )
            for v in SEEN
        ),
        "\t",
    )
    ids = rows_of(
        lambda v: sha1(v.user),
        lambda v: f"{sha1(v.item)[:8]}-0d37-4a1b-9c8e-{sha1(v.item)[8:20]}",
        None,
        no_time,
        anything,
    )
    names = rows_of(lambda v: sha1(v.user), lambda v: f"the band no {v.item}", None, no_time, anything)
    return Public("usersha1-artmbid-artname-plays.tsv", text, [ids, names], rated=False)


@public
def lastfm_1k() -> Public:
    """Last.fm 1K: user, time, artist id and name, track id and name, without a header."""
    lines = [
        (
            f"user_{v.user:06}",
            iso(v.at, "%Y-%m-%dT%H:%M:%SZ"),
            f"{sha1(v.item % 9)[:8]}-00aa-4bbb-8ccc-{sha1(v.item)[8:20]}",
            f"Artist {v.item % 9}",
            f"{sha1(v.item)[:8]}-11aa-4bbb-8ccc-{sha1(v.item)[8:20]}",
            f"Song {v.item}",
        )
        for v in SEEN
    ]
    readings = [
        [Row(line[0], line[place], None, v.at) for line, v in zip(lines, SEEN, strict=True)]
        for place in (4, 5, 2, 3)
    ]
    return Public(
        "userid-timestamp-artid-artname-traid-traname.tsv", delimited(lines, "\t"), readings, refusable=True
    )


@public
def hetrec_lastfm() -> Public:
    """HetRec 2011 Last.fm, user_artists.dat: the weight is a count of plays."""
    text = delimited(
        ((v.user + 2, v.item + 51, 13 + v.number * 97 % 9000) for v in SEEN),
        "\t",
        ("userID", "artistID", "weight"),
    )
    rows = rows_of(lambda v: v.user + 2, lambda v: v.item + 51, None, no_time, anything)
    return Public("user_artists.dat", text, [rows])


@public
def hetrec_tags() -> Public:
    """HetRec 2011 Last.fm, user_taggedartists-timestamps.dat: milliseconds."""
    text = delimited(
        ((v.user + 2, v.item + 51, 13 + v.number % 4, v.at * 1000) for v in SEEN),
        "\t",
        ("userID", "artistID", "tagID", "timestamp"),
    )
    return Public(
        "user_taggedartists-timestamps.dat", text, [rows_of(lambda v: v.user + 2, lambda v: v.item + 51)]
    )


@public
def million_songs() -> Public:
    """Million Song Dataset, taste profile triplets: no header, plays."""
    text = delimited(((sha1(v.user), f"SO{sha1(v.item)[:16].upper()}", 1 + v.number % 9) for v in SEEN), "\t")
    rows = rows_of(
        lambda v: sha1(v.user), lambda v: f"SO{sha1(v.item)[:16].upper()}", None, no_time, anything
    )
    return Public("train_triplets.txt", text, [rows])


# Films, books, games, food


@public
def movielens_1m() -> Public:
    text = "".join(f"{v.user + 1}::{v.item + 1}::{stars(v)}::{v.at}\n" for v in SEEN)
    return Public("ratings.dat", text, [rows_of(value=stars)], rated=True)


@public
def movielens_10m() -> Public:
    text = "".join(f"{v.user + 1}::{v.item + 1}::{stars(v) - 0.5}::{v.at}\n" for v in SEEN)
    return Public("ratings.dat", text, [rows_of(value=lambda v: stars(v) - 0.5)], rated=True)


@public
def movielens_20m_with_dates() -> Public:
    """MovieLens 20M as it was first given out: everything in quotes, dates as text."""
    lines = [("userId", "movieId", "rating", "timestamp")]
    lines += [(str(v.user + 1), str(v.item + 1), f"{stars(v) - 0.5}", iso(v.at)) for v in SEEN]
    text = "".join(",".join(f'"{cell}"' for cell in line) + "\n" for line in lines)
    return Public("rating.csv", text, [rows_of(value=lambda v: stars(v) - 0.5)], rated=True)


@public
def movielens_25m() -> Public:
    text = delimited(
        ((v.user + 1, v.item + 1, f"{stars(v) - 0.5}", v.at) for v in SEEN),
        header=("userId", "movieId", "rating", "timestamp"),
    )
    return Public("ratings.csv", text, [rows_of(value=lambda v: stars(v) - 0.5)], rated=True)


@public
def netflix_prize() -> Public:
    """Netflix Prize, combined_data_1.txt: a line ``7:`` before the ratings of film 7."""
    by_film = sorted(SEEN, key=lambda v: (v.item, v.number))
    lines: list[str] = []
    for number, v in enumerate(by_film):
        if number == 0 or v.item != by_film[number - 1].item:
            lines.append(f"{v.item + 1}:")
        lines.append(f"{v.user + 1},{stars(v)},{iso(v.at, '%Y-%m-%d')}")
    rows = [Row(str(v.user + 1), str(v.item + 1), None, day(v.at), stars(v)) for v in by_film]
    return Public("combined_data_1.txt", "\n".join(lines) + "\n", [rows], rated=True, refusable=True)


@public
def goodbooks() -> Public:
    text = delimited(
        ((v.user + 1, v.item + 1, stars(v)) for v in SEEN), header=("user_id", "book_id", "rating")
    )
    return Public("ratings.csv", text, [rows_of(at=no_time, value=stars)], rated=True)


@public
def epinions() -> Public:
    """Epinions, ratings_data.txt: blanks between user, item and rating, no header."""
    text = "".join(f"{v.user + 1} {v.item + 100} {stars(v)}\n" for v in SEEN)
    return Public("ratings_data.txt", text, [rows_of(item=lambda v: v.item + 100, at=no_time, value=stars)])


@public
def beer_advocate() -> Public:
    """BeerAdvocate: five ratings, of which the overall one is meant."""
    header = (
        "brewery_id",
        "brewery_name",
        "review_time",
        "review_overall",
        "review_aroma",
        "review_appearance",
        "review_profilename",
        "beer_style",
        "review_palate",
        "review_taste",
        "beer_name",
        "beer_abv",
        "beer_beerid",
    )
    text = delimited(
        (
            (
                v.item % 7,
                f"Brewery {v.item % 7}",
                v.at,
                stars(v) - 0.5,
                4,
                3.5,
                f"drinker{v.user}",
                "Stout",
                4,
                3,
                f"Beer {v.item}",
                5.2,
                4000 + v.item,
            )
            for v in SEEN
        ),
        header=header,
    )
    readings = [
        rows_of(lambda v: f"drinker{v.user}", item, None, value=lambda v: stars(v) - 0.5)
        for item in (lambda v: 4000 + v.item, lambda v: f"Beer {v.item}")
    ]
    return Public("beer_reviews.csv", text, readings, rated=True)


@public
def food_com() -> Public:
    """Food.com, RAW_interactions.csv: reviews with line breaks and quotes."""
    reviews = ("Very good", 'So "easy"!\nWill make again, often', "", "Nice; thanks")
    text = delimited(
        (
            (38_094 + v.user, 40_893 + v.item, iso(v.at, "%Y-%m-%d"), stars(v), reviews[v.number % 4])
            for v in SEEN
        ),
        header=("user_id", "recipe_id", "date", "rating", "review"),
    )
    rows = rows_of(lambda v: 38_094 + v.user, lambda v: 40_893 + v.item, None, lambda v: day(v.at), stars)
    return Public("RAW_interactions.csv", text, [rows], rated=True)


@public
def steam_reviews() -> Public:
    """Steam reviews, one object a line: hours played, a date, a text, no rating."""
    text = json_lines(
        {
            "username": f"gamer {v.user}",
            "hours": 1.5 + v.number % 40,
            "products": 41 + v.user,
            "product_id": str(700 + v.item),
            "page_order": v.number % 10,
            "date": iso(v.at, "%Y-%m-%d"),
            "text": "good, very good",
            "early_access": False,
            "page": 1 + v.number // 10,
        }
        for v in SEEN
    )
    rows = rows_of(lambda v: f"gamer {v.user}", lambda v: 700 + v.item, None, lambda v: day(v.at), anything)
    return Public("steam_reviews.json", text, [rows], rated=False)


@public
def twitch() -> Public:
    """Twitch 100k: user, stream, streamer, start and stop in steps of ten minutes, without a header."""
    text = delimited(
        (v.user + 1, 34_000_000 + v.item, f"streamer{v.item % 20}", 150 + v.number // 3, 152 + v.number // 3)
        for v in SEEN
    )
    readings = [
        rows_of(item=item, at=no_time, value=anything)
        for item in (lambda v: 34_000_000 + v.item, lambda v: f"streamer{v.item % 20}")
    ]
    return Public("100k_a.csv", text, readings, refusable=True)


# Reviews of shops


@public
def amazon_reviews_2018() -> Public:
    """Amazon reviews, 2018, one object a line: ``unixReviewTime`` beside a date as text."""
    text = json_lines(
        {
            "overall": float(stars(v)),
            "verified": True,
            "reviewTime": iso(v.at, "%m %d, %Y"),
            "reviewerID": f"A{sha1(v.user)[:12].upper()}",
            "asin": f"B00{sha1(v.item)[:7].upper()}",
            "reviewerName": f"Ann {v.user}",
            "reviewText": "I like it,\nreally",
            "summary": "Five Stars",
            "unixReviewTime": day(v.at),
        }
        for v in SEEN
    )
    rows = rows_of(
        lambda v: f"A{sha1(v.user)[:12].upper()}",
        lambda v: f"B00{sha1(v.item)[:7].upper()}",
        None,
        lambda v: day(v.at),
        stars,
    )
    return Public("Books_5.json", text, [rows], rated=True)


@public
def amazon_reviews_2023() -> Public:
    """Amazon reviews, 2023, 5-core with history: milliseconds, and the earlier items in a cell."""
    text = delimited(
        (
            (
                f"AG{sha1(v.user)[:24].upper()}",
                f"B0{sha1(v.item)[:8].upper()}",
                float(stars(v)),
                v.at * 1000,
                "B0AAAA B0BBBB" * (v.number % 2),
            )
            for v in SEEN
        ),
        header=("user_id", "parent_asin", "rating", "timestamp", "history"),
    )
    rows = rows_of(
        lambda v: f"AG{sha1(v.user)[:24].upper()}", lambda v: f"B0{sha1(v.item)[:8].upper()}", value=stars
    )
    return Public("Video_Games.train.csv", text, [rows], rated=True)


@public
def yelp() -> Public:
    """Yelp, review.json: ids of 22 letters, three counts of votes, a text."""
    text = json_lines(
        {
            "review_id": sha1(f"r{v.number}")[:22],
            "user_id": sha1(f"u{v.user}")[:22],
            "business_id": sha1(f"b{v.item}")[:22],
            "stars": float(stars(v)),
            "useful": v.number % 3,
            "funny": 0,
            "cool": v.number % 2,
            "text": 'A "great" place.\n\nGo!',
            "date": iso(v.at),
        }
        for v in SEEN
    )
    rows = rows_of(lambda v: sha1(f"u{v.user}")[:22], lambda v: sha1(f"b{v.item}")[:22], value=stars)
    return Public("yelp_academic_dataset_review.json", text, [rows], rated=True)


@public
def modcloth() -> Public:
    """ModCloth, one object a line: measures of people, a fit, no time; keys that come and go."""
    records = []
    for v in SEEN:
        record: dict[str, Any] = {
            "item_id": str(123_373 + v.item),
            "waist": "29",
            "size": 7,
            "quality": float(stars(v)),
            "cup size": "d",
            "hips": "38.0",
        }
        record |= {
            "category": "new",
            "height": "5ft 6in",
            "user_name": f"Emily{v.user}",
            "length": "just right",
            "fit": "small",
            "user_id": str(991_571 + v.user),
        }
        if v.number % 3:
            del record["waist"]
        records.append(record)
    rows = rows_of(lambda v: 991_571 + v.user, lambda v: 123_373 + v.item, None, no_time, anything)
    return Public("modcloth_final_data.json", json_lines(records), [rows])


@public
def rent_the_runway() -> Public:
    """Rent The Runway, one object a line: month names in the dates, ratings as text."""
    text = json_lines(
        {
            "fit": "fit",
            "user_id": str(420_272 + v.user),
            "bust size": "34d",
            "item_id": str(2_260_466 + v.item),
            "weight": "137lbs",
            "rating": str(2 * stars(v)),
            "rented for": "vacation",
            "review_text": "An adorable romper!",
            "body type": "hourglass",
            "review_summary": "So many compliments!",
            "category": "romper",
            "height": "5' 8\"",
            "size": 14,
            "age": "28",
            "review_date": iso(v.at, "%B %d, %Y"),
        }
        for v in SEEN
    )
    rows = rows_of(
        lambda v: 420_272 + v.user,
        lambda v: 2_260_466 + v.item,
        None,
        lambda v: day(v.at),
        lambda v: 2 * stars(v),
    )
    return Public("renttherunway_final_data.json", text, [rows], rated=True)


# Shops


@public
def online_retail_ii() -> Public:
    """UCI Online Retail II: a quarter of the rows without a customer, ids as floats, cancelled invoices."""
    lines, rows = [], []
    for v in SEEN:
        customer, back = "" if v.number % 4 == 3 else f"{12_346 + v.user}.0", v.number % 30 == 7
        invoice, quantity = f"{'C' * back}{489_434 + v.number // 4}", -2 if back else 1 + v.number % 12
        lines.append(
            (
                invoice,
                f"{22_041 + v.item}",
                f"RECORD FRAME {v.item}, RED",
                quantity,
                iso(v.at),
                2.1,
                customer,
                "United Kingdom",
            )
        )
        if customer:
            rows.append(Row(customer, f"{22_041 + v.item}", ANY, v.at, ANY))
    header = (
        "Invoice",
        "StockCode",
        "Description",
        "Quantity",
        "InvoiceDate",
        "Price",
        "Customer ID",
        "Country",
    )
    return Public("online_retail_II.csv", delimited(lines, header=header), [rows], rejected=60)


@public
def h_and_m() -> Public:
    """H&M, transactions_train.csv: hashes of customers, articles with a zero before them."""
    hashed = [hashlib.sha256(str(v.user).encode()).hexdigest() for v in SEEN]
    text = delimited(
        (
            (iso(v.at, "%Y-%m-%d"), hashed[v.number], f"0{663_713_001 + v.item}", 0.0508, 1 + v.number % 2)
            for v in SEEN
        ),
        header=("t_dat", "customer_id", "article_id", "price", "sales_channel_id"),
    )
    rows = rows_of(
        lambda v: hashed[v.number], lambda v: f"0{663_713_001 + v.item}", None, lambda v: day(v.at), anything
    )
    return Public("transactions_train.csv", text, [rows], rated=False)


@public
def ta_feng() -> Public:
    """Ta-Feng grocery: month first, ages in groups, codes of regions."""
    text = delimited(
        (
            (
                f"{moment(v.at).month}/{moment(v.at).day}/{moment(v.at).year}",
                f"{1_104_905 + v.user:08}",
                "45-49",
                "115",
                110_411,
                f"{4_710_199_010_372 + v.item}",
                1 + v.number % 3,
                24,
                30,
            )
            for v in SEEN
        ),
        header=(
            "TRANSACTION_DT",
            "CUSTOMER_ID",
            "AGE_GROUP",
            "PIN_CODE",
            "PRODUCT_SUBCLASS",
            "PRODUCT_ID",
            "AMOUNT",
            "ASSET",
            "SALES_PRICE",
        ),
    )
    rows = rows_of(
        lambda v: f"{1_104_905 + v.user:08}",
        lambda v: 4_710_199_010_372 + v.item,
        None,
        lambda v: day(v.at),
        anything,
    )
    return Public("ta_feng_all_months_merged.csv", text, [rows], rated=False)


@public
def retailrocket() -> Public:
    """RetailRocket, events.csv: milliseconds, a transaction only with a purchase."""
    kinds = [("view", "addtocart", "transaction")[(v.number % 9 > 6) + (v.number % 9 > 7)] for v in SEEN]
    text = delimited(
        (
            (
                v.at * 1000,
                v.user,
                kinds[v.number],
                v.item,
                4000 + v.number if kinds[v.number] == "transaction" else "",
            )
            for v in SEEN
        ),
        header=("timestamp", "visitorid", "event", "itemid", "transactionid"),
    )
    rows = [Row(str(v.user), str(v.item), kinds[v.number], v.at, ANY) for v in SEEN]
    return Public("events.csv", text, [rows])


@public
def yoochoose_buys() -> Public:
    """RecSys Challenge 2015, yoochoose-buys.dat: session, time, item, price, quantity without a header."""
    text = delimited(
        (
            v.user + 11,
            iso(v.at, "%Y-%m-%dT%H:%M:%S.") + "464Z",
            214_536_500 + v.item,
            523,
            (1, 2, 1, 3, 0, 6, 12)[v.number % 7],
        )
        for v in SEEN
    )
    rows = rows_of(
        lambda v: v.user + 11, lambda v: 214_536_500 + v.item, None, lambda v: v.at + 0.464, anything
    )
    return Public("yoochoose-buys.dat", text, [rows], rated=False)


@public
def diginetica() -> Public:
    """Diginetica, train-item-views.csv: a session a mostly unknown user, a frame in milliseconds."""
    text = delimited(
        (
            (
                v.user + 1,
                "NA" if v.number % 3 else 900 + v.user,
                81_766 + v.item,
                526_309 + 1000 * v.number,
                iso(v.at, "%Y-%m-%d"),
            )
            for v in SEEN
        ),
        ";",
        ("sessionId", "userId", "itemId", "timeframe", "eventdate"),
    )
    rows = rows_of(item=lambda v: 81_766 + v.item, at=lambda v: day(v.at), value=anything)
    return Public("train-item-views.csv", text, [rows], refusable=True)


@public
def tmall() -> Public:
    """Tmall, user_log_format1.csv: month and day without a year, actions as numbers."""
    text = delimited(
        (
            (
                328_862 + v.user,
                323_294 + v.item,
                833 + v.item % 5,
                2882 + v.item % 9,
                2661,
                iso(v.at, "%m%d").lstrip("0"),
                (0, 0, 0, 2, 3)[v.number % 5],
            )
            for v in SEEN
        ),
        header=("user_id", "item_id", "cat_id", "seller_id", "brand_id", "time_stamp", "action_type"),
    )
    rows = rows_of(lambda v: 328_862 + v.user, lambda v: 323_294 + v.item, ANY, no_time, anything)
    return Public("user_log_format1.csv", text, [rows], refusable=True)


@public
def alibaba_mobile() -> Public:
    """Alibaba mobile recommendation: hours alone, behaviours as numbers, few geohashes."""
    text = delimited(
        (
            (
                10_001_082 + v.user,
                285_259_775 + v.item,
                (1, 1, 1, 2, 3, 4)[v.number % 6],
                "97lk14c" if v.number % 5 == 0 else "",
                4076 + v.item % 6,
                iso(v.at, "%Y-%m-%d %H"),
            )
            for v in SEEN
        ),
        header=("user_id", "item_id", "behavior_type", "user_geohash", "item_category", "time"),
    )
    rows = rows_of(
        lambda v: 10_001_082 + v.user,
        lambda v: 285_259_775 + v.item,
        ANY,
        lambda v: v.at // 3600 * 3600,
        anything,
    )
    return Public("tianchi_mobile_recommend_train_user.csv", text, [rows], refusable=True)


@public
def jdata() -> Public:
    """JData, JData_Action_201602.csv: types of actions as numbers, models that are often missing."""
    text = delimited(
        (
            (
                266_079 + v.user,
                138_778 + v.item,
                iso(v.at),
                "" if v.number % 2 else 27,
                (6, 6, 1, 2, 4)[v.number % 5],
                8,
                403,
            )
            for v in SEEN
        ),
        header=("user_id", "sku_id", "time", "model_id", "type", "cate", "brand"),
    )
    rows = rows_of(lambda v: 266_079 + v.user, lambda v: 138_778 + v.item, ANY, value=anything)
    return Public("JData_Action_201602.csv", text, [rows])


@public
def shopify_orders() -> Public:
    """Shopify's export of orders: an order has many columns, the lines of it stand in ``Lineitem`` ones."""
    header = (
        "Name",
        "Email",
        "Financial Status",
        "Paid at",
        "Fulfillment Status",
        "Currency",
        "Subtotal",
        "Total",
        "Discount Code",
        "Created at",
        "Lineitem quantity",
        "Lineitem name",
        "Lineitem price",
        "Lineitem sku",
        "Billing City",
        "Billing Country",
        "Notes",
        "Id",
    )
    lines = [
        (
            f"#{1001 + v.number // 2}",
            f"anna{v.user}@mail.example",
            "paid",
            iso(v.at) + " +0000",
            "fulfilled",
            "EUR",
            "39.00",
            "43.90",
            "",
            iso(v.at) + " +0000",
            1 + v.number % 2,
            f"Lamp {v.item} - Red",
            "19.50",
            f"LMP-{v.item:03}",
            "Köln",
            "DE",
            "",
            5_500_000_000 + v.number // 2,
        )
        for v in SEEN
    ]
    readings = [
        rows_of(lambda v: f"anna{v.user}@mail.example", item, None, value=anything)
        for item in (lambda v: f"LMP-{v.item:03}", lambda v: f"Lamp {v.item} - Red")
    ]
    return Public("orders_export_1.csv", delimited(lines, header=header), readings, rated=False)


@public
def chinese_orders() -> Public:
    """An export of orders of a Chinese marketplace, GB18030."""
    header = (
        "订单编号",
        "买家会员名",
        "商品编号",
        "商品标题",
        "数量",
        "单价",
        "买家实际支付金额",
        "订单状态",
        "收货人姓名",
        "收货地址",
        "订单创建时间",
        "订单付款时间",
        "买家留言",
    )
    lines = [
        (
            f"1{20_240_301_000 + v.number // 2}",
            f"买家{v.user}号",
            60_001 + v.item,
            f"红色跑鞋 {v.item}",
            1 + v.number % 2,
            "99.00",
            "99.00",
            "交易成功",
            "张三",
            "浙江省杭州市,西湖区",
            iso(v.at, "%Y-%m-%d %H:%M:%S"),
            iso(v.at + 60, "%Y-%m-%d %H:%M:%S"),
            "请尽快发货" * (v.number % 2),
        )
        for v in SEEN
    ]
    readings = [
        rows_of(lambda v: f"买家{v.user}号", lambda v: 60_001 + v.item, ANY, at, anything)
        for at in (lambda v: v.at, lambda v: v.at + 60)
    ]
    return Public("ExportOrderList.csv", delimited(lines, header=header).encode("gb18030"), readings)


@public
def japanese_orders() -> Public:
    """An export of orders of a Japanese shop, Shift-JIS."""
    text = delimited(
        (
            (
                f"J{8000 + v.number // 2}",
                30_001 + v.user,
                f"S-{v.item:04}",
                f"海辺の椅子 {v.item}",
                1 + v.number % 3,
                2980,
                iso(v.at, "%Y/%m/%d %H:%M"),
                "東京都",
            )
            for v in SEEN
        ),
        header=("注文番号", "会員ID", "商品コード", "商品名", "数量", "単価", "注文日時", "配送先"),
    )
    rows = rows_of(
        lambda v: 30_001 + v.user, lambda v: f"S-{v.item:04}", None, lambda v: v.at // 60 * 60, anything
    )
    return Public("juchu.csv", text.encode("shift_jis"), [rows], rated=False)


@public
def german_orders() -> Public:
    """An export of orders of a German shop: Windows-1252, decimal commas, days before months."""
    text = delimited(
        (
            (
                70_100 + v.number // 2,
                f"K{1000 + v.user}",
                f"A-{v.item:04}",
                f"Grüne Tasse Größe {v.item}",
                1 + v.number % 3,
                "12,90",
                iso(v.at, "%d.%m.%Y %H:%M"),
                "Zahlung per Überweisung, 14 €",
            )
            for v in SEEN
        ),
        ";",
        (
            "Bestellnummer",
            "Kundennummer",
            "Artikelnummer",
            "Bezeichnung",
            "Menge",
            "Einzelpreis",
            "Bestelldatum",
            "Bemerkung",
        ),
    )
    rows = rows_of(
        lambda v: f"K{1000 + v.user}", lambda v: f"A-{v.item:04}", None, lambda v: v.at // 60 * 60, anything
    )
    return Public("bestellungen.csv", text.encode("cp1252"), [rows], rated=False)


# Videos, news, places, jobs


@public
def microlens() -> Public:
    text = delimited(
        ((v.user + 1, v.item + 1, v.at * 1000) for v in SEEN), header=("user", "item", "timestamp")
    )
    return Public("MicroLens-50k_pairs.csv", text, [rows_of()])


@public
def pixelrec() -> Public:
    """PixelRec: the item stands first."""
    text = delimited(
        ((f"i{v.item}", f"u{v.user}", v.at) for v in SEEN), header=("item_id", "user_id", "timestamp")
    )
    return Public("Pixel200K.csv", text, [rows_of(lambda v: f"u{v.user}", lambda v: f"i{v.item}")])


@public
def kuairand() -> Public:
    """KuaiRand: three forms of the time, many flags of what was done."""
    flags = ("is_click", "is_like", "is_follow", "is_comment", "is_forward", "is_hate", "long_view")
    header = (
        "user_id",
        "video_id",
        "date",
        "hourmin",
        "time_ms",
        *flags,
        "play_time_ms",
        "duration_ms",
        "is_rand",
        "tab",
    )
    text = delimited(
        (
            (
                v.user,
                1_000 + v.item,
                iso(v.at, "%Y%m%d"),
                iso(v.at, "%H%M").lstrip("0") or 0,
                v.at * 1000 + 7,
                v.number % 2,
                0,
                0,
                0,
                0,
                0,
                v.number % 3 // 2,
                3000 + v.number,
                9000,
                0,
                1,
            )
            for v in SEEN
        ),
        header=header,
    )
    rows = rows_of(lambda v: v.user, lambda v: 1_000 + v.item, ANY, lambda v: v.at + 0.007, anything)
    return Public("log_standard_4_08_to_4_21_1k.csv", text, [rows], roles={"timestamp": "time_ms"})


@public
def tenrec() -> Public:
    """Tenrec, QB-video.csv: flags of what was done, a gender and an age, no time."""
    text = delimited(
        (
            (
                v.user + 1,
                8_000 + v.item,
                1,
                0,
                v.number % 2,
                0,
                1 + v.item % 4,
                1 + v.number % 3,
                1 + v.user % 2,
                v.user % 8,
            )
            for v in SEEN
        ),
        header=(
            "user_id",
            "item_id",
            "click",
            "follow",
            "like",
            "share",
            "video_category",
            "watching_times",
            "gender",
            "age",
        ),
    )
    return Public(
        "QB-video.csv", text, [rows_of(item=lambda v: 8_000 + v.item, event=ANY, at=no_time, value=anything)]
    )


@public
def globo_clicks() -> Public:
    """Globo.com, clicks_hour_000.csv: a session with its start and size beside user and click."""
    header = (
        "user_id",
        "session_id",
        "session_start",
        "session_size",
        "click_article_id",
        "click_timestamp",
        "click_environment",
        "click_deviceGroup",
        "click_os",
        "click_country",
        "click_region",
        "click_referrer_type",
    )
    text = delimited(
        (
            (
                v.user,
                f"15{v.user:014}",
                (v.at - 40) * 1000,
                2,
                157_541 + v.item,
                v.at * 1000,
                4,
                3,
                20,
                1,
                20,
                2,
            )
            for v in SEEN
        ),
        header=header,
    )
    rows = rows_of(lambda v: v.user, lambda v: 157_541 + v.item)
    return Public("clicks_hour_000.csv", text, [rows])


@public
def adressa() -> Public:
    """Adressa news, one object a line: articles by hash and by address, seconds of reading."""
    text = json_lines(
        {
            "eventId": 1_000_000 + v.number,
            "city": "oslo",
            "activeTime": 3 + v.number % 60,
            "url": f"http://news.example/nyheter/{v.item}",
            "referrerHostType": "internal",
            "region": "oslo",
            "time": v.at,
            "userId": f"cx:{sha1(v.user)[:20]}",
            "sessionStart": False,
            "deviceType": "Desktop",
            "sessionStop": False,
            "country": "no",
            "os": "Windows",
            "id": sha1(f"a{v.item}"),
            "title": f"Nyhet nummer {v.item}",
        }
        for v in SEEN
    )
    readings = [
        rows_of(lambda v: f"cx:{sha1(v.user)[:20]}", item, None, value=anything)
        for item in (
            lambda v: sha1(f"a{v.item}"),
            lambda v: f"http://news.example/nyheter/{v.item}",
            lambda v: f"Nyhet nummer {v.item}",
        )
    ]
    return Public("one_week.json", text, readings, rated=False, refusable=True)


@public
def gowalla() -> Public:
    """Gowalla check-ins: user, time, latitude, longitude, place, without a header."""
    text = delimited(
        (
            (
                v.user,
                iso(v.at, "%Y-%m-%dT%H:%M:%SZ"),
                f"{30.2 + v.item / 97:.10f}",
                f"{-97.7 - v.item / 89:.10f}",
                22_847 + v.item,
            )
            for v in SEEN
        ),
        "\t",
    )
    return Public("Gowalla_totalCheckins.txt", text, [rows_of(lambda v: v.user, lambda v: 22_847 + v.item)])


@public
def trivago() -> Public:
    """RecSys Challenge 2019: actions on hotels, what was shown in one cell, prices in another."""
    kinds = [("interaction item image", "clickout item", "interaction item info")[v.number % 3] for v in SEEN]
    text = delimited(
        (
            (
                f"{sha1(v.user)[:12].upper()}",
                sha1(f"s{v.user}{v.at // 86_400}")[:13],
                v.at,
                1 + v.number % 9,
                kinds[v.number],
                2_795_374 + v.item,
                "AU",
                "Sydney, Australia",
                "mobile",
                "",
                "100|200|300",
                "61|75|99",
            )
            for v in SEEN
        ),
        header=(
            "user_id",
            "session_id",
            "timestamp",
            "step",
            "action_type",
            "reference",
            "platform",
            "city",
            "device",
            "current_filters",
            "impressions",
            "prices",
        ),
    )
    rows = [Row(sha1(v.user)[:12].upper(), str(2_795_374 + v.item), kinds[v.number], v.at, ANY) for v in SEEN]
    return Public("train.csv", text, [rows], refusable=True)


@public
def xing() -> Public:
    """RecSys Challenge 2017: names of columns with the name of the table before them, types as numbers."""
    table = "recsyschallenge_v2017_interactions_final_anonym_training_export"
    text = delimited(
        ((1_500_000 + v.user, 900 + v.item, (0, 0, 1, 1, 3)[v.number % 5], v.at) for v in SEEN),
        "\t",
        [f"{table}.{name}" for name in ("user_id", "item_id", "interaction_type", "created_at")],
    )
    return Public(
        "interactions.csv",
        text,
        [rows_of(lambda v: 1_500_000 + v.user, lambda v: 900 + v.item, ANY, value=anything)],
    )


@public
def behance() -> Public:
    """Behance appreciations: blanks between user, item and time, without a header."""
    text = "".join(f"{276_633 + v.user} {1_238_354 + v.item:08} {v.at}\n" for v in SEEN)
    return Public(
        "Behance_appreciate_1M.txt",
        text,
        [rows_of(lambda v: 276_633 + v.user, lambda v: f"{1_238_354 + v.item:08}")],
    )


# Analytics


@public
def otto() -> Public:
    """OTTO, train.jsonl: a session a line, with a list of events."""
    sessions: dict[int, list[Visit]] = {}
    for v in SEEN:
        sessions.setdefault(v.user, []).append(v)
    kinds = ("clicks", "clicks", "carts", "orders")
    text = json_lines(
        {
            "session": user,
            "events": [
                {"aid": 1_517_085 + v.item, "ts": v.at * 1000 + 25, "type": kinds[v.number % 4]}
                for v in found
            ],
        }
        for user, found in sessions.items()
    )
    rows = [
        Row(str(user), str(1_517_085 + v.item), kinds[v.number % 4], v.at + 0.025)
        for user, found in sessions.items()
        for v in found
    ]
    return Public("train.jsonl", text, [rows])


@public
def mixpanel() -> Public:
    """Mixpanel's raw export, one object a line: everything but the name stands in ``properties``."""
    kinds = ("Product Viewed", "Product Viewed", "Added to Cart", "Purchase")
    text = json_lines(
        {
            "event": kinds[v.number % 4],
            "properties": {
                "time": v.at,
                "distinct_id": f"d{v.user}",
                "$insert_id": sha1(v.number)[:16],
                "$city": "Oslo",
                "mp_lib": "web",
                "product_id": f"p{v.item}",
            },
        }
        for v in SEEN
    )
    rows = [Row(f"d{v.user}", f"p{v.item}", kinds[v.number % 4], v.at, ANY) for v in SEEN]
    return Public("export.jsonl", text, [rows])


@public
def amplitude() -> Public:
    """Amplitude's export, one object a line: three times, four ids, the item among the properties."""
    text = json_lines(
        {
            "$insert_id": sha1(v.number)[:16],
            "amplitude_id": 77_000 + v.user,
            "app": 123,
            "city": "Oslo",
            "client_event_time": iso(v.at) + ".000000",
            "client_upload_time": iso(v.at + 3) + ".500000",
            "device_id": sha1(f"d{v.user}")[:16],
            "event_id": v.number,
            "event_properties": {"item_id": f"p{v.item}"},
            "event_time": iso(v.at) + ".000000",
            "event_type": "view_item",
            "server_upload_time": iso(v.at + 5) + ".000000",
            "user_id": f"u{v.user}",
            "uuid": sha1(f"q{v.number}"),
        }
        for v in SEEN
    )
    return Public(
        "123_2024-03-01_0.json",
        text,
        [rows_of(lambda v: f"u{v.user}", lambda v: f"p{v.item}", "view_item", value=anything)],
    )


@public
def ga4_flat() -> Public:
    """GA4 in BigQuery with a row an item: a date beside microseconds."""
    kinds = ("view_item", "view_item", "add_to_cart", "purchase")
    text = delimited(
        (
            (
                iso(v.at, "%Y%m%d"),
                v.at * 1_000_000,
                kinds[v.number % 4],
                f"{1000 + v.user}.{1_700_000_000 + v.user}",
                "",
                f"SKU{v.item}",
                f"Lamp {v.item}",
                "Lights",
                19.5,
                1,
                "mobile",
                "Norway",
            )
            for v in SEEN
        ),
        header=(
            "event_date",
            "event_timestamp",
            "event_name",
            "user_pseudo_id",
            "user_id",
            "item_id",
            "item_name",
            "item_category",
            "price",
            "quantity",
            "device_category",
            "geo_country",
        ),
    )
    rows = [
        Row(f"{1000 + v.user}.{1_700_000_000 + v.user}", f"SKU{v.item}", kinds[v.number % 4], v.at, ANY)
        for v in SEEN
    ]
    return Public("bquxjob_1.csv", text, [rows])


@public
def matomo() -> Public:
    """Matomo's log of actions: addresses of pages by number, a visitor and a visit."""
    text = delimited(
        (
            (v.number, 1, sha1(v.user)[:16], 5000 + v.user, 0, iso(v.at), 300 + v.item, 12 + v.number % 50)
            for v in SEEN
        ),
        header=(
            "idlink_va",
            "idsite",
            "idvisitor",
            "idvisit",
            "idaction_url_ref",
            "server_time",
            "idaction_url",
            "time_spent",
        ),
    )
    rows = rows_of(lambda v: sha1(v.user)[:16], lambda v: 300 + v.item, None, value=anything)
    return Public("log_link_visit_action.csv", text, [rows], refusable=True)
