"""Names in the source use the words of the field; modules have names of their own and say what they are."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "tacit"
MODULES = sorted(SOURCE.rglob("*.py"))
BANNED = frozenset({
    "rehearsal", "rehearsals", "judged", "lesson", "lessons", "taught", "teach", "told", "asked", "passed",
    "past", "trust", "doubt", "silence", "absence", "newcomer", "newcomers", "made",
    "foretold", "foretell", "dealt", "spoken", "spoke", "speaking",
})  # fmt: skip
FOREIGN = frozenset({"trust_remote_code", "connection_made"})
"""Names of other libraries: a keyword of transformers, a method of asyncio's protocols."""
FIELDS = ("id", "attr", "arg", "name", "asname", "module", "rest", "kwd_attrs", "names")
"""Fields of the nodes of a syntax tree that hold identifiers."""


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text("utf-8"))


def identifiers(tree: ast.Module) -> Iterator[str]:
    """Yield every identifier of a module: names, attributes, arguments, keywords, functions, classes."""
    for node in ast.walk(tree):
        for field in FIELDS:
            value = getattr(node, field, None)
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, str):
                    yield from one.split(".")


def words(identifier: str) -> set[str]:
    """Return the words of an identifier, split at ``_``, at capitals and at digits."""
    return {part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)}


def banned(tree: ast.Module) -> set[str]:
    return {name for name in set(identifiers(tree)) if name not in FOREIGN and words(name) & BANNED}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(SOURCE)))
def test_no_name_holds_a_private_word(module: Path) -> None:
    assert banned(tree_of(module)) == set()


def test_private_words_are_found_wherever_a_name_can_stand() -> None:
    source = """
import lesson as told
from a.taught import b
class NewcomerList: pass
def made(asked, *, past=0, **trust): global doubt
x.silence = f(passed=1, trust_remote_code=False)
try: pass
except E as spoken: pass
match y:
    case {"k": 1, **judged}: pass
    case C(foretold=1): pass
    case [*absence]: pass
lasted = premade = mistrust = connection_made
"""
    found = banned(ast.parse(source))
    assert {part for name in found for part in words(name)} & BANNED == {
        "lesson", "told", "taught", "newcomer", "made", "asked", "past", "trust", "doubt", "silence",
        "passed", "spoken", "judged", "foretold", "absence",
    }  # fmt: skip
    assert not found & {"lasted", "premade", "mistrust", "connection_made", "trust_remote_code"}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(SOURCE)))
def test_no_constant_of_a_module_is_defined_twice(module: Path) -> None:
    assigned = [
        name.id
        for statement in tree_of(module).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name) and name.id.isupper()
    ]
    assert [name for name, count in Counter(assigned).items() if count > 1] == []


def test_no_two_modules_have_one_name_but_commands_named_as_what_they_run() -> None:
    rooms = [module for module in MODULES if module.parent != SOURCE / "cli"]
    counts = Counter(module.stem for module in rooms if not module.stem.startswith("__"))
    assert [name for name, count in counts.items() if count > 1] == []


def test_every_module_says_what_it_is() -> None:
    assert [str(one) for one in MODULES if not ast.get_docstring(tree_of(one))] == []
