"""Facts can fail.

A fact that cannot fail says nothing. `--bite` changes each literal of each fact's assertions, one
at a time, and tries again: if the fact still passes, that literal was decoration, and the run
fails. A literal that cannot matter is spared by a mark on the fact, with the reason.
"""

import re
import signal

import pytest
import torch

from fixtures.literals import changed, tightened, variants_of


def bite(book, body, *arguments):
    """Run `--bite` over one page of facts."""
    book.page("tensors/test_creation.py", body)
    return book.run("--bite", *arguments)


def test_a_fact_whose_literals_all_matter_bites(book):
    """`pytest --bite` over one test with a docstring that asserts
    `torch.ones(2).tolist() == [1.0, 1.0]` changes the literals of the assertion one at a time; as
    it fails each time, the run ends with exit code 0.
    """
    result = bite(book, "def test_ones(): assert torch.ones(2).tolist() == [1.0, 1.0]")

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines("bite: 4 literals of 1 facts tried, 0 survive, 0 spared, *")


@pytest.mark.parametrize(
    ("body", "survivor"),
    [
        ("def test_it(): assert torch.ones(2)[0] == 1", "0"),
        ("def test_it(): assert torch.ones(2).sum() > -5", "-5"),
        ("def test_it(): assert torch.ones(2).dtype in (torch.float32, torch.int8)", "torch.int8"),
        ("def test_it(): assert 'a' or torch.ones(2).tolist()", "'a'"),
        (
            "def test_it():\n"
            "    with pytest.raises((TypeError, RuntimeError), match='size'): torch.ones(2) @ torch.ones(3)",
            "TypeError",
        ),
        (
            "@pytest.mark.parametrize('n', [1])\n"
            "def test_it(n): assert torch.ones(n).dtype is torch.float32",
            "1 (n of ?1?)",
        ),
        (
            "def test_it(): torch.testing.assert_close(torch.ones(2), torch.ones(2), msg='x')\n"
            "def test_two(): torch.testing.assert_close(torch.ones(2) * 0, torch.zeros(2) * 3)",
            "3",
        ),
    ],
)
def test_a_literal_that_says_nothing_survives_and_fails_the_run(book, body, survivor):
    """If a test still passes after `pytest --bite` changed a literal of its assertions, and
    no `spare` mark names that literal, the run fails, and a line `SURVIVES:` names the
    file, a line, the test and the literal.
    """
    result = bite(book, body)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        f"SURVIVES: spec/tensors/test_creation.py:* test_*: {survivor} became * and the fact still*"
    )


@pytest.mark.parametrize(
    ("literals", "body"),
    [
        (
            2,
            "def test_it():\n    with pytest.raises(RuntimeError, match='size'): torch.ones(2) @ torch.ones(3)",
        ),
        (
            2,
            "def test_it():\n    with pytest.warns(UserWarning, match='copy'): torch.tensor(torch.ones(1))",
        ),
        (
            7,
            "@pytest.mark.parametrize('n, d', [(1, [1.0]), (2, [1.0, 1.0])])\n"
            "def test_it(n, d): assert torch.ones(n).tolist() == d",
        ),
        (2, "def test_it(): assert torch.rand(1).item() == pytest.approx(0.4963, abs=1e-3)"),
        (
            1,
            "from hypothesis import given, strategies as st\n\n"
            "@given(st.integers(1, 3))\ndef test_it(n): assert torch.ones(n).sum() == n * 1",
        ),
        (
            2,
            "def test_it():\n    it = iter([1, 2])\n    assert next(it) == 1\n    assert next(it) == 2",
        ),
        (
            2,
            "def test_it():\n    x = torch.tensor(50)\n    assert x >= 30\n    assert x <= 60",
        ),
        (
            3,
            "class Output:\n    def fnmatch_lines(self, text): assert text == 'a'\n\n"
            "def test_it():\n    output = Output()\n    output.fnmatch_lines('a')\n    assert torch.ones(1).item() == 1",
        ),
        (2, "def test_it():\n    assert torch.zeros(1).item() <= 0"),
        (4, "def test_it():\n    assert dict(a=torch.ones(1).item()) == {'a': 1.0}"),
        (2, "def test_it():\n    x = torch.tensor([1, 2])\n    assert x[..., 0] == 1"),
        (3, "def test_it():\n    x = torch.tensor([[1, 2]])\n    assert x[0, 1] == 2"),
    ],
)
def test_errors_warnings_tables_and_properties_bite(book, body, literals):
    """If no `spare` mark names it, `pytest --bite` changes error type and `match` of
    `pytest.raises` and `pytest.warns`, the expected number in an asserted `pytest.approx`, a
    number in `parametrize`, and `assert` literals in Hypothesis tests.
    """
    result = bite(book, body)

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        f"bite: {literals} literals of 1 facts tried, 0 survive, 0 spared, 0 facts*"
    )


def test_a_spared_literal_is_counted(book):
    """The mark `spare("0", reason=...)` exempts the only literal 0 in a test's assertion from
    `pytest --bite`, if the test passes with another number in its place: this 0 is counted as
    `1 spared`, not as a survivor.
    """
    result = bite(
        book,
        "@pytest.mark.spare('0', reason='every entry is one')\n"
        "def test_it():\n    x = torch.ones(2)\n    assert x[0] == 1",
    )

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines("bite: 2 literals of 1 facts tried, 0 survive, 1 spared, *")


@pytest.mark.parametrize("mark", ["spare('1', reason='none')", "spare('0')"])
def test_a_spare_without_need_or_reason_fails_the_run(book, mark):
    """`pytest --bite` fails with a line `spared in vain: ...` for a test with
    `assert torch.ones(2)[0] == 1` if it has the mark `spare("1", reason="none")`, because a
    changed 1 makes it fail, or `spare("0")`, because that mark has no `reason`.
    """
    result = bite(book, f"@pytest.mark.{mark}\ndef test_it(): assert torch.ones(2)[0] == 1")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines("spared in vain: spec/tensors/test_creation.py:* test_it: *")


BARE = "def test_it():\n    x = torch.ones(2)\n    assert x.detach_() is x"


def test_a_fact_without_a_literal_fails_the_run(book):
    """`pytest --bite` fails and prints a line that begins with `no literal:` and names a passing
    test without `parametrize` and `spare` marks, if its only assertion, as
    `assert x.detach_() is x`, has no literal to change.
    """
    result = bite(book, BARE)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines("no literal: spec/tensors/test_creation.py:* test_it: give it one*")
    result.stdout.fnmatch_lines("bite: 0 literals of 1 facts tried, *1 facts without a literal*")


def test_a_fact_without_a_literal_is_spared_with_a_reason(book):
    """`pytest --bite` over one passing test without `parametrize`, whose only assertion, as
    `x.detach_() is x`, has no literal, ends with exit code 0 if the test has the mark
    `spare("no literal", reason=...)`.
    """
    result = bite(book, "@pytest.mark.spare('no literal', reason='one thing')\n" + BARE)

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines("bite: 0 literals of 1 facts tried, 0 survive, 1 spared, 0 facts*")


def test_a_parameter_that_says_nothing_is_spared_by_its_value(book):
    """The mark `spare("1", reason=...)` exempts the one value 1 of a test's `parametrize` from
    `pytest --bite`, if the test passes with 2 in its place: the value is counted as `1 spared`.
    """
    result = bite(
        book,
        "@pytest.mark.spare('1', reason='any number')\n"
        "@pytest.mark.parametrize('n', [1])\n"
        "def test_it(n): assert torch.ones(n).dtype is torch.float32",
    )

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines("bite: 2 literals of 1 facts tried, 0 survive, 1 spared, *")


def test_a_literal_bites_where_one_row_of_a_table_needs_it(book):
    """Under `pytest --bite` the literal 2 in `assert torch.tensor(n) * 2 == n + n`, in a
    test with `parametrize("n", [0, 5, 0])`, does not survive: changed to 3 it makes the row
    of 5 fail.
    """
    result = bite(
        book,
        "@pytest.mark.parametrize('n', [0, 5, 0])\n"
        "def test_it(n):\n"
        "    assert torch.tensor(n) * 2 == n + n\n"
        "    torch.testing.assert_close(torch.tensor(n) * 3, torch.tensor(n + n + n))",
    )

    survivors = [line for line in result.outlines if re.search(": [23] became", line)]
    assert survivors == []
    result.stdout.fnmatch_lines("bite: * literals of 1 facts tried, *")


def test_a_table_is_varied_with_the_code_as_it_is(book):
    """`pytest --bite` runs a passing test without a mark `spare` again with 2 in place of the 1 of
    its `parametrize("n", [1])`. If the test passes with 2 as well, because its code does not use
    `n`, a line of the report begins with `SURVIVES`.
    """
    result = bite(
        book,
        "@pytest.mark.parametrize('n', [1])\n"
        "def test_it(n):\n"
        "    with pytest.raises(RuntimeError, match='size'): torch.ones(2) @ torch.ones(3)",
    )

    result.stdout.fnmatch_lines("SURVIVES: *test_it: 1 (n of ?1?) became 2 and the fact still *")


def test_who_ends_the_run_ends_the_biting(book):
    """If a test calls `pytest.exit("enough")` outside its assertions when `pytest --bite`
    runs it again, the whole run is interrupted, with exit code 2.
    """
    result = bite(
        book,
        "RAN = []\n\ndef test_it():\n    RAN.append(1)\n"
        "    if len(RAN) > 1: pytest.exit('enough')\n    assert RAN == [1]",
    )

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines("*Exit: enough*")


def test_a_fixture_that_breaks_behind_a_variant_ends_nothing(book):
    """A function-scoped fixture whose tear-down raises AssertionError after `pytest --bite`
    ran a test again does not stop the run: the other literals of that test are tried as
    well.
    """
    result = bite(
        book,
        "RAN = []\n\n@pytest.fixture\ndef ends():\n    yield\n    RAN.append(1)\n"
        "    assert len(RAN) == 1\n\n"
        "def test_it(ends): assert torch.ones(2).tolist() == [1.0, 1.0]",
    )

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines("bite: 4 literals of 1 facts tried, 0 survive, *")


@pytest.mark.skipif(not hasattr(signal, "getitimer"), reason="this system has no alarm clock")
def test_no_alarm_is_left_behind(book):
    """A run of `pytest.main` with `--bite` that tried a literal leaves no timer running in its
    process: `signal.getitimer(signal.ITIMER_REAL)` is (0.0, 0.0).
    """
    bite(book, "def test_it(): assert torch.ones(1).item() == 1")

    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_survivor_is_told_with_its_own_line(book):
    """The line `SURVIVES:` of `pytest --bite` gives the line of the file on which a literal
    of an `assert` stands, also in a test with a decorator and a docstring.
    """
    result = bite(
        book,
        "\n@pytest.mark.torch('>=1.0')\ndef test_it():\n    'It.'\n    assert 1 == 1\n    assert torch.ones(2)[0] == 1",
    )

    result.stdout.fnmatch_lines("SURVIVES: spec/tensors/test_creation.py:10 test_it: 0 became*")


def test_a_fact_that_holds_only_once_is_told(book):
    """`pytest --bite` fails with a line `can't be run again` for a test that passes the
    first time and fails each time that the same code is run again.
    """
    result = bite(
        book,
        "RAN = []\n\ndef test_it():\n    RAN.append(1)\n    assert RAN == [1]",
    )

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines("can't be run again: spec/tensors/test_creation.py::test_it")


def test_what_a_fact_sets_up_is_made_anew_each_time(book):
    """`pytest --bite` sets up a test's function-scoped fixtures anew each time that it runs
    the test again.
    """
    result = bite(
        book,
        "@pytest.fixture\ndef fresh(): return []\n\n"
        "def test_it(fresh):\n    fresh.append(1)\n    assert fresh == [1]",
    )

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines("bite: 2 literals of 1 facts tried, 0 survive, *")


def test_a_fact_that_is_only_listed_is_not_bitten(book):
    """`pytest --bite --collect-only` runs no test and prints no line of `--bite`."""
    result = bite(book, "def test_it(): assert 1 == 2", "--collect-only")

    told = [line for line in result.outlines if "bite" in line]
    assert told == []


def test_it_is_told_how_far_the_biting_is(book):
    """Where the output is no terminal, `pytest --bite` over 11 passing test functions prints a
    progress line, as `bite: 2/11 facts, 4 literals, 0 survive`, after each second function and
    after the last one.
    """
    page = "\n".join(f"def test_{n}(): assert torch.ones(1).item() == 1" for n in range(11))
    result = bite(book, page)

    assert [line for line in result.outlines if line.startswith("bite: ") and "/" in line] == [
        "bite: 2/11 facts, 4 literals, 0 survive",
        "bite: 4/11 facts, 8 literals, 0 survive",
        "bite: 6/11 facts, 12 literals, 0 survive",
        "bite: 8/11 facts, 16 literals, 0 survive",
        "bite: 10/11 facts, 20 literals, 0 survive",
        "bite: 11/11 facts, 22 literals, 0 survive",
    ]


def test_a_failing_fact_is_not_bitten(book):
    """`pytest --bite` changes no literal of a test that fails as it is and has one case: it takes
    no parameters, by `parametrize` or by a fixture.
    """
    result = bite(book, "def test_it(): assert 1 == 2")

    result.stdout.fnmatch_lines("bite: 0 literals of 0 facts tried, *")


@pytest.mark.spare("<class 'ValueError'>", reason="every error becomes the same one")
@pytest.mark.spare("<class 'StopAsyncIteration'>", reason="every error becomes the same one")
@pytest.mark.parametrize(
    ("value", "other"),
    [
        (True, False),
        (2, 3),
        (0.5, 1.5),
        (16.0, 18.0),
        (float("inf"), 0.0),
        ("a", "~a"),
        (b"a", b"~a"),
        (torch.int8, torch.int16),
        (torch.float32, torch.int8),
        (None, ...),
        (ValueError, StopAsyncIteration),
        (len, None),
    ],
)
def test_a_literal_becomes_another_of_its_kind(value, other):
    """`changed` of `fixtures/literals.py`, which `--bite` uses, makes 3 of 2, 1.5 of 0.5,
    `"~a"` of `"a"`, False of True, `torch.int16` of `torch.int8`, and `StopAsyncIteration`
    of `ValueError`.
    """
    assert changed(value) == other


@pytest.mark.parametrize(
    ("value", "smaller", "bound"),
    [(4, True, 2), (4, False, 8), (-4, True, -8), (0, True, -1), (0, False, 1)],
)
def test_a_bound_becomes_stricter(value, smaller, bound):
    """`tightened(4, smaller=True)` of `fixtures/literals.py`, which `pytest --bite` uses for the
    bound in `x < 4`, equals 2, a stricter upper bound; `tightened(4, smaller=False)`, for the
    bound in `x > 4`, equals 8, a stricter lower bound.
    """
    assert tightened(value, smaller) == bound


def test_a_tables_parameter_changes_at_any_depth():
    """`variants_of([1, [2]])` of `fixtures/literals.py` yields four variants with one change each:
    one of the numbers, at either depth, is another, or the inner or the outer list is longer.
    """
    assert [variant for _, variant in variants_of([1, [2]])] == [
        [2, [2]],
        [1, [3]],
        [1, [2, 2]],
        [1, [2], [2]],
    ]


@pytest.mark.parametrize(
    ("value", "variants"),
    [
        ([], [[0]]),
        ((1,), [(2,), (1, 1)]),
        ({"a": 1, "b": True}, [{"a": 2, "b": True}, {"a": 1, "b": False}]),
    ],
)
def test_a_variant_is_of_the_kind_that_it_varies(value, variants):
    """`[variant for _, variant in variants_of(value)]` with `variants_of` of
    `fixtures/literals.py` is `[(2,), (1, 1)]` for the value `(1,)`, and `[[0]]` for `[]`.
    """
    assert [variant for _, variant in variants_of(value)] == variants


def test_a_variant_that_waits_is_given_up(book, monkeypatch):
    """If a value changed by `pytest --bite` makes a test loop for ever in `while n: pass`, also
    below `try` with `except Exception`, that run is ended after a time limit (where Python has
    `signal.setitimer`), and the value does not survive.
    """
    monkeypatch.setattr("fixtures.rerun.TIME_LIMIT", 0.05)

    result = bite(
        book,
        "@pytest.mark.parametrize('n', [0])\n"
        "def test_it(n):\n"
        "    try:\n"
        "        while n: pass\n"
        "    except Exception:\n"
        "        n = 0\n"
        "    assert torch.tensor(n).item() == 0",
    )

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines("bite: 2 literals of 1 facts tried, 0 survive, *")


def test_a_tables_dict_is_changed_value_by_value(book):
    """`pytest --bite` changes the numbers and dtypes among the values of a dict in a passing
    test's `parametrize` one at a time, and, unless a `spare` mark excuses them, names those with
    which the test still passes.
    """
    result = bite(
        book,
        "@pytest.mark.parametrize('given', [{'dtype': torch.int8, 'idle': 1}])\n"
        "def test_it(given): assert torch.tensor(3, dtype=given['dtype']).element_size() == 1",
    )

    result.stdout.fnmatch_lines("SURVIVES: *test_it: 1 (given of ?given0?) became {'dtype'*")
    result.stdout.fnmatch_lines("bite: 5 literals of 1 facts tried, 2 survive, *")


def test_what_a_page_shares_is_made_once(book):
    """`pytest --bite` does not set up a module-scoped fixture, without `params` and arguments,
    anew for each literal of a test that it changes.
    """
    result = bite(
        book,
        "MADE = []\n\n"
        "@pytest.fixture(scope='module')\n"
        "def shared():\n    MADE.append(1)\n    return torch.ones(2)\n\n"
        "def test_it(shared):\n    assert shared.tolist() == [1.0, 1.0]\n    assert len(MADE) < 3\n",
        "-s",
    )

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines("bite: * literals of 1 facts tried, 0 survive, *")


def test_a_tables_parameter_is_spared_by_its_name(book):
    """If a test does not use its `parametrize` parameter `idle`, the mark
    `spare("idle", reason="it is not used")` on the test makes `pytest --bite` count each value of
    `idle` as spared, not as one that survives.
    """
    result = bite(
        book,
        "@pytest.mark.spare('idle', reason='it is not used')\n"
        "@pytest.mark.parametrize(('idle', 'n'), [(1, 2), (3, 4)])\n"
        "def test_it(idle, n): assert torch.ones(n).sum().item() in (2.0, 4.0) and n % 2 == 0",
    )

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines("bite: * literals of 1 facts tried, * survive, 2 spared, *")
