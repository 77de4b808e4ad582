"""What a process does to files, recorded by strace, and the files as a power cut would leave them."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

CALLS = "pwrite64,write,fdatasync,fsync,ftruncate"
_CALL = re.compile(r"^(\d+) +(\w+)\((\d+)<([^>]*)>(?:, )?(.*)$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>")
_WRITE = re.compile(r'^"((?:\\x[0-9a-f]{2})*)", \d+(?:, (\d+))?')


@dataclass(frozen=True)
class Step:
    """A change of a file, a flush, or a line on standard output.

    Attributes
    ----------
    kind : {"write", "cut", "begin flush", "flushed", "said"}
    file : str
        Its path.
    at : int
        Where it is written, or the new size.
    data : bytes
    """

    kind: str
    file: str
    at: int = 0
    data: bytes = b""


def steps(record: Path) -> list[Step]:
    """Return what a record of ``strace -f -y -xx -e trace=CALLS`` holds, in order."""
    found: list[Step] = []
    flushing: dict[str, str] = {}
    for line in record.read_text().splitlines():
        if resumed := _RESUMED.match(line):
            if resumed[1] in flushing:
                found.append(Step("flushed", flushing.pop(resumed[1])))
            continue
        call = _CALL.match(line)
        if call is None:
            continue
        thread, name, _, hexed, rest = call.groups()
        file = ast.literal_eval(f'"{hexed}"')
        if name in ("fdatasync", "fsync"):
            found.append(Step("begin flush", file))
            if "unfinished" in rest:
                flushing[thread] = file
            else:
                found.append(Step("flushed", file))
        elif name == "ftruncate":
            found.append(Step("cut", file, int(rest.partition(")")[0].split()[0])))
        elif written := _WRITE.match(rest):
            data = bytes.fromhex(written[1].replace("\\x", ""))
            kind = "write" if name == "pwrite64" else "said"
            found.append(Step(kind, file, int(written[2] or 0), data))
    return found


class Disk:
    """Files of which some changes are flushed and the others are only in memory.

    Parameters
    ----------
    files : mapping of path to bytes
        As they are flushed at the beginning.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.flushed = {name: bytearray(content) for name, content in files.items()}
        self._waiting: dict[str, list[Step]] = {name: [] for name in files}
        self._covered: dict[str, int] = {}

    def do(self, step: Step) -> None:
        """Take a step."""
        if step.kind == "begin flush":
            self._covered[step.file] = len(self._waiting.get(step.file, []))
        elif step.kind == "flushed":
            waiting, count = self._waiting.setdefault(step.file, []), self._covered.get(step.file, 0)
            content = self.flushed.setdefault(step.file, bytearray())
            for one in waiting[:count]:
                _apply(one, content)
            del waiting[:count]
        else:
            self._waiting.setdefault(step.file, []).append(step)

    def after_power_cut(self, kept: int) -> dict[str, bytes]:
        """Return the files with the flushed changes, and some of the others: each second, or third, ... one.

        Parameters
        ----------
        kept : int
            Each ``kept``-th change that was not flushed is on the disk by chance; 0 for none.
        """
        images = {name: bytearray(content) for name, content in self.flushed.items()}
        for name, waiting in self._waiting.items():
            for one in waiting[::kept] if kept else []:
                _apply(one, images.setdefault(name, bytearray()))
        return {name: bytes(content) for name, content in images.items()}


def _apply(step: Step, content: bytearray) -> None:
    if step.kind == "cut":
        del content[step.at :]
        content.extend(bytes(step.at - len(content)))
        return
    content.extend(bytes(max(0, step.at - len(content))))
    content[step.at : step.at + len(step.data)] = step.data
