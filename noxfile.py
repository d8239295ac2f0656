"""The book over Pythons, over its dependencies and over PyTorch's releases.

    nox -s book                 the book on each Python that pyproject.toml names
    nox -s lowest               with the lowest versions of what it depends on
    nox -s releases             on each minor release of PyTorch from 1.13 to the newest
    nox -s releases -- 2.4 2.5  on these alone
    nox -s atlas                the probes of spec/drift on each minor release from 1.0 on
    nox -s proofs               the examples of the upgrade rules alone, on each of them

`releases` and `atlas` install one release at a time (1 to 6 GB and about a minute each) and delete
it again; both run the examples of the upgrade rules as well. What came out is written release by
release, into `spec/evidence/`, `spec/drift/atlas.json` and `spec/drift/proofs.json`: a session that
was cut off goes on where it stopped. A release that has been done is done again only if the book
(or the probes, or the rules) changed since, if it is asked for by name, or with `-- --again`.

Needed: pip's index, and the Pythons: 3.11 for the releases, 3.7 to 3.11 for the atlas.
"""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2026.8.10"  # the first that looks for Pythons where pyenv keeps them
nox.options.sessions = []
nox.options.default_venv_backend = "venv"  # virtualenv has left 3.7 behind
nox.options.download_python = "never"

# nox takes of pyenv's Pythons those that are chosen: here, all that are installed.
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
os.environ.setdefault("PYENV_VERSION", ":".join(path.name for path in PYENV.glob("3.*")))

ROOT = Path(__file__).parent
EVIDENCE = ROOT / "spec" / "evidence"
PROBES = ROOT / "spec" / "drift" / "probes.py"
ATLAS = ROOT / "spec" / "drift" / "atlas.json"
PROVE = ROOT / "spec" / "drift" / "prove.py"
PROOFS = ROOT / "spec" / "drift" / "proofs.json"
RULES = ROOT / "spec" / "drift" / "rules"
APART = ("models", "suite", "drift")  # chapters that are not run on each release
PROJECT = nox.project.load_toml("pyproject.toml")
DEPENDENCIES = PROJECT["project"]["dependencies"]

# A Python of the atlas, and the first release for which there is none newer.
FIRST = {"3.7": "1.0", "3.8": "1.4", "3.9": "1.7", "3.10": "1.11", "3.11": "1.13"}


@nox.session(python=nox.project.python_versions(PROJECT))
def book(session):
    """Run the book as the README says."""
    session.install("-e", ".")
    session.run("pytest", "spec/", *session.posargs)


@nox.session(python="3.11")
def lowest(session):
    """Run the book with the lowest versions of its dependencies that pyproject.toml allows."""
    session.install("-e", ".", *(re.sub(">=([^,]+).*", r"==\1", line) for line in DEPENDENCIES))
    session.run("pytest", "spec/", *session.posargs)


@nox.session(python="3.11")
def releases(session):
    """Run the book on each minor release of PyTorch from 1.13 on and record what held."""
    pages = [path for path in ROOT.glob("spec/*/*.py") if path.parent.name not in APART]
    plugins = [*ROOT.glob("fixtures/*.py"), ROOT / "conftest.py", ROOT / "pytest.ini"]
    recorded = {path.stem.removesuffix("-cpu"): read(path) for path in EVIDENCE.glob("*-cpu.json")}
    for_each(session, recorded, fingerprint(pages + plugins), run_book)


@nox.session(python=list(FIRST))
def atlas(session):
    """Ask the probes of each minor release of PyTorch from 1.0 on and record the answers."""
    for_each(session, read(ATLAS)["releases"], fingerprint([PROBES]), ask_probes)


def run_book(session, release, version, state):
    """Run the book on a release of torch, then the facts that are told for other releases."""
    # torchvision 0.14 was never built for Python 3.11; the newer ones name the torch they need.
    vision = [] if release == "1.13" else ["torchvision"]
    suite = [line for line in DEPENDENCIES if not re.match("torch|numpy", line)]
    install(session, version, *vision, *suite)
    prove_rules(session, release)
    path = EVIDENCE / f"{release}-cpu.json"
    # 1.13 crashes on some facts that it is not told for; the gates are measured from 2.0 on.
    runs = [[]] if release == "1.13" else [[], ["--beyond-gates"]]
    for gates in runs:
        session.run(
            *("pytest", "spec/", "--ignore", "spec/drift", "--evidence", *gates),
            *("-q", "-p", "no:cacheprovider", "--tb=line"),
            env={"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
            success_codes=(0, 1),  # held or failed: it ran
        )
    write(path, read(path) | {"of": state})


def ask_probes(session, release, version, state):
    """Ask the probes of a release of torch."""
    install(session, version)
    said = Path(session.create_tmp(), "said.json")
    with said.open("w") as file:
        session.run("python", PROBES, stdout=file, stderr=None)
    record = read(ATLAS)["releases"] | {release: read(said) | {"of": state}}
    write(ATLAS, {"releases": {name: record[name] for name in sorted(record, key=number)}})
    prove_rules(session, release)


@nox.session(python=list(FIRST))
def proofs(session):
    """Run the examples of the upgrade rules on each minor release of PyTorch from 1.0 on.

    `releases` and `atlas` do so too; this does nothing else.
    """
    recorded = read(PROOFS) if PROOFS.exists() else {}
    due = fingerprint([PROVE, *RULES.glob("*.toml")])

    def do(session, release, version, state):
        vision = [] if number(release) < (2, 0) else ["torchvision"]
        install(session, version, *vision)
        prove_rules(session, release)

    for_each(session, recorded, due, do)


def prove_rules(session, release):
    """Run the first positive and the first negative example of each rule on a release of torch."""
    examples = {}
    for path in sorted(RULES.glob("*.toml")):
        for name, rule in nox.project.load_toml(path).items():
            examples[f"{name} +"] = rule["matches"][0]
            if rule.get("passes"):
                examples[f"{name} -"] = rule["passes"][0]
    asked = Path(session.create_tmp(), "examples.json")
    asked.write_text(json.dumps(examples))
    said = Path(session.create_tmp(), "outcomes.json")
    with said.open("w") as file:
        session.run(
            *("python", PROVE, asked),
            env={"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
            stdout=file,
            stderr=None,
        )
    record = read(PROOFS) if PROOFS.exists() else {}
    old = record.get(release, {})
    # Where there is no torchvision, what an older run said of its examples is kept.
    record[release] = {
        name: old[name] if one[1] is None and name in old else one
        for name, one in read(said).items()
    }
    record[release]["of"] = fingerprint([PROVE, *RULES.glob("*.toml")])
    write(PROOFS, {name: record[name] for name in sorted(record, key=number)})


def install(session, version, *packages):
    """Install a release of torch, a NumPy that it can exchange arrays with, and more."""
    # Built against NumPy 1: what crosses the bridge from NumPy 2 is refused.
    numpy = "numpy<2" if number(version) < (2, 3) else "numpy"
    # === asks for this build and no other, such as 2.13.0+cpu for 2.13.0.
    session.install("--no-cache-dir", f"torch==={version}", numpy, *packages)


def for_each(session, recorded, state, do):
    """Call `do` for each release that this session is to do, in an environment of its own.

    Args:
        recorded: {release: its record}, which has under "of" the state of what was asked.
        state: the fingerprint of what is asked now.
        do: records a release, given the session, the release, its newest patch and the state.
    """
    failed = []
    for release, version in to_do(session, recorded, state).items():
        session.virtualenv.create()
        try:
            do(session, release, version, state)
        except nox.command.CommandFailed:
            failed.append(release)
        finally:
            shutil.rmtree(session.virtualenv.location)
    if failed:
        session.error(f"could not be had or did not run: {' '.join(failed)}")


def to_do(session, recorded, state):
    """Return {minor release: its newest patch} of what is asked for, or not recorded yet."""
    asked = set(session.posargs) - {"--again"}
    mine = {
        release: version
        for release, version in versions(session).items()
        if newest_python(release) == session.python
    }
    if unknown := {name for name in asked if newest_python(name) == session.python} - set(mine):
        session.error(f"no such release: {' '.join(unknown)}; there are {' '.join(mine)}")
    if asked:
        due = asked & set(mine)
    elif "--again" in session.posargs:
        due = set(mine)
    else:
        due = {name for name in mine if recorded.get(name, {}).get("of") != state}
    session.log("to do here: %s", " ".join(sorted(due, key=number)) or "nothing")
    return {release: version for release, version in mine.items() if release in due}


def versions(session):
    """Return {minor release: its newest patch} that the index has for a session, oldest first."""
    said = session.run("python", "-m", "pip", "index", "versions", "torch", silent=True)
    listed = re.search("Available versions: (.*)", said)[1].split(", ")
    return {
        ".".join(version.split(".")[:2]): version
        for version in reversed(listed)
        if "+" not in version
    }


def newest_python(release):
    """Return the newest Python that a release of torch was built for, up to the book's own."""
    fitting = [python for python, first in FIRST.items() if number(first) <= number(release)]
    return fitting[-1] if fitting else "3.11"


def number(version):
    """Return what sorts versions: (1, 13) for "1.13"."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def fingerprint(paths):
    """Return a short hash of some files."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def read(path):
    """Return what a file of JSON holds."""
    return json.loads(path.read_text())


def write(path, data):
    """Write `data` as JSON into a file, all of it or nothing."""
    partial = path.with_suffix(".partial")
    partial.write_text(in_lines(data) + "\n")
    partial.replace(path)


def in_lines(data, depth=0):
    """Return `data` as JSON with a line an entry, however long lists are."""
    if not isinstance(data, dict) or not data:
        return json.dumps(data, ensure_ascii=False)
    entries = [
        f"{' ' * (depth + 1)}{json.dumps(name)}: {in_lines(value, depth + 1)}"
        for name, value in data.items()
    ]
    return "\n".join(["{", ",\n".join(entries), " " * depth + "}"])
