"""The knowledge base for programs.

`--facts-json FILE` writes what a run found out, one record a fact: what it says and why, which code
shows it, which symbols of torch that code uses, what it raises, what it needs, and whether it held
here. Programs such as a site or an index are made from this file and never read the pages.
"""

import ast
import json
import shutil
import subprocess

import pytest
import torch

from fixtures.facts import asserts, read_page

PAGE = '''
@pytest.mark.claim("ones")
@pytest.mark.parametrize("n", [1, 2])
def test_ones(n):
    """Ones are
    made of ones.

    Because they
    are.
    """
    assert torch.ones(n).add_(1).tolist() == [2.0] * n

@pytest.mark.torch("<1.0")
@pytest.mark.cuda
def test_gated():
    """Never mind."""
    assert 1 == 1

def made(): return torch.ones(1)

def test_methods():
    """With `x.add_(1)`, what `made` makes is two, like `torch.nn.Linear`."""
    with pytest.raises(TypeError, match="missing"):
        torch.nn.Linear()
    x = torch.zeros(1) + made()
    x.add_(1)
    torch.nn.Linear(1, 1).eval()
    assert x.item() == 2.0

@pytest.mark.cuda
@pytest.mark.parametrize("b", (2, 3))
@pytest.mark.parametrize("a", range(1))
def test_alone(capsys, a, b):
    """Grüße."""
    assert 1 == 1
'''

LEDGER = """
[ones]
section = "1"
says = "Ones are ones."
verdict = "holds"
"""


@pytest.fixture
def facts(book):
    """What `--facts-json` writes about a page of facts."""
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", PAGE)
    book.run("--facts-json", "facts.json")
    return json.loads((book.path / "facts.json").read_text())


def test_a_fact_is_a_record(facts):
    """`pytest --facts-json FILE` writes for each test that ran or was skipped its id, sentence,
    the paragraphs after it, line, source, torch symbols, claims, gates and outcome.
    """
    fact = facts["facts"][0]

    assert fact["id"] == "spec/tensors/test_creation.py::test_ones"
    assert (fact["chapter"], fact["concept"]) == ("tensors", "creation")
    assert (fact["title"], fact["prose"]) == ("Creation", "")
    assert fact["sentence"] == "Ones are made of ones."
    assert fact["why"] == "Because they are."
    assert fact["line"] == 8
    assert fact["source"].startswith('@pytest.mark.claim("ones")\n')
    assert fact["source"].endswith("== [2.0] * n\n")
    assert fact["symbols"] == ["torch.Tensor.add_", "torch.Tensor.tolist", "torch.ones"]
    assert fact["claims"] == ["ones"]
    assert fact["gates"] == []
    assert fact["outcome"] == "held"


def test_a_record_holds_the_table_and_the_script(facts):
    """`pytest --facts-json FILE` writes for a test without fixtures that has
    `@pytest.mark.parametrize("n", [1, 2])` the rows `[["1"], ["2"]]`, Python expressions as text,
    and a `script` that sets `n = 1` and goes on with the test's code.
    """
    fact = facts["facts"][0]

    assert fact["tables"] == [{"names": ["n"], "rows": [["1"], ["2"]]}]
    assert fact["imports"] == ["import torch"]
    assert fact["helpers"] == []
    assert fact["script"].splitlines()[-3:] == [
        "n = 1",
        "",
        "assert torch.ones(n).add_(1).tolist() == [2.0] * n",
    ]
    assert fact["no_script"] == ""


def test_a_record_tells_what_is_needed_and_seen(facts):
    """`pytest --facts-json FILE` gives a passing test with a `script` its page's functions that it
    calls (`helpers`), the type of an error in `pytest.raises` (`errors`), and
    `torch.nn.Module.eval` for `torch.nn.Linear(1, 1).eval()` (`symbols`).
    """
    fact = facts["facts"][2]

    assert fact["helpers"] == ["def made(): return torch.ones(1)"]
    assert fact["errors"][0][0] == "TypeError"
    assert "torch.nn.Module.eval" in fact["symbols"]


def test_a_record_tells_which_symbols_the_sentence_is_about(facts):
    """In `pytest --facts-json FILE`, `about` lists the torch symbols that a test uses and whose
    last part, as `add_` of `torch.Tensor.add_`, stands in backticks in the first paragraph of
    its docstring.
    """
    fact = facts["facts"][2]

    assert fact["about"] == ["torch.Tensor.add_", "torch.nn.Linear"]


def test_a_fact_without_a_script_has_a_reason(facts):
    """For a test whose one fixture is pytest's `capsys`, `pytest --facts-json FILE` writes an
    empty `script`, and as `no_script` the reason `needs pytest's fixture capsys`.
    """
    fact = facts["facts"][3]

    assert fact["script"] == ""
    assert [table["rows"] for table in fact["tables"]] == [[["2"], ["3"]], []]
    assert fact["no_script"] == "needs pytest's fixture capsys"
    assert (fact["imports"], fact["helpers"]) == ([], [])


def test_a_case_holds_plain_facts_alone(facts):
    """`pytest --facts-json FILE` writes for each case of a test, an entry of the test's `cases`,
    the keys `id`, `outcome`, `why` and `seconds`.
    """
    (case,) = facts["facts"][1]["cases"]

    assert list(case) == ["id", "outcome", "why", "seconds"]


@pytest.mark.parametrize(
    ("text", "title", "prose"),
    [
        ('"""Creation."""', "Creation", ""),
        ('"""Creation.\n\nTensors\nare made.\n"""', "Creation", "Tensors\nare made."),
        ("", "from data", ""),
    ],
)
def test_a_page_has_a_heading_and_prose(book, text, title, prose):
    """`read_page` of `fixtures/facts.py` takes the first line of a page's docstring, without full
    stops at its end, as the title and the rest as the prose; a page `test_from_data.py` without a
    docstring has the title "from data".
    """
    (book.path / "spec" / "test_from_data.py").write_text(text)

    page = read_page(str(book.path), "spec/test_from_data.py")

    assert (page.title, page.prose) == (title, prose)


def test_a_gate_that_page_and_fact_name_is_told_once(book):
    """`read_page` of `fixtures/facts.py` has the gate `cuda` once in the `gates` of a test if both
    the `pytestmark` of its page and the test have the mark `cuda`.
    """
    book.page(
        "tensors/test_creation.py",
        "pytestmark = pytest.mark.cuda\n\n"
        '@pytest.mark.cuda\n@pytest.mark.torch(">=1.0")\ndef test_it(): pass',
    )

    page = read_page(str(book.path), "spec/tensors/test_creation.py")

    assert page.facts["test_it"].gates == ("cuda", "torch(>=1.0)")


def test_the_tree_of_a_fact_has_the_lines_of_its_page(book):
    """`read_page` of `fixtures/facts.py` gives of a test function at the top of a page the line of
    its first decorator (`first`), that of its `def` (`line`), and a syntax `tree` whose statements
    have the line numbers of the file.
    """
    book.page(
        "tensors/test_creation.py",
        '\n@pytest.mark.cuda\ndef test_it():\n    """It."""\n    assert 1',
    )

    fact = read_page(str(book.path), "spec/tensors/test_creation.py").facts["test_it"]

    assert (fact.first, fact.line, fact.tree.body[-1].lineno) == (6, 7, 9)


def test_a_form_feed_ends_no_line_of_a_fact(book):
    """`read_page` of `fixtures/facts.py` gives of a test function below a form feed, and with one
    in a string, its whole `source`, from `def` to its last line.
    """
    book.page(
        "tensors/test_creation.py", "\x0c\ndef test_it():\n    'It.'\n    assert 'a\x0cb' != 'c'"
    )

    fact = read_page(str(book.path), "spec/tensors/test_creation.py").facts["test_it"]

    assert fact.source == "def test_it():\n    'It.'\n    assert 'a\x0cb' != 'c'"


def test_a_fact_asserts_by_itself_or_by_what_it_calls():
    """`asserts` of `fixtures/facts.py` is True for the tree of a function with `assert` or a call
    of `pytest.raises`, `pytest.deprecated_call`, `assert_close`, `fnmatch_lines` or `gradcheck`,
    and False for one that only calls `praises(E)`.
    """
    tried = [
        "assert 1",
        "with pytest.raises(E): f()",
        "with raises(E): f()",
        "pytest.deprecated_call(f)",
        "torch.testing.assert_close(1, 1)",
        "result.stdout.fnmatch_lines('a')",
        "result.stdout.no_fnmatch_line('a')",
        "torch.autograd.gradcheck(f, x)",
        "praises(E)",
        "raises",
        "1",
    ]

    asserting = [code for code in tried if asserts(ast.parse(f"def f():\n    {code}").body[0])]

    assert asserting == [
        "assert 1",
        "with pytest.raises(E): f()",
        "with raises(E): f()",
        "pytest.deprecated_call(f)",
        "torch.testing.assert_close(1, 1)",
        "result.stdout.fnmatch_lines('a')",
        "result.stdout.no_fnmatch_line('a')",
        "torch.autograd.gradcheck(f, x)",
    ]


def test_the_rows_of_a_table_are_cases_of_one_fact(facts):
    """`pytest --facts-json FILE` writes a parametrized test of `spec/` as one record, with a case
    in `cases` for each row that came up in the run; the record's `seconds` are the sum of those of
    its cases, up to rounding.
    """
    fact = facts["facts"][0]

    assert [case["id"].partition("[")[2] for case in fact["cases"]] == ["1]", "2]"]
    assert [case["outcome"] for case in fact["cases"]] == ["held", "held"]
    assert (
        0
        < sum(case["seconds"] for case in fact["cases"])
        == pytest.approx(fact["seconds"], abs=1e-5)
    )


def test_a_gated_fact_says_what_it_waits_for(facts):
    """`pytest --facts-json FILE` writes for a test skipped by its mark `torch("<1.0")` the
    outcome `undecided`, its gates, and a reason that names the installed release.
    """
    fact = facts["facts"][1]

    assert fact["gates"] == ["torch(<1.0)", "cuda"]
    assert fact["outcome"] == "undecided"
    assert fact["reason"] == f"true for torch <1.0; this is {torch.__version__}"


def test_the_file_says_where_it_was_found_true(facts):
    """The file of `pytest --facts-json FILE` has the versions of PyTorch and Python, a list
    `devices` that begins with `cpu`, and the seed 0.
    """
    assert facts["torch"] == torch.__version__
    assert facts["python"].split(".")[0] == "3"
    assert facts["devices"][0] == "cpu"
    assert facts["seed"] == 0


def test_the_file_says_when_and_of_what_book(book, monkeypatch):
    """In what `pytest --facts-json FILE` writes, `date` is in UTC and ends with `+00:00`; `commit`
    is `""` where the program `git` is not found.
    """
    monkeypatch.setenv("PATH", "")
    book.page("tensors/test_creation.py", "def test_it(): pass")
    book.run("--facts-json", "facts.json")

    data = json.loads((book.path / "facts.json").read_text())

    assert data["date"].endswith("+00:00")
    assert data["commit"] == ""


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_commit_is_told(book):
    """`pytest --facts-json FILE` writes the hash that `git rev-parse HEAD` prints in pytest's root
    folder, 40 characters in a SHA-1 repository with a commit, as `commit`.
    """
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    for command in (["init"], [*who, "commit", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *command], cwd=book.path, check=True, capture_output=True)
    book.page("tensors/test_creation.py", "def test_it(): pass")
    book.run("--facts-json", "facts.json")

    data = json.loads((book.path / "facts.json").read_text())

    assert len(data["commit"]) == 40


def test_the_file_is_there_wherever_facts_go(book):
    """`pytest --facts-json facts.json` writes into the folder in which pytest was started,
    even if a test calls `os.chdir`.
    """
    book.page(
        "tensors/test_creation.py",
        "import os\n\ndef test_it(tmp_path): os.chdir(tmp_path)",
    )

    book.run("--facts-json", "facts.json")

    assert (book.path / "facts.json").exists() is True


def test_the_file_is_text_that_people_can_read(book):
    """`pytest --facts-json FILE` writes UTF-8 with letters such as ö unescaped, indented
    lines, and a newline at the end.
    """
    book.page("tensors/test_creation.py", 'def test_it():\n    """Größe."""')

    book.run("--facts-json", "facts.json")

    text = (book.path / "facts.json").read_text(encoding="utf-8")
    assert '   "sentence": "Größe.",\n' in text
    assert text.endswith("}\n")


@pytest.mark.spare("'nowhere/facts.json'", reason="any folder that is not there")
@pytest.mark.parametrize("option", ["--facts-json", "--claims-json"])
@pytest.mark.parametrize("place", ["nowhere/facts.json", "."])
def test_a_file_that_cannot_be_written_is_refused_before_the_run(book, option, place):
    """A run with `pytest --facts-json FILE` or `pytest --claims-json FILE` is a usage error if
    FILE is a folder, or if the folder that it would be in does not exist.
    """
    result = book.run(option, place)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"*{option} {place}: give a file in a folder that exists")


@pytest.mark.spare("'tmp'", reason="nothing is left, whatever it is called")
def test_the_file_is_complete_or_absent(book, monkeypatch):
    """If an error interrupts the writing of `pytest --facts-json FILE`, the old FILE stays
    as it was and no temporary file is left beside it.
    """
    monkeypatch.setattr("fixtures.knowledge.record", lambda config, fact, cases: {"id": object()})
    book.page("tensors/test_creation.py", "def test_it(): pass")
    (book.path / "facts.json").write_text("old")

    result = book.run("--facts-json", "facts.json")

    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    assert (book.path / "facts.json").read_text() == "old"
    assert sorted(path.name for path in book.path.glob("*.json")) == ["facts.json"]
    assert [path.name for path in book.path.iterdir() if path.name.startswith("tmp")] == []


def test_a_sentence_in_other_words_keeps_the_hash(book):
    """If only words of a test's docstring are changed, and it shares no line with its code,
    `read_page` of `fixtures/facts.py` gives the test the same `hash`; with another number in its
    code it gives another `hash`.
    """
    book.page("tensors/test_a.py", PAGE)
    book.page("tensors/test_b.py", PAGE.replace("made of ones", "built of ones"))
    book.page("tensors/test_c.py", PAGE.replace("[2.0]", "[3.0]"))

    first, reworded, changed = (
        read_page(str(book.path), f"spec/tensors/test_{name}.py").facts["test_ones"].hash
        for name in "abc"
    )

    assert (first == reworded, first == changed) == (True, False)
