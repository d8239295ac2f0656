"""An atlas of drift: what each release of PyTorch answered.

Whether a sentence about PyTorch is true may depend on the release. `spec/drift/probes.py` asks
small questions in code that releases from 1.0 on can run, and `spec/drift/atlas.json` holds the
answer of each release, a column per release. `pytest --drift` prints where neighbouring columns
differ.

Here the column of the running release is asked again, and the claims of `spec/claims` are
compared with the atlas: where it has a question about a claim that is said to have changed in some
release after 1.0, an answer changed there.

What surprises: the atlas needs none of the old releases to be read; they were needed once, when
their columns were recorded. How the book itself fares on the releases is told in
`spec/drift/test_releases.py`.
"""

from collections import Counter
from pathlib import Path

import pytest
import torch
from packaging.version import Version

from fixtures.atlas import changes, read_atlas, read_probes, read_questions
from fixtures.ledger import read_ledger

ROOT = Path(__file__).parents[2]
QUESTIONS = read_probes(ROOT)
PROBES = QUESTIONS.PROBES
COLUMNS = read_atlas(ROOT)
RECORDED = {name: column for name, column in COLUMNS.items() if "values" in column}
CHANGES = changes(COLUMNS, read_questions(ROOT))
OLDEST = Version(next(iter(RECORDED)))
HERE = "{0.major}.{0.minor}".format(Version(torch.__version__))


@pytest.mark.skipif(HERE not in RECORDED, reason=f"the atlas has no column for {HERE}")
@pytest.mark.parametrize("name", PROBES)
def test_the_running_release_answers_as_recorded(name):
    """On a CPU, the installed PyTorch answers each question of `spec/drift/probes.py`
    as the column of its minor release in `spec/drift/atlas.json` recorded it.
    """
    assert PROBES[name].run() == RECORDED[HERE]["values"][name]


def test_every_release_is_recorded_or_excused():
    """`spec/drift/atlas.json` has a column of answers for each minor release of PyTorch
    from 1.0 to 2.15; for 0.3 and 0.4 it has the reason why there is none.
    """
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
    """Each column of `spec/drift/atlas.json` from PyTorch 1.0 to 2.15 has in `values` a key
    for each question of `spec/drift/probes.py`, and no other key.
    """
    asked = {name: sorted(column["values"]) for name, column in RECORDED.items()}

    assert [name for name in RECORDED if asked[name] != sorted(PROBES)] == []


def test_every_question_is_about_something_else():
    """No two questions of `spec/drift/probes.py` have the same docstring, which is
    their wording.
    """
    says = [probe.says for probe in PROBES.values()]

    (_, most), *_ = Counter(says).most_common()
    assert most == 1


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
    """If questions of `spec/drift/probes.py` name a claim of `spec/claims` with the
    verdict `changed` and `since` after 1.0, the answer to one of them in
    `spec/drift/atlas.json` changed in that release.

    What changed before 1.0 can't be seen in the atlas, for its first column is 1.0.
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
    """If questions of `spec/drift/probes.py` name a claim of `spec/claims` with the verdict
    `false` or `overstated`, the answer to at least one of them in `spec/drift/atlas.json`
    is the same from 1.0 to 2.15.
    """
    untrue = {id for id in released if ledger[id].verdict in ("false", "overstated")}

    assert {ledger[id].seen_on for id in untrue if ledger[id].verdict == "false"} == {"1.0"}
    assert str(OLDEST) == "1.0"
    assert sorted(untrue - constant) == []


def test_each_claim_that_does_not_hold_is_probed_or_excused(ledger, released):
    """Each claim of `spec/claims` with the verdict `changed`, `overstated` or `false`
    is named by a question of `spec/drift/probes.py` or stands in `NOT_PROBED` there.
    """
    probed, excused = set(released), set(QUESTIONS.NOT_PROBED)
    wanted = {claim.id for claim in ledger.values() if claim.verdict not in ("holds", "untestable")}

    assert sorted(wanted - probed - excused) == []
    assert sorted(probed & excused) == []
    assert sorted(probed - set(ledger)) == []
