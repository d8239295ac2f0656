"""What changed between releases.

`--drift` prints where the answers in the atlas part, release by release. `--since 2.1` is for those
who upgrade: it runs the facts that were true then and are not now, or the other way round, tells
their story, and adds what the atlas and the ledger of claims know of the time between.
"""

import json

import pytest

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
    result.stdout.no_fnmatch_line("*7 // 2*")
    result.stdout.no_fnmatch_line("*Division rounds*")


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
