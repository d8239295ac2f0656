"""The book on each release of PyTorch.

`nox -s releases` runs this book, except the present chapter, on each minor release of PyTorch from
1.13 on, and records in `spec/drift/releases.json` how many facts held, how many failed and how many
did not apply: those that need a GPU, or that are true for other releases.

A gate such as `torch(">=2.3")` on a fact says for which releases its sentence is true; this record
is what the gates rest on. What surprises: an older release decides fewer facts, because the book
is about today's PyTorch. What each release answered to single questions is told in
`spec/drift/test_atlas.py`.
"""

import json
from pathlib import Path

RELEASES = json.loads(Path(__file__).with_name("releases.json").read_text())["releases"]


def test_the_book_was_run_on_every_release_since_1_13():
    """The record has an entry for each minor release of PyTorch from 1.13 to 2.15."""
    assert list(RELEASES) == [
        "1.13",
        *("2.0 2.1 2.2 2.3 2.4 2.5 2.6 2.7 2.8 2.9 2.10 2.11 2.12 2.13 2.14 2.15".split()),
    ]


def test_no_fact_failed_on_any_release():
    """On none of the recorded releases did a fact fail that applies to that release."""
    failures = {name: record["failures"] for name, record in RELEASES.items()}

    assert failures == {name: [] for name in RELEASES}


def test_newer_releases_decide_more_of_the_book():
    """Fewer facts of the book held on PyTorch 1.13 than on 2.15.

    Because facts about newer functions do not apply to the older release.
    """
    assert RELEASES["1.13"]["held"] < RELEASES["2.15"]["held"]
