"""A book is read from the front.

Pytest would run modules by the alphabet; a reader wants creation before broadcasting and tensors
before autograd. The table of contents in `fixtures/reading_order.py` gives the order in which
facts run, are told and are listed.
"""

import pytest

from fixtures.facts import pages_of
from fixtures.reading_order import CHAPTERS, key, place, unlisted


def test_modules_run_in_the_order_of_the_contents(book):
    """`pytest --collect-only` in this suite lists `spec/tensors/test_creation.py` before
    `spec/tensors/test_views.py`, and this before `spec/autograd/test_backward.py`: the
    order is that of `fixtures/reading_order.py`, not of names.
    """
    for name in ("autograd/test_backward.py", "tensors/test_views.py", "tensors/test_creation.py"):
        book.page(name, "def test_it(): pass")

    result = book.run("--collect-only", "-q")

    assert [line for line in result.outlines if "::" in line] == [
        "spec/tensors/test_creation.py::test_it",
        "spec/tensors/test_views.py::test_it",
        "spec/autograd/test_backward.py::test_it",
    ]


def test_a_module_that_is_not_listed_comes_last_in_its_chapter(book):
    """`pytest --collect-only` lists a page that `fixtures/reading_order.py` does not name
    after the pages of its chapter that are named there, even if its name comes first in the
    alphabet.
    """
    for name in ("tensors/test_aaa.py", "tensors/test_views.py", "autograd/test_backward.py"):
        book.page(name, "def test_it(): pass")

    result = book.run("--collect-only", "-q")

    assert [line.split("::")[0] for line in result.outlines if "::" in line] == [
        "spec/tensors/test_views.py",
        "spec/tensors/test_aaa.py",
        "spec/autograd/test_backward.py",
    ]


def test_what_is_not_listed_comes_by_name():
    """`sorted(paths, key=key)`, with `key` of `fixtures/reading_order.py`, puts a
    chapter that is not listed there behind those that are; chapters and pages that are
    not listed come by name.
    """
    paths = ["spec/b/test_a.py", "spec/a/test_b.py", "spec/a/test_a.py", "spec/suite/test_gates.py"]

    assert sorted(paths, key=key) == [
        "spec/suite/test_gates.py",
        "spec/a/test_a.py",
        "spec/a/test_b.py",
        "spec/b/test_a.py",
    ]


def test_pages_in_folders_of_a_chapter_are_pages(book):
    """`pages_of(root)` of `fixtures/facts.py` gives the paths, relative to `root`, of the files
    `test_*.py` below `root/spec`, in reading order, also of one that lies in a folder of a
    chapter, as in `spec/nn/more`.
    """
    (book.path / "spec" / "nn" / "more").mkdir(parents=True)
    for name in ("nn/more/test_a.py", "nn/test_modes.py", "autograd/test_backward.py"):
        book.page(name, "def test_it(): pass")

    assert pages_of(book.path) == [
        "spec/autograd/test_backward.py",
        "spec/nn/test_modes.py",
        "spec/nn/more/test_a.py",
    ]


def test_facts_keep_the_order_in_which_their_page_tells_them(book):
    """`pytest --collect-only`, if the command names no test, lists the tests of a page of
    this suite that take no fixtures in the order of the source: `test_b` before `test_a` if
    `test_b` is written first.
    """
    book.page("tensors/test_views.py", "def test_b(): pass\ndef test_a(): pass")

    result = book.run("--collect-only", "-q")

    assert [line.split("::")[1] for line in result.outlines if "::" in line] == ["test_b", "test_a"]


def test_every_page_of_the_book_is_in_the_contents(pytestconfig):
    """Each page (`test_*.py`) below `spec/` of this project is listed in
    `fixtures/reading_order.py`.
    """
    assert unlisted(pages_of(pytestconfig.rootpath)) == []


def test_the_contents_name_no_page_that_is_not_there(pytestconfig):
    """Each page named in `CHAPTERS` of `fixtures/reading_order.py` is below `spec/`."""
    there = {place(path) for path in pages_of(pytestconfig.rootpath)}
    named = {(chapter, page) for chapter, pages in CHAPTERS.items() for page in pages.split()}

    assert sorted(named - there) == []


@pytest.mark.spare("'tensors'", reason="a chapter of any name")
@pytest.mark.spare("'poetry'", reason="a chapter of any name")
@pytest.mark.parametrize("chapter", ["tensors", "poetry"])
def test_a_page_that_the_contents_do_not_name_is_told(book, chapter):
    """If a test runs whose page `fixtures/reading_order.py` does not list, `pytest` prints one
    line for this page, with its path and `give it a place in fixtures/reading_order.py`.
    """
    book.page(f"{chapter}/test_aaa.py", "def test_it(): pass\ndef test_two(): pass")

    result = book.run()

    result.assert_outcomes(passed=2)
    assert [line for line in result.outlines if "comes last" in line] == [
        f"spec/{chapter}/test_aaa.py comes last: give it a place in fixtures/reading_order.py"
    ]
