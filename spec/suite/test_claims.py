"""The ledger of what the notes claim.

A claim is one statement of old study notes, kept in `spec/claims.toml` with a verdict: it holds, it
changed in a release, or it never was so. Facts decide claims. What keeps the two together is this
page: a claim that no fact decides, or a verdict that contradicts the gates of its facts, fails
here.
"""

import json

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from fixtures.claims import read_ledger

OLDEST = Version("1.13")

LEDGER = """
[claims.first-holds]
note = "004"
section = "1"
concept = "tensors/creation"
says = "Ones are ones."
verdict = "holds"

[claims.second-changed]
note = "004"
section = "2"
concept = "autograd/backward"
says = "Up is down."
verdict = "changed"
since = "1.5"
now = "Up is up."

[claims.third-untestable]
note = "004"
section = "3"
concept = "tensors/creation"
says = "It is a joy."
verdict = "untestable"
why = "Joy has no unit."
"""

PAGE = '''
@pytest.mark.claim("first-holds")
def test_ones():
    """Ones are made of ones."""
    assert torch.ones(2).tolist() == [1.0, 1.0]

@pytest.mark.claim("second-changed")
def test_up():
    """Up is up."""
    assert 1 == {up}
'''


def ledger_line(result):
    """Return the one line that tells of claims."""
    (line,) = [line for line in result.outlines if line.startswith("claims: ")]
    return line


def test_every_run_ends_with_the_ledgers_line(book):
    """One line counts the claims decided by this run, by verdict, and those left."""
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", PAGE.format(up=1))

    result = book.run()

    assert ledger_line(result) == (
        "claims: 2 decided: 1 hold, 1 changed, 0 never; 1 can be decided by no program"
    )


def test_a_claim_whose_fact_fails_is_not_decided(book):
    """A failing fact takes its claim out of the decided ones and counts it as failing."""
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", PAGE.format(up=2))

    result = book.run()

    assert ledger_line(result) == (
        "claims: 1 decided: 1 hold, 0 changed, 0 never; 1 fail; 1 can be decided by no program"
    )


def test_a_claim_outside_the_run_is_counted_as_such(book):
    """Running a part of the book leaves the other claims undecided, and says so."""
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", PAGE.format(up=1))

    result = book.run("-k", "ones")

    assert ledger_line(result).endswith("; 1 can be decided by no program; 1 not in this run")


def test_a_claim_behind_a_gate_waits(book):
    """A claim whose facts were all skipped waits for what they need."""
    book.ledger(LEDGER)
    gated = PAGE.format(up=1).replace("def test_up", '@pytest.mark.torch("<1.0")\ndef test_up')
    book.page("tensors/test_creation.py", gated)

    result = book.run()

    assert ledger_line(result).split("; ")[1] == "1 wait for another release, device or data"


def test_a_claim_for_a_gpu_waits_for_one(book, monkeypatch):
    """Claims that only a GPU can decide are counted by themselves."""
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    book.ledger(LEDGER)
    gated = PAGE.format(up=1).replace("def test_up", "@pytest.mark.cuda\ndef test_up")
    book.page("tensors/test_creation.py", gated)

    result = book.run()

    assert ledger_line(result).split("; ")[1] == "1 wait for a GPU"


def test_an_unknown_claim_is_a_usage_error_that_names_the_nearest(book):
    """A misspelt id stops the run and is answered with the id that was meant."""
    book.ledger(LEDGER)
    book.page(
        "tensors/test_creation.py", '@pytest.mark.claim("frist-holds")\ndef test_ones(): pass'
    )

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        "*spec/tensors/test_creation.py::test_ones: no claim 'frist-holds' in "
        "spec/claims.toml; the nearest is 'first-holds'"
    )


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ('verdict = "perhaps"', "a: verdict is 'perhaps'; give one of holds, changed, never*"),
        ('verdict = "changed"\nnow = "Up."', "a: lacks since"),
        ('verdict = "untestable"', "a: lacks why"),
        ('verdict = "holds"\nsince = "1.2"', "a: since has no place beside verdict 'holds'"),
        ('verdict = "holds"\nsicne = "1.2"', "a: unknown field sicne"),
        ('verdict = "changed"\nnow = "Up."\nsince = "soon"', "a: since is 'soon'; give a release*"),
        ('verdict = "holds', "Illegal character*"),
    ],
)
def test_a_malformed_ledger_is_a_usage_error(book, table, complaint):
    """The ledger is refused with the claim and what is wrong with it."""
    book.ledger(
        f'[claims.a]\nnote = "004"\nsection = "1"\nconcept = "tensors/x"\nsays = "S."\n{table}\n'
    )

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"*spec/claims.toml: {complaint}")


def test_a_claim_of_a_note_that_is_not_there_is_a_usage_error(book):
    """Every claim names the note it comes from."""
    book.ledger(LEDGER.replace('"004"', '"005"'))

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*first-holds: there is no note '005'")


def test_claims_prints_the_ledger_in_reading_order(book):
    """`--claims` tells each claim, its verdict, its facts, and what this run said."""
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", PAGE.format(up=1))

    result = book.run("--claims")

    first = result.outlines.index("tensors/creation")
    assert result.outlines[first : first + 14] == [
        "tensors/creation",
        "  first-holds: holds",
        "    note 004, 1: Ones are ones.",
        "    spec/tensors/test_creation.py::test_ones",
        "    this run: held",
        "  third-untestable: untestable",
        "    note 004, 3: It is a joy.",
        "    why: Joy has no unit.",
        "",
        "autograd/backward",
        "  second-changed: changed since 1.5",
        "    note 004, 2: Up is down.",
        "    now: Up is up.",
        "    spec/tensors/test_creation.py::test_up",
    ]


def test_claims_json_writes_the_ledger_for_programs(book):
    """`--claims-json FILE` holds the notes and every claim with its facts and outcome."""
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", PAGE.format(up=2))

    book.run("--claims-json", "ledger.json")
    data = json.loads((book.path / "ledger.json").read_text())

    assert data["notes"] == {"004": {"title": "A note", "release": "1.1"}}
    assert [(claim["id"], claim["outcome"]) for claim in data["claims"]] == [
        ("first-holds", "held"),
        ("third-untestable", "not in this run"),
        ("second-changed", "failed"),
    ]
    assert data["claims"][0]["facts"] == ["spec/tensors/test_creation.py::test_ones"]
    assert data["claims"][2]["since"] == "1.5"


def test_every_claim_is_carried_by_a_fact(pytestconfig):
    """No claim of this book stands without a fact, but for those that no program can decide."""
    ledger = read_ledger(pytestconfig.rootpath)
    alone = [
        claim.id
        for claim in ledger.claims.values()
        if not claim.facts and claim.verdict != "untestable"
    ]

    assert alone == []


def test_no_fact_decides_the_undecidable(pytestconfig):
    """A claim that is called untestable has no fact."""
    ledger = read_ledger(pytestconfig.rootpath)
    decided = [
        claim.id
        for claim in ledger.claims.values()
        if claim.facts and claim.verdict == "untestable"
    ]

    assert decided == []


def test_verdicts_agree_with_the_gates_of_their_facts(pytestconfig):
    """A claim that holds has a fact for today; one that changed has both truths, each gated."""
    ledger = read_ledger(pytestconfig.rootpath)
    at_odds = []
    for claim in ledger.claims.values():
        gates = [releases(fact) for fact in claim.facts]
        if claim.verdict == "holds" and gates and not any(TODAY in gate for gate in gates):
            at_odds.append(f"{claim.id} holds, but no fact of it is for today's release")
        if claim.verdict == "changed" and Version(claim.since) > OLDEST:
            before = [gate for gate in gates if OLDEST in gate and Version(claim.since) not in gate]
            after = [gate for gate in gates if Version(claim.since) in gate and OLDEST not in gate]
            if not (before and after):
                at_odds.append(f"{claim.id} changed in {claim.since}, but not both truths are told")

    assert at_odds == []


TODAY = Version("99")


def releases(fact):
    """Return the releases for which a fact is told."""
    gates = [gate[len("torch(") : -1] for gate in fact.gates if gate.startswith("torch(")]
    return SpecifierSet(",".join(gates))
