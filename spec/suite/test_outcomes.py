"""What became of a fact.

A fact held, failed, or was not decided here. Its set-up, its call and its tear-down are one; so are
the rows of its table: one that fails makes it untrue, and one that holds decides it. A fact with a
table has a case a row, and one row that fails fails the fact.
"""

import json

import pytest

from fixtures.outcomes import FAILED, HELD, UNDECIDED, Case, reason, verdict


def test_the_cases_of_a_fact_decide_it_together():
    """`verdict(cases)` of `fixtures/outcomes.py` is `failed` if the outcome of one case
    is `failed`, else `held` if that of one is `held`, else `undecided`, also without
    cases.
    """
    rows = [
        [HELD, UNDECIDED],
        [HELD, FAILED, HELD],
        [UNDECIDED, FAILED],
        [UNDECIDED],
        [],
    ]

    verdicts = [verdict(Case("a", each) for each in row) for row in rows]

    assert verdicts == ["held", "failed", "failed", "undecided", "undecided"]


def test_the_first_reason_for_its_outcome_is_that_of_the_fact():
    """`reason(cases)` of `fixtures/outcomes.py` is the first `why` that is not empty
    among the cases whose outcome is `verdict(cases)`, or an empty string if there is
    none.
    """
    rows = [
        [(UNDECIDED, "no GPU"), (FAILED, "one"), (FAILED, "two")],
        [(FAILED, ""), (FAILED, "two")],
        [(UNDECIDED, "no GPU"), (HELD, "")],
        [(UNDECIDED, "no GPU"), (UNDECIDED, "old")],
    ]

    reasons = [reason(Case("a", each, why) for each, why in row) for row in rows]

    assert reasons == ["one", "two", "", "no GPU"]


def outcome(book, page):
    """Return outcome and reason of the one fact of a page."""
    book.page("tensors/test_creation.py", page)
    book.run("--facts-json", "facts.json")
    (fact,) = json.loads((book.path / "facts.json").read_text())["facts"]
    return fact["outcome"], fact["reason"]


@pytest.mark.parametrize(
    ("page", "became"),
    [
        ("def test_it(): assert 1 == 1", ("held", "")),
        ("def test_it(): assert 1 == 2", ("failed", "the book says 2, your PyTorch says 1")),
        ("def test_it(): raise ValueError('one\\ntwo')", ("failed", "ValueError: one")),
        ("def test_it(): pytest.skip('no data')", ("undecided", "no data")),
        (
            "@pytest.mark.xfail(reason='not yet')\ndef test_it(): assert 1 == 2",
            ("undecided", "not yet"),
        ),
        (
            "@pytest.mark.xfail(reason='not yet')\ndef test_it(): assert 1 == 1",
            ("failed", "[XPASS(strict)] not yet"),
        ),
        (
            "@pytest.fixture\ndef ends():\n    yield\n    1 / 0\n\ndef test_it(ends): assert 1 == 1",
            ("failed", "ZeroDivisionError: division by zero"),
        ),
        (
            "@pytest.fixture\ndef begins(): pytest.skip('no data')\n\ndef test_it(begins): assert 1 == 1",
            ("undecided", "no data"),
        ),
    ],
)
def test_a_fact_becomes_held_failed_or_undecided(book, page, became):
    """In `pytest --facts-json FILE`, the `outcome` of an unmarked test is `failed` if it or its
    fixture's tear-down raises an error, else `held` if it passes, `undecided` if it calls
    `pytest.skip`; so is one that fails as `@pytest.mark.xfail`.
    """
    assert outcome(book, page) == became


def test_an_unknown_fixture_is_a_failure_with_a_reason(book):
    """`pytest --facts-json FILE` writes an undecorated, unskipped test that itself takes an
    unknown fixture as `failed`; its `reason` ends with the file name and the line of the test, as
    in `test_creation.py, line 5`.
    """
    became, why = outcome(book, "def test_it(nobody): assert 1 == 1")

    assert became == "failed"
    assert why.endswith("test_creation.py, line 5") is True


def test_seconds_are_those_of_set_up_call_and_tear_down(book):
    """In `pytest --facts-json FILE`, the `seconds` of a test include the set-up and the
    tear-down of a function-scoped fixture that it takes.
    """
    book.page(
        "tensors/test_creation.py",
        """
import time

@pytest.fixture
def slow():
    time.sleep(0.02)
    yield
    time.sleep(0.02)

def test_it(slow):
    time.sleep(0.02)
""",
    )
    book.run("--facts-json", "facts.json")
    (fact,) = json.loads((book.path / "facts.json").read_text())["facts"]

    assert fact["seconds"] >= 0.06


def test_facts_are_told_in_reading_order_however_they_ran(book):
    """`pytest --facts-json FILE` writes the pages in the order of the book and the tests of a page
    from top to bottom, even if a plugin reversed the order in which they ran.
    """
    book.page("tensors/test_creation.py", "def test_b(): pass\ndef test_a(): pass")
    book.page("autograd/test_backward.py", "def test_c(): pass")
    (book.path / "conftest.py").write_text(
        "import pytest\n\n"
        "@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        "def pytest_collection_modifyitems(items):\n    yield\n    items.reverse()\n"
    )

    book.run("--facts-json", "facts.json")

    facts = json.loads((book.path / "facts.json").read_text())["facts"]
    assert [fact["id"].partition("::")[2] for fact in facts] == ["test_b", "test_a", "test_c"]
