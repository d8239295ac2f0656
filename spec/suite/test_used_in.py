"""What in somebody's code changed its meaning.

`--since 2.1 --used-in PATH` reads Python files, notebooks and documents, and tells place by place
what changed between that release and the one installed, with what shows it and what to write. The
rules are data; each has examples that it finds and examples that it leaves alone, and releases
before and after the change have run them. What surprises: nothing of the code is imported or
executed, not even a `conftest.py`, and what is no Python 3 is read all the same.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from fixtures.atlas import changes, read_atlas, read_questions
from fixtures.facts import read_book
from fixtures.proofs import read_proofs, verdict
from fixtures.rules import read_rules, read_unseen
from fixtures.sources import Source, read_source

pytest.importorskip("ast_grep_py", reason='needs ast-grep-py: pip install -e ".[upgrade]"')

from fixtures.inferred import View
from fixtures.matching import Matcher, is_

ROOT = Path(__file__).parents[2]
RULES = {rule.name: rule for rule in read_rules(ROOT)}
PRELUDE = (ROOT / "spec/drift/prove.py").read_text().split('PRELUDE = """')[1].split('"""')[0]

RULE = """
[symeig]
since = "2.0"
strength = "raises"
was = "It gave eigenvalues."
is = "It raises RuntimeError."
write = "`torch.linalg.eigvalsh(x)`"
rests_on = ["symeig"]
pattern = ["torch.symeig($$$)"]
matches = ["torch.symeig(x)"]

[range]
since = "2.1"
strength = "warns"
was = "It was usual."
is = "It warns."
write = "`torch.arange`"
pattern = ["torch.range($$$)"]
matches = ["torch.range(1, 3)"]

[division]
since = "2.2"
strength = "differs"
was = "It rounded."
is = "It does not round."
write = "`//`"
pattern = ["$X / $Y"]
where = { X = "tensor int" }
matches = ["torch.tensor([1]) / 2"]
"""


@pytest.fixture
def code(book):
    """A book with three rules; `code(name, text)` writes a file of somebody's beside it."""
    folder = book.path / "spec" / "drift" / "rules"
    folder.mkdir(parents=True)
    (folder / "all.toml").write_text(RULE)
    (book.path / "code").mkdir()

    def write(name, text):
        (book.path / "code" / name).write_text(text, encoding="utf-8")
        return book

    return write


def told(result):
    """Return the lines that a run printed, those that hold nothing left out."""
    return [line for line in result.outlines if line]


def found(text, rule):
    """Return (line, condition) of what a rule of the book finds in a piece of code."""
    matcher = Matcher(Source("code.py", PRELUDE + text))
    first = PRELUDE.count("\n")
    return [(one.line - first, one.condition) for one in matcher.findings([RULES[rule]])]


def kinds(text):
    """Return what the last expression of a piece of code is."""
    view = View(Source("code.py", PRELUDE + text))
    return view.kinds(view.root.find_all(kind="expression_statement")[-1].child(0))


def wrong(rule, texts, wanted):
    """Return those of a rule's examples that it finds, or does not, against what is wanted."""
    return [
        text
        for text in texts
        if any(rule.unsure or not condition for _, condition in found(text, rule.name)) != wanted
    ]


@pytest.mark.parametrize("name", RULES)
def test_each_rule_finds_its_positive_examples_and_no_negative_one(name):
    """Each rule in `spec/drift/rules` of this project, used by `pytest --used-in`, finds
    each code example in its `matches`; of those in its `passes` it finds none, or only as
    unsure, with a condition.
    """
    rule = RULES[name]

    assert wrong(rule, rule.matches, True) + wrong(rule, rule.passes, False) == []


def test_each_rule_is_proven_by_releases_or_says_why_not():
    """Each rule in `spec/drift/rules` of this project, used by `pytest --used-in`, has a text
    `unproven`, or `verdict` of `fixtures/proofs.py` calls it `proven`, from recorded runs of the
    rule's examples on releases of PyTorch.
    """
    proofs = read_proofs(ROOT)
    open_rules = {
        name: said
        for name, rule in RULES.items()
        if not rule.unproven and (said := verdict(rule, proofs)) != "proven"
    }

    assert open_rules == {}


def test_a_rule_that_is_proven_says_nothing_of_being_unproven():
    """No rule in `spec/drift/rules` of this project, used by `pytest --used-in`, has a text
    `unproven` while `verdict` of `fixtures/proofs.py` returns `proven` for it.
    """
    proofs = read_proofs(ROOT)
    idle = [
        name for name, rule in RULES.items() if rule.unproven and verdict(rule, proofs) == "proven"
    ]

    assert idle == []


def test_all_that_changed_has_a_rule_or_a_reason_for_having_none():
    """Each question of `spec/drift/atlas.json` whose answer changed, and each test
    outside of `spec/suite` with a mark `torch` that has `<`, `==` or `!=`, is in the
    `rests_on` of a `--used-in` rule or in `spec/drift/unseen.toml`.
    """
    changed = {change.probe for change in changes(read_atlas(ROOT), read_questions(ROOT))}
    changed |= {
        fact.id
        for fact in read_book(ROOT)
        if fact.chapter != "suite"
        and any(re.match(r"torch\(.*(<|==|!=)", gate) for gate in fact.gates)
    }
    seen = {each for rule in RULES.values() for each in rule.rests_on}
    unseen = set(read_unseen(ROOT))

    assert sorted(changed - seen - unseen) == []
    assert sorted(unseen - changed | unseen & seen) == []


def test_rules_rest_on_what_is_there():
    """Each entry of `rests_on` of a rule in `spec/drift/rules` of this project is the
    name of a question in `spec/drift/probes.py` or the id of a test of the book.
    """
    there = set(read_questions(ROOT)) | {fact.id for fact in read_book(ROOT)}
    missing = [each for rule in RULES.values() for each in rule.rests_on if each not in there]

    assert missing == []


def test_a_place_is_told_with_its_change(code):
    """For a file of `import torch` and `values = torch.symeig(x)[0]`,
    `pytest spec --since 1.9 --until 2.1 --used-in FILE` prints what was, what is and what to
    write, then `file:line:column` and the line of code, and ends with exit code 1.
    """
    result = code("a.py", "import torch\n\nvalues = torch.symeig(x)[0]\n").run(
        "spec", "--since", "1.9", "--until", "2.1", "--used-in", "code"
    )

    assert told(result)[:-1] == [
        "REMOVED OR REFUSED: RAISES NOW (1)",
        "   2.0  symeig",
        "        was    It gave eigenvalues.",
        "        is     It raises RuntimeError.",
        "        write  `torch.linalg.eigvalsh(x)`",
        "        by     symeig",
        "        code/a.py:3:10",
        "            values = torch.symeig(x)[0]",
        "1 files, 3 lines; from 1.9 to 2.1: 1 raise now, in 1 files.",
        "The code uses 1 names of torch; the book speaks of 0 of them. It knows nothing",
    ]
    assert result.ret == 1


def test_nothing_found_is_an_answer(code):
    """`pytest spec --since 2.0 --until 2.0 --used-in PATH` prints
    `nothing found that changed`, whatever Python code PATH holds, and ends with exit code
    0: nothing changed between a release and itself.
    """
    result = code("a.py", "import torch\n\ntorch.symeig(x)\n").run(
        "spec", "--since", "2.0", "--until", "2.0", "--used-in", "code"
    )

    assert told(result)[0] == "1 files, 3 lines; from 2.0 to 2.0: nothing found that changed."
    assert result.ret == 0


@pytest.mark.parametrize(
    ("show", "rules", "last"),
    [
        ("", ["symeig"], "Not shown: 1 cannot be told from the code, 1 warn;"),
        ("warns", ["range", "symeig"], "Not shown: 1 cannot be told from the code;"),
        ("unsure", ["symeig", "division"], "Not shown: 1 warn;"),
        ("all", ["range", "symeig", "division"], ""),
        ("warns,unsure", ["range", "symeig", "division"], ""),
    ],
)
@pytest.mark.spare("''", reason="an empty list is the same as none")
def test_what_warns_and_what_is_unsure_is_shown_when_asked_for(code, show, rules, last):
    """`--used-in-show warns` beside `--since RELEASE --used-in PATH` also shows places that only
    warn, `unsure` places that depend on a type that the code does not show, `all` both; without it
    the report counts them as `Not shown`.
    """
    book = code("a.py", "import torch\ntorch.range(1, 3)\ntorch.symeig(x)\ny = torch.sin(z) / 2\n")
    result = book.run(
        *("spec", "--since", "1.9", "--until", "2.2", "--used-in", "code"),
        *("--used-in-show", show, "--used-in-json", "a.json"),
    )

    data = json.loads((book.path / "a.json").read_text())
    hidden = [line.partition(" --")[0] for line in told(result) if "Not shown" in line]
    assert [each["rule"] for each in data["findings"]] == rules
    assert "".join(hidden) == last


def test_an_unsure_place_says_what_it_depends_on(code):
    """With a rule on `/` of integer tensors in its span,
    `pytest spec --since OLD --used-in PATH --used-in-show unsure` prints "if `torch.sin(z)` is an
    integer tensor" behind the place of `torch.sin(z) / 2` in code that does not say what `z` is.
    """
    book = code("a.py", "import torch\ny = torch.sin(z) / 2\n")
    result = book.run(
        *("spec", "--since", "1.9", "--until", "2.2", "--used-in", "code"),
        *("--used-in-show", "unsure"),
    )

    assert "        code/a.py:2:5  if `torch.sin(z)` is an integer tensor" in told(result)


def test_json_and_sarif_have_each_place(code):
    """`pytest spec/ --since 1.9 --used-in PATH --used-in-json FILE` writes the rule, the
    code and what to write for each place in the report; with `--used-in-sarif FILE` it
    writes the rule, level and region in the SARIF format.
    """
    book = code("a.py", "import torch\n\nvalues = torch.symeig(x)[0]\n")
    book.run(
        *("spec", "--since", "1.9", "--until", "2.1", "--used-in", "code"),
        *("--used-in-json", "a.json", "--used-in-sarif", "a.sarif"),
    )

    (place,) = json.loads((book.path / "a.json").read_text())["findings"]
    (run,) = json.loads((book.path / "a.sarif").read_text())["runs"]
    (result,) = run["results"]
    assert place == {
        "place": "code/a.py:3:10",
        "path": "code/a.py",
        "line": 3,
        "column": 10,
        "end_line": 3,
        "end_column": 25,
        "code": "torch.symeig(x)",
        "rule": "symeig",
        "strength": "raises",
        "since": "2.0",
        "was": "It gave eigenvalues.",
        "is": "It raises RuntimeError.",
        "write": "`torch.linalg.eigvalsh(x)`",
        "evidence": ["symeig"],
        "condition": "",
    }
    assert (result["ruleId"], result["level"]) == ("symeig", "error")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "code/a.py"},
        "region": {"startLine": 3, "startColumn": 10, "endLine": 3, "endColumn": 25},
    }
    assert run["tool"]["driver"]["rules"][0]["id"] == "symeig"


def test_the_report_ends_with_what_the_book_does_not_know(code):
    """The report of `pytest spec --since 1.9 --used-in PATH` ends with how many names of torch the
    code uses and of how many of them the book speaks; if it does not speak of all, it lists the
    others behind `It knows nothing of`.
    """
    book = code("a.py", "import torch\ntorch.ones(1)\ntorch.unheard_of(1)\n")
    book.page("tensors/test_creation.py", "def test_it():\n    torch.ones(1)")

    result = book.run("spec", "--since", "1.9", "--until", "2.1", "--used-in", "code")

    assert " ".join(told(result)[-2:]) == (
        "The code uses 2 names of torch; the book speaks of 1 of them. It knows nothing "
        "of torch.unheard_of."
    )


NOTEBOOK = """{
 "cells": [
  {
   "cell_type": "markdown",
   "source": [
    "torch.symeig(x)"
   ]
  },
  {
   "cell_type": "code",
   "source": [
    "%matplotlib inline\\n",
    "import torch\\n",
    "torch.symeig(x)"
   ]
  }
 ]
}
"""
DOCUMENT = """A note.

```python
import torch
```

    and `torch.symeig(x)` in a sentence

> ```
> values = torch.symeig(x)
> ```

1. In a list:

   ~~~py
   print torch.symeig(y)
   ~~~

```sh
torch.symeig(x)
```

>>> torch.symeig(z)
"""


FILES = {
    "a.ipynb": NOTEBOOK,
    "half.ipynb": NOTEBOOK.rpartition("]")[0].rpartition("]")[0],
    "one.ipynb": json.dumps(json.loads(NOTEBOOK)),
    "a.md": DOCUMENT,
    "a.txt": DOCUMENT,
    "a.rst": ".. code-block:: python\n\n   torch.symeig(x)\n",
    "a.py": "import torch\nprint torch.symeig(x)\nexec 'y'\ntorch.symeig(y)\n",
}


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("a.ipynb", ["14:1"]),
        ("half.ipynb", ["14:1"]),
        ("one.ipynb", ["cell 2:3:1"]),
        ("a.md", ["10:12", "16:10", "23:5"]),
        ("a.txt", ["10:12", "16:10", "23:5"]),
        ("a.rst", ["3:4"]),
        ("a.py", ["2:7", "4:1"]),
    ],
)
def test_code_is_read_where_it_stands(code, name, places):
    """`pytest spec --since 1.9 --used-in FILE` reads Python 3 and 2 in `.py`, code cells in
    `.ipynb`, fences marked `python` and, outside fences, lines behind `>>>` in `.md` and `.txt`,
    and what is below `.. code-block:: python` in `.rst`.
    """
    book = code(name, FILES[name])

    book.run(
        *("spec", "--since", "1.9", "--until", "2.1", "--used-in", f"code/{name}"),
        *("--used-in-json", "a.json"),
    )

    data = json.loads((book.path / "a.json").read_text())
    assert [each["place"].removeprefix(f"code/{name}:") for each in data["findings"]] == places


def test_what_cannot_be_parsed_is_named(code):
    """`pytest spec --since 1.9 --until 2.1 --used-in a.py`, with an `a.py` of the three lines
    `import torch`, `print x` and `torch.symeig(x)`, names line 2 and why it is no Python 3, and
    still finds `torch.symeig` in line 3.
    """
    result = code("a.py", "import torch\nprint x\ntorch.symeig(x)\n").run(
        "spec", "--since", "1.9", "--until", "2.1", "--used-in", "code"
    )

    lines = told(result)
    start = lines.index("NOT PYTHON 3, READ AS FAR AS IT GOES")
    assert lines[start + 1] == (
        "  code/a.py:2:1: Missing parentheses in call to 'print'. Did you mean print(...)?"
    )
    assert "        code/a.py:3:1" in lines


def test_what_is_data_is_named_and_not_read(code, monkeypatch):
    """`pytest spec/ --since 1.9 --used-in a.py` does not read `a.py` if it has more bytes than
    `MOST_BYTES` of `fixtures/sources.py`, and prints `not read` on a line that begins with its
    name.
    """
    monkeypatch.setattr("fixtures.sources.MOST_BYTES", 9)
    result = code("a b.py", "import torch\n").run(
        "spec", "--since", "1.9", "--until", "2.1", "--used-in", "code"
    )

    assert "  code/a b.py:1:1: not read: it has over 9 bytes" in told(result)


@pytest.mark.slow
def test_nothing_of_the_code_is_executed(tmp_path):
    """`pytest spec/ --since 1.9 --used-in PATH`, with PATH a folder outside of this
    project, executes no file of it, neither `a.py` nor `conftest.py`, `__init__.py` or
    `sitecustomize.py`, and does not import torch.
    """
    for name in ("a.py", "conftest.py", "__init__.py", "sitecustomize.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nimport torch\n")
    script = (
        "import sys, pytest\n"
        f"sys.argv = ['pytest', 'spec/', '--since', '1.9', '--used-in', {str(tmp_path)!r}]\n"
        "code = pytest.main(sys.argv[1:])\n"
        "print('code', int(code), 'torch' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout.splitlines()[-1] == "code 0 False"
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("--used-in code", "--used-in: say from which release on, as in --since 2.1"),
        ("--since 1.9 --until 2.1 --used-in nowhere", "--used-in nowhere: there is no such file*"),
        ("--since 1.9 --until 2.1 --used-in pytest.ini", "--used-in pytest.ini: give .ipynb, *"),
        ("--since 1.9 --until 2.1 --used-in empty", "--used-in empty: holds none of .ipynb, *"),
        ("--used-in-json a.json", "--used-in-json: say which code to read, with --used-in PATH"),
        (
            "--since 1.9 --until 2.1 --used-in code --used-in-show some",
            "--used-in-show some: give warns, unsure or all",
        ),
        (
            "--since 1.9 --until 2.1 --used-in code --used-in-sarif no/a.sarif",
            "--used-in-sarif no/a.sarif: give a file in a folder that exists",
        ),
    ],
)
def test_bad_input_is_refused_in_a_line(code, arguments, reason):
    """`pytest spec --used-in PATH` is a usage error, exit code 4, without `--since`. So is
    `--since 1.9 --until 2.1 --used-in PATH` if PATH does not exist or is an empty folder,
    or if `--used-in-show some` is added.
    """
    book = code("a.py", "import torch\n")
    (book.path / "empty").mkdir()

    result = book.run("spec", *arguments.split())

    assert result.ret == 4
    result.stderr.fnmatch_lines(f"ERROR: {reason}")


IMPORTS = {
    "an alias": ("import torch.nn.functional as F", "F.grid_sample(x, y)"),
    "a module": ("from torch.nn import functional", "functional.grid_sample(x, y)"),
    "a function": ("from torch.nn.functional import grid_sample as g", "g(x, y)"),
    "in full": ("import torch", "torch.nn.functional.grid_sample(x, y)"),
    "another's": ("import torch, other as F", "F.grid_sample(x, y)"),
    "not imported": ("import torch", "F.grid_sample(x, y)"),
    "everything": ("from torch.utils import *", "F.grid_sample(x, y)"),
}


@pytest.mark.parametrize(
    ("how", "lines"),
    [
        ("an alias", [2]),
        ("a module", [2]),
        ("a function", [2]),
        ("in full", [2]),
        ("another's", []),
        ("not imported", []),
        ("everything", [2]),
    ],
)
def test_a_name_is_what_the_file_imports_it_as(how, lines):
    """In a `.py` file with the one import `import torch.nn.functional as F` or
    `from torch.utils import *`, `--used-in` takes `F.grid_sample(x, y)` for torch's; with
    `import torch` or `import torch, other as F` it does not.
    """
    imports, call = IMPORTS[how]
    matcher = Matcher(Source("code.py", f"{imports}\nz = {call}\n"))
    rule = RULES["corners-of-a-grid"]

    places = matcher.findings(each for each in (rule,))
    assert [one.line for one in places] == lines


GUARDS = {
    "tried": "try:\n    from torch._six import inf\nexcept ImportError:\n    inf = 1\n",
    "for a release": "if torch.__version__ < '1.8':\n    from torch._six import inf\n",
    "if it is there": "if hasattr(torch, '_six'):\n    from torch._six import inf\n",
}


@pytest.mark.parametrize("guard", ["tried", "for a release", "if it is there"])
def test_code_that_asks_first_is_left_alone(guard):
    """`pytest spec --since 1.9 --used-in FILE` reports a bare `from torch._six import inf`, but
    not one in the body of a `try` with `except ImportError`, of `if torch.__version__ < '1.8':` or
    of `if hasattr(torch, '_six'):`.
    """
    bare = re.search("from torch._six.*\n", GUARDS[guard])[0]

    assert found(GUARDS[guard], "torch-six") == []
    assert found(bare, "torch-six") == [(1, "")]


EXPRESSIONS = {
    "a list of integers": ("x = torch.tensor([1, 2])\nx", "tensor int"),
    "a cast": ("x = torch.tensor([1, 2]).float()\nx", "tensor float"),
    "a quotient": ("x = torch.arange(3) / 2\nx", "tensor float"),
    "a comparison": ("x = torch.rand(3) > 0.5\nx", "tensor bool"),
    "a byte of anything": ("y = (x == 1).byte()\ny", "tensor uint8"),
    "a dtype": ("y = torch.zeros(3, dtype=torch.uint8)\ny", "tensor uint8"),
    "an iterator": ("b = iter(DataLoader(d))\nb", "iterator"),
    "an attribute": ("def f(self):\n    self.l = DataLoader(d)\nself.l", "loader"),
    "a layer's output": ("net = nn.Linear(1, 1)\nnet(x)", "tensor tracked op-linear"),
    "a net": ("class N(nn.Module):\n    pass\nn = N()\nn", "module"),
    "a loss": ("c = nn.MSELoss()\nl = c(x, y)\nl", "tensor scalar op-mse"),
    "a schedule": (
        "o = optim.SGD(p)\ns = optim.lr_scheduler.StepLR(o, 1)\ns",
        "scheduler !plateau",
    ),
    "a leaf": ("x = torch.ones(2, requires_grad=True)\nx", "tensor leaf"),
    "a size": ("x = torch.ones(2)\nx.size()", "size"),
    "one of a tuple": ("a, b = torch.ones(2), 1\nb", "number whole"),
    "an index": ("v, i = torch.rand(3).max(0)\ni", "tensor int"),
}


@pytest.mark.parametrize("what", EXPRESSIONS)
def test_what_an_expression_is_can_be_read(what):
    """`pytest spec --since 1.9 --used-in FILE` infers types from torch calls and assignments in
    FILE: it takes `torch.arange(3) / 2` for a float tensor, and `x` after
    `x = torch.ones(2, requires_grad=True)` for a leaf.
    """
    text, wanted = EXPRESSIONS[what]

    assert is_(kinds(text), wanted) is True
    assert is_(kinds(text), "string") is False


OF_A_PARAMETER = "def f(x):\n    x\n"


@pytest.mark.spare("'tensor int'", reason="of nothing anything is known")
def test_what_is_not_known_is_neither_so_nor_not():
    """`is_(kinds, "tensor int")` of `fixtures/matching.py`, where `kinds` is what that file infers
    of `x` in a function `def f(x):` whose body is the line `x`, returns None, neither True nor
    False: `x` may or may not be an integer tensor.
    """
    assert is_(kinds(OF_A_PARAMETER), "tensor int") is None


@pytest.mark.spare("4", reason="a bound that a slow machine keeps")
def test_a_hundred_thousand_lines_take_seconds(tmp_path):
    """`Matcher(...).findings(rules)` of `fixtures/matching.py`, behind `--used-in`, matches all
    rules of this project against ten files of 250 three-line functions each in less than four
    seconds of CPU time on a machine of 2026.
    """
    import time

    text = "import torch\nimport torch.nn.functional as F\n" + "\n".join(
        f"def f{n}(x, y):\n    z = F.relu(torch.cat([x, y], 1)) / 2\n    return z.view(-1).sum()\n"
        for n in range(250)
    )
    for number in range(10):
        (tmp_path / f"{number}.py").write_text(text)
    began = time.process_time()

    for path in tmp_path.iterdir():
        Matcher(read_source(path)).findings(RULES.values())

    assert (time.process_time() - began < 4) is True


def test_the_rules_are_told_by_release_and_strength():
    """Each rule in `spec/drift/rules` of this project has one of the strengths
    `raises`, `differs` and `warns`, each of these occurs, and no rule has a `since`
    newer than the newest release in `spec/drift/atlas.json`.
    """
    newest = Version(list(read_atlas(ROOT))[-1])

    assert {rule.strength for rule in RULES.values()} == {"raises", "differs", "warns"}
    assert [name for name, rule in RULES.items() if Version(rule.since) > newest] == []
