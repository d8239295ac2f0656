"""Learning by doing.

`pytest --blanks DIR` makes exercises of facts: a literal becomes `___`, and the fact's own assertion
judges what a learner puts there. `pytest DIR` and `pytest --learn DIR` judge; neither shows what
comes out. A learner's files are theirs: they are read as text, never imported, and what was answered
stays when the exercises are written again, as a comment where the book has changed its code.
"""

import ast
import contextlib
import errno
import json
import os
import pty
import select
import shutil
import sys
import time
from collections import Counter

import pytest

from fixtures.facts import pages_of, read_page
from fixtures.learning import folder as folders
from fixtures.learning import hints
from fixtures.learning.answers import how_near
from fixtures.learning.blanks import covers, values
from fixtures.learning.exercises import by_id, of_fact, plan
from fixtures.learning.folder import Hints, Section, fresh, sections
from fixtures.learning.judge import Job, blank_of, job, judge, verdicts
from fixtures.learning.server import Server

PATH = "spec/tensors/test_creation.py"
FACT = '''
def test_full():
    """`torch.full` fills."""
    x = torch.full((2, 2), 7)

    assert x.tolist() == [[7, 7], [7, 7]]
'''


def fact_of(book, text, name="test_full"):
    """Return a fact of a page of the small book."""
    book.page("tensors/test_creation.py", text, complete=False)
    read_page.cache_clear()
    return read_page(str(book.path), PATH).facts[name]


def tried(exercise, answer):
    """Return what the judge says to an answer."""
    text = fresh(exercise).replace("___", answer)
    section = Section(exercise.id, exercise.hash, text, 1, folders.Path("x.py"))
    (verdict,) = judge([(exercise, section)])
    return verdict


def asserting(code):
    """Return a page with one fact that is about `x.view`."""
    lines = code.replace("\n", "\n    ")
    return f'\ndef test_full():\n    """What `view` does."""\n    {lines}\n'


# What can be covered.


def test_the_literals_to_cover_are_told_with_their_places_and_kinds(book):
    """`covers` of `fixtures/learning/blanks.py` gives kind, text and place of `"a"` in
    `assert x == "a"`, `0.5` in `assert y == pytest.approx(0.5)`, `torch.float32` in
    `assert x.dtype is torch.float32`, `KeyError` in `pytest.raises(KeyError)`.
    """
    fact = fact_of(
        book,
        asserting(
            'x = "é"; assert x == "é"\n'
            "assert 0.5 == pytest.approx(0.5)\n"
            "assert torch.ones(2).dtype is torch.float32\n"
            "with pytest.raises(KeyError): {}[0]"
        ),
    )

    found = [(one.kind, one.text, one.line, one.column, one.end_column) for one in covers(fact)]

    assert found == [
        ("str", '"é"', 2, 25, 28),
        ("float", "0.5", 3, 32, 35),
        ("dtype", "torch.float32", 4, 34, 47),
        ("exception", "KeyError", 5, 23, 31),
    ]


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("x = torch.ones(4).view(2, 2)\nassert x.tolist() == [[1.0, 1.0], [1.0, 1.0]]", 1),
        ("x = torch.ones(4).view(2, 2)\nassert x.shape == (2, 2)", 0),
        ("assert torch.ones(1).view(-1).dim() == 1", 0),
        ("assert torch.ones(4).view(-1).requires_grad is False", 0),
        ("x = torch.ones(4).view(-1)\nassert x.is_leaf is True\nassert x.grad is None", 2),
        ("assert torch.ones(4).view(2, 2).sum().item() == 0.123456789", 0),
        ("with pytest.raises(RuntimeError): torch.ones(4).view(3)", 1),
        ("# RuntimeError\nwith pytest.raises(RuntimeError): torch.ones(4).view(3)", 0),
    ],
)
def test_an_answer_that_can_be_read_or_guessed_is_not_asked_for(book, code, asked):
    """An exercise of `pytest --blanks DIR` has no blank for the `(2, 2)` of
    `assert x.shape == (2, 2)` if its code has `view(2, 2)`, and none for the False of
    `assert x.requires_grad is False` if this is the test's only assertion.
    """
    made = of_fact(fact_of(book, asserting(code)))

    assert len(getattr(made, "answers", [])) == asked


def test_the_exercise_is_the_fact_with_a_blank(book):
    """An exercise of `pytest --blanks DIR` made of a parametrized test has the test's
    sentence, the first row of its `parametrize` as assignments, and its code with `___` for
    an expected value; it lacks the docstring's second paragraph.
    """
    made = of_fact(
        fact_of(
            book,
            '@pytest.mark.parametrize("size", [4, 5])\n'
            "def test_full(size):\n"
            '    """What `view` does.\n\n    Because.\n    """\n'
            "    assert torch.ones(size).view(-1)[:2].tolist() == [1.0, 1.0]\n",
        )
    )

    assert made.code.splitlines() == [
        "def test_full():",
        '    """What `view` does."""',
        "    size = 4",
        "",
        "    assert torch.ones(size).view(-1)[:2].tolist() == ___",
    ]


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("@pytest.mark.cuda", "cannot run here"),
        ('@pytest.mark.torch("<1.0")', "cannot run here"),
        ("@pytest.mark.slow", "cannot run here"),
    ],
)
def test_what_cannot_run_here_is_no_exercise(book, head, why):
    """`of_fact` of `fixtures/learning/exercises.py`, which `pytest --blanks DIR` calls,
    gives `cannot run here` and no exercise for a test of the chapter `tensors` with the
    mark `cuda`, `slow` or `torch("<1.0")`.
    """
    assert of_fact(fact_of(book, f"{head}{FACT}")) == why


# What is said of an answer.


@pytest.mark.spare("answer", reason="another mistake of the same kind")
@pytest.mark.spare("'[7, 7]'", reason="what is not shown")
@pytest.mark.parametrize(
    ("answer", "outcome", "said"),
    [
        ("[[7, 7], [7, 7]]", "solved", "right"),
        ("[[7] * 2] * 2", "solved", "right"),
        ("[[14 // 2, 7], [7, 7]]", "solved", "right"),
        ("[[7.0, 7], [7, 7]]", "solved", "right"),
        ("7", "wrong", "wrong kind: you gave an integer"),
        ("[7, 7]", "wrong", "right kind, wrong shape"),
        ("[(7, 7), [7, 7]]", "wrong", "right shape, but a list stands where a tuple"),
        ("[[7, 8], [9, 7]]", "wrong", "2 of 4 right"),
        ("import os", "refused", "this is no Python: is a bracket or"),
        ("7, 7, 7", "refused", "several values: a tuple needs its brackets"),
        ('__import__("os")', "refused", "an answer is a value, without calls"),
        ("x.tolist()", "refused", "an answer is a value, without calls"),
        ("os.sep", "refused", "write the value itself: `os` is a name"),
        ("torch.__file__", "refused", "an answer is a value; torch.__file__ is none"),
        ("int8", "refused", "a dtype is written with its module: torch.int8"),
        ("9 ** 9 ** 9", "refused", "write the number itself"),
        ("[0] * 10 ** 12", "refused", "the answer cannot be computed"),
        ("[[7, 7], [7, 7]], 1", "refused", "several values: a tuple needs its brackets"),
        ("___", "open", "replace ___ by what comes out"),
        ("[[7, 7], [7, 7]]\n    assert 1 == 1", "refused", "more than the blank was changed"),
        ("[y for y in x]", "refused", "an answer is a value: a number"),
    ],
)
def test_an_answer_is_told_how_near_it_is(book, answer, outcome, said):
    """`pytest DIR` judges answers to exercises of `pytest --blanks DIR`: where
    `[[7, 7], [7, 7]]` is right, `[7, 7]` is "right kind, wrong shape", `[[7, 8], [9, 7]]`
    is "2 of 4 right", and `x.tolist()` and `os.sep` are refused.
    """
    exercise = of_fact(fact_of(book, FACT))

    verdict = tried(exercise, answer)

    assert verdict.outcome == outcome
    assert verdict.said[: len(said)] == said
    assert "[7, 7]" not in verdict.said + verdict.remark


@pytest.mark.parametrize(
    ("right", "answer", "outcome", "said"),
    [
        ("RuntimeError", "RuntimeError", "solved", "right"),
        ("RuntimeError", "Exception", "wrong", "it is one, and has a nearer type: which?"),
        ("RuntimeError", "KeyError", "wrong", "right kind, another one"),
        ("RuntimeError", "7", "wrong", "wrong kind: you gave an integer"),
    ],
)
def test_an_error_is_named_by_its_nearest_type(book, right, answer, outcome, said):
    """In an exercise of `pytest --blanks DIR` that has `pytest.raises(___)` for the test's
    `pytest.raises(RuntimeError)`, `Exception`, its base class, counts as a wrong answer.
    """
    code = f"with pytest.raises({right}): torch.ones(4).view(3)"
    exercise = of_fact(fact_of(book, asserting(code)))

    verdict = tried(exercise, answer)

    assert (verdict.outcome, verdict.said) == (outcome, said)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [("torch.int64", "solved"), ("torch.long", "solved"), ("torch.int32", "wrong")],
)
def test_another_spelling_counts(book, answer, outcome):
    """In an exercise of `pytest --blanks DIR` whose answer is `torch.int64`, `torch.long`
    is right too, and `torch.int32` is wrong.
    """
    code = "assert torch.full((2,), 7).view(-1).dtype is torch.int64"

    assert tried(of_fact(fact_of(book, asserting(code))), answer).outcome == outcome


def test_equal_of_another_type_passes_with_a_remark(book):
    """In an exercise of `pytest --blanks DIR` whose answer is a nested list of integers, 7.0 in
    place of 7 is right for `pytest --learn DIR`, with the remark "equal; what comes out is an
    integer, though, not a float".
    """
    verdict = tried(of_fact(fact_of(book, FACT)), "[[7.0, 7.0], [7.0, 7.0]]")

    assert verdict.outcome == "solved"
    assert verdict.remark == "equal; what comes out is an integer, though, not a float"


@pytest.mark.spare("given", reason="other values are as wrong")
@pytest.mark.spare("wanted", reason="other values are as wrong")
@pytest.mark.parametrize(
    ("given", "wanted", "said"),
    [
        ({"a": 1}, {"a": 2}, "0 of 1 right"),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, "1 of 2 right"),
        ({1, 2}, {1, 3}, "1 of 2 right"),
        ("cat", "dog", "right kind, wrong value"),
        (True, 1.5, "wrong value"),
        ((), (1,), "right kind, wrong shape"),
        (1, True, "wrong kind: you gave an integer"),
    ],
)
def test_nearness_of_other_kinds(given, wanted, said):
    """In `fixtures/learning/answers.py`, `how_near({1, 2}, {1, 3})` is "1 of 2 right",
    `how_near({"a": 1}, {"a": 2})` "0 of 1 right", and `how_near("cat", "dog")` "right kind,
    wrong value".
    """
    assert how_near(given, wanted) == said


@pytest.mark.spare("body", reason="any end of the process")
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("while True: pass", "stopped: not done after 0 s"),
        ("import os; os._exit(3)", "this ends the program"),
    ],
)
def test_a_fact_that_does_not_end_is_stopped_and_the_others_go_on(body, said):
    """`verdicts([endless, good], seconds=0.4)` of `fixtures/learning/judge.py` yields the outcome
    `refused` for the job `endless`, whose test runs `while True: pass` or
    `import os; os._exit(3)`, then `solved` for the job `good`, answered right.
    """
    endless = Job(f"def test_it():\n    {body}\n    assert 1 == ___", "", "test_it", ["1"], ["1"])
    good = Job("def test_it():\n    assert 1 == ___", "", "test_it", ["1"], ["1"])

    first, second = verdicts([endless, good], seconds=0.4)

    assert (first.outcome, first.said) == ("refused", said)
    assert second.outcome == "solved"


def test_a_fact_that_does_not_hold_here_is_not_the_learners_fault(book):
    """If an exercise of `pytest --blanks DIR` fails with the list that the learner answers and
    with its true answer too, the learner is told
    `this fact does not hold on this machine, whatever the answer: s skips it`.
    """
    code = "x = torch.ones(4).view(-1)\nassert x.tolist() == [3.0, 3.0, 3.0, 3.0]"

    assert tried(of_fact(fact_of(book, asserting(code))), "[2.0, 1.0, 1.0, 1.0]").said == (
        "this fact does not hold on this machine, whatever the answer: s skips it"
    )


# The learner's folder.


def written(book, *arguments):
    """Run `--blanks learn` and return its result."""
    read_page.cache_clear()
    return book.run("--blanks", "learn", *arguments)


@pytest.mark.spare("'[[7, 7]'", reason="what is not shown")
def test_exercises_are_written_a_tour_first(book):
    """`pytest --blanks DIR` writes `start.py`, and for each page with exercises one of them
    into `tour/CHAPTER.py` and those of its other tests into `CHAPTER/PAGE.py`; it prints
    how many exercises there are.
    """
    book.page("tensors/test_creation.py", FACT + FACT.replace("test_full", "test_more"))
    book.page("nn/test_layers.py", FACT)

    result = written(book)

    names = sorted(
        path.relative_to(book.path / "learn").as_posix()
        for path in (book.path / "learn").glob("**/*.py")
    )
    assert result.ret == pytest.ExitCode.OK
    assert names == [
        "conftest.py",
        "start.py",
        "tensors/creation.py",
        "tour/nn.py",
        "tour/tensors.py",
    ]
    result.stdout.fnmatch_lines(["learn: 4 exercises: 4 new", "  start 1, tour 2, tensors 1"])
    assert "[[7, 7]" not in (book.path / "learn" / "tour" / "nn.py").read_text()


def test_only_the_pages_that_are_named_are_asked_about(book):
    """`pytest --blanks DIR spec/nn` writes one file into `tour` of an empty DIR, `nn.py`,
    and none there for another chapter.
    """
    book.page("tensors/test_creation.py", FACT)
    book.page("nn/test_layers.py", FACT)

    written(book, "spec/nn")

    assert [path.name for path in (book.path / "learn" / "tour").iterdir()] == ["nn.py"]


def solve(book, answer="[[7, 7], [7, 7]]", file="tour/tensors.py"):
    """Put an answer into the blank of a file and return its text."""
    path = book.path / "learn" / file
    path.write_text(path.read_text().replace("== ___", f"== {answer}"))
    return path.read_text()


def test_writing_again_keeps_answers_and_notes(book):
    """`pytest --blanks DIR`, run a second time on an unchanged book, leaves a file with a
    learner's answer and comment as it is.
    """
    book.page("tensors/test_creation.py", FACT)
    written(book)
    mine = solve(book, "[[7, 7], [7, 7]]  # sevens")

    result = written(book)

    assert (book.path / "learn" / "tour" / "tensors.py").read_text() == mine
    result.stdout.fnmatch_lines(["learn: 2 exercises: 2 kept"])


def test_another_sentence_reopens_nothing_and_another_code_does(book):
    """`pytest --blanks DIR`, run again, keeps an answer if only its test's docstring or the value
    behind the blank changed, and there is still a blank; if another number in the test's body
    changed too, it is open again, the old answer a comment.
    """
    book.page("tensors/test_creation.py", FACT)
    written(book)
    solve(book, "[[7, 7], [7, 8]]")
    book.page("tensors/test_creation.py", FACT.replace("fills.", "fills a tensor."))
    assert written(book).outlines[0] == "learn: 2 exercises: 2 kept"

    book.page("tensors/test_creation.py", FACT.replace("[7, 7]]", "[7, 8]]"))
    assert written(book).outlines[0] == "learn: 2 exercises: 2 kept"

    book.page("tensors/test_creation.py", FACT.replace("7", "5"))
    result = written(book)

    text = (book.path / "learn" / "tour" / "tensors.py").read_text()
    assert result.outlines[0] == "learn: 2 exercises: 1 kept, 1 reopened"
    assert f"  reopened, for the book changed it: {PATH}::test_full" in result.outlines
    assert "    assert x.tolist() == ___" in text
    assert "#         assert x.tolist() == [[7, 7], [7, 8]]" in text


@pytest.mark.spare("note", reason="any line is a learner's")
@pytest.mark.parametrize(("note", "kept"), [("", False), ("    # mine\n", True)])
def test_an_exercise_that_the_book_has_no_more_goes_if_nobody_touched_it(book, note, kept):
    """`pytest --blanks DIR` (without paths), when it writes into DIR again, deletes an exercise
    whose test is gone from a page that is still there, unless its text in DIR is no longer as it
    was written.
    """
    book.page("tensors/test_creation.py", FACT + FACT.replace("test_full", "test_more"))
    written(book)
    path = book.path / "learn" / "tensors" / "creation.py"
    path.write_text(path.read_text().replace("    assert", f"{note}    assert"))
    book.page("tensors/test_creation.py", FACT)

    written(book)

    assert ("test_more" in path.read_text()) is kept


def test_deleted_files_and_exercises_are_written_again(book):
    """`pytest --blanks DIR`, run again on an unchanged book after `DIR/start.py` was deleted,
    writes that file anew and leaves another file of DIR with its answer as it is.
    """
    book.page("tensors/test_creation.py", FACT)
    written(book)
    mine = solve(book)
    os.remove(book.path / "learn" / "start.py")

    result = written(book)

    assert result.outlines[0] == "learn: 2 exercises: 1 new, 1 kept"
    assert (book.path / "learn" / "tour" / "tensors.py").read_text() == mine


def test_what_is_no_exercise_is_never_overwritten(book):
    """`pytest --blanks DIR` is a usage error that writes nothing into DIR if the first line of a
    file `start.py` there does not begin with `# Exercises of torch-spec:`, as it does in a
    `start.py` that `--blanks` wrote.
    """
    book.page("tensors/test_creation.py", FACT)
    (book.path / "learn").mkdir()
    (book.path / "learn" / "start.py").write_text("mine")

    result = written(book)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [path.name for path in (book.path / "learn").iterdir()] == ["start.py"]
    assert (book.path / "learn" / "start.py").read_text() == "mine"
    result.stderr.fnmatch_lines(["ERROR: *start.py is no file of exercises: move it away or *"])


def test_a_file_in_another_encoding_is_left_alone(book):
    """`pytest --blanks DIR` is a usage error, and leaves the file as it is, if `start.py`,
    written there by an earlier run, is no longer in UTF-8.
    """
    book.page("tensors/test_creation.py", FACT)
    written(book)
    path = book.path / "learn" / "start.py"
    path.write_bytes(path.read_bytes() + b"# caf\xe9")

    result = written(book)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert path.read_bytes()[-4:] == b"caf\xe9"
    result.stderr.fnmatch_lines(["ERROR: *start.py is not in UTF-8: save it so, and run again"])


@pytest.mark.spare("when", reason="any other word is the other moment")
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_full_disk_loses_nothing(book, monkeypatch, when):
    """If the disk that DIR is on is full, `pytest --blanks DIR` ends in a usage error that has the
    words `No space left on device`, and the file with the learner's answer is as it was.
    """
    book.page("tensors/test_creation.py", FACT)
    written(book)
    mine = solve(book)
    book.page("tensors/test_creation.py", FACT.replace("7", "5"))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    if when == "before":
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    else:
        monkeypatch.setattr(os, "replace", full)
    result = written(book)
    monkeypatch.undo()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *: No space left on device: 0 of 2 files were written, *"])
    assert (book.path / "learn" / "tour" / "tensors.py").read_text() == mine
    assert sorted(path.name for path in (book.path / "learn" / "tour").iterdir()) == ["tensors.py"]


@pytest.mark.spare("arguments", reason="another folder is as wrong")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--blanks", "pytest.ini"], "ERROR: --blanks *pytest.ini: this is a file; give a folder"),
        (["--blanks", "spec/none.py"], "ERROR: --blanks *none.py: this names a page; give a *"),
        (["--blanks", "x", "spec/none"], "ERROR: --blanks: spec/none: no page of the book; *"),
        (["--learn", "x"], "ERROR: --learn *x: no exercises there; pytest --blanks * writes them"),
        (["--learn", "x", "--blanks", "x"], "ERROR: --blanks writes and --learn works on it: *"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(book, arguments, said):
    """Usage errors are `pytest --blanks pytest.ini` (a file, not a folder),
    `pytest --blanks NAME.py`, `pytest --blanks DIR spec/none` (no such page),
    `pytest --learn DIR` without exercises, and `--learn` beside `--blanks`.
    """
    book.page("tensors/test_creation.py", FACT)

    result = book.run(*arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


# pytest DIR


@pytest.mark.spare("'[7, 7]'", reason="what is not shown")
def test_pytest_judges_a_folder_and_leaks_nothing(book):
    """`pytest DIR` (without `-n`) on a folder that `pytest --blanks DIR` wrote passes a solved
    exercise, fails a wrong one and the first open one, skips the other open ones, and does not
    print the right answer `[[7, 7], [7, 7]]`.
    """
    book.page(
        "tensors/test_creation.py",
        FACT + "".join(FACT.replace("test_full", f"test_{name}") for name in "abc"),
    )
    written(book)
    solve(book, file="start.py", answer="[[7, 7, 7], [7, 7, 7]]")
    solve(book, "[[7, 7], [8, 8]]")

    result = book.run("learn")

    result.assert_outcomes(passed=1, failed=2, skipped=2)
    result.stdout.fnmatch_lines(["*tour/tensors.py:10: 2 of 4 right", "*: replace ___ by what *"])
    assert "[7, 7]" not in result.stdout.str()


def test_a_learners_file_is_never_imported(book):
    """`pytest DIR` on a folder of `--blanks` does not import its files of exercises: a line
    `raise SystemExit` below an exercise does not run.
    """
    book.page("tensors/test_creation.py", FACT)
    written(book)
    path = book.path / "learn" / "tour" / "tensors.py"
    solve(book, "import os")
    path.write_text(path.read_text() + "\nraise SystemExit\n")

    result = book.run("learn/tour/tensors.py")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*tour/tensors.py:10: this is no Python: is a bracket*"])


# The two other kinds, hints.


def test_a_claim_of_the_notes_asks_for_its_verdict(book):
    """For a claim in `spec/claims` with the verdict `overstated` that a test in `spec/tensors`
    decides, `pytest --blanks DIR` makes an exercise that takes `overstated` with or without quotes
    as right; for an `untestable` claim it makes none.
    """
    book.page("tensors/test_creation.py", '@pytest.mark.claim("full-fills")' + FACT)
    book.ledger(
        '[full-fills]\nsection = "1"\nsays = "It fills."\n'
        'verdict = "overstated"\nexcept = "but"\n'
        '[full-twice]\nsection = "1"\nsays = "Twice."\nverdict = "untestable"\nwhy = "no"\n'
    )
    read_page.cache_clear()

    made = [one for one in plan(book.path, [PATH]).exercises if one.kind == "verdict"]

    assert [one.id for one in made] == ["claim full-fills"]
    assert made[0].sentence.partition("\n\n")[0] == "Written for PyTorch 1.1: It fills."
    assert made[0].title == "note 004, 1"
    assert tried(made[0], "overstated").outcome == "solved"
    assert tried(made[0], '"overstated"').outcome == "solved"
    assert tried(made[0], '"holds"').said == "right kind, wrong value"
    assert by_id(book.path, "claim full-fills").hash == made[0].hash


def test_a_pair_of_old_and_new_truth_asks_for_the_release(book):
    """Of `test_old` ("Before PyTorch 2.0 `torch.full` fills.", mark `torch("<2.0")`) and
    `test_full` ("Since ...", `torch(">=2.0")`) on a page, `pytest --blanks DIR` makes an exercise
    that shows both with "PyTorch ..." and asks for the release.
    """
    old = FACT.replace('"""`torch.full`', '"""Before PyTorch 2.0 `torch.full`')
    new = FACT.replace('"""`torch.full`', '"""Since PyTorch 2.0 `torch.full`')
    book.page(
        "tensors/test_creation.py",
        f'@pytest.mark.torch("<2.0"){old}'.replace("test_full", "test_old")
        + f'@pytest.mark.torch(">=2.0"){new}',
    )
    read_page.cache_clear()

    (made,) = [one for one in plan(book.path, [PATH]).exercises if one.kind == "since"]

    assert made.sentence.split("\n\n")[:2] == [
        "Once: Before PyTorch ... `torch.full` fills.",
        "Now: Since PyTorch ... `torch.full` fills.",
    ]
    assert tried(made, '"2.0"').outcome == "solved"
    assert tried(made, '"2.1"').said == "right kind, wrong value"
    assert tried(made, "2.0").said == "wrong kind: you gave a float"


@pytest.mark.spare("'torch.Tensor.tolist'", reason="any symbol that the sentence lacks")
def test_hints_come_in_steps(book):
    """For an exercise that `--blanks` makes of a test, `fixtures/learning/hints.py` has the kind
    and shape of the answer, the docstring of its page without the title, or else the title, an
    address in PyTorch's documentation, and the answer.
    """
    exercise = of_fact(fact_of(book, FACT))

    assert hints.kind_and_shape(exercise) == "a list of 2 lists of 2 integers"
    assert hints.prose(exercise) == "Creation"
    assert hints.official_page(exercise, {"torch.full", "torch.Tensor.tolist"}) == (
        "https://docs.pytorch.org/docs/stable/generated/torch.full.html"
    )
    assert hints.answer(exercise) == "[[7, 7], [7, 7]]"


def test_a_solved_neighbour_is_one_of_the_same_page(book):
    """`hints.neighbour(exercise, exercises)` of `fixtures/learning` gives another exercise of kind
    `fact` of the same page, the one whose sentence shares most names in backticks; None if
    `exercises` has no other of that kind and page.
    """
    text = FACT + FACT.replace("test_full", "test_a").replace("torch.full`", "tolist`")
    text += FACT.replace("test_full", "test_b")
    fact_of(book, text)
    made = [of_fact(one) for one in read_page(str(book.path), PATH).facts.values()]

    assert hints.neighbour(made[0], made).name == "test_b"
    assert hints.neighbour(made[0], made[:1]) is None


def test_hints_that_were_taken_are_kept_by_id(tmp_path):
    """`Hints(DIR)` of `fixtures/learning/folder.py` keeps in `DIR/.learn.json`, for
    `pytest --learn DIR`, how many hints were taken for each exercise; if that file holds `{`
    alone, its `warning` says that they are forgotten.
    """
    assert Hints(tmp_path).note("a", 2) == ""
    assert json.loads((tmp_path / ".learn.json").read_text()) == {"a": 2}
    assert Hints(tmp_path).of("a") == 2
    (tmp_path / ".learn.json").write_text("{")
    assert Hints(tmp_path).warning == (
        ".learn.json cannot be read: the hints that were taken are forgotten"
    )


# pytest --learn DIR


class Terminal:
    """A terminal of 80 columns in which `pytest --learn learn` runs."""

    def __init__(self, folder):
        self.seen = ""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ.update(COLUMNS="80", LINES="40", TERM="xterm", EDITOR="")
            os.execv(sys.executable, [sys.executable, "-m", "pytest", "--learn", "learn"])

    def wait_for(self, text, seconds=30):
        """Read until a text is shown since the last key or change, and return whether it was."""
        end = time.monotonic() + seconds
        while text not in self.seen and time.monotonic() < end:
            ready, _, _ = select.select([self.terminal], [], [], 0.2)
            with contextlib.suppress(OSError):
                self.seen += os.read(self.terminal, 65536).decode() if ready else ""
        return text in self.seen

    def press(self, key):
        """Press a key."""
        self.seen = ""
        os.write(self.terminal, key.encode())

    def end(self):
        """Return the exit status."""
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status)


@pytest.mark.slow
def test_what_is_saved_is_judged_and_the_next_one_shown(book):
    """In a terminal, `pytest --learn DIR` judges `start.py` of `--blanks DIR` when saved: a list
    with one wrong number gets `5 of 6 right`, the right one `Right:` and the next exercise. `h`
    gives a hint, `l` the list; outside the list, `q` ends.
    """
    pytest.importorskip("rich", reason="needs rich; it is not here")
    pytest.importorskip("watchfiles", reason="needs watchfiles; it is not here")
    book.page("tensors/test_creation.py", FACT)
    assert book.run_as_a_person("--blanks", "learn").ret == 0

    learner = Terminal(book.path)
    shown = [learner.wait_for("Each exercise is a sentence"), learner.wait_for("and save it.")]
    solve(book, "[[7, 7, 7], [7, 7, 8]]", "start.py")
    shown.append(learner.wait_for("5 of 6 right"))
    solved = book.path / "learn" / "start.py"
    learner.seen = ""
    solved.write_text(solved.read_text().replace("7, 8]]", "7, 7]]"))
    shown += [learner.wait_for("Right:"), learner.wait_for("fills.")]
    learner.press("h")
    shown.append(learner.wait_for("a list of 2 lists of 2 integers"))
    learner.press("l")
    shown.append(learner.wait_for("1 of 2 solved"))
    learner.press("\x1b")
    learner.press("q")
    shown.append(learner.wait_for("Go on with: pytest --learn"))

    assert shown == [True, True, True, True, True, True, True, True]
    assert learner.end() == 0


# The whole book.


@pytest.mark.slow
def test_every_exercise_of_the_book_is_sound(pytestconfig, tmp_path, capsys):
    """Each exercise that `pytest --blanks DIR` makes of this book fails with its blank,
    passes with its answer and has hints, and writing the exercises again keeps each answer.
    """
    root = pytestconfig.rootpath
    made = plan(root, pages_of(root))
    exercises = made.exercises

    truth = [job(one, [blank.node for blank in one.answers]) for one in exercises]
    blank = [job(one, [blank.node for blank in one.answers]) for one in exercises]
    for work, one in zip(blank, exercises, strict=True):
        work.answers = [blank_of(blank) for blank in one.answers]
    # On a busy machine a fact may take long; what hangs is told all the same.
    right, open_ = list(verdicts(truth, seconds=60)), list(verdicts(blank, seconds=60))
    failing = [one.id for one, said in zip(exercises, right, strict=True) if said.said != "right"]
    holding = [
        one.id for one, said in zip(exercises, open_, strict=True) if said.outcome != "wrong"
    ]

    folders.write(tmp_path, root, folders.merged(tmp_path, exercises))
    there = [section for path in folders.files(tmp_path) for section in sections(path)[1]]
    told = [one.id for one, section in pairs(exercises, there) if is_told(one, section)]
    for path in folders.files(tmp_path):
        path.write_text(answered(path, {one.id: one for one in exercises}))
    again = folders.merged(tmp_path, exercises)
    bare = [one.id for one in exercises if not (hints.kind_and_shape(one) and hints.prose(one))]

    milliseconds = waited(root, exercises[:: len(exercises) // 40])
    with capsys.disabled():
        report(made, right, milliseconds)

    assert (failing, holding, told, bare) == ([], [], [], [])
    assert len({one.id for one in exercises}) == len(exercises) == len(there)
    assert (again.texts, again.counts["kept"]) == ({}, len(exercises))
    assert (
        any(one.is_open for path in folders.files(tmp_path) for one in sections(path)[1]) is False
    )


def waited(root, exercises):
    """Return the milliseconds between asking for a verdict and having it, as `--learn` does."""
    server = Server(root)
    answer(server)
    times = []
    for one in exercises:
        text = fresh(one).replace(one.code, one.whole)
        server.ask(do="prepare", id=one.id)
        answer(server)
        begun = time.perf_counter()
        server.judge([Section(one.id, one.hash, text, 1, folders.Path("x.py"))])
        assert answer(server)["outcome"] == "solved"
        times.append(1000 * (time.perf_counter() - begun))
    server.stop()
    return times


def answer(server):
    """Return the next answer of the judging process."""
    found = []
    while not found:
        found = server.received()
    return found[0]


def pairs(exercises, there):
    """Return each exercise with its section."""
    by_id = {section.id: section for section in there}
    return [(one, by_id[one.id]) for one in exercises]


def is_told(exercise, section):
    """Return whether an answer stands in its section: its text, where it holds several values."""
    blank = exercise.answers[0]
    several = len(values(blank.node)) > 1 and len(exercise.answers) == 1
    return several and ast.unparse(blank.node) in section.text.replace('"', "'")


def answered(path, by_id):
    """Return a file with every answer in its blank."""
    head, found = sections(path)
    text = head
    for section in found:
        exercise = by_id[section.id]
        text += fresh(exercise).replace(exercise.code, exercise.whole)
    return text


def report(made, right, milliseconds):
    """Print the counts."""
    parts = Counter(one.part for one in made.exercises)
    kinds = Counter(blank.kind for one in made.exercises for blank in one.answers)
    times = sorted(milliseconds)
    solved = sum(said.outcome == "solved" for said in right)
    print(f"\nexercises: {len(made.exercises)}, {solved} pass with their answer")
    print("by part:", ", ".join(f"{name} {count}" for name, count in parts.items()))
    print("by kind:", ", ".join(f"{name} {count}" for name, count in kinds.most_common()))
    print("left out:", ", ".join(f"{name} {n}" for name, n in sorted(made.left_out.items())))
    print(f"an answer: median {times[len(times) // 2]:.0f} ms, slowest {times[-1]:.0f} ms")
