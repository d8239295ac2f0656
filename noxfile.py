"""Sessions over PyTorch's releases.

    nox -s releases             the book on each minor release from 1.13 to the newest
    nox -s releases -- 2.4 2.5  on these alone
    nox -s atlas                the probes of spec/drift on each minor release from 1.0 on

Each release is installed into an environment of its own, which is deleted afterwards (1 to 6 GB and
about a minute each; one at a time). What came out is written into `spec/drift/` release by release:
a session that was cut off goes on where it stopped. A release that has been done is done again only
if the book (or the probes) changed since, or with `-- --again`.

Needed: nox, pip's index, and the Pythons that the releases were built for, on the path or
installed by pyenv: 3.11 for the book, 3.6 to 3.11 for the atlas.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nox

nox.options.sessions = []
nox.options.default_venv_backend = "none"

ROOT = Path(__file__).parent
DRIFT = ROOT / "spec" / "drift"
# Pillow usually comes with torchvision, which not every release has.
SUITE = ["pytest>=9", "pytest-xdist", "hypothesis", "syrupy", "packaging", "wcwidth", "pillow"]

PYTHONS = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11")
BOOKS_PYTHON = "3.11"
# The notes' own releases, of which the index keeps no wheels.
GONE = ("0.3", "0.4")


def number(release):
    """Return what sorts releases: (1, 13) for "1.13"."""
    return tuple(int(part) for part in release.split("."))


def minor(version):
    return ".".join(version.split(".")[:2])


def versions(python):
    """Return {minor release: its newest patch} of what the index has for `python`, oldest first."""
    pip = [sys.executable, "-m", "pip", "index", "versions", "torch"]
    target = ["--python-version", python, "--only-binary", ":all:"]
    done = subprocess.run(pip + target, capture_output=True, text=True)
    listed = re.search(r"Available versions: (.*)", done.stdout)
    newest = {}
    for version in reversed(listed[1].split(", ") if listed else []):
        if "+" not in version:
            newest[minor(version)] = version
    return newest


def interpreter(python):
    """Return a command that runs Python `python`, as "3.7", or None: on the path, or of pyenv."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for command in [f"python{python}", *root.glob(f"versions/{python}.*/bin/python")]:
        if (
            shutil.which(command)
            and not subprocess.run([command, "-V"], capture_output=True).returncode
        ):
            return str(command)
    return None


def fingerprint(*patterns):
    """Return a short hash of the files that `patterns` match, without the full models."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern)}):
        if path.parent.name == "models":
            continue
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def last_line(done):
    """Return the last line that a command said."""
    return (done.stdout + done.stderr).strip().rpartition("\n")[2]


def in_lines(data, depth=0):
    """Return `data` as JSON with a line an entry, however long lists are."""
    if not isinstance(data, dict):
        return json.dumps(data, ensure_ascii=False)
    entries = [
        f"{' ' * (depth + 1)}{json.dumps(name)}: {in_lines(value, depth + 1)}"
        for name, value in data.items()
    ]
    return "\n".join(["{", ",\n".join(entries), " " * depth + "}"])


class NotToBeHad(Exception):
    """A release that can't be installed or run here, and why."""


class Record:
    """The releases in a JSON file, written after each."""

    def __init__(self, name):
        self.path = DRIFT / name
        data = json.loads(self.path.read_text()) if self.path.exists() else {"releases": {}}
        self.releases = data["releases"]

    def add(self, release, entry):
        self.releases[release] = entry
        ordered = dict(sorted(self.releases.items(), key=lambda pair: number(pair[0])))
        partial = self.path.with_suffix(".partial")
        partial.write_text(in_lines({"releases": ordered}) + "\n")
        os.replace(partial, self.path)


def to_do(session, record, found, state):
    """Return the releases that were asked for, or those of `found` not recorded in this state."""
    asked = [word for word in session.posargs if not word.startswith("-")]
    again = "--again" in session.posargs
    if unknown := set(asked) - set(found):
        session.error(f"no such release: {', '.join(sorted(unknown))}; there are {' '.join(found)}")
    names = asked or list(found)
    return [
        name for name in names if again or asked or record.releases.get(name, {}).get("of") != state
    ]


class Environment:
    """A virtual environment with some packages, deleted at the end of its `with`."""

    def __init__(self, python, *packages):
        self.python, self.packages = python, packages

    def __enter__(self):
        command = interpreter(self.python)
        if command is None:
            raise NotToBeHad(f"there is no Python {self.python}, neither on the path nor of pyenv")
        self.folder = Path(tempfile.mkdtemp(prefix="torch-spec-"))
        done = subprocess.run([command, "-m", "venv", self.folder], capture_output=True, text=True)
        if not done.returncode:
            done = self.run("-m", "pip", "install", "-q", "--no-cache-dir", *self.packages)
        if done.returncode:
            self.__exit__()
            raise NotToBeHad(last_line(done))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def run(self, *arguments, **options):
        """Run the environment's Python in the project's folder."""
        options = {"capture_output": True, "text": True, "cwd": ROOT, **options}
        return subprocess.run([str(self.folder / "bin" / "python"), *arguments], **options)


def torch_itself(version):
    """Return what asks pip for this build and no other, such as 2.13.0+cpu for 2.13.0."""
    return f"torch==={version}"


def numpy_for(version):
    """Return what asks pip for a NumPy that a release of torch can exchange arrays with."""
    # Built against NumPy 1: what crosses the bridge from NumPy 2 is refused.
    return "numpy<2" if number(minor(version)) < (2, 3) else "numpy"


def fitting(version):
    """Return the packages that fit a release of torch."""
    # torchvision 0.14 was never built for Python 3.11; the newer ones name the torch they need.
    vision = [] if minor(version) == "1.13" else ["torchvision"]
    return [torch_itself(version), *vision, numpy_for(version)]


def record_each(session, record, found, state, packages, ask):
    """Record what each release that is to be done says, or why it could not be had.

    Args:
        found: {minor release: (version, Python)}.
        state: the fingerprint of what is asked.
        packages: returns what to install for a version.
        ask: returns what an Environment said, given that and the version.
    """
    for name in to_do(session, record, found, state):
        version, python = found[name]
        try:
            with Environment(python, *packages(version)) as environment:
                record.add(name, ask(environment, version) | {"of": state})
        except NotToBeHad as error:
            record.add(name, {"missing": str(error)})
        session.log("%s: %s", name, json.dumps(record.releases[name])[:200])


@nox.session
def releases(session):
    """Run the book on each minor release of PyTorch and record what held."""
    record = Record("releases.json")
    found = {
        name: (version, BOOKS_PYTHON)
        for name, version in versions(BOOKS_PYTHON).items()
        if number(name) >= (1, 13)
    }
    book = fingerprint("spec/**/*.py", "fixtures/*.py", "conftest.py", "pytest.ini")

    def packages(version):
        return [*fitting(version), *SUITE]

    record_each(session, record, found, book, packages, run_book)


def run_book(environment, version):
    """Return what the book said in an environment, counted in facts."""
    with tempfile.TemporaryDirectory() as folder:
        facts_json = Path(folder, "facts.json")
        began = time.monotonic()
        done = environment.run(
            *("-m", "pytest", "spec/", "-q", "-p", "no:cacheprovider", "--tb=line"),
            *("--ignore", "spec/drift", "--facts-json", str(facts_json)),
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        seconds = time.monotonic() - began
        if done.returncode not in (0, 1):  # neither held nor failed: it did not run
            raise NotToBeHad(last_line(done))
        report = json.loads(facts_json.read_text())
    outcomes = [fact["outcome"] for fact in report["facts"]]
    show = "import json, numpy; print(numpy.__version__)"
    return {
        "torch": version,
        "python": report["python"],
        "numpy": environment.run("-c", show).stdout.strip(),
        "held": outcomes.count("held"),
        "failed": outcomes.count("failed"),
        "not_applicable": outcomes.count("undecided"),
        "seconds": round(seconds),
        "failures": [fact["id"] for fact in report["facts"] if fact["outcome"] == "failed"],
    }


@nox.session
def atlas(session):
    """Ask the probes of every minor release of PyTorch that can be had, and record the answers."""
    record = Record("atlas.json")
    probes = fingerprint("spec/drift/probes.py")
    found = {
        name: (version, python) for python in PYTHONS for name, version in versions(python).items()
    }
    found = dict(sorted(found.items(), key=lambda pair: number(pair[0])))
    for name in GONE:
        if name not in found:
            record.add(name, {"missing": "the index has no wheel of it for any Python"})

    def packages(version):
        return [torch_itself(version), numpy_for(version)]

    record_each(session, record, found, probes, packages, ask_probes)


def ask_probes(environment, version):
    """Return what the probes said in an environment."""
    done = environment.run(str(DRIFT / "probes.py"))
    if done.returncode:
        raise NotToBeHad(last_line(done))
    return json.loads(done.stdout)
