"""Laws that can be read off the source: nothing that runs code from data, and few who touch the world."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tacit

SOURCE = Path(tacit.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
TREES = {file: ast.parse(file.read_text("utf-8")) for file in FILES}

Found = Iterator[tuple[int, str]]

UNSAFE_MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "jsonpickle"}
UNSAFE_BUILTINS = {"eval", "exec", "compile", "__import__"}
UNSAFE_CALLS = {"torch.load", "torch.save", "yaml.load", "yaml.unsafe_load", "os.system", "os.popen"}

ROOMS = ("core", "data", "encoders", "models", "features", "rankers", "pipeline", "evaluation")
"""The rooms that take clock, randomness, disk and logging as arguments."""


def imports(tree: ast.AST) -> Found:
    """Yield the full name of everything that is imported, ``from a import b`` as ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Yield every call with the dotted name of what is called, as far as it is one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, dotted(node.func)


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else "?"


def unsafe(tree: ast.AST) -> Found:
    """Yield whatever could run code that a file or a request brings."""
    for line, name in imports(tree):
        if UNSAFE_MODULES & set(name.split(".")) or name in UNSAFE_CALLS:
            yield line, name
    for node, name in calls(tree):
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        if name in UNSAFE_BUILTINS | UNSAFE_CALLS:
            yield node.lineno, name
        for option in ("allow_pickle", "trust_remote_code", "shell"):
            value = keywords.get(option)
            if value is not None and not (isinstance(value, ast.Constant) and value.value is False):
                yield node.lineno, f"{name}({option}=...)"


def hidden_randomness(tree: ast.AST) -> Found:
    """Yield draws that no seed of the caller governs."""
    for line, name in imports(tree):
        if name.split(".")[0] in ("random", "secrets"):
            yield line, name
    for node, name in calls(tree):
        if name.startswith(("np.random.", "numpy.random.")):
            seeded = name.endswith(".default_rng") and node.args
            if not seeded and not name.endswith(".Generator"):
                yield node.lineno, name


def clocks(tree: ast.AST) -> Found:
    """Yield readings of the machine's clock."""
    for node, name in calls(tree):
        if name in ("time.time", "time.time_ns") or name.endswith((".now", ".utcnow", ".today")):
            yield node.lineno, name


def logs(tree: ast.AST) -> Found:
    """Yield imports of the log."""
    yield from ((line, name) for line, name in imports(tree) if name.split(".")[0] == "logging")


def files(tree: ast.AST) -> Found:
    """Yield openings of files."""
    ways = (".open", ".read_text", ".read_bytes", ".write_text", ".write_bytes", ".mkdir", ".unlink")
    for node, name in calls(tree):
        if name == "open" or name.endswith(ways) or name == "sqlite3.connect":
            yield node.lineno, name


def broken(rule: Callable[[ast.AST], Found], *rooms: str, but: tuple[str, ...] = ()) -> list[str]:
    """Return where a rule is broken, in all rooms or in some, files that may excepted."""
    places = []
    for file, tree in TREES.items():
        name = file.relative_to(SOURCE).as_posix()
        if (not rooms or name.split("/")[0] in rooms) and name not in but:
            places += [f"{name}:{line} {what}" for line, what in rule(tree)]
    return places


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "import pandas.compat.pickle",
        "from torch import load",
        "torch.load(f)",
        "eval(text)",
        "exec(text)",
        "compile(text, '', 'exec')",
        "__import__(name)",
        "yaml.load(f)",
        "np.load(f, allow_pickle=True)",
        "np.load(f, allow_pickle=wanted)",
        "AutoModel.from_pretrained(f, trust_remote_code=True)",
        "subprocess.run(text, shell=True)",
    ],
)
def test_the_scan_finds_what_it_looks_for(code: str) -> None:
    assert list(unsafe(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    ["model.eval()", "re.compile(x)", "np.load(f, allow_pickle=False)", "json.load(f)", "yaml.safe_load(f)"],
)
def test_the_scan_lets_harmless_words_pass(code: str) -> None:
    assert not list(unsafe(ast.parse(code)))


def test_the_scan_sees_the_whole_source() -> None:
    assert len(FILES) > 100
    assert {file.relative_to(SOURCE).parts[0] for file in FILES} > set(ROOMS)


@pytest.mark.fault(42)
def test_nothing_runs_code_from_data() -> None:
    assert broken(unsafe) == []


def test_randomness_comes_from_the_caller() -> None:
    assert list(hidden_randomness(ast.parse("np.random.rand(3)\nnp.random.default_rng()\nimport random")))
    assert broken(hidden_randomness, *ROOMS) == []


def test_the_clock_is_an_argument() -> None:
    assert list(clocks(ast.parse("time.time()\ndatetime.now()")))
    assert broken(clocks, *ROOMS, but=("core/clock.py",)) == []


def test_only_notes_and_the_encoders_cache_and_choice_write_to_the_log() -> None:
    assert broken(logs, *ROOMS, but=("core/notes.py", "encoders/cache.py", "encoders/choose.py")) == []


def test_only_readers_and_the_encoders_files_touch_the_disk() -> None:
    readers = ("reading/read.py", "reading/textfile.py", "reading/parquetfile.py", "data/shop_text.py")
    others = (
        "data/anonymous.py",  # its words, a file of the package
        "data/status_words.py",  # likewise
        "core/checkpoint.py",  # the path is an argument
        "core/folders.py",  # a folder of parts: its place is an argument
        "core/unfinished.py",  # what a killed command left beside its target, which is an argument
        "core/memory.py",  # asks the machine for the memory that is free
        "data/buckets.py",  # the folder is an argument
        "data/clean_buckets.py",  # likewise
        "core/manifest.py",  # directories that are whole or not there: the target is an argument
        "core/unfinished.py",  # likewise
        "data/shop_dirt.py",  # writes the generated shop where it is told to
        "encoders/cache.py",
        "encoders/finetune.py",  # writes a model into the directory that it is given
        "encoders/pretrained.py",
        "encoders/use_tokens.py",  # the tokens of the embedded multilingual model
        "pipeline/config.py",  # reads the configuration that it is given
        "evaluation/meter.py",  # asks the machine for the memory in use
    )
    assert broken(files, *ROOMS, but=(*readers, *others)) == []


def test_models_and_rankers_know_no_text_ids() -> None:
    """Ids become codes in readers and the engine; rules alone name items of a catalogue, once, at the fit."""

    def ids(tree: ast.AST) -> Found:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in ("ids", "decode"):
                yield node.lineno, dotted(node)

    assert broken(ids, "models", "features", "rankers", "pipeline") == []
