"""What changed for those who come from an older release.

`--since 2.1` is for those who upgrade: it tells what was and what is, most serious first, from the
gates of facts, the atlas, the rules of `--used-in` and the ledger of claims; the facts whose truth
changed run, and a mark tells that they hold. With `--until 2.6` nothing is run, and neither release
need be there. What surprises: a fact that an older release could not even try, for want of the
function, is new and no change of truth.
"""

import json

import pytest
import torch

PROBES = '''
@probe()
def division():
    """What 7 // 2 gives."""

@probe()
def size():
    """How many million characters there are."""

@probe()
def letters():
    """Which letters there are."""

@probe(wordless=True)
def symeig():
    """What `torch.symeig` gives."""

@probe()
def qr():
    """Whether `torch.qr` warns."""

@probe()
def same():
    """What stays."""
'''


def answers(**values):
    """Return a column of the atlas; `same` is always there."""
    return {"values": {"same": 1, **values}}


ATLAS = {
    "releases": {
        "1.0": answers(division="tensor(3)", size=1, letters="a", symeig="absent", qr="silent"),
        "1.9": answers(division="tensor(3)", size=2, letters="a", symeig="[1.0]", qr="silent"),
        "1.10": answers(
            division="tensor(3.5000)",
            size=3,
            letters="a b",
            symeig="absent",
            qr="warns UserWarning",
        ),
        "0.4": {"missing": "no wheel"},
    }
}

FACTS = '''
@pytest.mark.torch("<1.10")
def test_old():
    """It was one way."""

@pytest.mark.torch(">=1.10")
def test_new():
    """It is another way; write `x.other()` instead. So it is."""
    assert 7 / 2 == 3.5

@pytest.mark.torch(">=1.5")
def test_in_both():
    """It has long been so."""

def test_always():
    """It was always so."""

def test_more():
    """One more."""

@pytest.mark.torch(">=1.10")
def test_added():
    """There is a function."""
'''

LEDGER = """
[division]
section = "1"
says = "Division rounds."
verdict = "changed"
since = "1.10"
now = "It does not."
"""

RULE = """
[division]
since = "1.10"
strength = "differs"
was = "It rounded."
is = "It does not round."
write = "`//`"
rests_on = ["division", "spec/tensors/test_arithmetic.py::test_new"]
pattern = ["torch.div($$$)"]
matches = ["torch.div(x, y)"]
"""


@pytest.fixture
def atlas(book):
    """A book with an atlas of six questions, put to three releases, and a page."""
    book.page("tensors/test_arithmetic.py", FACTS)
    (book.path / "spec" / "drift" / "rules").mkdir(parents=True)
    (book.path / "spec" / "drift" / "probes.py").write_text(PROBES)
    (book.path / "spec" / "drift" / "atlas.json").write_text(json.dumps(ATLAS))
    return book


def between(book, *arguments):
    """Return the lines that tell what changed from 1.9 to 1.10, those that hold nothing left out."""
    result = book.run("--since", "1.9", "--until", "1.10", *arguments)
    assert result.ret == pytest.ExitCode.OK
    return [line for line in result.outlines if line]


def test_the_most_serious_comes_first(atlas):
    """`pytest --since 1.9 --until 1.10` prints what raises now before what gives another
    result silently, then what warns now, what is new, and messages, signatures and sizes,
    each kind that it finds below a heading.
    """
    lines = between(atlas)

    assert [line for line in lines if not line.startswith(" ")][:-1] == [
        "RAISES NOW, OR IS REFUSED (1)",
        "GIVES ANOTHER RESULT, SILENTLY (2)",
        "WARNS NOW (1)",
        "NEW, OR ACCEPTED NOW: NOTHING THAT WAS TRUE BECAME UNTRUE (1)",
        "MESSAGES, SIGNATURES, SIZES (2)",
    ]
    assert lines[-1] == (
        "From 1.9 to 1.10: 1 raise now, 2 give another result, 1 warn; 1 new, 2 minor."
    )


def test_the_old_truth_stands_beside_the_new_one(atlas):
    """`pytest --since 1.9 --until 1.10` prints the only two tests of a page, marked
    `torch("<1.10")` and `torch(">=1.10")`, neither about an error or a warning nor part of a rule,
    as one change: the old sentence beside the new one, and both ids.
    """
    lines = between(atlas)

    start = next(number for number, line in enumerate(lines) if "It was one way." in line)
    assert lines[start : start + 5] == [
        "  1.10  It was one way.                    | It is another way; write",
        "                                           | `x.other()` instead. So it is.",
        "        write: `x.other()` instead",
        "        by: spec/tensors/test_arithmetic.py::test_old",
        "        by: spec/tensors/test_arithmetic.py::test_new",
    ]


def test_an_answer_of_the_atlas_has_its_question_above_it(atlas):
    """`pytest --since 1.9 --until 1.10` prints a question of `spec/drift/probes.py`
    that 1.9 answers by a value and 1.10 by `absent`, and below it the two answers side
    by side, if no rule of `--used-in` rests on the question.
    """
    lines = between(atlas)

    start = lines.index("  1.10  What `torch.symeig` gives.")
    assert lines[start + 1 : start + 3] == [
        "        [1.0]                              | absent",
        "        by: symeig",
    ]


def test_what_is_merely_new_takes_a_line(atlas):
    """`pytest --since 1.9 --until 1.10` prints a test with the mark `torch(">=1.10")` as a line,
    1.10 and its sentence (cut if long), if no test of its page ends at 1.10 and neither a rule of
    `--used-in` nor `spec/drift/beyond.json` names it.
    """
    lines = between(atlas)

    assert "  1.10  There is a function." in lines


SAID = {
    "no function": "AttributeError: module 'torch' has no attribute 'f'",
    "no keyword": "TypeError: f() got an unexpected keyword argument 'g'",
    "no error": "Failed: DID NOT RAISE RuntimeError",
    "no warning": "Failed: DID NOT WARN. No warnings",
    "a warning": "UserWarning: no longer given",
    "another number": "the book says 1, your PyTorch says 2",
}


@pytest.mark.parametrize(
    ("met", "kind", "truth"),
    [
        ("no function", "new", False),
        ("no keyword", "new", False),
        ("no error", "raises", True),
        ("no warning", "warns", True),
        ("a warning", "minor", False),
        ("another number", "differs", True),
    ],
)
def test_what_an_older_release_met_tells_a_new_function_from_a_new_truth(atlas, met, kind, truth):
    """`pytest --since 1.9 --until 1.10 --since-json FILE` gives a page's only test, with
    `torch(">=1.10")` and no rule, the `kind` `raises` if `spec/drift/beyond.json` has
    `DID NOT RAISE` for it, `new` if `AttributeError: ... has no attribute`.
    """
    fact = "spec/tensors/test_arithmetic.py::test_added"
    (atlas.path / "spec/drift/beyond.json").write_text(json.dumps({"1.9": {fact: SAID[met]}}))
    between(atlas, "--since-json", "since.json")

    changes = json.loads((atlas.path / "since.json").read_text())["changes"]

    (found,) = [change for change in changes if fact in change["evidence"]]
    assert found["kind"] == kind
    assert found["truth"] is truth


def test_what_a_fact_meets_beyond_its_gate_is_recorded(atlas):
    """`pytest --beyond-gates --evidence` writes into `spec/drift/beyond.json`, for a test gated to
    other releases that raises AttributeError on the installed one, its id and the beginning of the
    error.
    """
    page = '@pytest.mark.torch("<1")\ndef test_gone():\n    """It was."""\n    assert torch.gone() == 1'
    atlas.page("tensors/test_arithmetic.py", page)
    atlas.run("--beyond-gates", "--evidence")

    (said,) = json.loads((atlas.path / "spec/drift/beyond.json").read_text()).values()

    assert said == {
        "spec/tensors/test_arithmetic.py::test_gone": (
            "AttributeError: module 'torch' has no attribute 'gone'"
        )
    }


def test_an_older_truth_without_a_successor_says_until_when(atlas):
    """`pytest --since 1.9 --until 1.10` prints `Until then:` and the sentence for a test whose
    only `torch` mark is `torch("<1.10")`, if no test of its page begins at 1.10 and no rule of
    `--used-in` rests on it.
    """
    page = '@pytest.mark.torch("<1.10")\ndef test_gone():\n    """It was so."""'
    atlas.page("tensors/test_arithmetic.py", page)

    lines = between(atlas)

    assert "  1.10  Until then: It was so." in lines


def test_a_rule_tells_its_evidence_once(atlas):
    """If a rule in `spec/drift/rules` with `since = "1.10"` has a question of
    `spec/drift/probes.py` and a test in `rests_on`, `pytest --since 1.9 --until 1.10`
    prints both as `by:` below the rule's words, and not again as changes of their own.
    """
    (atlas.path / "spec/drift/rules/arithmetic.toml").write_text(RULE)

    lines = between(atlas)

    start = lines.index("  1.10  It rounded.                        | It does not round.")
    assert lines[start + 1 : start + 4] == [
        "        write: `//`",
        "        by: division",
        "        by: spec/tensors/test_arithmetic.py::test_new",
    ]
    assert [line for line in lines if "//" in line] == ["        write: `//`"]


def test_an_answer_that_came_and_went_is_no_change(atlas):
    """`pytest --since 1.0 --until 1.10` does not print a question of the atlas that 1.0 and
    1.10 answer alike, although 1.9 answered otherwise.
    """
    result = atlas.run("--since", "1.0", "--until", "1.10")

    told = [line for line in result.outlines if "symeig" in line]
    assert told == []


def test_json_has_every_change(atlas):
    """`pytest --since 1.9 --until 1.10 --since-json FILE` writes the changes with kind,
    release, what was, what is now, what to write and evidence, and the claims of
    `spec/claims` that changed in between.
    """
    atlas.ledger(LEDGER)
    between(atlas, "--since-json", "since.json")

    data = json.loads((atlas.path / "since.json").read_text())
    assert (data["since"], data["until"], data["oldest_known"]) == ("1.9", "1.10", "1.0")
    assert data["changes"][0] == {
        "kind": "raises",
        "release": "1.10",
        "about": "What `torch.symeig` gives.",
        "was": "[1.0]",
        "now": "absent",
        "write": "",
        "evidence": ["symeig"],
        "truth": True,
    }
    assert data["claims"] == [
        {"id": "division", "since": "1.10", "says": "Division rounds.", "now": "It does not."}
    ]


def test_the_oldest_release_that_is_known_is_told(atlas):
    """`pytest --since 0.3 --until 1.10`, with an atlas that begins with PyTorch 1.0,
    says in its first line that the data begin with PyTorch 1.0, and ends with exit code
    0.
    """
    result = atlas.run("--since", "0.3", "--until", "1.10")

    assert result.outlines[0] == (
        "The data begin with PyTorch 1.0: what changed before is not known."
    )
    assert result.ret == 0


def test_nothing_changed_is_an_answer(atlas):
    """`pytest --since 1.10 --until 1.10` says that nothing changed and exits with 0."""
    result = atlas.run("--since", "1.10", "--until", "1.10")

    assert result.outlines[-1] == "Nothing that the book knows of changed from 1.10 to 1.10."
    assert result.ret == 0


def test_without_until_the_facts_are_run(atlas):
    """`pytest --since 1.9` alone runs tests whose only mark is `torch(">=1.10")`, deselects those
    told for 1.9 and for the installed release, and prints ✓ (in UTF-8) before the sentence of one
    that passes and on which no rule rests.
    """
    result = atlas.run("--since", "1.9")

    result.assert_outcomes(passed=2, skipped=1, deselected=3)
    result.stdout.fnmatch_lines(["*| ✓ It is another way; write*", "*✓ There is a function."])


def test_the_claims_that_stopped_being_true_come_last(atlas):
    """`pytest --since 1.9 --until 1.10` prints behind all other changes, before the closing
    line with the counts, the claims of `spec/claims` that changed after 1.9, up to 1.10,
    each beside what is true now.
    """
    atlas.ledger(LEDGER)

    lines = between(atlas)

    assert lines[-3:-1] == [
        "CLAIMS OF THE NOTES THAT STOPPED BEING TRUE (1)",
        "  1.10  division: Division rounds.         | It does not.",
    ]


@pytest.mark.spare("'1.9.9'", reason="what is no release is refused as well")
@pytest.mark.parametrize(("here", "told"), [("1.9.9", 0), ("1.10", 1), ("1.11", 1)])
def test_what_changed_later_than_this_release_is_not_told(atlas, monkeypatch, here, told):
    """`pytest --since 1.9` prints a claim of `spec/claims` that has `verdict = "changed"`
    and `since = "1.10"` if PyTorch 1.10 or 1.11 is installed, and does not print it if
    1.9.9 is.
    """
    monkeypatch.setattr("fixtures.since.installed", lambda: here)
    atlas.ledger(LEDGER)

    result = atlas.run("--since", "1.9")

    assert str(result.stdout).count("What 7 // 2 gives.") == told
    assert str(result.stdout).count("Division rounds.") == told


def test_a_fact_that_was_true_only_in_between_is_not_told(atlas):
    """`pytest --since 1.0` does not run a test with the marks `torch(">=1.5")` and
    `torch("<1.10")`, which is true neither on 1.0 nor on the installed release.
    """
    marks = '@pytest.mark.torch(">=1.5")\n@pytest.mark.torch("<1.10")'
    atlas.page("tensors/test_arithmetic.py", f"{marks}\ndef test_between(): pass")

    result = atlas.run("--since", "1.0")

    result.assert_outcomes(deselected=1)


def test_this_release_is_no_earlier_one_and_changed_nothing(atlas):
    """`pytest --since` with the installed release, `torch.__version__`, ends with exit code
    0 and prints no line with the words "no fact was left".
    """
    result = atlas.run("--since", torch.__version__)

    advice = [line for line in result.outlines if "no fact" in line]
    assert result.ret == pytest.ExitCode.OK
    assert advice == []


def test_since_needs_no_atlas(book):
    """`pytest --since 1.9`, in a book with this suite's plugins but without
    `spec/drift/atlas.json`, still runs a test whose one mark is `torch(">=1.10")`, and prints the
    claims of `spec/claims` that are `changed` since a release after 1.9.
    """
    book.ledger(LEDGER)
    book.page("tensors/test_arithmetic.py", FACTS)

    result = book.run("--since", "1.9")

    result.assert_outcomes(passed=2, skipped=1, deselected=3)
    result.stdout.fnmatch_lines("*1.10  division: Division rounds.*")


def test_a_claim_with_another_verdict_is_no_change(atlas):
    """`pytest --since 1.9 --until 1.10` prints a claim of `spec/claims` with the
    verdict `changed` and `since = "1.10"`, but not one with the verdict `false`.
    """
    atlas.ledger(LEDGER.replace("changed", "false").replace("since", "seen_on"))

    told = [line for line in between(atlas) if "Division" in line]
    assert told == []


def test_a_failure_since_then_is_a_failure(atlas):
    """In a book without a folder `spec/drift/rules`, a test with the mark `torch(">=1.10")` that
    fails under `pytest --since 1.9` has ✗ before its sentence in UTF-8 output, and the exit code
    is 1.
    """
    page = '@pytest.mark.torch(">=1.10")\ndef test_new():\n    """It is so."""\n    assert 1 == 2'
    atlas.page("tensors/test_arithmetic.py", page)

    result = atlas.run("--since", "1.9")

    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines("*✗ It is so.")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("--since yesterday", "--since yesterday: give a release, as in 2.1"),
        ("--since 99", "--since 99: this is *, which came before it"),
        ("--until 1.10", "--until: say from which release on, as in --since 2.1"),
        ("--since-json a.json", "--since-json: say from which release on, as in --since 2.1"),
        (
            "--since 1.10 --until 1.9",
            "--until 1.9: it came before 1.10; exchange the two",
        ),
        ("--since 1.9 --until 3", "--until 3: the data end with 1.10; nox -s releases*"),
        (
            "--since 1.9 --until 1.10 --since-json no/a.json",
            "--since-json no/a.json: give a file in a folder that exists",
        ),
    ],
)
def test_what_makes_no_span_of_releases_is_refused(atlas, arguments, reason):
    """`pytest --since yesterday`, `pytest --since 99`, `pytest --until 1.10` without
    `--since`, and `pytest --since 1.10 --until 1.9` are usage errors, exit code 4, that say
    what is wrong.
    """
    result = atlas.run(*arguments.split())

    assert result.ret == 4
    result.stderr.fnmatch_lines(f"ERROR: {reason}")


@pytest.mark.spare("'[a'", reason="anything that is no TOML")
@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("[a", "*no TOML (*); correct it"),
        ("[a]\nsince = '1'", "*[[]a] lacks is, matches, strength, was, write; write it"),
        (
            RULE.replace("differs", "hurts"),
            "*strength is hurts; write one of raises, differs, warns",
        ),
        (RULE.replace('"1.10"', '"soon"'), "*since is soon; give a release, as in 2.1"),
        (RULE + "colour = 1\n", "*has colour, which no rule has; there are *"),
        (RULE.replace("pattern", "without"), "*finds nothing; write a pattern, names or a kind"),
    ],
)
def test_a_damaged_rule_is_refused_with_advice(atlas, text, advice):
    """`pytest --since 1.9` is a usage error that says what to correct if a `.toml` file of
    `spec/drift/rules` is no TOML, or has a rule without `was`, with an unknown field such as
    `colour`, or with `strength = "hurts"`.
    """
    (atlas.path / "spec/drift/rules/arithmetic.toml").write_text(text)

    result = atlas.run("--since", "1.9", "--until", "1.10")

    assert result.ret == 4
    result.stderr.fnmatch_lines(f"ERROR: {advice}")
