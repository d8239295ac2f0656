"""The knowledge base for programs.

`--facts-json FILE` writes what a run found out, one record a fact: what it says and why, which code
shows it, which symbols of torch that code uses, what it raises, what it needs, and whether it held
here. Programs such as a site or an index are made from this file and never read the pages.
"""

import json

import pytest
import torch

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
'''

LEDGER = """
[ones]
section = "1"
says = "Ones are ones."
verdict = "holds"
"""


@pytest.fixture
def facts(book):
    """What `--facts-json` writes about a page of two facts."""
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", PAGE)
    book.run("--facts-json", "facts.json")
    return json.loads((book.path / "facts.json").read_text())


def test_a_fact_is_a_record(facts):
    """A record holds the sentence, the place, the source, the claims and the outcome."""
    fact = facts["facts"][0]

    assert fact["id"] == "spec/tensors/test_creation.py::test_ones"
    assert (fact["chapter"], fact["concept"]) == ("tensors", "creation")
    assert fact["sentence"] == "Ones are made of ones."
    assert fact["why"] == "Because they are."
    assert fact["line"] == 8
    assert fact["source"].startswith('@pytest.mark.claim("ones")\n')
    assert fact["source"].endswith("== [2.0] * n\n")
    assert fact["symbols"] == ["torch.Tensor.add_", "torch.Tensor.tolist", "torch.ones"]
    assert fact["claims"] == ["ones"]
    assert fact["gates"] == []
    assert fact["outcome"] == "held"


def test_the_rows_of_a_table_are_cases_of_one_fact(facts):
    """A parametrised fact is one record with a case a row; durations are in seconds."""
    fact = facts["facts"][0]

    assert [case["id"].partition("[")[2] for case in fact["cases"]] == ["1]", "2]"]
    assert [case["outcome"] for case in fact["cases"]] == ["held", "held"]
    assert (
        0
        < sum(case["seconds"] for case in fact["cases"])
        == pytest.approx(fact["seconds"], abs=1e-5)
    )


def test_a_gated_fact_says_what_it_waits_for(facts):
    """An undecided fact lists its gates and the reason."""
    fact = facts["facts"][1]

    assert fact["gates"] == ["torch(<1.0)", "cuda"]
    assert fact["outcome"] == "undecided"
    assert fact["reason"] == f"true for torch <1.0; this is {torch.__version__}"


def test_the_file_says_where_it_was_found_true(facts):
    """Versions and devices are told once."""
    assert facts["torch"] == torch.__version__
    assert facts["python"].split(".")[0] == "3"
    assert facts["devices"][0] == "cpu"


@pytest.mark.spare("'nowhere/facts.json'", reason="any folder that is not there")
@pytest.mark.parametrize("option", ["--facts-json", "--claims-json"])
@pytest.mark.parametrize("place", ["nowhere/facts.json", "."])
def test_a_file_that_cannot_be_written_is_refused_before_the_run(book, option, place):
    """A missing folder is a usage error at once, not a loss at the end."""
    result = book.run(option, place)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"*{option} {place}: give a file in a folder that exists")


@pytest.mark.spare("'tmp'", reason="nothing is left, whatever it is called")
def test_the_file_is_complete_or_absent(book, monkeypatch):
    """Writing that breaks off leaves the old file as it was, and nothing beside it."""
    monkeypatch.setattr("fixtures.knowledge.record", lambda config, fact, cases: {"id": object()})
    book.page("tensors/test_creation.py", "def test_it(): pass")
    (book.path / "facts.json").write_text("old")

    result = book.run("--facts-json", "facts.json")

    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    assert (book.path / "facts.json").read_text() == "old"
    assert sorted(path.name for path in book.path.glob("*.json")) == ["facts.json"]
    assert [path.name for path in book.path.iterdir() if path.name.startswith("tmp")] == []
