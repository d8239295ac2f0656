"""What the book asks of its pages.

A sentence is short enough to be read at once, a link leads somewhere, and an id that somebody has
noted down is found again: where a fact was renamed, merged or taken out, `spec/moved.toml` tells
which fact or page says it now.
"""

import re
import tomllib

import pytest

from fixtures.evidence import read_evidence
from fixtures.facts import pages_of, read_book, read_page

LONGEST = 240
in_lines = "\n".join
LINK = re.compile(r"`(spec/[\w./]+?\.py)(?:::(\w+))?`")


@pytest.fixture(scope="module")
def book_root(pytestconfig):
    """The folder of this book."""
    return pytestconfig.rootpath


@pytest.fixture(scope="module")
def facts(book_root):
    """All facts of this book."""
    return read_book(book_root)


@pytest.fixture(scope="module")
def moved(book_root):
    """Where facts went: {old id: new id, or page}."""
    tables = tomllib.loads((book_root / "spec" / "moved.toml").read_text(encoding="utf-8"))
    return {old: new for table in tables.values() for old, new in table.items()}


def test_a_sentence_has_at_most_240_characters(facts):
    """The first paragraph of the docstring of each test below `spec/` of this project has at most
    240 characters, each line break with its indentation counted as one.
    """
    too_long = [
        f"{fact.page.path}:{fact.line}: {len(fact.sentence)} characters: shorten the sentence, or "
        "say a part of it in the paragraph after it"
        for fact in facts
        if len(fact.sentence) > LONGEST
    ]

    assert in_lines(too_long) == ""


def test_every_page_explains_its_concept(book_root):
    """Each page `test_*.py` below `spec/` of this project has a docstring with at least three
    lines below its title.
    """
    bare = [
        f"{path}:1: explain the concept below the title, in 5 to 15 lines"
        for path in pages_of(book_root)
        if len(read_page(str(book_root), path).prose.splitlines()) < 3
    ]

    assert in_lines(bare) == ""


def test_every_link_leads_to_a_page_or_a_fact(book_root, facts):
    """In the docstrings of this project's pages and tests, each path alone in backticks that
    begins with `spec/` and ends in `.py`, as `spec/tensors/test_views.py`, leads to a file; one
    with `::` and a name behind it leads to a test.
    """
    texts = [(path, 1, read_page(str(book_root), path).prose) for path in pages_of(book_root)]
    texts += [(fact.page.path, fact.line, f"{fact.sentence} {fact.why}") for fact in facts]
    there = {fact.id for fact in facts}
    lost = [
        f"{path}:{line}: there is no {page}{f'::{name}' if name else ''}; link to what is there"
        for path, line, text in texts
        for page, name in LINK.findall(text)
        if (f"{page}::{name}" not in there if name else not (book_root / page).is_file())
    ]

    assert in_lines(lost) == ""


def test_what_moved_is_found_where_it_went(facts, moved):
    """Each entry of `spec/moved.toml` leads from the id of a test that is gone to a test or
    a page that is there.
    """
    there = {fact.id for fact in facts} | {fact.page.path for fact in facts}
    lost = [
        f"spec/moved.toml: {old} went to {new}, which is not there; name what says it now"
        for old, new in moved.items()
        if new not in there
    ]
    idle = [
        f"spec/moved.toml: {old} is still there; take the line out" for old in moved if old in there
    ]

    assert in_lines(lost + idle) == ""


def test_an_id_that_was_measured_is_there_or_has_moved(book_root, facts, moved):
    """Each id of a test among the `facts` of the files `spec/evidence/*-*.json` is still that
    of a test of this project, or `spec/moved.toml` tells where the test went.
    """
    there = {fact.id for fact in facts}
    measured = {id for each in read_evidence(book_root).values() for id in each["facts"]}
    vanished = [
        f"{id}: vanished; tell in spec/moved.toml which fact or page says it now"
        for id in sorted(measured - there)
        if id not in moved
    ]

    assert in_lines(vanished) == ""
