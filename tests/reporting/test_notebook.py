"""Tables for notebooks: every cell is escaped and written by its type."""

from tacit.reporting.notebook import html_table


def test_cells_are_written_by_their_type_and_escaped() -> None:
    table = html_table(("a<b", "n"), [("x & y", 0.5), (["one", "two<"], 1200), (None, True)], caption="<i>")
    for part in (
        "<caption>&lt;i&gt;</caption>",
        "<th>a&lt;b</th>",
        ">x &amp; y<",
        ">0.5000<",
        ">one; two&lt;<",
        ">1,200<",
        "></td>",
        ">True<",
    ):
        assert part in table
    assert table.count("<tr>") == 4


def test_no_caption_is_no_element() -> None:
    assert html_table(("a",), []) == "<table><thead><tr><th>a</th></tr></thead><tbody></tbody></table>"
