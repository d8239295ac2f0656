"""What one option means for others.

Some options only make sense together with others, and set them: the story is told of what `--about`
and `--since` run, these and `--bite` take one process, and several processes get whole pages. What
surprises: `-n 4 --bite` runs without workers, and says nothing of it.
"""

import doctest
import pkgutil
from types import SimpleNamespace

import pytest

import fixtures
from fixtures.workers import in_one_process, whole_pages

PAGE = '''
import os

def test_it():
    """Which process."""
    assert torch.ones(1).add_(1).item() == 2
    print("worker", os.environ.get("PYTEST_XDIST_WORKER"))
'''


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "story"),
    [(["--about", "add_"], True), (["--since", "0.1"], True), (["--bite"], False)],
    ids=["about", "since", "bite"],
)
def test_what_is_told_or_bitten_runs_in_one_process(book, monkeypatch, arguments, story):
    """`pytest -n 2` with this suite's `--about`, `--since` or `--bite` runs the tests
    in one process, without workers; `--about` also prints ✓ before the sentence of a
    test that passes, and `--bite` does not.
    """
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    book.page("tensors/test_creation.py", PAGE.replace("def", '@pytest.mark.torch(">=1")\ndef'))

    result = book.run_as_a_person("-s", "-n", "2", *arguments)

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines("*worker None*")
    assert ("✓ Which process." in str(result.stdout)) is story


@pytest.mark.spare("2", reason="any number of workers")
@pytest.mark.parametrize(
    ("processes", "asked", "dealt"),
    [(2, "no", "loadfile"), (2, "load", "load"), (None, "no", "no")],
)
def test_workers_get_whole_pages_unless_told_otherwise(processes, asked, dealt):
    """`pytest -n 2` in this suite sets `--dist loadfile`; `pytest -n 2 --dist load`
    keeps `load`.
    """
    option = SimpleNamespace(numprocesses=processes, dist=asked)

    whole_pages(SimpleNamespace(option=option))

    assert option.dist == dealt


@pytest.mark.spare("2", reason="any number of workers")
@pytest.mark.parametrize(("processes", "left"), [(2, 0), (None, None)])
def test_one_process_means_no_workers(processes, left):
    """`in_one_process(config)` of `fixtures/workers.py` sets
    `config.option.numprocesses`, the value of pytest's `-n`, from 2 to 0, and leaves it
    None where `-n` was not given.
    """
    option = SimpleNamespace(numprocesses=processes)

    in_one_process(SimpleNamespace(option=option))

    assert option.numprocesses == left


@pytest.mark.spare("'--bite'", reason="as without it")
@pytest.mark.parametrize(
    ("arguments", "spared"),
    [
        ("--about ones", True),
        ("--since 0.1", True),
        ("--collect-only", True),
        ("--bite", False),
    ],
)
def test_snapshots_of_what_is_left_out_are_no_error(book, arguments, spared):
    """`pytest` with `--collect-only`, or with this suite's `--about NAME` or `--since RELEASE`,
    sets `config.option.warn_unused_snapshots` to True; `pytest --bite` with no other option does
    not.
    """
    book.page("tensors/test_creation.py", PAGE)
    (book.path / "conftest.py").write_text(
        "def pytest_sessionfinish(session):\n"
        "    print('only warns', getattr(session.config.option, 'warn_unused_snapshots', False))\n"
    )

    result = book.run("-s", *arguments.split())

    result.stdout.fnmatch_lines(f"*only warns {spared}*")


@pytest.mark.slow
def test_the_garbage_collector_starts_when_all_pages_are_there(book):
    """While `pytest`, started in a shell, imports the pages of this suite, `gc.isenabled()` is
    False; while tests run it is True, and `gc.get_freeze_count()` is above 99, where no page
    changes it.
    """
    book.page(
        "tensors/test_creation.py",
        "import gc\n\nON = gc.isenabled()\n\n"
        "def test_it():\n    assert (ON, gc.isenabled(), gc.get_freeze_count() > 99) == (False, True, True)",
    )

    result = book.run_as_a_person()

    result.assert_outcomes(passed=1)


SHOWN = """
from hypothesis import Phase, given, settings, strategies as st

@given(st.integers())
def test_it(n):
    now = settings()
    assert (now.max_examples, now.derandomize, Phase.shrink in now.phases) == ({0}, {1}, {2})
    assert (now.deadline, now.database, Phase.explicit in now.phases) == (None, None, True)
"""


@pytest.mark.parametrize(
    ("arguments", "examples", "same_each_time", "shrunk"),
    [([], 15, True, False), (["--hypothesis-profile", "thorough"], 500, False, True)],
    ids=["quick", "thorough"],
)
def test_a_property_has_few_examples_unless_more_are_asked_for(
    book, arguments, examples, same_each_time, shrunk
):
    """In a Hypothesis test of this suite without `@settings`, `hypothesis.settings()`
    has `max_examples` 15, `derandomize` True and no phase for shrinking; with
    `--hypothesis-profile thorough` it has 500, False and that phase.
    """
    book.page("tensors/test_creation.py", SHOWN.format(examples, same_each_time, shrunk))
    plugin = ["-p", "_hypothesis_pytestplugin"]

    result = book.run(*plugin, *arguments)
    book.run(*plugin, "--hypothesis-profile", "quick")

    result.assert_outcomes(passed=1)


def test_an_unknown_profile_is_refused(book):
    """`pytest --hypothesis-profile nonsense` is a usage error in this suite that names the
    profiles `quick` and `thorough`.
    """
    result = book.run("-p", "_hypothesis_pytestplugin", "--hypothesis-profile", "nonsense")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*nonsense: no such profile; the book has quick and thorough")


@pytest.mark.parametrize(
    "name", [module.name for module in pkgutil.iter_modules(fixtures.__path__)]
)
def test_the_examples_in_the_docstrings_of_the_plugins_hold(name):
    """The `>>>` examples in the docstrings of this project's modules in `fixtures/` give
    the output that stands below them.
    """
    module = pytest.importorskip(f"fixtures.{name}", reason="what it imports is not here")
    result = doctest.testmod(module)

    assert result.failed == 0
