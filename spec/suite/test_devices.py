"""One fact on every device.

A fact that takes the `device` fixture is told on the CPU, on CUDA where that is available, and on
each device that `--device` names. The device stands in its id, so a report says where a sentence was
found true. What surprises: a name that PyTorch knows, such as `mps`, is refused as long as no
tensor can be made there.
"""

import pytest
import torch

from fixtures import simulated
from fixtures.devices import marks

PAGE = '''
def test_here(device):
    """Tensors are made where they are asked for."""
    assert torch.zeros(2, device=device).device.type == device
'''


def test_a_device_fact_runs_on_the_cpu(book, monkeypatch):
    """Where `torch.cuda.is_available()` is False and without `--device`, a test whose only
    parametrised argument is the suite's `device` fixture runs once, with `[cpu]` in its id.
    """
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    book.page("tensors/test_where.py", PAGE)

    result = book.run("-v")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines("*test_here?cpu? PASSED*")


def test_device_adds_another_one(book, monkeypatch):
    """Where CUDA is not available, `pytest --device meta` runs a test without marks that takes the
    suite's `device` fixture once on `cpu` and once on `meta`.
    """
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    book.page("tensors/test_where.py", PAGE)

    result = book.run("-v", "--device", "meta")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test_here?cpu? PASSED*", "*test_here?meta? PASSED*"])


def test_a_device_that_is_named_twice_is_there_once(book, monkeypatch):
    """Where CUDA is not available, `pytest --device meta --device cpu --device meta` runs a test
    without marks that takes the suite's `device` fixture once on `cpu` and once on `meta`.
    """
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    book.page("tensors/test_where.py", PAGE)

    result = book.run("--device", "meta", "--device", "cpu", "--device", "meta")

    result.assert_outcomes(passed=2)


def test_a_device_stands_behind_its_gate(monkeypatch):
    """`marks` of `fixtures/devices.py` gives a test's case on `cuda` or `cuda:1` the `cuda`
    mark, and its case on `sim:1` an `xfail` mark if the test is listed in
    `simulated.BEYOND`.
    """
    monkeypatch.setattr(simulated, "BEYOND", {"test_beyond": "it has no such thing"})
    places = ["cpu", "cuda", "cuda:1", "sim:1"]

    any_fact = {place: [mark.name for mark in marks(place, "test_any")] for place in places}
    beyond = {place: [mark.name for mark in marks(place, "test_beyond")] for place in places}

    assert any_fact == {"cpu": [], "cuda": ["cuda"], "cuda:1": ["cuda"], "sim:1": []}
    assert beyond == {"cpu": [], "cuda": ["cuda"], "cuda:1": ["cuda"], "sim:1": ["xfail"]}


def test_only_what_torch_refuses_is_beyond_the_simulated_device(monkeypatch):
    """The `xfail` mark that a test listed in `BEYOND` of `fixtures/simulated.py` gets for the
    device `sim` has `raises=(RuntimeError,)`: if the body raises an error that is no RuntimeError,
    such as TypeError, the test fails.
    """
    monkeypatch.setattr(simulated, "BEYOND", {"test_beyond": "it has no such thing"})

    (mark,) = marks("sim", "test_beyond")

    assert mark.kwargs == {"raises": (RuntimeError,), "reason": "it has no such thing"}


@pytest.mark.parametrize("name", ["sim", "sim:1"])
def test_the_simulated_accelerator_is_made_when_it_is_named(book, monkeypatch, name):
    """`pytest --device sim` and `pytest --device sim:1` both call `register()` of
    `fixtures/simulated.py`; where that call raises by `1 / 0`, the run ends in a usage error with
    `no tensor can be made there: division by zero`.
    """
    made = []
    monkeypatch.setattr(simulated, "register", lambda: made.append(1 / 0))
    book.page("tensors/test_where.py", PAGE)

    result = book.run("--device", name)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"*--device {name}: no tensor can be made there: division by zero")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("no " * 60 + "way\nbut this"), "no " * 52 + "..."),
        (RuntimeError("no way\nbut this"), "no way"),
        (RuntimeError(), "RuntimeError()"),
    ],
)
def test_why_a_device_is_not_here_is_told_on_one_line(book, monkeypatch, error, said):
    """If making the device raises `RuntimeError()` without a message, the error line of
    `pytest --device sim` ends in `RuntimeError()`; with a message, in the message's first line,
    its runs of blanks as one, cut with `...` above 160 characters.
    """

    def refuse():
        raise error

    monkeypatch.setattr(simulated, "register", refuse)

    result = book.run("--device", "sim")

    assert result.errlines[0].endswith(f"there: {said}")


def test_a_cuda_case_stands_behind_the_cuda_gate(book, monkeypatch):
    """Where `torch.cuda.is_available()` is True, `pytest -m cuda` without `--device`
    selects of a test `test_here(device)` that has no marks only the case `test_here[cuda]`.
    """
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    book.page("tensors/test_where.py", PAGE)

    result = book.run("--collect-only", "-q", "-m", "cuda")

    assert [line for line in result.outlines if "::" in line] == [
        "spec/tensors/test_where.py::test_here[cuda]"
    ]


@pytest.mark.spare("'gpu'", reason="any other name is as unknown")
@pytest.mark.spare("'cuda:99'", reason="any other name is as unknown")
@pytest.mark.parametrize("name", ["gpu", "cuda:99"])
def test_a_device_that_is_not_here_is_a_usage_error(book, name):
    """`pytest PATH --device NAME`, without other options and with a name on which PyTorch cannot
    make a tensor, as `gpu`, or `cuda:99` with fewer GPUs, is a usage error: "no tensor can be made
    there".
    """
    book.page("tensors/test_where.py", PAGE)

    result = book.run("--device", name)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"*--device {name}: no tensor can be made there*")


@pytest.mark.slow
@pytest.mark.skipif(not simulated.is_possible(), reason="this torch lets no device be in Python")
def test_a_simulated_accelerator_comes_with_its_name(book):
    """Where `is_possible()` of `fixtures/simulated.py` is True, `pytest --device sim` also runs a
    test that takes `device`, and is not named there, on `sim`, a device in Python; a CPU
    `torch.zeros(2)` plus a `sim` one raises RuntimeError.
    """
    book.page(
        "tensors/test_where.py",
        """
def test_kept_apart(device):
    \"\"\"Two devices don't mix.\"\"\"
    x = torch.zeros(2, device=device)
    with pytest.raises(RuntimeError, match="at least two devices, sim:0 and cpu!"):
        x + torch.zeros(2)
""",
    )

    result = book.run_as_a_person("-v", "--device", "sim")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*test_kept_apart?cpu? FAILED*", "*test_kept_apart?sim? PASSED*"])


@pytest.mark.skipif(simulated.is_here(), reason="this run was asked for the simulated accelerator")
def test_the_simulated_accelerator_stays_away_unasked():
    """Without the option `--device sim` (or `--device sim:1`) of this suite,
    `torch.device("sim")` raises a RuntimeError.
    """
    with pytest.raises(RuntimeError, match="at start of device string: sim"):
        torch.device("sim")
