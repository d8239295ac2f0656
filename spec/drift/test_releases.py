"""The book on each release of PyTorch.

`nox -s releases` runs this book, without the full models, the slow facts and the chapters about the
suite and the releases, on each minor release of PyTorch from 1.13 on, and records in
`spec/evidence/` which facts held there, which failed, and which did not apply: those that need a
GPU, or that are told for other releases. Then it opens the gates and runs
the facts that are told for other releases as well.

A gate such as `torch(">=2.3")` on a fact says for which releases its sentence is true, and this
record is what the gates rest on: a fact that fails inside its gate has a false gate, and one that
holds outside of it has a loose one. What surprises: 1.13 decides a fifth fewer facts than 2.15,
because the book is about today's PyTorch. What each release answered to single questions is told in
`spec/drift/test_atlas.py`.
"""

from itertools import pairwise
from pathlib import Path

import pytest

from fixtures.evidence import current, read_evidence
from fixtures.facts import pages_of, read_book, read_page

ROOT = Path(__file__).parents[2]
FACTS = {fact.id: fact for fact in read_book(ROOT)}
EVIDENCE = {name: each for name, each in read_evidence(ROOT).items() if name.endswith("-cpu")}
RELEASES = [name.removesuffix("-cpu") for name in EVIDENCE]


def test_the_book_was_run_on_every_release_since_1_13():
    """`spec/evidence` has a CPU record for each minor release of PyTorch from 1.13 to 2.15: what
    tests of this book said there, none of them slow or of the chapters `models`, `suite` and
    `drift`.
    """
    assert list(RELEASES) == [
        "1.13",
        *("2.0 2.1 2.2 2.3 2.4 2.5 2.6 2.7 2.8 2.9 2.10 2.11 2.12 2.13 2.14 2.15".split()),
    ]


@pytest.mark.spare("'\\n'", reason="it joins what is not there")
def test_no_fact_failed_on_any_release():
    """No file `spec/evidence/*-cpu.json` records a test as failed, with the code that the test has
    now, on a release of PyTorch that its `torch` marks include.

    What was measured before a test's last edit does not count; `nox -s releases` measures it
    again.
    """
    false_gates = [
        f"{id}: fails on {name}; tell it for the releases on which it holds"
        for name, evidence in EVIDENCE.items()
        for id, outcome in current(evidence, FACTS).items()
        if outcome == "failed"
    ]

    assert "\n".join(false_gates) == ""


@pytest.mark.spare("'\\n'", reason="it joins what is not there")
def test_no_fact_holds_beyond_its_gate():
    """In no record of `spec/evidence` does a test hold, with the code that it has now,
    on a release of PyTorch that its `torch` marks exclude.
    """
    loose_gates = [
        f"{id}: holds on {name} as well; open its gate to it"
        for name, evidence in EVIDENCE.items()
        for id, source in evidence["beyond"].items()
        if id in FACTS and FACTS[id].hash == source
    ]

    assert "\n".join(loose_gates) == ""


# What no release was asked: a fact behind one of these gates.
NOT_RUN = {"slow", "cuda", "network", *(f"multi_gpu({n})" for n in range(1, 9))}


def told_for(fact):
    """Return the recorded releases that a fact is told for."""
    return [name for name in RELEASES if fact.releases.contains(EVIDENCE[f"{name}-cpu"]["torch"])]


@pytest.mark.parametrize("path", pages_of(ROOT))
@pytest.mark.spare("'\\n'", reason="it joins what is not there")
def test_where_one_truth_ends_another_begins(path):
    """If 2.3 is the last release in `spec/evidence` that a test's `torch` marks include, as
    `torch("<2.4")`, those of another test of its page include the next, 2.4, but not 2.3. Tests
    marked `slow`, `cuda`, `multi_gpu` or `network` do not count.
    """
    facts = read_page(str(ROOT), path).facts.values()
    told = {fact.id: told_for(fact) for fact in facts if not NOT_RUN.intersection(fact.gates)}
    gaps = [
        f"{id}: told up to {last}, and no fact of its page is told from {following} on"
        for id, releases in told.items()
        for last, following in pairwise(RELEASES)
        if releases
        and releases[-1] == last
        and not any(following in other and last not in other for other in told.values())
    ]

    assert "\n".join(gaps) == ""


def test_newer_releases_decide_more_of_the_book():
    """By `spec/evidence`, fewer tests of this book held on PyTorch 1.13 than on 2.15.

    Because facts about newer functions do not apply to the older release.
    """
    held = {
        name: sum(outcome == "held" for outcome, _ in evidence["facts"].values())
        for name, evidence in EVIDENCE.items()
    }

    assert held["1.13-cpu"] < held["2.15-cpu"]
