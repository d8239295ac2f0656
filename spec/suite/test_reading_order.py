"""A book is read from the front.

Pytest would run modules by the alphabet; a reader wants creation before broadcasting and tensors
before autograd. The table of contents in `fixtures/reading_order.py` gives the order in which
facts run, are told and are listed.
"""

from pathlib import Path

from fixtures.reading_order import CHAPTERS, place


def test_modules_run_in_the_order_of_the_contents(book):
    """Chapters and modules follow the contents, whatever their names."""
    for name in ("autograd/test_backward.py", "tensors/test_views.py", "tensors/test_creation.py"):
        book.page(name, "def test_it(): pass")

    result = book.run("--collect-only", "-q")

    assert [line for line in result.outlines if "::" in line] == [
        "spec/tensors/test_creation.py::test_it",
        "spec/tensors/test_views.py::test_it",
        "spec/autograd/test_backward.py::test_it",
    ]


def test_a_module_that_is_not_listed_comes_last_in_its_chapter(book):
    """New pages run before somebody gives them their place."""
    for name in ("tensors/test_aaa.py", "tensors/test_views.py", "autograd/test_backward.py"):
        book.page(name, "def test_it(): pass")

    result = book.run("--collect-only", "-q")

    assert [line.split("::")[0] for line in result.outlines if "::" in line] == [
        "spec/tensors/test_views.py",
        "spec/tensors/test_aaa.py",
        "spec/autograd/test_backward.py",
    ]


def test_facts_keep_the_order_in_which_their_page_tells_them(book):
    """Within a module the order is that of the source."""
    book.page("tensors/test_views.py", "def test_b(): pass\ndef test_a(): pass")

    result = book.run("--collect-only", "-q")

    assert [line.split("::")[1] for line in result.outlines if "::" in line] == ["test_b", "test_a"]


def test_every_page_of_the_book_is_in_the_contents(pytestconfig):
    """No module of `spec/` is missing from the table of contents."""
    paths = Path(pytestconfig.rootpath, "spec").glob("*/test_*.py")
    unlisted = [
        path.name for path in paths if place(path)[1] not in CHAPTERS[place(path)[0]].split()
    ]

    assert unlisted == []
