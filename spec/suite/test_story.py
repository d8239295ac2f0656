"""The run as prose.

`--story` tells chapter, page and introduction, and then each fact's sentence behind a mark, and why
it is so. It is how the book is read in a terminal. What was not decided here takes one dimmed line a
page, so that a machine without a GPU shows what it knows rather than what it lacks.
"""

import re
import sys
from types import SimpleNamespace

import pytest
import torch

from fixtures.outcomes import FAILED, HELD, UNDECIDED, Case
from fixtures.story import Progress, in_words
from fixtures.terminal import can_write, columns

PAGE = '''
def test_held():
    """Ones are ones.

    Because each is.
    """

def test_failed():
    """Ones are twos."""
    assert 1 == 2

@pytest.mark.torch("<1.0")
def test_gated():
    """Once upon a time it was so."""

@pytest.mark.parametrize("n", [1, 2])
def test_table(n):
    """Every row of a table counts."""
'''


IN_ORDER = [
    "TENSORS",
    "Creation                                         spec/tensors/test_creation.py",
    "✓ First.",
    "AUTOGRAD",
    "Backward                                        spec/autograd/test_backward.py",
    "✓ Second.",
]


def story(result):
    """Return the lines of a story, from its first chapter on."""
    lines = result.outlines[result.outlines.index("TENSORS") :]
    return lines[: next(n for n, line in enumerate(lines) if line.startswith("="))]


def test_a_run_is_told_in_sentences(book):
    """With UTF-8 output `pytest --story` prints the docstring of a passing test behind `✓`, that
    of a failed test behind `✗` and below it what failed; a page's skipped tests it does not print
    one by one but counts behind `not decided here:`.
    """
    book.page("tensors/test_numpy_bridge.py", PAGE)

    result = book.run("--story", "--tb=no", "-rN")

    assert story(result) == [
        "TENSORS",
        "",
        "  Numpy bridge                                 spec/tensors/test_numpy_bridge.py",
        "",
        "    ✓ Ones are ones.",
        "      Because each is.",
        "    ✗ Ones are twos.",
        "      the book says 2, your PyTorch says 1",
        "    ✓ Every row of a table counts.",
        f"    · not decided here: 1 (true for torch <1.0; this is {torch.__version__})",
        "",
        "2 sentences hold on this PyTorch; 1 does not; 1 waits: 1 for another release,",
        "device or data.",
    ]


WORDS = {
    "h": Case("a", HELD),
    "f": Case("a", FAILED, "no"),
    "u": Case("a", UNDECIDED, "old"),
    "g": Case("a", UNDECIDED, "needs a CUDA device"),
}


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ("h", "1 sentence holds on this PyTorch; none failed."),
        ("hhf", "2 sentences hold on this PyTorch; 1 does not."),
        ("ff", "0 sentences hold on this PyTorch; 2 do not."),
        (
            "huug",
            "1 sentence holds on this PyTorch; none failed; 3 wait: 1 for a GPU, "
            "2 for another release, device or data.",
        ),
        ("g", "0 sentences hold on this PyTorch; none failed; 1 waits: 1 for a GPU."),
        ("h" * 1000, "1,000 sentences hold on this PyTorch; none failed."),
    ],
)
def test_a_story_ends_in_numbers(outcomes, told):
    """`in_words` of `fixtures/story.py` returns the line that `pytest --story` prints below the
    tests: how many sentences hold, how many do not, and, if any wait, how many for a GPU and how
    many for another release, device or data.
    """
    pairs = [(None, [WORDS[each]]) for each in outcomes]

    assert in_words(pairs) == told


def test_pages_of_a_chapter_stand_below_one_heading(book):
    """`pytest --story` prints `TENSORS` once above two pages of `spec/tensors` with skipped tests,
    and for each page once `not decided here:`, with the number of its skipped tests, those without
    `parametrize`, for each reason of the skip.
    """
    gated = '@pytest.mark.torch("<1.0")\ndef test_a(): pass\n\n'
    gated += gated.replace("test_a", "test_b") + "def test_c(): pytest.skip('no data')"
    book.page("tensors/test_creation.py", gated)
    book.page("tensors/test_views.py", gated)

    result = book.run("--story")

    waiting = f"2 (true for torch <1.0; this is {torch.__version__}), 1 (no data)"
    lines = " ".join(" ".join(result.outlines).split())
    assert lines.count("TENSORS") == 1
    assert lines.count(f"· not decided here: {waiting}") == 2


def test_a_page_with_code_in_its_prose_keeps_its_lines(book):
    """Below the first line of a page's docstring, `pytest --story` joins the lines of a paragraph
    that is not indented and breaks them at the terminal's width, and keeps those of a later
    paragraph indented by four spaces.
    """
    book.page("tensors/test_creation.py", "def test_a():\n    'First.'")
    path = book.path / "spec" / "tensors" / "test_creation.py"
    prose = '"""Creation.\n\nOne\ntwo.\n\n    x = 1\n    y = 2\n"""'
    path.write_text(path.read_text().replace('"""Creation."""', prose))

    result = book.run("--story")

    assert story(result)[3:11] == [
        "",
        "    One two.",
        "",
        "        x = 1",
        "        y = 2",
        "",
        "    ✓ First.",
        "",
    ]


def test_a_failure_without_words_is_told_as_such(book):
    """If a test that contains an `assert` fails at another line, with `raise AssertionError`
    alone, which has no message, `pytest --story` prints `AssertionError` below its sentence.
    """
    book.page("tensors/test_creation.py", "def test_a():\n    'First.'\n    raise AssertionError")

    result = book.run("--story", "--tb=no")

    assert [line.strip() for line in story(result) if line][2:4] == ["✗ First.", "AssertionError"]


def test_a_run_without_a_fact_tells_no_numbers(book):
    """`pytest --story --collect-only -q` runs no test, and prints no line that counts
    sentences, as `2 sentences hold`.
    """
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--story", "--collect-only", "-q")

    numbers = [line for line in result.outlines if "sentence" in line]
    assert numbers == []


def test_a_terminal_without_such_signs_gets_plain_ones(book, monkeypatch):
    """If `sys.stdout` has an encoding without ✓ and ✗, as under
    `PYTHONIOENCODING=ascii`, `pytest --story` prints `+`, `x` and `-` in place of ✓, ✗
    and ·.
    """
    monkeypatch.setattr("fixtures.story.can_write", lambda text: False)
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--story", "--tb=no")

    marks = [line[4] for line in story(result) if re.match("    [-+x] ", line)]
    assert marks == ["+", "x", "+", "-"]


def test_what_can_be_written_depends_on_the_encoding(monkeypatch):
    """`can_write("✓")` of `fixtures/terminal.py` is True if `sys.stdout.encoding` is
    `utf-8`, and False if it is `ascii`, None or an unknown name.
    """
    can = {}
    for encoding in ("utf-8", "ascii", None, "klingon"):
        monkeypatch.setattr(sys, "stdout", SimpleNamespace(encoding=encoding))
        can[encoding] = [sign for sign in "a✓" if can_write(sign)]
    monkeypatch.undo()

    assert can == {"utf-8": ["a", "✓"], "ascii": ["a"], None: ["a"], "klingon": []}


@pytest.mark.parametrize(("width", "used"), [("60", 60), ("100", 100), ("300", 100)])
def test_lines_have_at_most_a_hundred_columns(monkeypatch, width, used):
    """`columns()` of `fixtures/terminal.py`, the width at which `pytest --story` wraps its
    sentences, is 60 if the environment variable `COLUMNS` is 60, and 100 if it is 300.
    """
    monkeypatch.setenv("COLUMNS", width)

    assert columns() == used


def test_chapters_come_in_reading_order(book):
    """`pytest --story spec/autograd spec/tensors` prints the chapter `tensors` before
    `autograd`, in the order of `fixtures/reading_order.py`, not in that of the command
    line.
    """
    book.page("autograd/test_backward.py", 'def test_b():\n    """Second."""')
    book.page("tensors/test_creation.py", 'def test_a():\n    """First."""')

    result = book.run("--story", "spec/autograd", "spec/tensors")

    assert [line.strip() for line in story(result) if line][:6] == IN_ORDER


def test_long_sentences_are_broken_at_the_terminals_width(book, monkeypatch):
    """With `COLUMNS=40`, `pytest --story` breaks a passing test's sentence "A sentence that is a
    good deal longer than forty columns." behind "deal", and "longer" stands below the first word,
    "A".
    """
    monkeypatch.setenv("COLUMNS", "40")
    book.page(
        "tensors/test_creation.py",
        'def test_a():\n    """A sentence that is a good deal longer than forty columns."""',
    )

    result = book.run("--story")

    assert story(result)[5:7] == [
        "    ✓ A sentence that is a good deal",
        "      longer than forty columns.",
    ]


def test_chinese_characters_count_as_two_columns(book, monkeypatch):
    """In `pytest --story` a Chinese character counts as two columns: with `COLUMNS=40`, a passing
    test's sentence of 22 of them, without spaces, has 17 in the first line, behind the mark.
    """
    monkeypatch.setenv("COLUMNS", "40")
    book.page(
        "tensors/test_creation.py",
        'def test_a():\n    """张量与它所来自的数组是同一块内存的两个视图。"""',
    )

    result = book.run("--story")

    assert story(result)[5:7] == ["    ✓ 张量与它所来自的数组是同一块内存的", "      两个视图。"]


@pytest.mark.spare("'100%|creation.py .'", reason="what is absent is absent in other words too")
def test_nothing_but_the_story_is_printed_while_facts_run(book):
    """For passing tests, `pytest --story` without `-v` prints none of pytest's own
    progress: no file name with dots behind it and no `100%`.
    """
    book.page("tensors/test_creation.py", 'def test_a():\n    """First."""')

    result = book.run("--story")

    assert not re.search(r"100%|creation.py .", str(result.stdout))


@pytest.mark.spare("'\\x1b'", reason="what is absent is absent in other words too")
def test_there_are_no_colours_where_there_is_no_terminal(book):
    """If the output of `pytest --story` goes into a pipe, no option as `--color=yes` and no
    environment variable as `FORCE_COLOR` asks for colours, and no docstring or message has escape
    sequences, the story has none.
    """
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--story")

    assert str(result.stdout).count("\x1b") == 0


def test_a_terminal_gets_colours(book):
    """In UTF-8 output, `pytest --story --color=yes` prints a green ✓ before the sentence of a test
    that held, a red ✗ before that of one that failed, and a dim · before the line
    `not decided here:` on a page's skipped tests.
    """
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--story", "--color=yes")

    assert "\x1b[32m    ✓ \x1b[0m" in str(result.stdout)
    assert "\x1b[31m    ✗ \x1b[0m" in str(result.stdout)
    assert "\x1b[2m    · \x1b[0m" in str(result.stdout)


def test_code_is_coloured_across_lines(book, monkeypatch):
    """`pytest --story --color=yes` prints the text between two single backticks of a passing
    test's sentence in cyan, also where the sentence is broken inside it.
    """
    monkeypatch.setenv("COLUMNS", "24")
    book.page("tensors/test_creation.py", 'def test_a():\n    """Then `one two three four` go."""')

    result = book.run("--story", "--color=yes")

    assert "\x1b[36mone two\x1b[0m" in str(result.stdout)
    assert "\x1b[36mthree four\x1b[0m\x1b[2m`\x1b[0m go.\n" in str(result.stdout)


def test_a_terminal_is_told_how_far_the_run_is(monkeypatch):
    """While tests run in a terminal, `Progress` of `fixtures/story.py`, behind `pytest --story`,
    rewrites one line, as `1/2 spec/nn/test_modes.py`, cut to one column less than `columns()` of
    `fixtures/terminal.py`.
    """
    monkeypatch.setenv("COLUMNS", "30")
    lines = []
    progress = Progress(SimpleNamespace(rewrite=lambda line, erase: lines.append(line)))

    progress.pytest_collection_finish(SimpleNamespace(items=["a", "b"]))
    progress.pytest_runtest_logfinish("spec/nn/test_modes.py::test_a")
    progress.pytest_runtest_logfinish("spec/tensors/test_creation.py::test_b[1]")

    assert lines == ["1/2 spec/nn/test_modes.py", "2/2 spec/tensors/test_creatio"]


def test_a_terminal_is_told_how_far_the_workers_are():
    """With `-n`, where the workers collect the tests and the controller has none,
    `Progress` of `fixtures/story.py`, behind `pytest --story`, counts up to the number that
    a worker has collected, as in `1/2 spec/nn/test_modes.py`.
    """
    lines = []
    progress = Progress(SimpleNamespace(rewrite=lambda line, erase: lines.append(line)))

    progress.pytest_collection_finish(SimpleNamespace(items=[]))
    progress.pytest_xdist_node_collection_finished(ids=["a", "b"])
    progress.pytest_runtest_logfinish("spec/nn/test_modes.py::test_a")

    assert lines == ["1/2 spec/nn/test_modes.py"]


def test_expected_failures_show_while_facts_run(book):
    """Under `pytest --story`, a test with `@pytest.mark.xfail(reason='not yet')` that fails is
    counted as xfailed in pytest's summary, as without `--story`.
    """
    page = "@pytest.mark.xfail(reason='not yet')\ndef test_a(): assert 1 == 2"
    book.page("tensors/test_creation.py", page)

    result = book.run("--story", "-rx")

    result.assert_outcomes(xfailed=1)


@pytest.mark.slow
def test_workers_tell_the_same_story(book):
    """`pytest --story -n 2`, with two worker processes of xdist, prints the chapter
    `tensors` before `autograd`, in the order of `fixtures/reading_order.py`.
    """
    book.page("autograd/test_backward.py", 'def test_b():\n    """Second."""')
    book.page("tensors/test_creation.py", 'def test_a():\n    """First."""')

    result = book.run_as_a_person("--story", "-n", "2")

    assert [line.strip() for line in story(result) if line][:6] == IN_ORDER
