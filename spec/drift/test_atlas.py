"""An atlas of drift.

A behaviour is what a release answers to a small question. `spec/drift/probes.py` puts such
questions in words that every release since 1.0 understands, and `spec/drift/atlas.json` holds what
each of them answered, column by column; `pytest --drift` prints where the answers part. Here the
column of the running release is asked again, and the ledger of the notes' claims is held against
the atlas: a claim that is said to have changed in some release has to have an answer that did.
"""

from pathlib import Path

import pytest
import torch
from packaging.version import Version

from fixtures.atlas import changes, read_atlas, read_probes
from fixtures.ledger import read_ledger

ROOT = Path(__file__).parents[2]
QUESTIONS = read_probes(ROOT)
PROBES = QUESTIONS.PROBES
COLUMNS = read_atlas(ROOT)
RECORDED = {name: column for name, column in COLUMNS.items() if "values" in column}
CHANGES = changes(COLUMNS, PROBES)
OLDEST = Version(next(iter(RECORDED)))
HERE = "{0.major}.{0.minor}".format(Version(torch.__version__))


@pytest.mark.skipif(HERE not in RECORDED, reason=f"the atlas has no column for {HERE}")
@pytest.mark.parametrize("name", PROBES)
def test_the_running_release_answers_as_recorded(name):
    """What the atlas has for this release is what it says now."""
    assert PROBES[name].run() == RECORDED[HERE]["values"][name]


def test_every_release_is_recorded_or_excused():
    """The atlas has a column for each release from 1.0 to 2.15, and a reason where it has none."""
    missing = {name: column["missing"] for name, column in COLUMNS.items() if "missing" in column}

    assert list(RECORDED) == [
        *("1.0 1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.8 1.9 1.10 1.11 1.12 1.13".split()),
        *("2.0 2.1 2.2 2.3 2.4 2.5 2.6 2.7 2.8 2.9 2.10 2.11 2.12 2.13 2.14 2.15".split()),
    ]
    assert missing == {
        "0.3": "the index has no wheel of it for any Python",
        "0.4": "the index has no wheel of it for any Python",
    }


def test_all_columns_answer_the_same_questions():
    """Every release was asked every question."""
    asked = {name: sorted(column["values"]) for name, column in RECORDED.items()}

    assert asked == dict.fromkeys(RECORDED, sorted(PROBES))


def test_every_question_is_about_something_else():
    """No two questions have the same words."""
    says = [probe.says for probe in PROBES.values()]

    assert len(set(says)) == len(says)


@pytest.fixture(scope="module")
def ledger():
    """The claims by id; read here, for xdist's workers keep none."""
    return read_ledger(ROOT).claims


@pytest.fixture(scope="module")
def released():
    """The releases in which an answer changed, by the claim that the answer decides."""
    releases = {id: set() for probe in PROBES.values() for id in probe.claims}
    for change in CHANGES:
        for id in PROBES[change.probe].claims:
            releases[id].add(change.release)
    return releases


def test_a_changed_claim_has_an_answer_that_changed_in_its_release(ledger, released):
    """Where the ledger says `changed` since a release, an answer in the atlas changed there too.

    What changed before the oldest column can't be seen there.
    """
    changed = {
        id: ledger[id].since
        for id in released
        if ledger[id].verdict == "changed" and Version(ledger[id].since) > OLDEST
    }

    wrong = {id: since for id, since in changed.items() if since not in released[id]}

    assert wrong == {}


@pytest.fixture(scope="module")
def constant():
    """The claims that have an answer which is the same in all columns."""
    moved = {change.probe for change in CHANGES}
    return {id for name, probe in PROBES.items() if name not in moved for id in probe.claims}


def test_a_claim_that_was_never_true_has_an_answer_that_never_changed(ledger, released, constant):
    """Where the ledger says `false` or `overstated`, the oldest column answers what today's does."""
    untrue = {id for id in released if ledger[id].verdict in ("false", "overstated")}

    assert {ledger[id].seen_on for id in untrue if ledger[id].verdict == "false"} == {"1.0"}
    assert str(OLDEST) == "1.0"
    assert untrue - constant == set()


def test_each_claim_that_does_not_hold_is_probed_or_excused(ledger, released):
    """A claim that changed or was never so has a question in the atlas, or a reason for none."""
    probed, excused = set(released), set(QUESTIONS.NOT_PROBED)
    wanted = {claim.id for claim in ledger.values() if claim.verdict not in ("holds", "untestable")}

    assert wanted - probed - excused == set()
    assert probed & excused == set()
    assert probed - set(ledger) == set()
