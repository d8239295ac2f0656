"""The ledger of what the notes claim.

A claim is one statement of old study notes, kept in `spec/claims` with a verdict: it holds, it
is overstated, it changed in a release, it is false, or no program can test it. Facts decide the
others. What keeps the two together is this page: a claim that could be tested and that no fact
decides, or a verdict that contradicts the gates of its facts, fails here.
"""

import json

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from fixtures.ledger import read_ledger

OLDEST = Version("1.13")

LEDGER = """
[first-holds]
section = "1"
says = "Ones are ones."
verdict = "holds"

[second-changed]
section = "2"
says = "Up is down."
verdict = "changed"
since = "1.5"
now = "Up is up."

[third-untestable]
section = "3"
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
    """A `pytest` run of functions decorated with `@pytest.mark.claim(ID)` prints a line
    `claims: ...`: how many claims the run decided, by verdict, and how many in `spec/claims` have
    the verdict `untestable`, which no program can decide.
    """
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", PAGE.format(up=1))

    result = book.run()

    assert ledger_line(result) == (
        "claims: 2 decided: 1 hold, 0 are overstated, 1 changed, 0 are false; "
        "1 can be decided by no program"
    )


def test_a_claim_whose_fact_fails_is_not_decided(book):
    """In the `claims:` line that ends a `pytest` run, a claim with the verdict `changed` and a
    failed test adds 1 to the number before `fail`, and nothing to the number before `decided`.
    """
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", PAGE.format(up=2))

    result = book.run()

    assert ledger_line(result) == (
        "claims: 1 decided: 1 hold, 0 are overstated, 0 changed, 0 are false; 1 fail; "
        "1 can be decided by no program"
    )


def test_a_claim_outside_the_run_is_counted_as_such(book):
    """In the `claims:` line of a run with `pytest -k ones`, a claim with the verdict
    `changed` whose test was not selected adds 1 to the number before `not in this run`.
    """
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", PAGE.format(up=1))

    result = book.run("-k", "ones")

    assert ledger_line(result).endswith("; 1 can be decided by no program; 1 not in this run")


def test_a_claim_behind_a_gate_waits(book):
    """In the `claims:` line of a `pytest` run, a claim, not `untestable`, whose only test was
    skipped by its mark `torch("<1.0")` adds 1 to the number before
    `wait for another release, device or data`.
    """
    book.ledger(LEDGER)
    gated = PAGE.format(up=1).replace("def test_up", '@pytest.mark.torch("<1.0")\ndef test_up')
    book.page("tensors/test_creation.py", gated)

    result = book.run()

    assert ledger_line(result).split("; ")[1] == "1 wait for another release, device or data"


def test_a_claim_for_a_gpu_waits_for_one(book, monkeypatch):
    """In the `claims:` line of a `pytest` run without a CUDA device, a claim, not `untestable`,
    whose only test was skipped for its `cuda` mark adds 1 to the number before `wait for a GPU`.
    """
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    book.ledger(LEDGER)
    gated = PAGE.format(up=1).replace("def test_up", "@pytest.mark.cuda\ndef test_up")
    book.page("tensors/test_creation.py", gated)

    result = book.run()

    assert ledger_line(result).split("; ")[1] == "1 wait for a GPU"


def test_an_unknown_claim_is_a_usage_error_that_names_the_nearest(book):
    """For a test with the mark `claim("frist-holds")`, an id that `spec/claims` lacks and to which
    `first-holds` is the most similar one there, `pytest` ends in a usage error: "no claim
    'frist-holds' in spec/claims; the nearest is 'first-holds'".
    """
    book.ledger(LEDGER)
    book.page(
        "tensors/test_creation.py", '@pytest.mark.claim("frist-holds")\ndef test_ones(): pass'
    )

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        "*spec/tensors/test_creation.py::test_ones: no claim 'frist-holds' in "
        "spec/claims; the nearest is 'first-holds'"
    )


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (
            'verdict = "perhaps"',
            "a: verdict is 'perhaps'; give one of holds, overstated, changed, false, untestable",
        ),
        ('verdict = "changed"\nnow = "Up."', "a: lacks since"),
        ('verdict = "untestable"', "a: lacks why"),
        ('verdict = "overstated"', "a: lacks except"),
        ('verdict = "false"\nnow = "Up."', "a: lacks seen_on"),
        ('verdict = "false"\nnow = "Up."\nseen_on = "old"', "a: seen_on is 'old'; give a release*"),
        ('verdict = "overstated"\nexcept = "Up."\nnow = "Up."', "a: now has no place beside*"),
        ('verdict = "holds"\nsince = "1.2"', "a: since has no place beside verdict 'holds'"),
        ('verdict = "holds"\nsicne = "1.2"', "a: unknown field sicne"),
        ('verdict = "changed"\nnow = "Up."\nsince = "soon"', "a: since is 'soon'; give a release*"),
        ("verdict = 3", "a: verdict is no text; write it in quotes"),
        ('verdict = "holds', "Illegal character*"),
        ('verdict = "holds"\n[a.b]\nc = 1', "a: unknown field b"),
    ],
)
def test_a_malformed_ledger_is_a_usage_error(book, table, complaint):
    """A `.toml` file of `spec/claims` is a usage error of `pytest` that says what is wrong if it
    is no TOML, or if a claim has `verdict = "perhaps"`, an unknown field or a value without
    quotes, or lacks a field that its verdict asks for.
    """
    book.ledger(f'[a]\nsection = "1"\nsays = "S."\n{table}\n')

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"*spec/claims/004.toml: {complaint}")


def test_a_note_without_a_title_is_a_usage_error(book):
    """`pytest spec` ends in a usage error if its file `spec/claims/004.toml` has no `title` above
    its claims.
    """
    book.ledger(LEDGER, head='release = "1.1"\n')

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*spec/claims/004.toml: lacks title, above its claims")


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ('title = ""\nrelease = "1.1"\n', "title is ''; write a text in quotes"),
        ('title = "A note"\nrelease = 1.1\n', "release is 1.1; write a text in quotes"),
    ],
)
def test_a_note_whose_title_or_release_is_no_text_is_a_usage_error(book, head, said):
    """`pytest spec` ends in a usage error if its file `spec/claims/004.toml` begins with
    `title = ""`, or has the number `release = 1.1` without quotes above its claims.
    """
    book.ledger(LEDGER, head=head)

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"*spec/claims/004.toml: {said}")


def test_what_is_no_claim_is_a_usage_error(book):
    """A file `spec/claims/004.toml` with a third line, `author = "A."`, beside `title` and
    `release` above its claims is a usage error of `pytest`.
    """
    book.ledger(LEDGER, head='title = "A note"\nrelease = "1.1"\nauthor = "A."\n')

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*spec/claims/004.toml: author: is no claim; a note has a title*")


def test_all_unknown_claims_are_told_at_once(book):
    """If two tests have `claim` marks with ids that `spec/claims` lacks, the usage error of
    `pytest` has a line for each of the tests, with the nearest id in `spec/claims`, if there is
    any.
    """
    book.ledger(LEDGER)
    book.page(
        "tensors/test_creation.py",
        '@pytest.mark.claim("x")\ndef test_ones(): pass\n\n'
        '@pytest.mark.claim("y")\ndef test_two(): pass',
    )

    result = book.run()

    result.stderr.fnmatch_lines(
        ["*::test_ones: no claim 'x'*; the nearest is '*'", "*::test_two: no claim 'y' *nearest*"]
    )


def test_two_claims_of_one_id_are_a_usage_error(book):
    """Two files of `spec/claims` with a claim of the same id are a usage error of `pytest`
    that names the id and the other note.
    """
    book.ledger(LEDGER)
    other = (book.path / "spec" / "claims" / "004.toml").read_text()
    (book.path / "spec" / "claims" / "005.toml").write_text(other)

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*spec/claims/005.toml: first-holds: note 004 has a claim of this*")


def claims_printed(result):
    """Return the lines of the ledger as it was printed."""
    lines = result.outlines
    first = next(n for n, line in enumerate(lines) if line.startswith("CHANGED"))
    return lines[first : next(n for n, line in enumerate(lines) if line.startswith("claims: "))]


def test_claims_prints_what_does_not_simply_hold(book):
    """`pytest --claims` prints each claim that changed or is untestable with its note and
    its tests; of the claims that hold it prints only the number, unless a test of one
    failed.
    """
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", PAGE.format(up=1))

    result = book.run("--claims")

    assert claims_printed(result) == [
        "CHANGED (1)",
        "  second-changed",
        "    note 004, 2: Up is down.",
        "    now since 1.5: Up is up.",
        "    spec/tensors/test_creation.py::test_up",
        "",
        "UNTESTABLE (1)",
        "  third-untestable",
        "    note 004, 3: It is a joy.",
        "    why: Joy has no unit.",
        "",
        "HOLDS (1; --claims=all prints them)",
        "",
    ]


def test_all_claims_are_printed_when_asked_for(book):
    """`pytest --claims=all` prints the claims with the verdict `holds` as well, each with
    its note and its tests.
    """
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", PAGE.format(up=1))

    result = book.run("--claims=all")

    assert claims_printed(result)[-5:] == [
        "HOLDS (1)",
        "  first-holds",
        "    note 004, 1: Ones are ones.",
        "    spec/tensors/test_creation.py::test_ones",
        "",
    ]


OVERSTATED = """
[fourth]
section = "4"
says = "Always."
verdict = "overstated"
except = "Not on Sundays."

[fifth]
section = "5"
says = "Ever."
verdict = "holds"
"""

TWO_FACTS = """
@pytest.mark.claim("fifth", "fourth")
@pytest.mark.claim("fifth")
def test_ones(): assert 1 == 2

@pytest.mark.torch("<1.0")
@pytest.mark.claim("fourth")
def test_two(): assert 1 == 1
"""


def test_a_claim_is_printed_with_its_exception_and_what_this_run_saw(book):
    """In this suite, `pytest --claims` prints of a claim with the verdict `overstated` what its
    `except` says. If a test of such a claim, or of one with the verdict `holds`, failed, a line
    `this run: failed` with the reason stands below it.
    """
    book.ledger(OVERSTATED)
    book.page("tensors/test_creation.py", TWO_FACTS)

    result = book.run("--claims")

    first = result.outlines.index("OVERSTATED (1)")
    assert result.outlines[first : first + 13] == [
        "OVERSTATED (1)",
        "  fourth",
        "    note 004, 4: Always.",
        "    except: Not on Sundays.",
        "    spec/tensors/test_creation.py::test_ones",
        "    spec/tensors/test_creation.py::test_two",
        "    this run: failed (the book says 2, your PyTorch says 1)",
        "",
        "HOLDS (1; --claims=all prints them)",
        "  fifth",
        "    note 004, 5: Ever.",
        "    spec/tensors/test_creation.py::test_ones",
        "    this run: failed (the book says 2, your PyTorch says 1)",
    ]


def test_claims_come_in_reading_order_with_the_page_of_their_first_fact(book):
    """`pytest --claims-json FILE` writes each claim of `spec/claims` with the page of the first
    test whose `claim` mark names it, in the reading order of these pages, and a claim that no test
    names last.
    """
    book.ledger(LEDGER)
    book.page("autograd/test_backward.py", '@pytest.mark.claim("first-holds")\ndef test_a(): pass')
    book.page(
        "tensors/test_creation.py", '@pytest.mark.claim("second-changed")\ndef test_b(): pass'
    )
    book.page("nn/test_modes.py", '@pytest.mark.claim("second-changed")\ndef test_c(): pass')

    book.run("--claims-json", "ledger.json")
    claims = json.loads((book.path / "ledger.json").read_text())["claims"]

    assert [(claim["id"], claim["page"]) for claim in claims] == [
        ("second-changed", "spec/tensors/test_creation.py"),
        ("first-holds", "spec/autograd/test_backward.py"),
        ("third-untestable", ""),
    ]


def test_the_ledgers_line_stands_below_printed_claims_in_any_case(book):
    """`pytest spec/tensors --claims` prints the line that begins with `claims:` and counts the
    claims also where no test of the run has a `claim` mark.
    """
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", "def test_it(): assert 1 == 1")

    result = book.run("--claims")

    assert ledger_line(result).endswith("1 can be decided by no program; 2 not in this run")


def test_a_path_behind_claims_is_refused(book):
    """`pytest --claims spec/` is a usage error, as the path is taken for the value of `--claims`:
    `--claims spec/: write --claims or --claims=all, behind paths`.
    """
    result = book.run("--claims", "spec/")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*--claims spec/: write --claims or --claims=all, behind paths")


def test_claims_json_writes_the_ledger_for_programs(book):
    """In the file of `pytest --claims-json FILE`, each claim has its tests and an `outcome`:
    `failed` if one of them failed in this run, else `held` if one passed, and `not in this run` if
    none of them was run.
    """
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", PAGE.format(up=2))

    book.run("--claims-json", "ledger.json")
    data = json.loads((book.path / "ledger.json").read_text())

    assert data["notes"] == {"004": {"title": "A note", "release": "1.1"}}
    assert [(claim["id"], claim["outcome"]) for claim in data["claims"]] == [
        ("first-holds", "held"),
        ("second-changed", "failed"),
        ("third-untestable", "not in this run"),
    ]
    assert data["claims"][0]["facts"] == ["spec/tensors/test_creation.py::test_ones"]
    assert data["claims"][1]["since"] == "1.5"
    assert data["claims"][1]["outcome_why"] == "the book says 2, your PyTorch says 1"
    assert [claim["except"] for claim in data["claims"]] == ["", "", ""]


def test_every_claim_is_carried_by_a_fact(pytestconfig):
    """Each claim in `spec/claims` of this project, but for those with the verdict
    `untestable`, is named by the `claim` mark of at least one test.
    """
    ledger = read_ledger(pytestconfig.rootpath)
    alone = [
        claim.id
        for claim in ledger.claims.values()
        if not claim.facts and claim.verdict != "untestable"
    ]

    assert alone == []


def test_no_fact_decides_the_undecidable(pytestconfig):
    """No claim in `spec/claims` of this project with the verdict `untestable` is named by
    the `claim` mark of a test.
    """
    ledger = read_ledger(pytestconfig.rootpath)
    decided = [
        claim.id
        for claim in ledger.claims.values()
        if claim.facts and claim.verdict == "untestable"
    ]

    assert decided == []


def test_verdicts_agree_with_the_gates_of_their_facts(pytestconfig):
    """In `spec/claims` of this project, a claim that `holds` and has tests has one for the
    newest release, and a claim that `changed` after 1.13 has a test for the old truth and
    one for the new.
    """
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


ENDS_BADLY = '''
@pytest.fixture
def broken():
    {place}

@pytest.mark.claim("first-holds")
def test_ones(broken):
    """Ones are made of ones."""
    assert torch.ones(2).tolist() == [1.0, 1.0]
'''


@pytest.mark.spare("'1 / 0'", reason="whatever breaks")
@pytest.mark.parametrize("place", ["1 / 0", "yield; 1 / 0"], ids=["set-up", "tear-down"])
def test_an_error_before_or_after_a_fact_counts_as_a_failure(book, place):
    """If the only test with a `claim` mark has that mark alone, for one claim, and a fixture that
    runs `1 / 0` in its set-up or its tear-down, the `claims:` line of the `pytest` run counts
    `1 fail`.
    """
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", ENDS_BADLY.format(place=place))

    result = book.run()

    assert ledger_line(result).split("; ")[1] == "1 fail"


def test_the_ledgers_line_is_the_last_but_pytests_own(book):
    """With `pytest --story --bite` and no further option, over tests with `claim` marks, one of
    which fails, the `claims:` line is the last line but one, above pytest's own summary.
    """
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", PAGE.format(up=2))

    result = book.run("--story", "--bite")

    last, _ = result.outlines[-2:]
    assert last.startswith("claims: 1 decided")


@pytest.mark.spare("'claims: '", reason="what is absent is absent in other words too")
def test_a_run_without_claims_ends_without_the_ledgers_line(book):
    """A `pytest` run without `--claims` in which no test has a `claim` mark prints no
    `claims:` line.
    """
    book.ledger(LEDGER)
    book.page("tensors/test_creation.py", "def test_it(): assert torch.ones(1).item() == 1")

    result = book.run()

    assert str(result.stdout).count("claims: ") == 0


def test_a_mark_on_a_page_decides_for_all_its_facts(book):
    """In `pytest --facts-json FILE`, marks such as `torch(">=1.0")` and `claim("ID")`, ID in
    `spec/claims`, written in a page's list `pytestmark = [...]`, stand in `gates` and `claims` of
    each test of that page that ran.
    """
    book.ledger(LEDGER)
    mark = 'pytestmark = [pytest.mark.claim("first-holds"), pytest.mark.torch(">=1.0")]'
    book.page("tensors/test_creation.py", f"{mark}\ndef test_it(): assert 1 == 1\n")

    result = book.run("--facts-json", "facts.json")
    fact = json.loads((book.path / "facts.json").read_text())["facts"][0]

    assert ledger_line(result).startswith("claims: 1 decided: 1 hold")
    assert (fact["claims"], fact["gates"]) == (["first-holds"], ["torch(>=1.0)"])
