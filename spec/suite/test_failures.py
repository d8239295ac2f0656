"""What a failing fact says.

A reader whose PyTorch disagrees with the book wants two values: what the book says, and what came
out. The literal stands on the right of an assertion, so that is the book's; the left is PyTorch's.
What surprises: both are evaluated a second time, after the assertion has failed, so an assertion
that consumes something tells no values.
"""

import pytest


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "assert torch.ones(2).tolist() == [1.0, 2.0]",
            [
                "the book says [1.0, 2.0], your PyTorch says [1.0, 1.0]",
                "assert torch.ones(2).tolist() == [1.0, 2.0]",
            ],
        ),
        (
            "assert torch.ones(2).dtype is torch.int8",
            ["the book says torch.int8, your PyTorch says torch.float32"],
        ),
        (
            "x = torch.ones(2)\n    assert x.sum() > 5",
            ["the book says x.sum() > 5, your PyTorch says tensor(2.)"],
        ),
        (
            "assert 1 == 1 and torch.ones(2).is_leaf == False",
            ["the book says False, your PyTorch says True"],
        ),
        (
            "assert torch.zeros(1).bool()",
            ["the book says torch.zeros(1).bool(), your PyTorch says tensor([False])"],
        ),
        (
            "it = iter([2, 1])\n    assert next(it) == 1",
            ["the book says next(it) == 1, your PyTorch says otherwise"],
        ),
        ("assert 1 == 2, 'as planned'", ["as planned"]),
        ("raise AssertionError('as planned')", ["as planned"]),
        ("assert 2 < 1 < 3", ["the book says 2 < 1 < 3, your PyTorch says False"]),
        ("pytest = 2\n    assert pytest == 3", ["the book says 3, your PyTorch says 2"]),
        ("assert 1 == 1; assert 1 == 2", ["the book says 2, your PyTorch says 1"]),
        (
            "assert (\n        torch.ones(1).item()\n        == 2\n    )",
            ["the book says 2, your PyTorch says 1.0"],
        ),
        (
            "assert torch.zeros(2, 2) is None",
            ["the book says None, your PyTorch says tensor([[0., 0.], [0., 0.]])"],
        ),
        (
            "assert [0] * 99 == [1]",
            ["the book says [1], your PyTorch says [" + "0, " * 65 + " ..."],
        ),
        (
            "assert [1, 2] == [1, 3]",
            [
                "the book says [1, 3], your PyTorch says [1, 2]",
                "assert [1, 2] == [1, 3]",
                "",
                "At index 1 diff: 2 != 3",
            ],
        ),
    ],
)
def test_a_failing_assertion_says_what_the_book_and_what_pytorch_says(book, body, said):
    """In this suite a failing `assert torch.ones(2).dtype is torch.int8` is reported as
    `the book says torch.int8, your PyTorch says torch.float32`.
    """
    book.page("tensors/test_creation.py", f'def test_it():\n    """It."""\n    {body}')

    result = book.run()

    errors = [line[1:].strip() for line in result.outlines if line.startswith("E  ")]
    assert errors[0] == f"AssertionError: {said[0]}"
    assert errors[1 : len(said)] == said[1:]


def test_an_assertion_error_without_words_stays_as_it_is(book):
    """In this suite a test that contains an `assert` but fails at another line, with
    `raise AssertionError` alone, is reported as `AssertionError` without more words.
    """
    book.page("tensors/test_creation.py", "def test_it(): raise AssertionError")

    result = book.run()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("E       AssertionError")


def test_the_last_line_of_a_run_names_both_values(book):
    """If `assert torch.ones(1).item() == 2` fails in a test of this suite, its `FAILED`
    line in pytest's summary says `AssertionError: the book says` behind the test's id, if
    the terminal is wide enough.
    """
    book.page("tensors/test_creation.py", "def test_it(): assert torch.ones(1).item() == 2")

    result = book.run()

    result.stdout.fnmatch_lines(
        "FAILED spec/tensors/test_creation.py::test_it - AssertionError: the book says*"
    )
