import subprocess
import sys

STOPS_IN_IMPORTS = """
import sys
class Stop:
    def find_spec(self, name, *_):
        if name == "tacit.cli.app":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Stop())
from tacit.cli import main
main()
"""


def test_ctrl_c_during_the_imports_ends_the_command_without_a_traceback() -> None:
    ended = subprocess.run([sys.executable, "-c", STOPS_IN_IMPORTS], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (130, "")
