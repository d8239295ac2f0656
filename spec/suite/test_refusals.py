"""A test that is no fact of the book is refused.

The story, the ledger and the files for programs read facts from their source. A test that cannot be
read there would run and be told nowhere; a fact without a sentence says nothing, and one without an
assertion shows nothing. Each is refused when the run is collected, by name, with what to write
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

GENERATOR = '''
async def test_ones():
    """Ones."""
    yield torch.ones(1)
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
        (GENERATOR, "*::test_ones: is an async function; write `def test_ones` and `asyncio.run`*"),
        (
            CONSTANT.replace("(CLAIM", "('a', CLAIM"),
            "*:9: test_ones names a claim that cannot be read; write its id as a string*",
        ),
        (
            CONSTANT.replace("(CLAIM)", "()"),
            "*:9: test_ones names a claim that cannot be read; write its id as a string*",
        ),
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
    ids=[
        "class",
        "generated",
        "async",
        "async generator",
        "second constant",
        "no claim",
        "constant",
        "no sentence",
        "no assertion",
    ],
)
def test_a_test_that_is_no_fact_is_refused(book, page, refusal):
    """A test in `spec/tensors` in a class, an `async def` test, one without a docstring or without
    an assertion, or one with `@pytest.mark.claim(NAME)`, where NAME is no literal, makes `pytest`
    end in a usage error that names it.
    """
    book.page("tensors/test_creation.py", page, complete=False)

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(refusal)


@pytest.mark.parametrize("arguments", [[], ["-n", "2"]], ids=["one process", "two workers"])
def test_all_that_is_refused_is_told_at_once(book, arguments):
    """If a test function at the top of a page in `spec/tensors` has neither a docstring nor an
    assertion, the usage error of `pytest` has two lines for it: `has no sentence` and
    `asserts nothing`; so it is with `-n 2`.

    A usage error in a worker of xdist would be told as a crash of xdist: `fixtures/workers.py`
    carries it to the controller.
    """
    book.page("tensors/test_creation.py", "def test_ones(): torch.ones(1)", complete=False)

    result = book.run_as_a_person(*arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "*:5: test_ones has no sentence; write it as its docstring's first paragraph",
            "*:5: test_ones asserts nothing, so it cannot fail; end it with assertions",
        ]
    )


def test_each_fault_is_told_once(book):
    """For a test in `spec/tensors` whose only fault is that it has no docstring, with two rows of
    `parametrize`, the usage error of `pytest` has one line, not one for each row.
    """
    rows = "@pytest.mark.parametrize('n', [1, 2])\n"
    page = f"class TestOnes:\n    {rows}    def test_ones(self, n): assert n\n"
    page += f"{rows}def test_two(n): assert n"
    book.page("tensors/test_creation.py", page, complete=False)

    result = book.run()

    faults = [line.partition("::")[2] or line for line in result.errlines if "test_" in line]
    assert [fault.partition(": ")[0] for fault in faults] == [
        "TestOnes::test_ones",
        "spec/tensors/test_creation.py:9",
    ]


def test_a_fact_that_is_left_out_is_refused_too(book):
    """A test in `spec/tensors/test_creation.py` that has the mark `slow` and no docstring makes
    `pytest`, run without arguments, end in a usage error, although this run leaves the test out.
    """
    page = "@pytest.mark.slow\ndef test_ones(): assert 1 == 1"
    book.page("tensors/test_creation.py", page, complete=False)

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*:6: test_ones has no sentence; *")


def test_a_test_beside_the_book_may_be_any_test(book):
    """`pytest test_own.py` at the root of this project runs the passing test of a class in that
    file, and refuses nothing, although the test has no docstring: the file is not below `spec/`.
    """
    (book.path / "test_own.py").write_text("class TestOwn:\n    def test_it(self): pass")

    result = book.run("test_own.py")

    said = [line for line in result.outlines if "reading_order" in line]
    result.assert_outcomes(passed=1)
    assert said == []


def test_what_reads_the_whole_book_names_the_line_of_a_syntax_error(book):
    """`pytest --about ones` ends in a usage error with file and line if a page below `spec/` has,
    outside of strings and comments, the line `def test_ones(:`, which is no Python.
    """
    book.page("tensors/test_creation.py", "def test_ones(:", complete=False)

    result = book.run("--about", "ones")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("ERROR: spec/tensors/test_creation.py:5: invalid syntax*")


def test_a_page_with_a_syntax_error_is_an_error_that_names_its_line(book):
    """`pytest spec/tensors` reports a page of that chapter with a line as `def test_ones(:`, which
    is no Python, as a collection error, with the file's name and the line.
    """
    book.page("tensors/test_creation.py", "def test_ones(:", complete=False)

    result = book.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*test_creation.py*, line 5")


def test_python_without_assertions_is_refused(book, monkeypatch):
    """`python -O -m pytest` in this suite ends in a usage error that says to run python
    without `-O`, as `sys.flags.optimize` is 1.
    """

    class Flags:
        optimize = 1

    monkeypatch.setattr(sys, "flags", Flags)

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*python -O switches assertions off*; run python without -O")
