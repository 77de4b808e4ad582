"""The README and the docs say what the code does: everything has a mention, and what they show runs."""

import ast
import inspect
import re
import shlex
import tomllib
from pathlib import Path

import pytest
from tests.reference import COMMAND, RENDERED, commands
from tests.served import small_snapshot

import tacit.core.errors
from tacit.core.errors import TacitError
from tacit.core.parameters import declared
from tacit.data.rules import Rules, parse_rules
from tacit.data.shop import generate
from tacit.engine.engine import Engine, UnknownItemError
from tacit.engine.remote_encoder import EncoderUnavailableError
from tacit.evaluation.metrics import NAMES
from tacit.evaluation.slices import slices
from tacit.evaluation.split import make_split
from tacit.pipeline.comparable import WHOLE
from tacit.pipeline.config import Config, parse_config
from tacit.pipeline.register import ENTRIES
from tacit.server.app import create_app
from tacit.server.problems import OverloadedError, RefusedError
from tacit.server.supervisor import ServiceError
from tacit.store.events import StorageError, StorageFullError

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "README.zh.md", *sorted((ROOT / "docs").rglob("*.md"))]
WRITTEN = {page: page.read_text("utf-8") for page in PAGES}
ALL = "\n".join(WRITTEN.values())


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", WRITTEN[page], re.DOTALL | re.MULTILINE)


def every_block(language: str) -> list[object]:
    return [
        pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks(page, language), 1)
    ]


def shown_commands() -> list[str]:
    """Every command line that a block of a page or a line of its text shows."""
    lines = [line for page in PAGES for block in blocks(page, "bash") for line in block.splitlines()]
    inline = re.findall(r"`(tacit [a-z][^`]*)`", ALL)
    shown = [re.split(r"#| > | &$", line)[0].strip() for line in lines if line.startswith("tacit ")]
    return shown + inline


def test_the_readme_shows_the_summary_of_the_results() -> None:
    shown = re.findall(r"<!-- summary -->\n(.*)<!-- end of summary -->", WRITTEN[PAGES[0]], re.DOTALL)
    summary = (ROOT / "benchmarks" / "RESULTS.md").read_text("utf-8").partition("## Summary\n\n")[2]
    assert [table.strip() for table in shown] == [summary.partition("\n## ")[0].strip()]


def test_the_references_of_the_commands_and_of_the_api_are_what_these_say() -> None:
    for page, render in RENDERED.items():
        assert page.read_text("utf-8") == render(), f"{page.name} lags: run {COMMAND}"


@pytest.mark.parametrize("name", commands())
def test_every_command_and_each_of_its_options_has_a_mention(name: str) -> None:
    assert f"`tacit {name}" in WRITTEN[ROOT / "README.md"]
    for parameter in commands()[name].params:
        assert parameter.help, f"tacit {name}: {parameter.name} has no help"
        if parameter.opts[0].startswith("-"):
            assert f"`{parameter.opts[0]}" in ALL


@pytest.mark.parametrize("line", sorted(set(shown_commands())))
def test_every_shown_command_line_can_be_typed(line: str) -> None:
    words = shlex.split(line.replace("\\|", "|"))[1:]
    count = 1 if words[0] in commands() else 2  # a command of a group has two words
    name, words = " ".join(words[:count]), words[count:]
    command = commands()[name]
    if words and words[-1] in ("…", "..."):
        words.pop()
    options = {option: p for p in command.params for option in p.opts if option.startswith("-")}
    given = {word for word in words if word.startswith("-") and word != "-"}
    assert given <= set(options)
    required = {p.name for p in command.params if p.required}
    if given or len(words) >= len(required):  # a whole line, not a mention of the command
        if any(word.isupper() for word in words):
            return  # a form to fill in, such as `tacit fit EVENTS --out DIR`
        command.make_context(name, words)


def programs() -> list[object]:
    """Every Python block but for those that a translation repeats with comments of its own."""
    first: dict[str, object] = {}
    for shown in every_block("python"):
        first.setdefault(ast.dump(ast.parse(shown.values[0])), shown)  # type: ignore[attr-defined]
    return list(first.values())


@pytest.mark.parametrize("block", programs())
def test_python_blocks_run(
    block: str, tmp_path: Path, text_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(users=60, items=130, events=1_200, days=30).write(tmp_path)  # the texts of the examples' shop
    monkeypatch.setenv("TACIT_CACHE", str(text_cache))
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "block", "exec"), {})


@pytest.mark.parametrize("block", every_block("toml"))
def test_toml_blocks_are_configurations(block: str) -> None:
    assert isinstance(parse_config(tomllib.loads(block)), Config)


def test_the_shown_cleaning_rules_are_the_defaults_and_all_of_them() -> None:
    shown = tomllib.loads(blocks(ROOT / "docs/howto/configure.md", "toml")[0])["cleaning"]
    fill = shown.pop("fill")
    assert parse_rules(shown) == Rules()
    assert {*shown, "outliers", "fill"} == set(Rules.__dataclass_fields__)
    assert parse_rules({"fill": fill}).fill


def test_every_key_of_the_configuration_is_shown() -> None:
    shown = tomllib.loads(blocks(ROOT / "docs/howto/configure.md", "toml")[0])
    assert set(shown) == set(Config.__dataclass_fields__)


def test_every_metric_and_slice_and_whole_model_is_described() -> None:
    page = WRITTEN[ROOT / "docs/reference/models-and-metrics.md"]
    shop = generate(users=60, items=112, events=1_500, days=30)
    parts = {part.name for part in slices(make_split(shop.events, shop.items))}
    for name in (*WHOLE, *NAMES, *parts):
        assert f"`{name}`" in page, name


def test_every_component_and_every_parameter_of_it_is_described() -> None:
    page = WRITTEN[ROOT / "docs/reference/models.md"]
    for entry in ENTRIES:
        assert all(f"\n| `{name}` | " in page for name in (entry.name, *entry.variants)), entry.name
        if entry.kind != "encoder":
            for name, one in declared(entry.load()).items():
                assert one.meaning, f"{entry.name}: the docstring says nothing of {name}"


def test_every_route_is_described() -> None:
    engine = Engine(small_snapshot())
    described = create_app(engine).openapi()["paths"]
    page = WRITTEN[ROOT / "docs/reference/http.md"]
    for path, methods in described.items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in page


def test_every_error_is_described() -> None:
    ours = [kind for _, kind in inspect.getmembers(tacit.core.errors, inspect.isclass)]
    page = WRITTEN[ROOT / "docs/reference/errors.md"]
    others = (OverloadedError, RefusedError, EncoderUnavailableError, ServiceError)
    for kind in (*ours, UnknownItemError, StorageError, StorageFullError, *others):
        assert issubclass(kind, TacitError)
        assert f"`{kind.__name__}`" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+)", WRITTEN[page]):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
            place = (page.parent / target).resolve()
            waiting += sorted(place.glob("*.md")) if place.is_dir() else [place] if place in PAGES else []
    assert set(PAGES) <= reached


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    page = WRITTEN[ROOT / "docs/decisions/001-dependencies.md"]
    extras = project["optional-dependencies"]
    optional = [
        line for name in ("postgres", "lambdamart", "storage", "ray", "traces") for line in extras[name]
    ]
    requested = [*project["dependencies"], *(line for line in optional if "tacit-recsys" not in line)]
    for name in (re.split(r"[\[=<>]", line)[0] for line in requested):
        assert re.search(rf"^\|[^|]*\b{name}\b", page, re.MULTILINE), name


def test_files_that_the_docs_name_are_there() -> None:
    rooms = {path.name for path in (ROOT / "src/tacit").iterdir() if path.is_dir()}
    for name in re.findall(r"`([\w/]+\.py)`", ALL):
        first = name.partition("/")[0]
        place = ROOT / ("src/tacit" if first in rooms else ".") / name
        if "/" in name:
            assert place.is_file(), name
