"""Ctrl-C before a command has begun."""

import subprocess
import sys

import pytest

_INTERRUPTED = """
import sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
from sordino.cli import main
"""


@pytest.mark.parametrize("name", ["sordino.cli.main", "click", "sordino.golden.machine", "numpy"])
def test_ctrl_c_while_modules_are_read(name):
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED.format(name=name)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
