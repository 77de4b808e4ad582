"""A list of items is a list, a frame, and a table in a notebook."""

from tacit.engine.recommendations import Recommendations
from tacit.engine.requests import Recommended


def test_a_list_is_a_list_a_frame_and_an_escaped_table() -> None:
    items = [Recommended("i1", 0.75, "Tea & <milk>", ["because <you>", "new"]), Recommended("i2", 0.5, "Cup")]
    shown = Recommendations(items)
    assert shown == items
    frame = shown.to_frame()
    assert frame.rows() == [
        (1, "i1", "Tea & <milk>", 0.75, ["because <you>", "new"], None),
        (2, "i2", "Cup", 0.5, [], None),
    ]
    table = shown._repr_html_()
    assert "Tea &amp; &lt;milk&gt;" in table
    assert "because &lt;you&gt;; new" in table
    assert "0.7500" in table


def test_an_empty_list_has_the_same_columns() -> None:
    full = Recommendations([Recommended("i1", 0.75, "Tea", ["new"])])
    assert Recommendations().to_frame().schema == full.to_frame().schema
    assert Recommendations()._repr_html_().count("<tr>") == 1


def test_warnings_stand_beside_the_list() -> None:
    shown = Recommendations([Recommended("i1", 0.75, "Tea")], ["the user <x> is not known"])
    assert shown.warnings == ["the user <x> is not known"]
    assert repr(shown).startswith("warning: the user <x> is not known\n[Recommended(")
    assert "<caption>the user &lt;x&gt; is not known</caption>" in shown._repr_html_()
    assert Recommendations().warnings == []
    assert repr(Recommendations()) == "[]"
