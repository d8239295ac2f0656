"""A training script's settings and its log.

A training script reads its settings from the command line, writes what it does into a log, and
stops when a file is missing. Python's own library has what is needed: `argparse`, `logging` and the
`assert` statement. This page has only what tensors, devices and optimizers have to do with them.

What surprises: an unknown device ends in a traceback and not in a message about the settings, and a
tensor of several elements makes `logging` drop the line. A learning rate that was read as text is
told in `spec/optim/test_update_rules.py`, which settings a checkpoint may hold in
`spec/training/test_pickles.py`.
"""

import argparse
import logging

import pytest
import torch
from torch import nn


@pytest.mark.claim("summary-argparse", "path-skip-argument-parsing")
def test_settings_are_read_from_the_command_line():
    """`torch.optim.SGD` makes the same step with a learning rate that `argparse` read
    (`type=float`, `--lr 0.25`) as with `lr=0.25` written into the code.

    So the argument handling of an example can be skipped when reading it.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.01)
    settings = parser.parse_args(["--lr", "0.25"])

    read, written = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))
    ((read - 4) ** 2 + (written - 4) ** 2).backward()
    torch.optim.SGD([read], lr=settings.lr).step()
    torch.optim.SGD([written], lr=0.25).step()

    assert [read.item(), written.item()] == [2.0, 2.0]


def test_a_device_can_be_a_settings_type():
    """`parser.add_argument("--device", type=torch.device, default="cpu")` gives a `torch.device`,
    for the default too: `--device cuda:1` becomes `torch.device("cuda", 1)`.

    Because `argparse` calls the type with the text of the setting, and with a default that is text.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", type=torch.device, default="cpu")

    assert parser.parse_args([]).device == torch.device("cpu")
    assert parser.parse_args(["--device", "cuda:1"]).device == torch.device("cuda", 1)


def test_an_unknown_device_ends_in_a_traceback():
    """After `parser.add_argument("--device", type=torch.device)` of `argparse`, the command
    line argument `--device gpu` ends in a RuntimeError, "Expected one of cpu, cuda, ...",
    and not in a usage message.

    Because `argparse` makes usage messages of TypeError, ValueError and ArgumentTypeError, and not
    of RuntimeError. For a fixed set of devices write `choices=["cpu", "cuda"]` and leave out
    `type`: a `torch.device` equals none of these strings.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", type=torch.device)

    with pytest.raises(RuntimeError, match="Expected one of cpu, cuda"):
        parser.parse_args(["--device", "gpu"])

    closed = argparse.ArgumentParser()
    closed.add_argument("--device", choices=["cpu", "cuda"])
    chosen = [closed.parse_args(["--device", name]).device for name in ("cpu", "cuda")]
    assert chosen == ["cpu", "cuda"]


def test_a_dtype_is_looked_up_by_its_name():
    """`torch.dtype("float16")` raises TypeError, "cannot create 'torch.dtype' instances";
    `getattr(torch, "float16")` gives the dtype of this name, `torch.float16`.
    """
    with pytest.raises(TypeError, match=r"cannot create 'torch\.dtype' instances"):
        torch.dtype("float16")

    assert getattr(torch, "float16") is torch.float16  # noqa: B009


@pytest.fixture
def logger(tmp_path):
    """A logger that writes into `run.log` and has no parent whose handlers would write too."""
    logger = logging.Logger("train", level=logging.INFO)
    handler = logging.FileHandler(tmp_path / "run.log")
    logger.addHandler(handler)
    yield logger
    handler.close()


@pytest.mark.claim("summary-logging")
def test_a_run_is_recorded_in_a_file(logger, tmp_path):
    """With `logging.basicConfig(level=logging.INFO)`,
    `logging.info("epoch %d, loss %.3f", torch.tensor(1), torch.tensor(0.25))` logs the message
    "epoch 1, loss 0.250"; `%s` writes what `print` shows, "tensor(0.2500)".

    Since PyTorch 2.8 `%.3f` of a loss that requires grad warns, by default once in a process: give
    it `loss.item()`.
    """
    logger.info("epoch %d, loss %.3f", torch.tensor(1), torch.tensor(0.25))
    logger.info("loss %s", torch.tensor(0.25))

    assert (tmp_path / "run.log").read_text() == "epoch 1, loss 0.250\nloss tensor(0.2500)\n"


def test_a_line_with_several_elements_is_lost(logger, tmp_path, capsys):
    """`logging.warning("%.3f", x)` with a float32 tensor `x` of two elements writes no line of the
    log; it prints "--- Logging error ---" to stderr, and the script goes on. `%s` writes such a
    tensor.

    Because only a one-element tensor converts to a Python number. Log `x.mean()`, or
    `x.tolist()` with `%s`.
    """
    logger.warning("losses %.3f", torch.tensor([0.25, 0.5]))
    logger.warning("losses %s", torch.tensor([0.25, 0.5]))
    reported = capsys.readouterr().err

    assert (tmp_path / "run.log").read_text() == "losses tensor([0.2500, 0.5000])\n"
    assert reported.splitlines()[0] == "--- Logging error ---"
    assert "only one element tensors can be converted to Python scalars" in reported


@pytest.mark.claim("summary-assert-file")
def test_an_assertion_reports_a_missing_picture(tmp_path):
    """If the `pathlib.Path` `path` names no file,
    `assert path.is_file(), f"there is no picture at {path}"` raises AssertionError with this
    message, unless Python runs with `-O`. If it names a file, nothing is raised.

    Because `python -O`, like the variable `PYTHONOPTIMIZE=1`, leaves assertions out: raise
    FileNotFoundError for what must hold always.
    """
    picture = tmp_path / "cat.png"

    with pytest.raises(AssertionError, match=r"there is no picture at .*cat\.png"):
        assert picture.is_file(), f"there is no picture at {picture}"

    picture.touch()
    assert picture.is_file(), f"there is no picture at {picture}"
