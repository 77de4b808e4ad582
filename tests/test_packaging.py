"""What the distribution says of itself: typed, one version, floors no higher than what the tests run with."""

import re
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import tacit

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
DIRECT = [Requirement(line) for line in [*PROJECT["dependencies"], *chain(*EXTRAS.values())]]
PINS = {
    canonicalize_name(name): Version(version)
    for name, _, version in (
        line.partition("==") for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    )
}


def test_the_wheel_holds_the_whole_package_and_says_that_it_is_typed() -> None:
    held = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    package = ROOT / "src" / "tacit"
    written = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert held == {str(path.relative_to(package.parent)) for path in written}
    assert "tacit/py.typed" in held


@pytest.mark.parametrize(
    "requested", [r for r in DIRECT if r.name != PROJECT["name"]], ids=lambda requested: requested.name
)
def test_a_dependency_has_a_floor_that_is_no_higher_than_its_pin(requested: Requirement) -> None:
    [floor] = requested.specifier
    assert floor.operator in (">=", "==")
    assert Version(floor.version) <= PINS[canonicalize_name(requested.name)]


def test_extras_that_name_the_distribution_itself_name_ones_that_exist() -> None:
    own = [requested for requested in DIRECT if requested.name == PROJECT["name"]]
    assert {extra for requested in own for extra in requested.extras} == {
        "postgres",
        "lambdamart",
        "ray",
        "storage",
        "test",
        "traces",
    }
    assert {extra for requested in own for extra in requested.extras} <= set(EXTRAS)


def test_every_line_that_installs_an_extra_names_the_distribution_and_an_extra_of_it() -> None:
    """`pip install 'tacit[...]'` would install another project of that name."""
    pages = [
        ROOT / "README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "src").rglob("*.py")),
    ]
    shown = [
        found
        for page in pages
        for found in re.findall(r"pip\s+install\s+'(tacit[\w-]*)\[([^\]]+)\]'", page.read_text("utf-8"))
    ]
    assert shown
    for name, extra in shown:
        assert name == PROJECT["name"]
        assert extra in EXTRAS or extra == "{extra}"


def test_the_changelog_begins_with_the_version_of_the_package() -> None:
    first = re.search(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert first and first[1] == tacit.__version__


def test_the_classifiers_name_the_required_python_first() -> None:
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert PROJECT["requires-python"] == f">={named[0]}"
