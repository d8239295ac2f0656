"""The scripts of `examples/`, for the facts about them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Calls `main` of a script, and kills its own process in place of the given call of a function.
DIES = """
import importlib, os, pkgutil, signal, sys

sys.path.append("examples")
script, function, call = sys.argv[1:4]
main = importlib.import_module(script).main
owner, _, name = function.rpartition(".")
owner, before = pkgutil.resolve_name(owner), iter(range(int(call) - 1))
function = getattr(owner, name)

def dies(*args, **kwargs):
    if next(before, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*args, **kwargs)

setattr(owner, name, dies)
main(sys.argv[4:])
"""


def import_example(name):
    """Return the script `examples/NAME.py` as a module; skip where what it needs is missing.

    It finds its neighbours, such as workbench.py, as it does when Python runs it.
    """
    if str(ROOT / "examples") not in sys.path:
        sys.path.append(str(ROOT / "examples"))
    return pytest.importorskip(name, reason='needs what pip install -e ".[examples]" brings')


def run_until_killed(script, function, call, arguments):
    """Run the `main` of `script` in a process that is killed in place of one call of `function`.

    Args:
        script: the module, as `import_example` returned it.
        function: the whole name of a function, as "os.fsync".
        call: which call of it is never made; the first is 1.
        arguments: what `main` is given.

    Raises:
        AssertionError: the process ended in another way, with what it said.
    """
    done = subprocess.run(
        [sys.executable, "-c", DIES, script.__name__, function, str(call), *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
