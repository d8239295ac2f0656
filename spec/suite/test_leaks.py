"""Every fact starts alike.

PyTorch keeps settings beyond a call: default dtype, grad mode, thread count and more. A fact that
changes one and leaves it changed would make the next sentence untrue for no reason that a reader can
see, so the guard puts those that it watches (`fixtures/settings.py`) back and fails the fact that
leaked, by name.
"""

import pytest
import torch

from fixtures.settings import readable


@pytest.mark.parametrize(
    ("statement", "setting"),
    [
        ("torch.set_default_dtype(torch.float64)", "default dtype"),
        ("torch.set_grad_enabled(False)", "grad mode"),
        ("torch.set_autocast_enabled('cpu', True)", "autocast"),
        ("import sys; sys.excepthook = print", "excepthook"),
        ("torch.set_num_threads(torch.get_num_threads() + 1)", "thread count"),
        ("torch.set_deterministic_debug_mode(2)", "deterministic algorithms"),
        ("torch.set_float32_matmul_precision('medium')", "float32 matmul precision"),
        ("torch.autograd.set_detect_anomaly(True)", "anomaly detection"),
        ("torch.set_printoptions(precision=2)", "print options"),
        ("torch.set_warn_always(False)", "warn-always"),
        ("import numpy; numpy.seterr(divide='raise')", "NumPy error handling"),
        ("import numpy; numpy.set_printoptions(precision=2)", "NumPy print options"),
        ("import warnings; warnings.simplefilter('ignore')", "warning filters"),
        ("torch.autograd.set_detect_anomaly(False, check_nan=False)", "anomaly detection"),
        ("torch.backends.cudnn.benchmark = True", "cudnn flags"),
        ("torch.backends.cudnn.enabled = False", "cudnn flags"),
        ("torch.backends.cudnn.deterministic = True", "cudnn flags"),
    ],
)
def test_a_leak_fails_the_fact_that_leaked(book, statement, setting):
    """A test here that holds, and changes no setting but by its last statement,
    `torch.set_default_dtype(torch.float64)`, fails with "the fact leaks global state: default
    dtype, torch.float32 before and torch.float64 after"; the next has float32.
    """
    book.page(
        "tensors/test_leak.py",
        f"""
from fixtures.settings import snapshot
SEEN = []

def test_before(): SEEN.append(snapshot()[{setting!r}])

def test_leaks(): {statement}

def test_next(): assert snapshot()[{setting!r}] == SEEN[0]
""",
    )

    result = book.run()

    result.assert_outcomes(failed=1, passed=2)
    result.stdout.fnmatch_lines(f"the fact leaks global state: {setting}, * before and * after")


@pytest.mark.torch(">=2.0")
def test_a_default_device_that_leaks_is_named(book):
    """A test of this suite that would pass, but calls `torch.set_default_device("meta")` and does
    not undo it, fails with the words `default device, cpu before and meta after`.
    """
    book.page(
        "tensors/test_leak.py",
        """
def test_leaks(): torch.set_default_device("meta")

def test_next(): assert torch.empty(1).device.type == "cpu"
""",
    )

    result = book.run()

    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        "the fact leaks global state: default device, cpu before and meta after"
    )


def test_a_fact_that_fails_and_leaks_reports_its_own_failure(book):
    """A test of this suite that calls `torch.set_default_dtype` and then fails is reported
    with its own failure only, and the default dtype is restored for the next test.
    """
    book.page(
        "tensors/test_leak.py",
        """
def test_fails():
    torch.set_default_dtype(torch.float64)
    assert 1 == 2

def test_next(): assert torch.get_default_dtype() is torch.float32
""",
    )

    result = book.run()

    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines("*assert 1 == 2*")
    result.stdout.no_fnmatch_line("*leaks*")


def test_a_fact_that_breaks_off_leaves_nothing_changed(book):
    """If a test of this suite calls `torch.set_default_dtype` and then calls `pytest.skip` or
    raises SystemExit, the default dtype is restored for the next test.
    """
    book.page(
        "tensors/test_leak.py",
        """
def leak(): torch.set_default_dtype(torch.float64)
def seen(): return torch.get_default_dtype()

def test_skips():
    leak()
    pytest.skip("no")
def test_after_a_skip(): assert seen() is torch.float32

def test_exits():
    leak()
    raise SystemExit
def test_after_an_exit(): assert seen() is torch.float32
""",
    )

    result = book.run()

    result.assert_outcomes(passed=2, skipped=1, failed=1)


def test_of_many_options_those_that_changed_are_told(book):
    """A test of this suite that calls `torch.set_printoptions(precision=2)` and
    `torch.set_default_dtype(torch.float64)` and undoes neither fails: the message has both
    settings, each before and after.
    """
    book.page(
        "tensors/test_leak.py",
        "def test_leaks():\n"
        "    torch.set_printoptions(precision=2)\n    torch.set_default_dtype(torch.float64)",
    )

    result = book.run()

    result.stdout.fnmatch_lines(
        "the fact leaks global state: default dtype, torch.float32 before and torch.float64 after; "
        "print options, {'precision': 4} before and {'precision': 2} after"
    )


def test_fixtures_draw_from_the_same_start(book):
    """A function-scoped fixture of this suite that does nothing but return
    `torch.randint(1000, (3,))`, as the first that draws, gets the same numbers for each test, as
    the generator is seeded before it.
    """
    book.page(
        "tensors/test_seed.py",
        "@pytest.fixture\ndef drawn(): return torch.randint(1000, (3,)).tolist()\n\n"
        "@pytest.mark.parametrize('time', [1, 2])\n"
        "def test_draw(drawn, time):\n    torch.rand(1)\n    assert drawn == [44, 239, 933]",
    )

    result = book.run()

    result.assert_outcomes(passed=2)


def test_gpus_are_seeded_once_they_are_in_use(book, monkeypatch):
    """Where `torch.cuda.is_initialized()` is True, this suite calls
    `torch.cuda.manual_seed_all(0)` before each test.
    """
    seeds = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    book.page("tensors/test_seed.py", "def test_it(): pass")

    book.run()

    assert seeds == [0]


def test_one_warning_of_torch_itself_is_expected(book):
    """In a test of this suite that sets no warning filters, `warnings.warn` with a text that
    begins `Warning only once for all operators` does not fail the test; with another text, as
    `it`, it does.
    """
    book.page(
        "tensors/test_warning.py",
        "def test_warns():\n    import warnings\n"
        "    warnings.warn('Warning only once for all operators, other operators may also be')",
    )

    result = book.run()

    result.assert_outcomes(passed=1)


def test_every_fact_draws_the_same_random_numbers(book):
    """At the start of each test of this suite that takes no fixtures, not even autouse ones,
    `torch.randint(1000, (3,))` gives [44, 239, 933], `numpy.random.randint(1000, size=3)` [684,
    559, 629], and `random.randrange(1000)` 864.
    """
    book.page(
        "tensors/test_seed.py",
        """
import random
import numpy

@pytest.mark.parametrize("time", [1, 2])
def test_draw(time):
    assert torch.randint(1000, (3,)).tolist() == [44, 239, 933]
    assert numpy.random.randint(1000, size=3).tolist() == [684, 559, 629]
    assert [random.randrange(1000) for _ in range(3)] == [864, 394, 776]
""",
    )

    result = book.run()

    result.assert_outcomes(passed=2)


def test_warnings_given_once_a_process_are_given_every_time(book):
    """In this suite `torch.from_numpy` of a read-only NumPy array warns in one test and
    again in the next; without the suite PyTorch gives that warning once a process.
    """
    book.page(
        "tensors/test_warning.py",
        """
import numpy

@pytest.mark.parametrize("time", [1, 2])
def test_warns(time):
    array = numpy.ones(1)
    array.flags.writeable = False
    with pytest.warns(UserWarning, match="not writable"):
        torch.from_numpy(array)
""",
    )

    result = book.run()

    result.assert_outcomes(passed=2)


def test_facts_compute_with_one_thread(book):
    """`pytest` in this suite calls `torch.set_num_threads(1)` before it collects tests: where no
    page sets another number, `torch.get_num_threads()` is 1 in a test, even if it was 2 before
    `pytest` started.
    """
    book.page("tensors/test_threads.py", "def test_one(): assert torch.get_num_threads() == 1")
    torch.set_num_threads(2)

    result = book.run()

    assert torch.get_num_threads() == 1
    result.assert_outcomes(passed=1)


@pytest.mark.slow
def test_a_page_stays_in_one_process(book):
    """`pytest -n 2` without `--dist` runs all tests of a page in one worker process, so they share
    a module-scoped fixture.
    """
    page = '''
import os

@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("trained")

@pytest.mark.parametrize("number", range(6))
def test_shared(folder, number):
    """Each fact finds what the ones before it left."""
    (folder / str(number)).touch()
    assert len(list(folder.iterdir())) == number + 1
'''
    book.page("tensors/test_first.py", page)
    book.page("tensors/test_second.py", page)

    result = book.run_as_a_person("-n", "2")

    result.assert_outcomes(passed=12)


def test_an_import_may_add_warning_filters(book):
    """A test of this suite that imports a library not imported before, which adds a filter by
    `warnings.simplefilter("ignore")`, passes: that filter is not counted as a leak.
    """
    (book.path / "librarian.py").write_text("import warnings; warnings.simplefilter('ignore')")
    book.page(
        "tensors/test_leak.py", "def test_imports():\n    import librarian\n    assert 1 == 1"
    )

    result = book.run()

    result.assert_outcomes(passed=1)


def test_a_setting_that_a_release_lacks_is_not_watched():
    """`readable(settings)` of `fixtures/settings.py` returns the dict without a setting whose
    reading function raises AttributeError.
    """

    def missing():
        raise AttributeError

    settings = {"here": (torch.get_num_threads, print), "missing": (missing, print)}

    found = readable(settings)

    assert list(found) == ["here"]


@pytest.mark.slow
def test_a_warning_outside_of_facts_stays_a_warning(book):
    """A `conftest.py` in `spec/` that calls `warnings.warn` in `pytest_configure`,
    `pytest_collection_finish` or `pytest_sessionfinish` does not make `pytest spec` fail, where no
    option or variable sets warning filters.
    """
    (book.path / "spec" / "conftest.py").write_text(
        "import warnings\n\n"
        "def pytest_configure(): warnings.warn('at the start')\n"
        "def pytest_collection_finish(): warnings.warn('in between')\n"
        "def pytest_sessionfinish(): warnings.warn('at the end')\n"
    )
    book.page("tensors/test_creation.py", "def test_it(): pass")

    result = book.run_as_a_person("spec")

    result.assert_outcomes(passed=1, warnings=2)
    result.stderr.fnmatch_lines("*UserWarning: at the start")
    assert result.ret == pytest.ExitCode.OK


def test_a_fact_may_expect_a_warning_by_a_mark(book):
    """A test of this suite whose only mark is `filterwarnings("ignore:the sky")` does not fail
    because it calls `warnings.warn("the sky is falling")`.
    """
    book.page(
        "tensors/test_warning.py",
        """
@pytest.mark.filterwarnings("ignore:the sky")
def test_warns():
    import warnings
    warnings.warn("the sky is falling")
""",
    )

    result = book.run()

    result.assert_outcomes(passed=1)
