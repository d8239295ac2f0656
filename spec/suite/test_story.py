"""The run as prose.

`--story` tells chapter, concept and then each fact's sentence behind a mark: held, failed, or not
decided here and why. It is how the book is read in a terminal.
"""

import re

import pytest

PAGE = '''
def test_held():
    """Ones are ones."""

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


IN_ORDER = ["TENSORS", "Creation", "✓ First.", "AUTOGRAD", "Backward", "✓ Second."]


def story(result):
    """Return the lines of a story, from its first chapter on."""
    lines = result.outlines[result.outlines.index("TENSORS") :]
    return lines[: next(n for n, line in enumerate(lines) if line.startswith("="))]


def test_a_run_is_told_in_sentences(book):
    """Marks stand before the sentences; a table is told once; what is undecided says why."""
    book.page("tensors/test_numpy_bridge.py", PAGE)

    result = book.run("--story", "--tb=no", "-rN")

    told = story(result)
    assert told[:5] == [
        "TENSORS",
        "",
        "  Numpy bridge",
        "    ✓ Ones are ones.",
        "    ✗ Ones are twos. (assert 1 == 2)",
    ]
    assert told[5].startswith("    · Once upon a time it was so. (not decided here: true for")
    assert told[7] == "    ✓ Every row of a table counts. (2 cases)"


def test_chapters_come_in_reading_order(book):
    """The story follows the table of contents, not the order of arrival."""
    book.page("autograd/test_backward.py", 'def test_b():\n    """Second."""')
    book.page("tensors/test_creation.py", 'def test_a():\n    """First."""')

    result = book.run("--story", "spec/autograd", "spec/tensors")

    assert [line.strip() for line in story(result) if line] == IN_ORDER


def test_long_sentences_are_broken_at_the_terminals_width(book, monkeypatch):
    """No line is wider than the terminal, and what follows stands under what it continues."""
    monkeypatch.setenv("COLUMNS", "40")
    book.page(
        "tensors/test_creation.py",
        'def test_a():\n    """A sentence that is a good deal longer than forty columns."""',
    )

    result = book.run("--story")

    assert story(result)[3:5] == [
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

    assert story(result)[3:5] == ["    ✓ 张量与它所来自的数组是同一块内存的", "      两个视图。"]


@pytest.mark.spare("'100%|test_creation'", reason="what is absent is absent in other words too")
def test_nothing_but_the_story_is_printed_while_facts_run(book):
    """No dots, file names or percentages stand between the head and the story."""
    book.page("tensors/test_creation.py", 'def test_a():\n    """First."""')

    result = book.run("--story")

    assert not re.search(r"100%|test_creation", str(result.stdout))


@pytest.mark.spare("'\\x1b'", reason="what is absent is absent in other words too")
def test_there_are_no_colours_where_there_is_no_terminal(book):
    """Output that goes to a file holds no escape sequences."""
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--story")

    assert str(result.stdout).count("\x1b") == 0


def test_a_terminal_gets_colours(book):
    """With `--color=yes` the marks are green, red and yellow."""
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("--story", "--color=yes")

    assert "\x1b[32m    ✓ \x1b[0m" in str(result.stdout)
    assert "\x1b[31m    ✗ \x1b[0m" in str(result.stdout)
    assert "\x1b[33m    · \x1b[0m" in str(result.stdout)


@pytest.mark.slow
def test_workers_tell_the_same_story(book):
    """Under `-n 2` the sentences come in reading order too."""
    book.page("autograd/test_backward.py", 'def test_b():\n    """Second."""')
    book.page("tensors/test_creation.py", 'def test_a():\n    """First."""')

    result = book.run_as_a_person("--story", "-n", "2")

    assert [line.strip() for line in story(result) if line] == IN_ORDER
