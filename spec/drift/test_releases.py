"""The book on every release.

`nox -s releases` runs this book, but for the present chapter, on each minor release of PyTorch from
1.13 on, and records in `spec/drift/releases.json` how many facts held, how many failed and how many
were not applicable: those that need a GPU, or that are true for other releases. A gate in the book
is worth something because of this record: on each release every fact whose gate is open holds.
"""

import json
from pathlib import Path

RELEASES = json.loads(Path(__file__).with_name("releases.json").read_text())["releases"]


def test_the_book_was_run_on_every_release_since_1_13():
    """The record reaches from 1.13 to 2.15 without a gap."""
    assert list(RELEASES) == [
        "1.13",
        *("2.0 2.1 2.2 2.3 2.4 2.5 2.6 2.7 2.8 2.9 2.10 2.11 2.12 2.13 2.14 2.15".split()),
    ]


def test_no_fact_failed_on_any_release():
    """On each release every fact whose gate is open holds."""
    failures = {name: record["failures"] for name, record in RELEASES.items()}

    assert failures == {name: [] for name in RELEASES}


def test_newer_releases_decide_more_of_the_book():
    """The book tells of today's PyTorch: 1.13 decides fewer of its facts than 2.15."""
    assert RELEASES["1.13"]["held"] < RELEASES["2.15"]["held"]
