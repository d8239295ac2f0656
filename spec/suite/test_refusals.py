"""A test that is no fact of the book is refused.

The story, the ledger and the files for programs read facts from their source. A test that cannot be
read there would run and be told nowhere; a fact without a sentence says nothing, and one without an
assertion cannot fail. Each is refused when the run is collected, by name, with what to write
instead.
"""

import sys

import pytest

IN_A_CLASS = """
class TestOnes:
    def test_ones(self):
        assert torch.ones(1) == 1
"""

GENERATED = """
def make():
    def test_ones():
        assert torch.ones(1) == 1
    return test_ones

test_made = make()
"""

ASYNC = '''
async def test_ones():
    """Ones."""
    assert torch.ones(1) == 1
'''

CONSTANT = '''
CLAIM = "ones"

@pytest.mark.claim(CLAIM)
def test_ones():
    """Ones."""
    assert torch.ones(1) == 1
'''


@pytest.mark.parametrize(
    ("page", "refusal"),
    [
        (IN_A_CLASS, "*::TestOnes::test_ones: is in a class; write `def test_ones` at the top*"),
        (GENERATED, "*::test_made: is not written out on its page; write `def test_made` at the*"),
        (ASYNC, "*::test_ones: is an async function; write `def test_ones` and `asyncio.run`*"),
        (CONSTANT, "*:9: test_ones names a claim that cannot be read; write its id as a string*"),
        (
            "def test_ones(): assert torch.ones(1) == 1",
            "*:5: test_ones has no sentence; write it as its docstring's first paragraph",
        ),
        (
            'def test_ones():\n    """Ones."""\n    torch.ones(1)',
            "*:5: test_ones asserts nothing, so it cannot fail; end it with assertions",
        ),
    ],
    ids=["class", "generated", "async", "constant", "no sentence", "no assertion"],
)
def test_a_test_that_is_no_fact_is_refused(book, page, refusal):
    """A test that cannot be read, says nothing or asserts nothing stops the run, by name."""
    book.page("tensors/test_creation.py", page, complete=False)

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(refusal)


def test_all_that_is_refused_is_told_at_once(book):
    """Each fault has a line of its own."""
    book.page("tensors/test_creation.py", "def test_ones(): torch.ones(1)", complete=False)

    result = book.run()

    result.stderr.fnmatch_lines(
        [
            "*:5: test_ones has no sentence; write it as its docstring's first paragraph",
            "*:5: test_ones asserts nothing, so it cannot fail; end it with assertions",
        ]
    )


def test_a_page_with_a_syntax_error_is_an_error_that_names_its_line(book):
    """What is no Python is told with file and line."""
    book.page("tensors/test_creation.py", "def test_ones(:", complete=False)

    result = book.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*test_creation.py*, line 5")


def test_python_without_assertions_is_refused(book, monkeypatch):
    """Under `python -O` no assertion is made: the run ends with one line that says so."""

    class Flags:
        optimize = 1

    monkeypatch.setattr(sys, "flags", Flags)

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*python -O switches assertions off*; run python without -O")
