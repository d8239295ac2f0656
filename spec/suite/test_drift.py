"""What the atlas of releases answered.

The atlas holds what each release of PyTorch answered to the same small questions. `--drift` prints
where the answers part, release by release; `--drift-json` writes it. Neither runs a fact, and neither
imports PyTorch. What surprises: a question that changed twice is asked once, with both releases below
it. What changed for those who come from one release is told in `spec/suite/test_since.py`.
"""

import json

import pytest

PROBES = '''
@probe("division")
def division():
    """What 7 // 2 gives."""
'''

ATLAS = {
    "releases": {
        "1.0": {"values": {"division": "tensor(3)"}},
        "1.10": {"values": {"division": "tensor(3.5000)"}},
        "1.9": {"values": {"division": "tensor(3)"}},
        "0.4": {"missing": "no wheel"},
    }
}


@pytest.fixture
def atlas(book):
    """A book with an atlas of one question, put to three releases."""
    (book.path / "spec" / "drift").mkdir()
    (book.path / "spec" / "drift" / "probes.py").write_text(PROBES)
    (book.path / "spec" / "drift" / "atlas.json").write_text(json.dumps(ATLAS))
    return book


def test_drift_prints_what_changed_and_runs_nothing(atlas):
    """`pytest --drift` prints each question of `spec/drift/probes.py` whose answer in
    `spec/drift/atlas.json` changed from one release there to the next, with the later release, the
    old and the new answer, and ends with exit code 0.
    """
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
    """`pytest --drift-json drift.json`, with no other option, writes as JSON the answers in
    `spec/drift/atlas.json` that changed between releases, and all releases, the oldest first, and
    prints nothing.
    """
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
    """`pytest --drift --drift-json FILE` both prints the answers in `spec/drift/atlas.json`
    that changed between releases and writes them to FILE.
    """
    result = atlas.run("--drift", "--drift-json", "drift.json")

    assert len(result.outlines) == 6
    assert len(json.loads((atlas.path / "drift.json").read_text())["changes"]) == 1


def test_a_question_that_changed_twice_is_asked_once(atlas):
    """`pytest --drift` prints a question whose answer changed in two releases once, with
    both releases below; an answer True is printed as `true`, and a missing one as `null`.
    """
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
    """If an answer changed from `tensor(3)` to `tensor(3.5000)`, `pytest --drift` in a
    terminal of 34 columns breaks the line after the arrow and writes the new answer below
    the old one.
    """
    monkeypatch.setenv("COLUMNS", "34")

    result = atlas.run("--drift")

    assert result.outlines[2:4] == ["     1.10  tensor(3)  →", "           tensor(3.5000)"]


@pytest.mark.spare("'{'", reason="anything that is no JSON")
@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("{", "*atlas.json: no JSON (*); take it from the repository again, or let nox -s atlas*"),
        ("[]", "*atlas.json: no JSON object; take it from the repository again, or let nox*"),
        ('{"releases": []}', '*atlas.json: "releases" is no object of releases; take it from*'),
        ('{"releases": {"1.0": 1}}', '*atlas.json: "releases" is no object of releases; take*'),
        (
            '{"releases": {"x": {}}}',
            "*atlas.json: Invalid version: 'x'; take it from the repository*",
        ),
        ("{}", "*holds no release yet; nox -s atlas*"),
        ('{"releases": {"0.4": {"missing": "no wheel"}}}', "*holds no release yet; nox -s atlas*"),
    ],
)
def test_a_damaged_atlas_is_refused_with_advice(atlas, text, advice):
    """`pytest --drift` is a usage error that names `nox -s atlas` if `spec/drift/atlas.json` holds
    just `{`, `[]`, `{}`, `{"releases": []}`, `{"releases": {"x": {}}}` or
    `{"releases": {"0.4": {"missing": "no wheel"}}}`.
    """
    (atlas.path / "spec" / "drift" / "atlas.json").write_text(text)

    result = atlas.run("--drift")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"ERROR: {advice}")


def test_without_an_atlas_drift_says_how_to_make_one(book):
    """`pytest --drift` in a copy of this project without the file `spec/drift/atlas.json` is a
    usage error, exit code 4: `spec/drift/atlas.json holds no release yet; nox -s atlas fills it`.
    """
    result = book.run("--drift")

    assert result.ret == 4
    result.stderr.fnmatch_lines("ERROR: *atlas.json holds no release yet; nox -s atlas fills it")
