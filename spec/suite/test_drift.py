"""What changed between releases.

`--drift` prints where the answers in the atlas part, release by release. `--since 2.1` is for those
who upgrade: it runs the facts that were true then and are not now, or the other way round, tells
their story, and adds what the atlas and the ledger of claims know of the time between.
"""

import json

import pytest
import torch

PROBES = """
class Probe:
    says = "What 7 // 2 gives."
    claims = ("division",)

    def run(self):
        return 7 // 2

PROBES = {"division": Probe()}
"""

ATLAS = {
    "releases": {
        "1.0": {"values": {"division": "tensor(3)"}},
        "1.10": {"values": {"division": "tensor(3.5000)"}},
        "1.9": {"values": {"division": "tensor(3)"}},
        "0.4": {"missing": "no wheel"},
    }
}

FACTS = '''
@pytest.mark.torch("<1.10")
def test_old():
    """It was one way."""

@pytest.mark.torch(">=1.10")
def test_new():
    """It is another way."""
    assert 7 / 2 == 3.5

@pytest.mark.torch(">=1.5")
def test_in_both():
    """It has long been so."""

def test_always():
    """It was always so."""
'''

LEDGER = """
[division]
section = "1"
says = "Division rounds."
verdict = "changed"
since = "1.10"
now = "It does not."
"""


@pytest.fixture
def atlas(book):
    """A book with an atlas of one question, put to three releases."""
    book.page("tensors/test_arithmetic.py", FACTS)
    (book.path / "spec" / "drift").mkdir()
    (book.path / "spec" / "drift" / "probes.py").write_text(PROBES)
    (book.path / "spec" / "drift" / "atlas.json").write_text(json.dumps(ATLAS))
    return book


def test_drift_prints_what_changed_and_runs_nothing(atlas):
    """`--drift` gives the behaviour, then the release between the old answer and the new one."""
    result = atlas.run("--drift")

    assert result.outlines == [
        "",
        "  What 7 // 2 gives.",
        "     1.10  tensor(3)  →  tensor(3.5000)",
        "",
        "1 changes of 1 behaviours, PyTorch 1.0 to 1.10",
        "not had: 0.4 (no wheel)",
    ]
    assert result.ret == 0


def test_drift_json_writes_what_changed(atlas):
    """`--drift-json FILE` writes the changes, and the columns that they were found in."""
    result = atlas.run("--drift-json", "drift.json")

    data = json.loads((atlas.path / "drift.json").read_text())
    assert result.outlines == []
    assert data["changes"] == [
        {
            "probe": "division",
            "says": "What 7 // 2 gives.",
            "old": "tensor(3)",
            "release": "1.10",
            "new": "tensor(3.5000)",
        }
    ]
    assert list(data["releases"]) == ["0.4", "1.0", "1.9", "1.10"]


def test_drift_is_printed_and_written_at_once(atlas):
    """`--drift` and `--drift-json` together do both."""
    result = atlas.run("--drift", "--drift-json", "drift.json")

    assert len(result.outlines) == 6
    assert len(json.loads((atlas.path / "drift.json").read_text())["changes"]) == 1


def test_a_question_that_changed_twice_is_asked_once(atlas):
    """Its releases stand below it; an answer that is no string is told as JSON, none as null."""
    answers = {"2.0": True, "2.1": [1, None], "2.2": None}
    columns = {name: {"values": {"division": value}} for name, value in answers.items()}
    columns["2.2"]["values"] = {}
    (atlas.path / "spec" / "drift" / "atlas.json").write_text(json.dumps({"releases": columns}))

    result = atlas.run("--drift")

    assert result.outlines == [
        "",
        "  What 7 // 2 gives.",
        "      2.1  true  →  [1, null]",
        "      2.2  [1, null]  →  null",
        "",
        "2 changes of 1 behaviours, PyTorch 2.0 to 2.2",
    ]


def test_long_answers_are_broken_below_themselves(atlas, monkeypatch):
    """What goes on stands below the answers, not below the release."""
    monkeypatch.setenv("COLUMNS", "34")

    result = atlas.run("--drift")

    assert result.outlines[2:4] == ["     1.10  tensor(3)  →", "           tensor(3.5000)"]


@pytest.mark.spare("'{'", reason="anything that is no JSON")
@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("{", "*atlas.json: no JSON (*); take it from the repository again, or let nox -s atlas*"),
        ('{"releases": {"0.4": {"missing": "no wheel"}}}', "*holds no release yet; nox -s atlas*"),
    ],
)
def test_a_damaged_atlas_is_refused_with_advice(atlas, text, advice):
    """What cannot be read, or says nothing, is a usage error that tells how to get another."""
    (atlas.path / "spec" / "drift" / "atlas.json").write_text(text)

    result = atlas.run("--drift")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"ERROR: {advice}")


def test_without_an_atlas_drift_says_how_to_make_one(book):
    """Where no release has been asked, `--drift` is a usage error."""
    result = book.run("--drift")

    assert result.ret == 4
    result.stderr.fnmatch_lines("ERROR: *atlas.json holds no release yet; nox -s atlas fills it")


def test_since_tells_the_facts_whose_truth_changed(atlas):
    """A fact that was true then and is not now is told, and one that has become true; no other."""
    result = atlas.run("--since", "1.9")

    result.assert_outcomes(passed=1, skipped=1, deselected=2)
    result.stdout.fnmatch_lines(
        [
            "*· It was one way.",
            "*not decided here: true for torch <1.10; *",
            "*✓ It is another way.",
        ]
    )


def test_since_tells_what_changed_in_the_atlas_and_in_the_ledger(atlas):
    """After the facts come the answers and the claims that changed after the release."""
    atlas.ledger(LEDGER)

    result = atlas.run("--since", "1.9")

    result.assert_outcomes(passed=1, skipped=1, deselected=2)
    result.stdout.fnmatch_lines(
        [
            "*answers that changed after 1.9*",
            "  What 7 // 2 gives.",
            "     1.10  tensor(3)  →  tensor(3.5000)",
            "*claims of the notes that stopped being true after 1.9*",
            "   1.10  division: Division rounds.",
            "         now: It does not.",
        ]
    )


def test_what_changed_before_is_not_told(atlas):
    """What changed in the release itself, or before it, is no news to those who come from it."""
    atlas.ledger(LEDGER)

    result = atlas.run("--since", "1.10")

    result.assert_outcomes(deselected=4)
    assert result.ret == pytest.ExitCode.OK
    assert [line for line in result.outlines if line][-2] == (
        "Nothing that the book knows of changed after 1.10."
    )


@pytest.mark.parametrize(("here", "told"), [("1.9.9", 0), ("1.10", 1), ("1.11", 1)])
def test_what_changed_later_than_this_release_is_not_told(atlas, monkeypatch, here, told):
    """The atlas and the ledger may know releases after the running one; its own news count."""
    monkeypatch.setattr("fixtures.since.installed", lambda: here)
    atlas.ledger(LEDGER)

    result = atlas.run("--since", "1.9")

    assert str(result.stdout).count("What 7 // 2 gives.") == told
    assert str(result.stdout).count("Division rounds.") == told
    assert str(result.stdout).count("Nothing that the book knows of") == 1 - told


def test_a_fact_that_was_true_only_in_between_is_not_told(atlas):
    """A fact that was untrue then, and is untrue now, says nothing of the difference."""
    marks = '@pytest.mark.torch(">=1.5")\n@pytest.mark.torch("<1.10")'
    atlas.page("tensors/test_arithmetic.py", f"{marks}\ndef test_between(): pass")

    result = atlas.run("--since", "1.0")

    result.assert_outcomes(deselected=1)


@pytest.mark.spare("'*no fact*'", reason="what is absent is absent in other words too")
def test_this_release_is_no_earlier_one_and_changed_nothing(atlas):
    """`--since` with the running release is allowed, ends well, and has nothing to tell."""
    result = atlas.run("--since", torch.__version__)

    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*no fact*")


def test_since_needs_no_atlas(book):
    """A book without an atlas has its facts and its ledger to tell; claims alone are news."""
    book.ledger(LEDGER)
    book.page("tensors/test_arithmetic.py", FACTS)

    result = book.run("--since", "1.9")

    result.assert_outcomes(passed=1, skipped=1, deselected=2)
    result.stdout.fnmatch_lines("*1.10  division: Division rounds.")
    assert str(result.stdout).count("Nothing") == 0


def test_a_claim_with_another_verdict_is_no_change(atlas):
    """Only claims that were true once have stopped being true."""
    atlas.ledger(LEDGER.replace("changed", "false").replace("since", "seen_on"))

    result = atlas.run("--since", "1.9")

    assert str(result.stdout).count("Division rounds.") == 0


def test_a_failure_since_then_is_a_failure(atlas):
    """A fact that has become true, and is not, fails the run."""
    page = '@pytest.mark.torch(">=1.10")\ndef test_new(): assert 1 == 2'
    atlas.page("tensors/test_arithmetic.py", page)

    result = atlas.run("--since", "1.9")

    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("release", "reason"),
    [
        ("yesterday", "--since yesterday: give a release, as in 2.1"),
        ("99", "--since 99: this is *, which came before it"),
    ],
)
def test_since_refuses_what_is_no_earlier_release(atlas, release, reason):
    """`--since` wants a release that came before the running one."""
    result = atlas.run("--since", release)

    assert result.ret == 4
    result.stderr.fnmatch_lines(f"ERROR: {reason}")
