"""What one option means for others.

Some options only make sense together with others, and set them: the story is told of what `--about`
and `--since` run, these and `--bite` take one process, and several processes get whole pages. What
surprises: `-n 4 --bite` runs without workers, and says nothing of it.
"""

import doctest
import importlib
import pkgutil

import pytest

import fixtures

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
def test_what_is_told_or_bitten_runs_in_one_process(book, arguments, story):
    """`--about`, `--since` and `--bite` use no workers, whatever `-n` says; two tell a story."""
    book.page("tensors/test_creation.py", PAGE.replace("def", '@pytest.mark.torch(">=1")\ndef'))

    result = book.run_as_a_person("-s", "-n", "2", *arguments)

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines("*worker None*")
    assert ("✓ Which process." in str(result.stdout)) is story


SHOWN = """
from hypothesis import given, settings, strategies as st

@given(st.integers())
def test_it(n):
    current = settings()
    assert (current.max_examples, current.derandomize, current.deadline) == ({0}, {1}, None)
"""


@pytest.mark.parametrize(
    ("arguments", "examples", "same_each_time"),
    [([], 15, True), (["--hypothesis-profile", "thorough"], 500, False)],
    ids=["quick", "thorough"],
)
def test_a_property_has_few_examples_unless_more_are_asked_for(
    book, arguments, examples, same_each_time
):
    """Hypothesis tries 15 examples, the same ones each time; the profile `thorough` has 500."""
    book.page("tensors/test_creation.py", SHOWN.format(examples, same_each_time))
    plugin = ["-p", "_hypothesis_pytestplugin"]

    result = book.run(*plugin, *arguments)
    book.run(*plugin, "--hypothesis-profile", "quick")

    result.assert_outcomes(passed=1)


def test_an_unknown_profile_is_refused(book):
    """A Hypothesis profile that the book does not have is a usage error that names the two."""
    result = book.run("-p", "_hypothesis_pytestplugin", "--hypothesis-profile", "nonsense")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*nonsense: no such profile; the book has quick and thorough")


@pytest.mark.parametrize(
    "name", [module.name for module in pkgutil.iter_modules(fixtures.__path__)]
)
def test_the_examples_in_the_docstrings_of_the_plugins_hold(name):
    """What a docstring in `fixtures/` shows at a prompt comes out as it says."""
    result = doctest.testmod(importlib.import_module(f"fixtures.{name}"))

    assert result.failed == 0
