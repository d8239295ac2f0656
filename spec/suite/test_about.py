"""What is known about something.

`--about` takes what somebody has at hand: a symbol, a keyword of an API, a line of a traceback, or
words. It runs the facts about it, those that name it or expect that message, and tells their story;
facts that merely use it are folded to a line a page. What surprises: with `--collect-only` it
answers from an index, and, once that is made, does not import torch.
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
    assert torch.ones(2).add_(1).tolist() == [2.0, 2.0]

def test_where():
    """Choosing."""
    assert torch.where(torch.tensor([True]), 1, 2).tolist() == [1]

def test_loader():
    """Loading."""
    assert len(DataLoader([1, 2, 3], batch_size=2)) == 2
'''


@pytest.mark.spare("asked", reason="what is no symbol is searched as words")
@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("Tensor.add_", "Adding in place."),
        ("torch.Tensor.add_", "Adding in place."),
        ("add_", "Adding in place."),
        ("tensor.ADD_()", "Adding in place."),
        ("torch.where", "Choosing."),
        ("where", "Choosing."),
        ("DataLoader", "Loading."),
        ("torch.utils.data.DataLoader", "Loading."),
        ("batch_size", "Loading."),
        ("in place", "Adding in place."),
        ("choosing", "Choosing."),
    ],
)
def test_about_runs_the_facts_that_use_a_symbol(book, asked, sentence):
    """`pytest --about add_`, `--about Tensor.add_` and `--about torch.Tensor.add_` find a test,
    not a slow one, that calls `torch.ones(2).add_(1)`: `pytest` runs it, or counts it on its page
    under `used on`.
    """
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--about", asked)

    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(f"*✓ {sentence}")


TWO = '''
def test_about():
    """`torch.ones` makes ones."""
    assert torch.ones(1).item() == 1

def test_uses():
    """Sums add up."""
    assert torch.ones(2).sum().item() == 2
'''


def test_facts_about_a_symbol_run_and_those_that_use_it_are_folded(book):
    """In a book of one page, `Creation`, two tests call `torch.ones`: `pytest --about torch.ones`
    runs the one whose sentence names it; the other, `test_uses` with the sentence `Sums add up.`,
    does not run: the page is listed below `used on`.
    """
    book.page("tensors/test_creation.py", TWO)

    result = book.run("--about", "torch.ones")

    result.assert_outcomes(passed=1, deselected=1)
    result.stdout.fnmatch_lines(["  used on", "    spec/tensors/test_creation.py (1)"])


def test_all_runs_the_facts_that_merely_use_it_too(book):
    """Beside the tests about `torch.ones`, `pytest --about torch.ones --all` also runs an unmarked
    test of `spec/tensors` with `torch.ones(2)` in its body and no word like `ones` in its name,
    its docstring and its page's docstring.
    """
    book.page("tensors/test_creation.py", TWO)

    result = book.run("--about", "torch.ones", "--all")

    result.assert_outcomes(passed=2)


TABLE = '''
@pytest.mark.parametrize("name", ["ones", "zeros"])
def test_table(name):
    """The factories of the table take a size."""
    assert getattr(torch, name)(3).shape == (3,)

def test_none():
    """Factories take a size."""
    assert torch.ones(3).shape == (3,)
'''


def test_a_symbol_is_named_by_the_table_that_a_sentence_speaks_of(book):
    """`pytest --about ones` runs a test whose sentence says "the table", whose `parametrize` has
    the string "ones" and whose code calls `getattr(torch, name)`, as if the sentence named `ones`
    itself.
    """
    book.page("tensors/test_creation.py", TABLE)

    result = book.run("--about", "ones")

    result.assert_outcomes(passed=2, deselected=1)
    result.stdout.fnmatch_lines("*✓ The factories of the table take a size.*")


ERROR = '''
def test_sizes():
    """Sizes that differ are refused."""
    with pytest.raises(RuntimeError, match=r"The size of tensor a \\(2\\) must match"):
        torch.ones(2) + torch.ones(3)

def test_other():
    """Other things are refused in other words."""
    with pytest.raises(TypeError, match="must be Tensor, not str"):
        torch.add("a", 1)
'''


@pytest.mark.spare("asked", reason="what stands before a message does not matter")
@pytest.mark.parametrize(
    "asked",
    [
        "RuntimeError: The size of tensor a (7) must match the size of tensor b (9) at dimension 0",
        "E       RuntimeError: The size of tensor a (7) must match the size of tensor b (9)",
        "size of tensor a must match",
    ],
)
def test_a_pasted_message_finds_the_fact_that_expects_it(book, asked):
    """`pytest --about MESSAGE`, with a line of a traceback, runs a test in `spec/tensors` whose
    `pytest.raises` has most of its words in a row as `match`, if no other has more; its sizes may
    be others, and `RuntimeError:` may stand in front.
    """
    book.page("tensors/test_creation.py", ERROR)

    result = book.run("--about", asked)

    result.assert_outcomes(passed=1, deselected=1)
    result.stdout.fnmatch_lines("*✓ Sizes that differ are refused.")


def test_about_takes_all_rows_of_a_table(book):
    """`pytest --about add_` counts a call of `torch.ones(n).add_(1)` as a use of `add_`, and no
    call of `index_add_`. Of a test with that call and `parametrize("n", [1, 2])`, it runs both
    rows.
    """
    rows = "@pytest.mark.parametrize('n', [1, 2])\ndef test_rows(n): torch.ones(n).add_(1)\n"
    book.page(
        "tensors/test_creation.py",
        rows + "def test_other(): torch.ones(1).index_add_(0, torch.tensor([0]), torch.ones(1))",
    )

    result = book.run("--about", "add_")

    result.assert_outcomes(passed=2, deselected=1)


def test_a_symbol_like_no_other_has_no_neighbours(book):
    """`pytest --about NAME`, with a name that resembles no symbol, keyword argument, page
    or word of the book, ends in a usage error that suggests no name.
    """
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--about", "xyzzy")

    result.stderr.fnmatch_lines("ERROR: --about xyzzy: the book has nothing of this")


def test_neighbours_are_named_once_however_they_were_found(book):
    """The usage error of `pytest --about NAME` for a misspelt name suggests a symbol once,
    although its full name, as `Tensor.add_`, and its end, as `add_`, both resemble NAME.
    """
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--about", "Tensor.ad_")

    (line,) = [line for line in result.errlines if "nearest" in line]
    assert line.count("Tensor.add_") == 1


@pytest.mark.spare("asked", reason="another misspelling has the same neighbours")
@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("Tensor.ad_", "Tensor.add_"),
        ("torch.were", "where"),
        ("Dataloadr", "utils.data.DataLoader"),
        ("torch.nn.Dataloadr", "utils.data.DataLoader"),
        ("some.package.of.another.name.Dataloadr", "utils.data.DataLoader"),
    ],
)
def test_what_is_not_known_is_a_usage_error_with_the_nearest_names(book, asked, nearest):
    """`pytest --about NAME` is a usage error if the book's tests use no symbol or keyword
    NAME and it finds no test as a word; the message lists the nearest symbols, if there are
    similar ones.
    """
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--about", asked)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        f"*--about {asked}: the book has nothing of this; the nearest are *{nearest}*"
    )


@pytest.mark.spare("arguments", reason="another name is refused alike")
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("torch.fft", "*--about torch.fft: torch has it, the book has no fact of it*"),
        ("", "*--about: give a symbol, an error message, or words"),
        ("ones --about=zeros", "*--about was given twice; ask one thing at a time"),
    ],
)
def test_what_cannot_be_answered_says_why(book, arguments, reason):
    """`pytest --about` is a usage error that says why when its value is empty, when it is
    given twice, and when torch has the name but the search in the book finds nothing.
    """
    book.page("tensors/test_creation.py", PAGE)
    first, *more = arguments.split(" ")

    result = book.run(f"--about={first}", *more)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(reason)


@pytest.mark.slow
def test_an_answer_needs_no_torch(book):
    """`pytest --about torch.ones --collect-only`, run again on unchanged pages, answers
    from the index in pytest's cache and imports no torch.
    """
    book.page("tensors/test_creation.py", TWO)
    book.run_as_a_person("--about", "torch.ones", "--collect-only")
    # What an import of torch would now find first.
    (book.path / "torch.py").write_text("raise SystemExit('torch was imported')")

    result = book.run_as_a_person("--about", "torch.ones", "--collect-only")

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        ["    `torch.ones` makes ones.", "      spec/tensors/test_creation.py:6"]
    )


@pytest.mark.slow
def test_a_changed_page_is_read_again(book):
    """If the docstring of a test that calls `torch.ones` is changed from `torch.ones makes ones.`
    to `torch.ones is new.`, `pytest --about torch.ones --collect-only`, run again, prints the new
    one, not that of its cached index.
    """
    book.page("tensors/test_creation.py", TWO)
    book.run_as_a_person("--about", "torch.ones", "--collect-only")
    book.page("tensors/test_creation.py", TWO.replace("makes ones", "is new"))

    result = book.run_as_a_person("--about", "torch.ones", "--collect-only")

    result.stdout.fnmatch_lines("*`torch.ones` is new.")


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
    """`symbols(fact)` of `fixtures/symbols.py` gives `torch.zeros` and `torch.Tensor.__iadd__` for
    a test with the code `x = torch.zeros(2); x += 1`, and nothing for `a = np.zeros(2); a.sum()`
    or `[1, 2].index(2)`.
    """
    head = PAGE[: PAGE.index("def")]
    book.page("tensors/test_creation.py", f"{head}\ndef test_it():\n    {code}\n")

    module = read_page(str(book.path), "spec/tensors/test_creation.py")

    assert sorted(symbols(module.facts["test_it"])) == used
