"""What a fact needs before it can be decided.

A gate says what a fact stands on: a GPU, several, a release of PyTorch. Where that is missing the
fact is skipped and the reason says what is missing, so that a green run never claims more than it
saw. Slow facts and facts that reach the network are left out until somebody asks for them.
"""

import pytest
import torch

GPU_FACTS = '''
@pytest.mark.cuda
def test_one():
    """Needs one."""

@pytest.mark.multi_gpu(2)
def test_two():
    """Needs two."""

def test_none():
    """Needs none."""
'''


@pytest.mark.parametrize(
    ("devices", "passed", "reason"),
    [
        (0, 1, "needs 2 CUDA devices; there are 0 here"),
        (1, 2, "needs 2 CUDA devices; there is 1 here"),
    ],
)
def test_a_fact_for_two_gpus_is_skipped_with_the_number_that_is_here(
    book, monkeypatch, devices, passed, reason
):
    """A test whose only mark is this suite's `multi_gpu(2)` is skipped where
    `torch.cuda.device_count()` is 0 or 1, and the reason names that number.
    """
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    book.page("tensors/test_gpu.py", GPU_FACTS)

    result = book.run("-rs")

    result.assert_outcomes(passed=passed, skipped=3 - passed)
    result.stdout.fnmatch_lines(f"*{reason}")


def test_a_cuda_fact_is_skipped_where_there_is_no_gpu(book, monkeypatch):
    """A test whose only mark is this suite's `cuda` is skipped where `torch.cuda.device_count()`
    is 0; the reason is `needs a CUDA device; there is none here`.
    """
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    book.page("tensors/test_gpu.py", GPU_FACTS)

    result = book.run("-rs", "-k", "test_one")

    result.assert_outcomes(skipped=1, deselected=2)
    result.stdout.fnmatch_lines("*needs a CUDA device; there is none here")


def test_m_cuda_selects_what_one_gpu_and_several_can_decide(book, monkeypatch):
    """`pytest -m cuda` in this suite selects a test whose only mark is `multi_gpu(2)`, as it does
    one whose only mark is `cuda`.
    """
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    book.page("tensors/test_gpu.py", GPU_FACTS)

    result = book.run("-m", "cuda")

    result.assert_outcomes(passed=2, deselected=1)


def test_a_fact_for_another_release_is_skipped_by_name(book):
    """Without `--beyond-gates`, a test with this suite's mark `torch("<1.0")` is skipped, and the
    reason names `torch <1.0` and the installed release; one with `torch(">=1.0")` runs.
    """
    book.page(
        "tensors/test_old.py",
        """
@pytest.mark.torch("<1.0")
def test_then():
    pass

@pytest.mark.torch(">=1.0")
def test_now():
    pass
""",
    )

    result = book.run("-rs")

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(f"*true for torch <1.0; this is {torch.__version__}")


def test_a_nightly_build_is_a_release_like_others(book, monkeypatch):
    """This suite's mark `torch(">=2.9")` does not skip a test on a nightly build of a later
    release, such as `3.0.0.dev20990101+cpu`.
    """
    monkeypatch.setattr("fixtures.gates.installed", lambda: "3.0.0.dev20990101+cpu")
    book.page("tensors/test_new.py", '@pytest.mark.torch(">=2.9")\ndef test_now(): pass')

    result = book.run()

    result.assert_outcomes(passed=1)


def test_every_gate_of_a_fact_has_to_open(book):
    """A test with the mark `torch(">=1.0")`, on a page whose `pytestmark` is
    `torch("<1.0")`, is skipped, and the reason names `torch <1.0`.
    """
    book.page(
        "tensors/test_old.py",
        'pytestmark = pytest.mark.torch("<1.0")\n\n'
        '@pytest.mark.torch(">=1.0")\ndef test_then(): pass',
    )

    result = book.run("-rs")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(f"*true for torch <1.0; this is {torch.__version__}")


def test_of_two_numbers_of_gpus_the_larger_counts(book, monkeypatch):
    """On a page whose `pytestmark` is `multi_gpu(2)`, a test with the mark `multi_gpu(3)`
    is skipped on a machine with two CUDA devices, and one without a mark of its own runs.
    """
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    book.page(
        "tensors/test_gpu.py",
        "pytestmark = pytest.mark.multi_gpu(2)\n\n"
        "@pytest.mark.multi_gpu(3)\ndef test_three(): pass\n\ndef test_two(): pass",
    )

    result = book.run("-rs")

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines("*needs 3 CUDA devices; there are 2 here")


@pytest.mark.parametrize("mark", ['torch("2.0")', "torch()", "torch(2.0)"])
def test_a_release_gate_that_names_no_releases_is_a_usage_error(book, mark):
    """The mark `torch("2.0")`, `torch()` or `torch(2.0)`, without a comparison such as `>=`, on a
    test that `pytest` collects in this suite, ends the run in a usage error that says
    `write torch(">=2.0")`.
    """
    book.page("tensors/test_old.py", f"@pytest.mark.{mark}\ndef test_then(): pass")

    result = book.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines('*test_old.py::test_then: torch(*write torch(">=2.0")*')


@pytest.mark.spare("['--slow']", reason="a flag given twice says the same")
@pytest.mark.parametrize(
    ("arguments", "ran"),
    [
        ([], ["quick"]),
        (["--slow"], ["quick", "slow"]),
        (["-m", "slow"], ["slow"]),
        (["-m", "network"], ["network", "both"]),
        (["-m", "slow or network"], ["slow", "network", "both"]),
    ],
)
def test_slow_and_network_run_only_when_asked_for(book, arguments, ran):
    """`pytest` leaves out this suite's tests with the mark `slow` or `network`; `--slow` adds
    those marked `slow` and not `network`, `-m slow` runs these alone, and `-m network` runs those
    marked `network`, also `slow` ones.
    """
    book.page(
        "training/test_model.py",
        """
def test_quick(): print("ran quick")

@pytest.mark.slow
def test_slow(): print("ran slow")

@pytest.mark.network
def test_network(): print("ran network")

@pytest.mark.slow
@pytest.mark.network
def test_both(): print("ran both")
""",
    )

    result = book.run("-s", *arguments)

    names = ("quick", "slow", "network", "both")
    assert [name for name in names if f"ran {name}" in str(result.stdout)] == ran
    result.assert_outcomes(passed=len(ran), deselected=4 - len(ran))


def test_an_unknown_marker_is_refused(book):
    """A misspelt mark on a test, such as `@pytest.mark.cuba`, is a collection error in this suite."""
    book.page("tensors/test_typo.py", "@pytest.mark.cuba\ndef test_gpu(): pass")

    result = book.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*'cuba' not found in `markers` configuration option*")


def test_a_warning_nobody_expects_fails_the_fact(book):
    """A test of this suite without marks whose body calls `warnings.warn("the sky is falling")`,
    in no `try` or `with` and under no filter of its own, fails with
    `UserWarning: the sky is falling`.
    """
    book.page(
        "tensors/test_warning.py",
        "def test_warns():\n    import warnings\n    warnings.warn('the sky is falling')",
    )

    result = book.run()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*UserWarning: the sky is falling")


def test_a_page_about_torchvision_is_skipped_where_there_is_none(book, monkeypatch):
    """A page of this suite that raises `ModuleNotFoundError: No module named 'torchvision'` while
    it is imported is skipped as a whole where torchvision is not installed.
    """
    monkeypatch.setattr("fixtures.gates.find_spec", lambda name: None)
    page = "raise ModuleNotFoundError(\"No module named 'torchvision'\")"
    book.page("data/test_transforms.py", page)

    result = book.run("-rs")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines("*needs torchvision; it is not here")


def test_a_page_that_breaks_torchvision_is_an_error(book, monkeypatch):
    """A page of this suite that raises ModuleNotFoundError for `torchvision` on import is
    an error, not a skip, where torchvision is installed.
    """
    monkeypatch.setattr("fixtures.gates.find_spec", lambda name: "here")
    page = "raise ModuleNotFoundError(\"No module named 'torchvision'\")"
    book.page("data/test_transforms.py", page)

    result = book.run()

    result.assert_outcomes(errors=1)


def test_a_page_that_lacks_something_else_is_an_error(book, monkeypatch):
    """In a `pytest` run of this suite, a page with the line `import torchaudition`, a module that
    is not there, is a collection error, not a skip, as it would be for torchvision.
    """
    monkeypatch.setattr("fixtures.gates.find_spec", lambda name: None)
    book.page("data/test_transforms.py", "import torchaudition")

    result = book.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*No module named 'torchaudition'")


@pytest.mark.parametrize(
    ("argument", "ran"),
    [
        ("-s", ["tensors"]),
        ("spec", ["tensors"]),
        ("spec/suite", ["suite"]),
        ("spec/suite/test_own.py::test_it", ["suite"]),
        ("-mnetwork", ["models"]),
        ("spec/models/test_net.py", ["models"]),
        ("--slow", ["tensors", "models", "suite"]),
    ],
)
def test_full_models_and_the_suite_itself_run_when_they_are_named(book, argument, ran):
    """`pytest` in the root of this repository leaves out `spec/models` and `spec/suite` unless the
    command line names a path there to run, or has `--slow`, or a `-m` with the word `slow` or
    `network`.
    """
    for page in ("tensors/test_creation.py", "models/test_net.py", "suite/test_own.py"):
        mark = "@pytest.mark.network" if page.startswith("models") and "network" in argument else ""
        book.page(page, f"{mark}\ndef test_it(): print('ran {page}')")

    result = book.run("-s", argument)

    chapters = ("tensors", "models", "suite")
    assert [name for name in chapters if f"ran {name}" in str(result.stdout)] == ran


def test_a_folder_of_such_a_name_in_a_chapter_is_not_left_out(book):
    """`pytest` without arguments, in the root folder of this project, leaves out the chapter
    `spec/models`, but would run a page in `spec/tensors/models`, a folder of that name in another
    chapter.
    """
    (book.path / "spec" / "tensors").mkdir()
    book.page("tensors/models/test_net.py", "def test_it(): pass")

    result = book.run()

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("argument", "advice"),
    [
        ("-mnetwork", "-m network: no fact here is so marked; there are torch, cuda*"),
        ("-mnetwork -kme", "-m network: no fact here is so marked; there are torch, cuda*"),
        ("-knobody", "-k nobody: no fact here is so named; try --about with a symbol"),
        ("spec/models", "no fact was left: those of models and suite may be slow; add --slow"),
        (
            "spec/claims --slow",
            "no fact was left: name a folder or a page that has some, such as *",
        ),
    ],
)
def test_a_run_without_a_fact_says_what_to_do(book, argument, advice):
    """If `-k nobody` matches no test, `pytest -k nobody` prints
    `-k nobody: no fact here is so named; try --about with a symbol`; if all tests of `spec/models`
    are slow, `pytest spec/models` prints a line that ends in `add --slow`.
    """
    book.page("models/test_net.py", "@pytest.mark.slow\ndef test_it(): pass")
    book.page("tensors/test_creation.py", "def test_it(): pass")

    (book.path / "spec" / "claims").mkdir()

    result = book.run(*argument.split())

    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(advice)


def test_a_run_that_fails_is_given_no_such_advice(book):
    """A `pytest` run of this suite in which a test fails does not add the advice
    `no fact was left` to its summary.
    """
    book.page("tensors/test_creation.py", "def test_it(): assert 1 == 2")

    result = book.run()

    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*no fact*")


def test_the_facts_of_other_releases_run_when_they_are_asked_for(book):
    """`pytest --beyond-gates` runs a test whose only mark is `torch("<1.0")` on a newer PyTorch,
    and deselects a test without a `torch` mark.
    """
    page = '@pytest.mark.torch("<1.0")\ndef test_then(): assert 1 == 2\n\ndef test_now(): pass'
    book.page("tensors/test_old.py", page)

    result = book.run("--beyond-gates")

    result.assert_outcomes(failed=1, deselected=1)
