"""``tacit demo``: all steps on a generated shop, from a dirty log to lists with reasons."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import polars as pl

    from tacit.api import Model
    from tacit.cli.terminal import Bars
    from tacit.data.clean import Cleaned
    from tacit.data.quality import QualityReport
    from tacit.engine.requests import Response
    from tacit.engine.snapshot import Snapshot
    from tacit.reporting.lists import Pick, Shown

_MODELS = ("popular", "trending", "itemknn", "userknn", "ease", "content", "blend", "tacit")
_NEW_ITEM: dict[str, Any] = {
    "title": "Classic clay mask for sensitive skin, with oat milk",
    "description": "A gentle classic: white clay and oat milk for skin that needs calm.",
    "category": "Skin care",
    "department": "Beauty",
    "price": 17.5,
}
_NOTE = "Nobody has clicked it yet: only its text is known."
_K = 5


def demo(
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="Directory for everything that the demo makes: the shop, the report, the snapshot."
        ),
    ] = Path("tacit-demo"),
    seed: Annotated[int, typer.Option("--seed", help="Seed of the generated shop.")] = 7,
    serve: Annotated[bool, typer.Option("--serve", help="Go on to serve the result on 127.0.0.1.")] = False,
    port: Annotated[int, typer.Option("--port", help="Port to serve on.")] = 8000,
) -> None:
    """Generate a shop, then check, evaluate, fit and recommend on it."""
    from tacit.cli.terminal import Bars
    from tacit.cli.terminal import out as console
    from tacit.core.places import check_directory_place
    from tacit.data.shop import generate

    check_directory_place(out / "events.csv", "--out")
    bars = Bars()
    out.mkdir(parents=True, exist_ok=True)
    console.rule("A generated shop (none of it is real)")
    with bars.task("generating the shop", total=1) as task:
        generate(seed=seed).write(out)
        task.advance()
    trip(out, bars)
    if serve:
        from tacit.cli.serve import serve as run_server

        run_server(out / "model", host="127.0.0.1", port=port, store=None, api_key=None)
    else:
        console.print(f"serve it with: tacit serve {out / 'model'}")


def trip(out: Path, bars: "Bars") -> None:
    """Run all steps on the shop in a directory, and write everything there.

    Parameters
    ----------
    out : Path
        With ``events.csv``, ``items.jsonl`` and ``users.csv``; gets ``quarantine.csv``, ``report.html`` and
        the snapshot ``model``.
    bars : Bars
    """
    from tacit.cli.terminal import out as console
    from tacit.reading.read import read_items

    items = read_items(out / "items.jsonl")
    console.rule("tacit check: what is in the log, and what is wrong with it")
    cleaned, quality, strengths = _check(out, bars)
    console.rule("tacit evaluate: what beats the simple answers here")
    evaluation = _evaluate(cleaned, items, bars)
    console.rule("tacit fit: everything, on the whole log")
    model = _fit(cleaned, items, out / "model", bars)
    console.rule("tacit recommend: lists with reasons")
    lists, popular = _lists(model.snapshot, cleaned.events, items, out)
    _report(out / "report.html", quality, strengths, evaluation, model, lists, popular)
    console.print(f"report with charts: {out / 'report.html'}; snapshot: {out / 'model'}")


def _check(out: Path, bars: "Bars") -> tuple["Cleaned", "QualityReport", Mapping[str, float]]:
    from tacit import api
    from tacit.cli.outputs import spreadsheet_safe, write_frame
    from tacit.cli.terminal import out as console
    from tacit.data.weights import EventWeights
    from tacit.reporting.terminal import columns_table, quality_tables

    cleaned = api.read(out / "events.csv", progress=bars)
    report = api.check(cleaned, out / "items.jsonl", users=out / "users.csv")
    strengths = EventWeights.fit(cleaned.events).strengths
    console.print(columns_table(report))
    console.print(quality_tables(report, strengths))
    write_frame(spreadsheet_safe(cleaned.quarantine), out / "quarantine.csv")
    return cleaned, report, strengths


def _evaluate(cleaned: "Cleaned", items: "pl.DataFrame", bars: "Bars") -> dict[str, Any]:
    from tacit import api
    from tacit.cli.terminal import out as console
    from tacit.reporting.terminal import evaluation_tables

    report = api.evaluate(cleaned, items, models=_MODELS, progress=bars).report
    overall = {**report, "models": [row for row in report["models"] if row["slice"] == "all"]}
    console.print(evaluation_tables(overall))
    console.print(report["conclusion"])
    return report


def _fit(cleaned: "Cleaned", items: "pl.DataFrame", place: Path, bars: "Bars") -> "Model":
    from tacit import api
    from tacit.cli.terminal import out as console
    from tacit.reporting.training_page import epoch_line

    model = api.fit(cleaned, items, progress=bars, on_epoch=lambda epoch: console.print(epoch_line(epoch)))
    model.save(place)
    return model


def _lists(
    snapshot: "Snapshot", events: "pl.DataFrame", items: "pl.DataFrame", out: Path
) -> tuple[list["Shown"], list["Pick"]]:
    """Return and print the lists of three users, of a session on a new item, and the popular one."""
    from tacit.engine.engine import Engine
    from tacit.engine.requests import Request
    from tacit.reporting.lists import Shown
    from tacit.store.events import EventStore

    for old in out.glob("demo-store.sqlite3*"):
        old.unlink()
    about = {row["item_id"]: row for row in items.iter_rows(named=True)} | {"brand-new": _NEW_ITEM}
    engine = Engine(snapshot, EventStore(f"sqlite:///{out / 'demo-store.sqlite3'}"))
    engine.put_item("brand-new", _NEW_ITEM)

    def shown(heading: str, answer: "Response", seen: list[str], **more: str) -> Shown:
        return Shown(heading, _picks(answer, about), [str(about[id_]["title"]) for id_ in seen], **more)

    lists = [
        shown(f"User {user}", engine.recommend(Request(user_id=user, k=_K)), _last_items(events, user))
        for user in _typical_users(events)
    ]
    session = engine.recommend(Request(items=("brand-new",), k=_K))
    lists.append(shown("Somebody unknown, on an item added a second ago", session, ["brand-new"], note=_NOTE))
    alike = engine.similar("brand-new", _K)
    lists.append(
        shown("More like the brand-new item", alike, ["brand-new"], note=_NOTE, label="Most like it")
    )
    popular = _picks(engine.recommend(Request(user_id="nobody has this id", k=_K)), about)
    engine.close()
    _print(lists, popular)
    return lists, popular


def _typical_users(events: "pl.DataFrame") -> list[str]:
    """Return the ids of three users with histories of ordinary length, the same ones in every run."""
    import polars as pl

    from tacit.data import columns as col

    counts = events.group_by(col.USER).len().filter(pl.col("len").is_between(20, 60)).sort(col.USER)
    return [counts[col.USER][len(counts) * part // 4] for part in (1, 2, 3)]


def _last_items(events: "pl.DataFrame", user: str) -> list[str]:
    import polars as pl

    from tacit.data import columns as col

    own = events.filter(pl.col(col.USER) == user).sort(col.TIMESTAMP, descending=True)
    return own[col.ITEM].unique(maintain_order=True).head(5).to_list()


def _picks(answer: "Response", about: dict[str, dict[str, Any]]) -> list["Pick"]:
    from tacit.reporting.lists import Pick

    known = [(item, about[item.item_id]) for item in answer.items]
    return [Pick(item.title, row.get("price"), row.get("category"), item.reasons) for item, row in known]


def _print(lists: list["Shown"], popular: list["Pick"]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from tacit.cli.terminal import out as console

    for shown in lists:
        if shown.history:
            console.print(
                f"\n[bold]{escape(shown.heading)}[/bold], last: {escape('; '.join(shown.history[:3]))}"
            )
        table = Table(shown.label.lower(), "why", "(what everybody gets)")
        for place, pick in enumerate(shown.picks):
            other = popular[place].title if place < len(popular) else ""
            table.add_row(escape(pick.title), escape("; ".join(pick.reasons)), escape(other))
        console.print(table)


def _report(
    place: Path,
    quality: "QualityReport",
    strengths: Mapping[str, float],
    evaluation: dict[str, Any],
    model: "Model",
    lists: list["Shown"],
    popular: list["Pick"],
) -> None:
    from tacit.cli.outputs import write_text
    from tacit.reporting.demo import demo_page

    training = model.report.to_json() if model.report else {"epochs": []}
    page = demo_page(quality, evaluation, training, lists, popular, strengths=strengths)
    write_text(page, place)
