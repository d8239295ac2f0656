"""A script that trains.

A training script reads its settings from the command line, records what it does, and stops early
when something is missing. Python's own library has what is needed: `argparse`, `logging`, and the
`assert` statement.

What surprises newcomers: a setting is text until a type is named, and `type=bool` takes "False" for
true; a logger that was set up twice writes every line twice; and `assert` with brackets around both
its parts asserts nothing.
"""

import argparse
import logging
import runpy

import pytest
import torch


@pytest.mark.claim("summary-argparse")
def test_settings_are_read_from_the_command_line():
    """`argparse` reads a script's settings, turns them into numbers, and fills in defaults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--batch-size", type=int, default=64)

    settings = parser.parse_args(["--lr", "0.5"])

    assert vars(settings) == {"lr": 0.5, "batch_size": 64}


def test_a_setting_without_a_type_is_text():
    """Without `type=` a setting is text, even where its default is a number."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", default=0.01)

    assert parser.parse_args(["--lr", "0.5"]).lr == "0.5"
    assert parser.parse_args([]).lr == 0.01


def test_bool_is_no_type_for_a_setting():
    """`type=bool` takes any text for true, "False" too; a switch is `BooleanOptionalAction`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shuffle", type=bool)
    parser.add_argument("--pretrained", action=argparse.BooleanOptionalAction)

    settings = parser.parse_args(["--shuffle", "False", "--no-pretrained"])

    assert settings.shuffle is True
    assert settings.pretrained is False


def test_an_unknown_setting_ends_the_script(capsys):
    """A misspelt setting ends the script with code 2 and a line that names it."""
    parser = argparse.ArgumentParser(prog="train.py")
    parser.add_argument("--lr", type=float)

    with pytest.raises(SystemExit, match=r"^2$"):
        parser.parse_args(["--learning-rate", "0.5"])

    assert capsys.readouterr().err.splitlines() == [
        "usage: train.py [-h] [--lr LR]",
        "train.py: error: unrecognized arguments: --learning-rate 0.5",
    ]


def test_a_device_can_be_a_settings_type():
    """Any function of a text can be a type: `type=torch.device` gives a device."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", type=torch.device, default="cpu")

    assert parser.parse_args([]).device == torch.device("cpu")
    assert parser.parse_args(["--device", "cuda:1"]).device == torch.device("cuda", 1)


@pytest.fixture
def logger():
    """A logger of the script's own, left without handlers."""
    logger = logging.getLogger("train")
    logger.setLevel(logging.INFO)
    yield logger
    for handler in [*logger.handlers]:
        logger.removeHandler(handler)
        handler.close()


@pytest.mark.claim("summary-logging")
def test_a_run_is_recorded_in_a_file(logger, tmp_path):
    """`logging` writes what the run tells into a file, each line with what its format names."""
    handler = logging.FileHandler(tmp_path / "run.log")
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)

    logger.info("epoch %d, loss %.3f", 1, torch.tensor(0.25))
    logger.warning("loss is not finite")

    assert (tmp_path / "run.log").read_text().splitlines() == [
        "INFO train: epoch 1, loss 0.250",
        "WARNING train: loss is not finite",
    ]


def test_a_level_decides_what_is_recorded(logger, tmp_path):
    """What lies below the logger's level is not recorded: at INFO no debugging."""
    logger.addHandler(logging.FileHandler(tmp_path / "run.log"))

    logger.debug("shape (64, 3, 32, 32)")
    logger.info("epoch 1")

    assert (tmp_path / "run.log").read_text() == "epoch 1\n"


def test_a_logger_set_up_twice_writes_everything_twice(logger, tmp_path):
    """A logger is one object by name: a second handler, in a second call, doubles each line."""
    logger.addHandler(logging.FileHandler(tmp_path / "run.log"))
    logging.getLogger("train").addHandler(logging.FileHandler(tmp_path / "run.log"))

    logger.info("epoch 1")

    assert logging.getLogger("train") is logger
    assert (tmp_path / "run.log").read_text() == "epoch 1\nepoch 1\n"


def test_a_log_goes_on_where_it_ended(logger, tmp_path):
    """A `FileHandler` appends to its file unless it is opened with `mode="w"`."""
    (tmp_path / "run.log").write_text("epoch 1\n")
    logger.addHandler(logging.FileHandler(tmp_path / "run.log"))

    logger.info("epoch 2")

    assert (tmp_path / "run.log").read_text() == "epoch 1\nepoch 2\n"


@pytest.mark.claim("summary-assert-file")
def test_an_assertion_reports_a_missing_picture(tmp_path):
    """`assert path.is_file(), message` stops with the message where the picture is missing."""
    picture = tmp_path / "cat.png"

    with pytest.raises(AssertionError, match=r"there is no picture at .*cat\.png"):
        assert picture.is_file(), f"there is no picture at {picture}"

    picture.touch()
    assert picture.is_file(), f"there is no picture at {picture}"


def test_an_assertion_in_brackets_asserts_nothing():
    """`assert (condition, message)` is a pair, and a pair is true: Python warns of it once."""
    with pytest.warns(SyntaxWarning, match="assertion is always true, perhaps remove parentheses"):
        code = compile('assert (False, "there is no picture")', "script.py", "exec")

    exec(code)
    with pytest.raises(AssertionError, match="there is no picture"):
        exec('assert False, "there is no picture"')


def test_assertions_are_left_out_of_optimized_python():
    """`python -O` leaves assertions out: what must be checked always wants `if` and `raise`."""
    optimized = compile('assert False, "there is no picture"', "script.py", "exec", optimize=1)
    plain = compile('assert False, "there is no picture"', "script.py", "exec", optimize=0)

    exec(optimized)
    with pytest.raises(AssertionError, match="there is no picture"):
        exec(plain)


def test_a_script_trains_only_when_it_is_run(tmp_path):
    """What stands under `if __name__ == "__main__"` is left out when the file is imported."""
    script = tmp_path / "train.py"
    script.write_text('done = []\nif __name__ == "__main__":\n    done.append("trained")\n')

    imported = runpy.run_path(script, run_name="train")
    run = runpy.run_path(script, run_name="__main__")

    assert imported["done"] == []
    assert run["done"] == ["trained"]
