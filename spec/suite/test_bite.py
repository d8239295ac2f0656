"""Facts can fail.

A fact that cannot fail says nothing. `--bite` changes each literal of each fact's assertions, one
at a time, and runs the fact again: if it still passes, that literal was decoration, and the run
fails. A literal that cannot matter is spared beside the fact, with the reason.
"""

import pytest
import torch

from fixtures.literals import changed, tightened, variants_of


def bite(book, body, *arguments):
    """Run `--bite` over one page of facts."""
    book.page("tensors/test_creation.py", body)
    return book.run("--bite", *arguments)


def test_a_fact_whose_literals_all_matter_bites(book):
    """Every literal is tried, and where none survives the run is green."""
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
    """A survivor is named with file, line, fact and literal."""
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
            "def test_it():\n    x = torch.ones(2).sum()\n    assert x[()] >= 2\n    assert x > 1.5",
        ),
        (2, "def test_it():\n    assert torch.zeros(1).item() <= 0"),
        (4, "def test_it():\n    assert dict(a=torch.ones(1).item()) == {'a': 1.0}"),
        (2, "def test_it():\n    x = torch.tensor([1, 2])\n    assert x[..., 0] == 1"),
        (3, "def test_it():\n    x = torch.tensor([[1, 2]])\n    assert x[0, 1] == 2"),
    ],
)
def test_errors_warnings_tables_and_properties_bite(book, body, literals):
    """Expected errors and warnings, rows of tables, properties, assertions that consume: all tried."""
    result = bite(book, body)

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        f"bite: {literals} literals of 1 facts tried, 0 survive, 0 spared, 0 facts*"
    )


def test_a_spared_literal_is_counted(book):
    """`spare` exempts one literal, with a reason."""
    result = bite(
        book,
        "@pytest.mark.spare('0', reason='every entry is one')\n"
        "def test_it():\n    x = torch.ones(2)\n    assert x[0] == 1",
    )

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines("bite: 2 literals of 1 facts tried, 0 survive, 1 spared, *")


@pytest.mark.parametrize("mark", ["spare('1', reason='none')", "spare('0')"])
def test_a_spare_without_need_or_reason_fails_the_run(book, mark):
    """An exemption of a literal that bites, or one that gives no reason, is itself an error."""
    result = bite(book, f"@pytest.mark.{mark}\ndef test_it(): assert torch.ones(2)[0] == 1")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines("spared in vain: spec/tensors/test_creation.py:* test_it: *")


BARE = "def test_it():\n    x = torch.ones(2)\n    assert x.detach_() is x"


def test_a_fact_without_a_literal_fails_the_run(book):
    """A fact that only compares identities has nothing to change, and is named."""
    result = bite(book, BARE)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines("no literal: spec/tensors/test_creation.py:* test_it: give it one*")
    result.stdout.fnmatch_lines("bite: 0 literals of 1 facts tried, *1 facts without a literal*")


def test_a_fact_without_a_literal_is_spared_with_a_reason(book):
    """`spare("no literal", reason=...)` says why a fact has none."""
    result = bite(book, "@pytest.mark.spare('no literal', reason='one thing')\n" + BARE)

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines("bite: 0 literals of 1 facts tried, 0 survive, 1 spared, 0 facts*")


def test_a_parameter_that_says_nothing_is_spared_by_its_value(book):
    """`spare("1", ...)` spares a row's parameter as it does a literal."""
    result = bite(
        book,
        "@pytest.mark.spare('1', reason='any number')\n"
        "@pytest.mark.parametrize('n', [1])\n"
        "def test_it(n): assert torch.ones(n).dtype is torch.float32",
    )

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines("bite: 2 literals of 1 facts tried, 0 survive, 1 spared, *")


def test_a_literal_bites_where_one_row_of_a_table_needs_it(book):
    """What only one of several rows notices is no decoration."""
    result = bite(
        book,
        "@pytest.mark.parametrize('n', [0, 2])\n"
        "def test_it(n): torch.testing.assert_close(torch.tensor(n) * 3, torch.tensor(n + n + n) * 1)",
    )

    result.stdout.fnmatch_lines("bite: * literals of 1 facts tried, *")
    assert [line for line in result.outlines if ": 1 became" in line] == []


def test_a_survivor_is_told_with_its_own_line(book):
    """The line is that of the literal on its page, decorators and all."""
    result = bite(
        book,
        "\n@pytest.mark.torch('>=1.0')\ndef test_it():\n    'It.'\n    assert 1 == 1\n    assert torch.ones(2)[0] == 1",
    )

    result.stdout.fnmatch_lines("SURVIVES: spec/tensors/test_creation.py:10 test_it: 0 became*")


def test_a_fact_that_holds_only_once_is_told(book):
    """A fact that fails when it is run again proves nothing by failing."""
    result = bite(
        book,
        "RAN = []\n\ndef test_it():\n    RAN.append(1)\n    assert RAN == [1]",
    )

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines("can't be run again: spec/tensors/test_creation.py::test_it")


def test_what_a_fact_sets_up_is_made_anew_each_time(book):
    """A variant starts with fixtures of its own, and ends them."""
    result = bite(
        book,
        "OPEN = []\n\n"
        "@pytest.fixture\ndef opened():\n    OPEN.append(1)\n    yield OPEN\n    OPEN.pop()\n\n"
        "@pytest.mark.parametrize('n', [1, 1])\n"
        "def test_it(opened, n):\n    assert len(opened) == 1\n    assert opened == [n]",
    )

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines("bite: 4 literals of 1 facts tried, 0 survive, *")


def test_a_fact_that_is_only_listed_is_not_bitten(book):
    """`--collect-only` runs nothing, and `--bite` with it neither."""
    result = bite(book, "def test_it(): assert 1 == 2", "--collect-only")

    assert [line for line in result.outlines if line.startswith("bite")] == []


def test_it_is_told_how_far_the_biting_is(book):
    """Where there is no terminal a fifth of the facts is a line, the last one in any case."""
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
    """Only what held is worth changing."""
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
    """Numbers go up, strings get longer, booleans and dtypes switch, errors become unlikely."""
    assert changed(value) == other


@pytest.mark.parametrize(
    ("value", "smaller", "bound"),
    [(4, True, 2), (4, False, 8), (-4, True, -8), (0, True, -1), (0, False, 1)],
)
def test_a_bound_becomes_stricter(value, smaller, bound):
    """`x < 4` becomes `x < 2`, `x > 4` becomes `x > 8`: a bound that holds by far says little."""
    assert tightened(value, smaller) == bound


def test_a_tables_parameter_changes_at_any_depth():
    """Each number inside a nested list is changed, and the list grows."""
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
    """A tuple stays a tuple, a dict keeps its other values, and an empty list gets a number."""
    assert [variant for _, variant in variants_of(value)] == variants


def test_a_variant_that_waits_is_given_up(book, monkeypatch):
    """A literal whose change makes the fact wait for ever bites: its time is limited."""
    monkeypatch.setattr("fixtures.rerun.TIME_LIMIT", 0.05)

    result = bite(
        book,
        "@pytest.mark.parametrize('n', [0])\n"
        "def test_it(n):\n"
        "    while n: pass\n"
        "    assert torch.tensor(n).item() == 0",
    )

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines("bite: 2 literals of 1 facts tried, 0 survive, *")


def test_a_tables_dict_is_changed_value_by_value(book):
    """A dict as a parameter of a table has each of its values changed."""
    result = bite(
        book,
        "@pytest.mark.parametrize('given', [{'dtype': torch.int8, 'idle': 1}])\n"
        "def test_it(given): assert torch.tensor(3, dtype=given['dtype']).element_size() == 1",
    )

    result.stdout.fnmatch_lines("SURVIVES: *test_it: 1 (given of ?given0?) became {'dtype'*")
    result.stdout.fnmatch_lines("bite: 5 literals of 1 facts tried, 2 survive, *")


def test_what_a_page_shares_is_made_once(book):
    """While the facts of a page are bitten, its module's fixtures stay set up."""
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
    """`spare("NAME", reason=...)` exempts all values of a table's parameter."""
    result = bite(
        book,
        "@pytest.mark.spare('idle', reason='it is not used')\n"
        "@pytest.mark.parametrize(('idle', 'n'), [(1, 2), (3, 4)])\n"
        "def test_it(idle, n): assert torch.ones(n).sum().item() in (2.0, 4.0) and n % 2 == 0",
    )

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines("bite: * literals of 1 facts tried, * survive, 2 spared, *")
