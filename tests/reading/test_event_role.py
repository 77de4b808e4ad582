"""The column of the event types: documents of sales and of what was paid back are events."""

import polars as pl
import pytest

from tacit.data.clean import clean
from tacit.reading.read import read_frame

ROWS = 120


@pytest.mark.parametrize(
    ("column", "sold", "back"),
    [
        ("取引区分", "売上", "返品"),
        ("Belegart", "Rechnung", "Gutschrift"),
        ("Transaction type", "Invoice", "Credit Memo"),
        ("type", "Invoice", "Credit Note"),
        ("Type", "Facture", "Avoir"),
        ("Tipo", "Factura", "Nota de crédito"),
    ],
)
def test_the_type_of_a_document_says_what_was_paid_back(column: str, sold: str, back: str) -> None:
    frame = pl.DataFrame(
        {
            "user_id": [f"u{row * 7 % 31}" for row in range(ROWS)],
            "item_id": [f"i{row * 11 % 37}" for row in range(ROWS)],
            "ts": [f"2024-03-{1 + row % 27:02d} 10:{row % 60:02d}:00" for row in range(ROWS)],
            column: [back if row % 9 == 4 else sold for row in range(ROWS)],
        }
    )
    source = read_frame(frame)
    assert source.mapping["event"] == column
    assert set(clean(source, now=1.8e9).events["event"]) == {sold, back}
