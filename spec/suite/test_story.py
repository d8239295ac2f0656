"""The run as prose.

`--story` tells chapter, page and introduction, and then each fact's sentence behind a mark, and why
it is so. It is how the book is read in a terminal. What was not decided here takes one dimmed line a
page, so that a machine without a GPU shows what it knows rather than what it lacks.
"""

import re

import pytest
import torch

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
    """Marks stand before the sentences, why they are so below; the undecided take a line a page."""
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


def test_chapters_come_in_reading_order(book):
    """The story follows the table of contents, not the order of arrival."""
    book.page("autograd/test_backward.py", 'def test_b():\n    """Second."""')
    book.page("tensors/test_creation.py", 'def test_a():\n    """First."""')

    result = book.run("--story", "spec/autograd", "spec/tensors")

    assert [line.strip() for line in story(result) if line][:6] == IN_ORDER


def test_long_sentences_are_broken_at_the_terminals_width(book, monkeypatch):
    """No line is wider than the terminal, and what follows stands under what it continues."""
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
    """Chinese text is broken where its double width reaches the edge."""
    monkeypatch.setenv("COLUMNS", "40")
    book.page(
        "tensors/test_creation.py",
        'def test_a():\n    """张量与它所来自的数组是同一块内存的两个视图。"""',
    )

    result = book.run("--story")

    assert story(result)[5:7] == ["    ✓ 张量与它所来自的数组是同一块内存的", "      两个视图。"]


@pytest.mark.spare("'100%|creation.py .'", reason="what is absent is absent in other words too")
def test_nothing_but_the_story_is_printed_while_facts_run(book):
    """No dots, file names or percentages stand between the head and the story."""
    book.page("tensors/test_creation.py", 'def test_a():\n    """First."""')

    result = book.run("--story")

    assert not re.search(r"100%|creation.py .", str(result.stdout))


@pytest.mark.spare("'\\x1b'", reason="what is absent is absent in other words too")
def test_there_are_no_colours_where_there_is_no_terminal(book):
    """Output that goes to a file holds no escape sequences."""
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--story")

    assert str(result.stdout).count("\x1b") == 0


def test_a_terminal_gets_colours(book):
    """With `--color=yes` the marks are green and red, what is undecided is dimmed."""
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--story", "--color=yes")

    assert "\x1b[32m    ✓ \x1b[0m" in str(result.stdout)
    assert "\x1b[31m    ✗ \x1b[0m" in str(result.stdout)
    assert "\x1b[2m    · \x1b[0m" in str(result.stdout)


@pytest.mark.slow
def test_workers_tell_the_same_story(book):
    """Under `-n 2` the sentences come in reading order too."""
    book.page("autograd/test_backward.py", 'def test_b():\n    """Second."""')
    book.page("tensors/test_creation.py", 'def test_a():\n    """First."""')

    result = book.run_as_a_person("--story", "-n", "2")

    assert [line.strip() for line in story(result) if line][:6] == IN_ORDER
