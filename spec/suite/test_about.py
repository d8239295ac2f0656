"""What is known about a symbol.

`--about torch.where` runs only the facts whose code uses `torch.where`, and tells their story. The
symbols are read from the source: functions and classes by their full name, methods and operators
by the tensors that they are used on.
"""

import pytest

from fixtures.facts import read_page
from fixtures.symbols import symbols

PAGE = '''
import numpy as np
import torch.nn.functional as F
from torch.utils.data import DataLoader

def test_add():
    """Adding in place."""
    torch.ones(2).add_(1)

def test_where():
    """Choosing."""
    torch.where(torch.tensor([True]), 1, 2)

def test_loader():
    """Loading."""
    DataLoader([1])
'''


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("Tensor.add_", "Adding in place."),
        ("torch.Tensor.add_", "Adding in place."),
        ("add_", "Adding in place."),
        ("torch.where", "Choosing."),
        ("where", "Choosing."),
        ("DataLoader", "Loading."),
        ("torch.utils.data.DataLoader", "Loading."),
    ],
)
def test_about_runs_the_facts_that_use_a_symbol(book, asked, sentence):
    """A symbol may be given by its full name or by the end of it."""
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--about", asked)

    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(f"*✓ {sentence}")


def test_about_takes_all_rows_of_a_table(book):
    """A fact about the symbol runs with each row of its table; any part of a name is no name."""
    rows = "@pytest.mark.parametrize('n', [1, 2])\ndef test_rows(n): torch.ones(n).add_(1)\n"
    book.page("tensors/test_creation.py", rows + "def test_iadd(): torch.ones(1).__iadd__(1)")

    result = book.run("--about", "add_")

    result.assert_outcomes(passed=2, deselected=1)


def test_a_symbol_like_no_other_has_no_neighbours(book):
    """Where no name is near, none is named."""
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--about", "xyzzy")

    result.stderr.fnmatch_lines("ERROR: --about xyzzy: no fact uses it")


def test_neighbours_are_named_once_however_they_were_found(book):
    """A name is near by all of it or by its end."""
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--about", "Tensor.add")

    (line,) = [line for line in result.errlines if "nearest" in line]
    assert line.count("Tensor.add_") == 1


@pytest.mark.spare("'Tensor.ad_'", reason="another misspelling has the same neighbours")
@pytest.mark.spare("'torch.were'", reason="another misspelling has the same neighbours")
@pytest.mark.spare("'Dataloader'", reason="another misspelling has the same neighbours")
@pytest.mark.spare(
    "'some.package.of.another.name.Dataloader'",
    reason="another misspelling has the same neighbours",
)
@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("Tensor.ad_", "Tensor.add_"),
        ("torch.were", "where"),
        ("Dataloader", "utils.data.DataLoader"),
        ("some.package.of.another.name.Dataloader", "utils.data.DataLoader"),
    ],
)
def test_an_unknown_symbol_is_a_usage_error_with_the_nearest_names(book, asked, nearest):
    """A misspelt symbol is answered with those that the book knows."""
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--about", asked)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        f"*--about {asked}: no fact uses it; the nearest names are *{nearest}*"
    )


@pytest.mark.spare("'1 - torch.zeros(2)'", reason="a ~ in front adds no symbol to these")
@pytest.mark.spare("'~torch.zeros(2)'", reason="a ~ in front adds no symbol to these")
@pytest.mark.spare("'[1, 2].index(2)'", reason="a ~ in front adds no symbol to these")
@pytest.mark.parametrize(
    ("code", "used"),
    [
        ("torch.zeros(2)", ["torch.zeros"]),
        ("F.relu(torch.zeros(2))", ["torch.nn.functional.relu", "torch.zeros"]),
        ("DataLoader([1])", ["torch.utils.data.DataLoader"]),
        ("import torch.nn.utils; torch.zeros(2)", ["torch.zeros"]),
        ("x = torch.zeros(2); x.add_(1)", ["torch.Tensor.add_", "torch.zeros"]),
        (
            "x = torch.zeros(2); y = x.t(); y.neg()",
            ["torch.Tensor.neg", "torch.Tensor.t", "torch.zeros"],
        ),
        ("x = torch.zeros(2); x.size().index(2)", ["torch.Tensor.size", "torch.zeros"]),
        ("x = torch.zeros(2); x[0] = 1", ["torch.Tensor.__setitem__", "torch.zeros"]),
        ("x = torch.zeros(2); x += 1", ["torch.Tensor.__iadd__", "torch.zeros"]),
        ("torch.zeros(2)[0]", ["torch.Tensor.__getitem__", "torch.zeros"]),
        ("1 - torch.zeros(2)", ["torch.Tensor.__rsub__", "torch.zeros"]),
        ("~torch.zeros(2)", ["torch.Tensor.__invert__", "torch.zeros"]),
        ("torch.zeros(2) < 1", ["torch.Tensor.__lt__", "torch.zeros"]),
        (
            "v, i = torch.zeros(2).max(0); i.sum()",
            ["torch.Tensor.max", "torch.Tensor.sum", "torch.zeros"],
        ),
        ("a = np.zeros(2); a.sum(); a + 1", []),
        ("[1, 2].index(2)", []),
    ],
)
def test_symbols_are_read_from_the_source(book, code, used):
    """Functions, methods and operators are found, and what is done to an array is not."""
    head = PAGE[: PAGE.index("def")]
    book.page("tensors/test_creation.py", f"{head}\ndef test_it():\n    {code}\n")

    module = read_page(str(book.path), "spec/tensors/test_creation.py")

    assert sorted(symbols(module.facts["test_it"])) == used
