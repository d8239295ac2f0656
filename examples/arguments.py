"""The arguments of a script: checked as they are read, with the device, and refused in one line."""

import argparse
import contextlib
import math
from pathlib import Path

import torch
import workbench
from workbench import InputError, first_line


def number(kind, valid, name):
    """Return what reads an argument, so that argparse says `invalid NAME value` where it can't."""

    def read(text):
        value = kind(text)
        if not valid(value):
            raise ValueError
        return value

    read.__name__ = name
    return read


positive = number(int, lambda value: value > 0, "positive number")
count = number(int, lambda value: value >= 0, "number")
above_zero = number(float, lambda value: 0 < value < math.inf, "positive number")
not_negative = number(float, lambda value: 0 <= value < math.inf, "number")
finite = number(float, math.isfinite, "number")
# Adam can't take steps that are no 32-bit numbers.
rate = number(float, lambda value: 0 < value <= 1e30, "learning rate")


def seed(text):
    """Read a seed; what a script adds to it must still fit the 64 bits of torch.manual_seed."""
    value = int(text)
    if not 0 <= value < 2**62:
        raise argparse.ArgumentTypeError(f"{text} is no seed: 0 to 2**62 - 1 are")
    return value


class Arguments(argparse.ArgumentParser):
    """A parser with the options that all scripts have; a script adds its own.

    Args:
        file: `__file__` of the script; it names the folder that `--out` is by default.
        doc: its docstring, whose first line is the description.
        defaults: default values of `epochs`, `batch_size`, `lr` and `threads`, for a script that
            has these options. A script with epochs has `--resume` too.
    """

    SHARED = (
        ("epochs", positive, "times through all data to learn from"),
        ("batch_size", positive, "examples in a step"),
        ("lr", rate, "learning rate at the start"),
        ("threads", positive, "of the CPU; steps that are small gain nothing from more"),
    )

    def __init__(self, file, doc, **defaults):
        super().__init__(
            prog=Path(file).name,
            description=doc.partition("\n")[0],
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        add = self.add_argument
        for name, kind, told in self.SHARED:
            if name in defaults:
                option = "--" + name.replace("_", "-")
                # Without a default of its own it must not be said to be None.
                told += "" if defaults[name] else " (default: its own for each)%(default).0s"
                add(option, type=kind, default=defaults[name], help=told)
        out = Path("runs", Path(file).stem)
        add("--out", type=Path, default=out, metavar="DIR", help="what is written")
        add("--seed", type=seed, default=0, help="decides everything that is drawn")
        add(
            "--device",
            default="auto",
            help="cpu, cuda, mps, ...; auto: what is here",
        )
        if "epochs" in defaults:
            add("--resume", action="store_true", help="go on from the checkpoint in --out")
        add("--dry-run", action="store_true", help="all the way in a few batches; write nothing")

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message} (--help lists all)\n")

    def read(self, argv):
        """Return the arguments, the device as a torch.device, and the script's name beside them."""
        args = self.parse_args(argv)
        args.script, args.device = Path(self.prog).stem, pick_device(args.device)
        if args.dry_run:
            args.epochs, args.resume = 1, False
        if "threads" in args:
            workbench.opened.enter_context(threads(args.threads))
        return args


def pick_device(name):
    """Return the device called `name`; by "auto" the accelerator that is here, or the CPU."""
    if name == "auto":
        try:
            # Unasked whether it is available, it names what PyTorch was built for, here or not.
            name = torch.accelerator.current_accelerator(check_available=True) or "cpu"
        except (AttributeError, TypeError):  # before PyTorch 2.7
            name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        probe = torch.zeros(1, device=name)
        probe.item()  # a device without values, such as meta, gives none back
    except Exception as error:  # every backend has errors of its own
        raise InputError(f"--device {name}: {first_line(error)}") from error
    return probe.device


@contextlib.contextmanager
def threads(count):
    """Compute with `count` threads, then with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
