"""One fact on every device.

A fact that takes the `device` fixture is told once for each device that is here. Which ones these
are stands in its id, so a report says where a sentence was found true. What surprises: a name that
PyTorch knows, such as `mps`, is no device as long as no tensor can be made there.
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
    """Without an accelerator the fact runs once, as `[cpu]`."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    book.page("tensors/test_where.py", PAGE)

    result = book.run("-v")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines("*test_here?cpu? PASSED*")


def test_device_adds_another_one(book, monkeypatch):
    """`--device meta` runs the same fact on the meta device as well."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    book.page("tensors/test_where.py", PAGE)

    result = book.run("-v", "--device", "meta")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test_here?cpu? PASSED*", "*test_here?meta? PASSED*"])


def test_a_device_that_is_named_twice_is_there_once(book, monkeypatch):
    """`--device` with a name that is there already adds nothing."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    book.page("tensors/test_where.py", PAGE)

    result = book.run("--device", "meta", "--device", "cpu", "--device", "meta")

    result.assert_outcomes(passed=2)


@pytest.mark.spare("'cuda'", reason="its cases stand behind the gate of that name")
@pytest.mark.parametrize(
    ("place", "fact", "names"),
    [
        ("cpu", "test_any", []),
        ("cuda", "test_any", ["cuda"]),
        ("cuda:1", "test_any", ["cuda"]),
        ("sim:1", "test_any", []),
        ("sim:1", "test_beyond", ["xfail"]),
        ("cpu", "test_beyond", []),
    ],
)
def test_a_device_stands_behind_its_gate(monkeypatch, place, fact, names):
    """A second GPU is CUDA too; what is known to be beyond the simulated device may fail there."""
    monkeypatch.setattr(simulated, "BEYOND", {"test_beyond": "it has no such thing"})

    assert [mark.name for mark in marks(place, fact)] == names


def test_only_what_torch_refuses_is_beyond_the_simulated_device(monkeypatch):
    """A fact that is expected to fail there may raise a RuntimeError, and give no wrong number."""
    monkeypatch.setattr(simulated, "BEYOND", {"test_beyond": "it has no such thing"})

    (mark,) = marks("sim", "test_beyond")

    assert mark.kwargs == {"raises": (RuntimeError,), "reason": "it has no such thing"}


@pytest.mark.parametrize("name", ["sim", "sim:1"])
def test_the_simulated_accelerator_is_made_when_it_is_named(book, monkeypatch, name):
    """`--device sim:1` makes it as `--device sim` does, before a tensor is tried there."""
    made = []
    monkeypatch.setattr(simulated, "register", lambda: made.append(1 / 0))
    book.page("tensors/test_where.py", PAGE)

    result = book.run("--device", name)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"*--device {name}: no tensor can be made there: division by zero")


def test_why_a_device_is_not_here_is_told_on_one_line(book, monkeypatch):
    """Of what PyTorch says the first line is told, as far as it is short."""

    def refuse():
        raise RuntimeError("no " * 60 + "way\nbut this")

    monkeypatch.setattr(simulated, "register", refuse)

    result = book.run("--device", "sim")

    assert result.errlines[0].endswith("there: " + "no " * 52 + "...")


def test_a_cuda_case_stands_behind_the_cuda_gate(book, monkeypatch):
    """Where CUDA answers there is a `[cuda]` case too, and `-m cuda` selects it alone."""
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
    """`--device` with a name that PyTorch cannot make a tensor on stops the run."""
    book.page("tensors/test_where.py", PAGE)

    result = book.run("--device", name)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"*--device {name}: no tensor can be made there*")


@pytest.mark.slow
@pytest.mark.skipif(not simulated.is_possible(), reason="this torch lets no device be in Python")
def test_a_simulated_accelerator_comes_with_its_name(book):
    """`--device sim` tells the fact on a device written in Python, kept apart from the CPU."""
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
    """Without `--device sim` there is no device of that name."""
    with pytest.raises(RuntimeError, match="at start of device string: sim"):
        torch.device("sim")
