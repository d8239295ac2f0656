"""A fact that runs alone.

What `--facts-json` calls the `script` of a fact can be pasted into any prompt that has PyTorch: the
imports and helpers of its page come first, the first row of its table and its fixtures become
assignments. Where that cannot be, `no_script` says why.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from packaging.specifiers import SpecifierSet

from fixtures.facts import pages_of, read_page
from fixtures.gates import APART
from fixtures.reading_order import place
from fixtures.standalone import script, why_not_alone

PAGE = """
import math
import numpy as np
from torch import nn

LIMIT: int = 3
UNUSED = 4

@torch.no_grad()
def capped(x):
    return x.clamp(max=LIMIT)

class Net(nn.Module):
    pass

def test_it():
    'It is so.'
    x = capped(torch.ones(1))

    assert x.item() == 1
    assert np.ones(1)[0] == 1
"""


def fact_of(book, page):
    """Return the fact `test_it` of a page."""
    book.page("tensors/test_creation.py", page, complete=False)
    return read_page(str(book.path), "spec/tensors/test_creation.py").facts["test_it"]


def test_a_script_brings_what_the_fact_needs_of_its_page(book):
    """For a test that calls `capped`, a function of its page that uses the constant `LIMIT`, the
    `script` of `--facts-json FILE` has both and the imports that are needed; constants and classes
    of the page that none of these uses are left out.
    """
    found = script(fact_of(book, PAGE))

    assert (
        found
        == """\
# spec/tensors/test_creation.py::test_it
import numpy as np
import torch


LIMIT: int = 3


@torch.no_grad()
def capped(x):
    return x.clamp(max=LIMIT)

torch.manual_seed(0)

x = capped(torch.ones(1))

assert x.item() == 1
assert np.ones(1)[0] == 1
"""
    )


@pytest.mark.parametrize(
    ("above", "setting"),
    [
        ("@pytest.mark.parametrize('n', [1, 2])\ndef test_it(n):", "n = 1"),
        (
            "@pytest.mark.parametrize('a, b', [(1, [2]), (3, 4)])\ndef test_it(a, b):",
            "a, b = 1, [2]",
        ),
        ("@pytest.mark.parametrize(['a', 'b'], [[1, 2]])\ndef test_it(a, b):", "a, b = 1, 2"),
        ("@pytest.mark.parametrize('n', [(1, 2)])\ndef test_it(n):", "n = (1, 2)"),
        ("@pytest.mark.parametrize('n', [pytest.param(1, id='a')])\ndef test_it(n):", "n = 1"),
        ("@pytest.mark.parametrize('n', range(2))\ndef test_it(n):", "n = next(iter(range(2)))"),
        ("def test_it(device):", 'device = "cpu"'),
        ("def test_it(tmp_path):", "tmp_path = pathlib.Path(tempfile.mkdtemp())"),
        ("def test_it(monkeypatch):", "monkeypatch = pytest.MonkeyPatch()"),
        ("@pytest.fixture\ndef ones(): return 1\ndef test_it(ones):", "ones = ones()"),
        ("@pytest.fixture\ndef ones(): yield 1\ndef test_it(ones):", "ones = next(ones())"),
        (
            "@pytest.fixture\ndef ones(device): return 1\ndef test_it(ones, device):",
            'device = "cpu"\nones = ones(device)',
        ),
        (
            "@pytest.fixture(autouse=True)\ndef fresh(): return 1\ndef test_it():",
            "fresh = fresh()",
        ),
        ("def test_it():\n    with pytest.warns(): 1", "torch.set_warn_always(True)"),
    ],
)
def test_arguments_are_set_before_the_code(book, above, setting):
    """In the `script` that `--facts-json` gives for a test, the first row of its
    `@pytest.mark.parametrize("n", [1, 2])` and the suite's fixture `device` become `n = 1` and
    `device = "cpu"` below `torch.manual_seed(0)`.
    """
    found = script(fact_of(book, f"{above}\n    assert 1 == 1"))

    before, _, after = found.partition("torch.manual_seed(0)\n")
    marks = [line for line in before.splitlines() if "pytest.fixture" in line]
    assert after.partition("\n\n")[0] == setting
    assert marks == []


@pytest.mark.parametrize(
    ("above", "imports"),
    [
        ("def test_it():", ["import torch"]),
        ("import math as m\ndef test_it():\n    m.pi", ["import math as m", "import torch"]),
        ("import os.path\ndef test_it():\n    os.path", ["import os.path", "import torch"]),
        (
            "import math\n@pytest.mark.parametrize('n', [math.pi])\ndef test_it(n):",
            ["import math", "import torch"],
        ),
        ("def test_it(tmp_path):", ["import pathlib", "import tempfile", "import torch"]),
        ("def test_it():\n    pytest.raises", ["import pytest", "import torch"]),
    ],
)
def test_a_script_imports_what_it_names(book, above, imports):
    """A `script` that is not empty, in the file of `--facts-json FILE`, begins with a comment and
    the imports: `import torch` in any case, and `import math as m` of the test's page if the test
    names `m`.
    """
    found = script(fact_of(book, f"{above}\n    assert 1 == 1"))

    assert [line for line in found.splitlines() if line.startswith("import")] == imports


def test_a_property_is_a_function_that_is_called(book):
    """In the `script` that `--facts-json` gives for a test `test_it(n)` with
    `@given(n=...)` of Hypothesis, the test stays a function below `@given`, and the
    last line is `test_it()`.
    """
    page = """
from hypothesis import given, strategies as st

NUMBERS = st.integers()

@pytest.mark.torch(">=1.0")
@given(n=NUMBERS)
def test_it(n):
    'It is so.'
    assert n == n
"""

    found = script(fact_of(book, page))

    assert (
        found
        == """\
# spec/tensors/test_creation.py::test_it
from hypothesis import given, strategies as st
import torch


NUMBERS = st.integers()

torch.manual_seed(0)

@given(n=NUMBERS)
def test_it(n):
    assert n == n


test_it()
"""
    )


@pytest.mark.parametrize(
    ("above", "reason"),
    [
        ("def test_it(capsys):", "needs pytest's fixture capsys"),
        (
            "@pytest.fixture\ndef ones(request): pass\ndef test_it(ones):",
            "needs pytest's fixture request",
        ),
        ("def test_it():\n    open(__file__)", "reads a file beside its page"),
        ("HERE = __file__\ndef test_it():\n    HERE", "reads a file beside its page"),
        (
            "from fixtures.images import drawn\ndef test_it():\n    drawn()",
            "needs the modules in fixtures/ of this book",
        ),
        (
            "import examples\ndef test_it():\n    examples",
            "needs the modules in examples/ of this book",
        ),
        ("from fixtures.images import drawn\ndef test_it():", ""),
    ],
)
def test_a_fact_without_a_script_says_why(book, above, reason):
    """`why_not_alone(fact)` of `fixtures/standalone.py` says why a test has no `script`:
    `needs pytest's fixture capsys` if it takes pytest's `capsys`, else
    `reads a file beside its page` if it uses its page's `__file__`.
    """
    fact = fact_of(book, f"{above}\n    assert 1 == 1")

    assert why_not_alone(fact) == reason
    assert bool(script(fact)) is (reason == "")


ROOT = Path(__file__).parents[2]

# Runs each script of a line of JSON in a process of its own; answers with what was raised.
PROMPT = """
import gc, json, os, pathlib, runpy, signal, sys, tempfile
import hypothesis.strategies, pytest, torch, torchvision

gc.disable()

def raised_by(script):
    os.chdir(tempfile.mkdtemp())
    pathlib.Path("fact.py").write_text(script)
    if not (child := os.fork()):
        signal.alarm(100)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            runpy.run_path("fact.py", run_name="__main__")
        except pytest.skip.Exception:
            pass
        except BaseException as error:
            pathlib.Path("raised").write_text(f"{type(error).__name__}: {error}"[:200])
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    raised = pathlib.Path("raised")
    return raised.read_text() if raised.exists() else f"status {status}" if status else None

for line in sys.stdin:
    print(json.dumps([raised_by(script) for script in json.loads(line)]), flush=True)
"""


@pytest.fixture(scope="module")
def raised(tmp_path_factory):
    """A function that runs scripts, each as if typed at a new prompt, and tells what each raised."""
    with subprocess.Popen(
        [sys.executable, "-c", PROMPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path_factory.mktemp("prompt"),
    ) as prompt:

        def answers(scripts):
            print(json.dumps(scripts), file=prompt.stdin, flush=True)
            return json.loads(prompt.stdout.readline())

        yield answers


def decided_here(fact):
    """Return whether a machine without a GPU decides a fact today."""
    gates = [gate[len("torch(") : -1] for gate in fact.gates if gate.startswith("torch(")]
    release = torch.__version__
    return len(gates) == len(fact.gates) and all(
        SpecifierSet(gate).contains(release, prereleases=True) for gate in gates
    )


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="what is told of no GPU is not so with one")
@pytest.mark.parametrize("page", [page for page in pages_of(ROOT) if place(page)[0] not in APART])
def test_the_scripts_of_a_page_run(raised, page):
    """Without CUDA, each `script` that `pytest --facts-json FILE` gives for a test outside of
    `spec/models` and `spec/suite`, with no gate but `torch(...)` marks that admit the installed
    release, runs without an error or raises `Skipped`.
    """
    facts = [fact for fact in read_page(str(ROOT), page).facts.values() if decided_here(fact)]
    scripts = {fact.name: script(fact) for fact in facts}
    alone = [name for name, text in scripts.items() if text]

    answers = dict(zip(alone, raised([scripts[name] for name in alone]), strict=True))

    assert {name: answer for name, answer in answers.items() if answer} == {}
