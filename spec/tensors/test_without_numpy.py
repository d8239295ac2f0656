"""PyTorch without NumPy, or with one of another age: "Numpy is not available".

PyTorch needs no NumPy to compute; it needs one for `tensor.numpy()`, `torch.from_numpy` and what is
built on them. Where NumPy is missing, or a PyTorch that was built for NumPy 1 meets NumPy 2, there
is only a warning, and the functions that need NumPy raise RuntimeError, "Numpy is not available".

What surprises: the error comes far from its cause, often from torchvision or a data loader, with
NumPy installed: releases of PyTorch before 2.3 were built for NumPy 1 and do not find NumPy 2,
which `pip install numpy` brings today. Then either `pip install "numpy<2"` or a newer PyTorch
helps; restart the notebook afterwards. The rules of the two together are told in
`spec/tensors/test_numpy_bridge.py`.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch


def without_numpy(folder, code):
    """Run code in a Python that finds no NumPy; return what it wrote to stderr."""
    package = folder / "numpy"
    package.mkdir()
    (package / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'numpy'\")")
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, torch\n{code}"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(folder)},
        timeout=300,
    )
    return done.stderr


@pytest.mark.torch(">=2.3")
@pytest.mark.skipif(np.__version__.startswith("1."), reason="needs NumPy 2")
def test_this_pytorch_works_with_numpy_2_and_1():
    """With PyTorch 2.3 or newer, in the wheels for Linux, `torch.ones(2).numpy()` gives a
    NumPy array if NumPy 2 is installed, as it does with NumPy 1.
    """
    array = torch.ones(2).numpy()

    assert type(array) is np.ndarray
    assert array.tolist() == [1.0, 1.0]


@pytest.mark.torch("<2.3")
def test_an_older_pytorch_works_with_numpy_1_alone():
    """Before PyTorch 2.3 `torch.ones(2).numpy()` needs NumPy 1: with NumPy 2 it raises
    RuntimeError, "Numpy is not available". Earlier in the run NumPy 2 prints "A module that was
    compiled using NumPy 1.x cannot be run".

    NumPy's message comes when torch is imported or, in PyTorch 2.0, with the first tensor. Write
    `pip install "numpy<2"`, or install a newer PyTorch.
    """
    if np.__version__.startswith("1."):
        assert torch.ones(2).numpy().tolist() == [1.0, 1.0]
    else:
        with pytest.raises(RuntimeError, match="Numpy is not available"):
            torch.ones(2).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("message", ["RuntimeError: Numpy is not available"])
def test_without_numpy_the_functions_that_need_it_raise(tmp_path, message):
    """Where Python finds no NumPy, `x.numpy()`, `x.__array__()` and `torch.from_numpy(x)` of
    `x = torch.ones(2)` raise RuntimeError, "Numpy is not available".

    Write `pip install numpy`; with PyTorch before 2.3, on Windows before 2.4.1,
    `pip install "numpy<2"`, for these releases raise the same error with NumPy 2.
    """
    told = without_numpy(
        tmp_path,
        """
for convert in (torch.Tensor.numpy, torch.Tensor.__array__, torch.from_numpy):
    try:
        convert(torch.ones(2))
    except RuntimeError as error:
        print(f"RuntimeError: {error}", file=sys.stderr)
""",
    )

    assert told.splitlines()[-3:] == [message, message, message]


@pytest.mark.slow
def test_without_numpy_tensors_still_compute(tmp_path):
    """Where Python finds no NumPy, a program with `import torch` and
    `(torch.ones(2) + 1).tolist()` gets a UserWarning, "Failed to initialize NumPy: No module named
    'numpy'", and computes [2.0, 2.0] all the same.

    PyTorch warns when it is imported; 2.0 warned when the first tensor was made.
    """
    told = without_numpy(tmp_path, "print((torch.ones(2) + 1).tolist(), file=sys.stderr)")

    assert "Failed to initialize NumPy: No module named 'numpy'" in told
    assert told.splitlines()[-1] == "[2.0, 2.0]"
