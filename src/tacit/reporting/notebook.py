"""Small HTML tables for notebooks: no style sheet, no script, every cell escaped."""

from collections.abc import Iterable, Sequence
from html import escape


def html_table(head: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "") -> str:
    """Return a table; numbers with a fraction have four digits, a sequence of texts is joined by semicolons.

    Parameters
    ----------
    head : sequence of str
    rows : iterable of sequence
        One cell a column.
    caption : str
        Shown above the table; none if empty.
    """
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    first = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table>{above}<thead><tr>{first}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
        return f'<td style="text-align: right">{text}</td>'
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = "; ".join(map(str, value))
    return f'<td style="text-align: left">{escape("" if value is None else str(value))}</td>'
