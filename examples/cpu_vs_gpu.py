"""Time a product of matrices on the CPU and on the GPU: which of the two wins depends on its size.

The videos' page says that a GPU speeds up only some work. A product of two n by n matrices shows
where: it takes 2 n^3 operations, which a large GPU does far more quickly, but every call costs some
microseconds before the first of them, and so a small product is done sooner where it is.

    python examples/cpu_vs_gpu.py
    python examples/cpu_vs_gpu.py --device cuda --sizes 16 4096

Timed right, that is: a call on a GPU comes back before the work is done, and without waiting for it
(torch.accelerator.synchronize) one times the asking. The first calls load libraries and choose
kernels, so they don't count; of the others the median does. Three times are told: on the CPU, on
the GPU with the matrices there already, and with the way there and back.

It prints the table of sizes, seconds and ratios, and the size from which on the GPU wins. In
`--out` appears seconds.png with the same. Without a GPU there is nothing to compare: the script
says so and ends with exit code 2.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch
from matplotlib.figure import Figure
from tqdm import tqdm


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


# Timing.


def seconds_of(work, synchronize, repeats=10, warmup=3, clock=time.perf_counter):
    """Return the median of the seconds that `work()` takes, until it is done."""
    for _ in range(warmup):
        work()
    samples = []
    for _ in range(repeats):
        synchronize()  # nothing asked for earlier is still under way
        began = clock()
        work()
        synchronize()  # what was asked for is done, not only asked for
        samples.append(clock() - began)
    return statistics.median(samples)


def synchronizer(device):
    """Return what waits for all work on `device`; on the CPU a call is done when it returns."""
    if device.type == "cpu":
        return lambda: None
    if hasattr(torch, "accelerator"):
        return lambda: torch.accelerator.synchronize(device)
    return lambda: torch.cuda.synchronize(device)  # before PyTorch 2.6


def operations(size):
    """Return how many operations a product takes: `size` times two for each of size^2 values."""
    return 2 * size**3


def compare(size, device, repeats, warmup):
    """Return a row of the table: the seconds of one product on the CPU and on `device`."""
    generator = torch.Generator().manual_seed(size)
    a, b = (torch.rand(size, size, generator=generator) for _ in range(2))
    there_a, there_b = a.to(device), b.to(device)
    waits = synchronizer(device)
    row = {
        "size": size,
        "cpu": seconds_of(lambda: a @ b, synchronizer(a.device), repeats, warmup),
        "gpu": seconds_of(lambda: there_a @ there_b, waits, repeats, warmup),
        "copied": seconds_of(
            lambda: (a.to(device) @ b.to(device)).to("cpu"), waits, repeats, warmup
        ),
    }
    here, there = a @ b, (there_a @ there_b).cpu()
    return row | {
        "ratio": row["cpu"] / row["gpu"],
        "error": ((there - here).abs().max() / here.abs().max()).item(),
    }


def crossover(rows, column="gpu"):
    """Return the size from which on `column` beats the CPU at every size, or None.

    A single win below it, by chance or by a kernel that fits well, doesn't count.
    """
    first = None
    for row in sorted(rows, key=lambda row: row["size"], reverse=True):
        if row[column] >= row["cpu"]:
            break
        first = row["size"]
    return first


# The table and the figure.


def show_seconds(seconds):
    """Return seconds in the unit that gives a number from 1 to 1000."""
    for factor, unit in ((1, "s "), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def table(rows):
    """Return the lines of the table."""
    lines = ["   size          CPU          GPU    with copies   CPU / GPU   GPU, operations/s"]
    lines += [
        f"{row['size']:7}{show_seconds(row['cpu']):>13}{show_seconds(row['gpu']):>13}"
        f"{show_seconds(row['copied']):>15}{row['ratio']:12.3g}"
        f"{operations(row['size']) / row['gpu']:20.2g}"
        for row in rows
    ]
    return lines


def draw_seconds(rows, names, path):
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    sizes = [row["size"] for row in rows]
    for column, name in names.items():
        axes.plot(sizes, [row[column] for row in rows], marker="o", label=name)
    if size := crossover(rows):
        axes.axvline(size, color="grey", ls=":", label=f"from {size} on the GPU wins")
    axes.set(xscale="log", yscale="log", xlabel="n", ylabel="seconds")
    axes.set(title="One product of two n by n matrices")
    axes.set_xticks(sizes, [str(size) for size in sizes], minor=False)
    axes.minorticks_off()
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)


# A run, from the command line or called.


def pick_device(name):
    """Return the accelerator called `name`, or the one that is here; there has to be one."""
    try:
        if name is None:
            if hasattr(torch, "accelerator"):
                # Where there is none, it says so by None or by an error, as the release goes.
                available = torch.accelerator.is_available()
                device = torch.accelerator.current_accelerator() if available else None
            else:  # before PyTorch 2.6
                device = torch.device("cuda") if torch.cuda.is_available() else None
            if device is None:
                raise InputError("there is no accelerator here, and so nothing to compare with")
            return device
        probe = torch.zeros(1, device=name)
        probe.item()  # a device without values, such as meta, gives none back
    except (AssertionError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"--device {name}: {reason}") from error
    if probe.device.type == "cpu":
        raise InputError(f"--device {name}: to be compared with the CPU it has to be another")
    return probe.device


def name_of(device):
    """Return what the maker calls `device`."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def positive(text):
    value = int(text)
    if value < 1:
        raise ValueError
    return value


positive.__name__ = "positive number"  # argparse says: invalid positive number value


def read_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--device", help="cuda, mps, ... (default: the accelerator that is here)")
    add(
        "--sizes",
        type=positive,
        nargs="+",
        default=[2**power for power in range(4, 12)],
        metavar="N",
        help="small to large (default: 16 32 64 ... 2048)",
    )
    add("--repeats", type=positive, default=10, help="products timed of a size (default: 10)")
    add("--warmup", type=positive, default=3, help="products before those (default: 3)")
    default = Path("runs/cpu_vs_gpu")
    add("--out", type=Path, default=default, metavar="DIR", help=f"the figure (default: {default})")
    add("--dry-run", action="store_true", help="time two small sizes once; write nothing")
    args = parser.parse_args(argv)
    args.sizes = sorted(set(args.sizes))
    if args.dry_run:
        args.sizes, args.repeats, args.warmup = [16, 64], 1, 1
    if len(args.sizes) < 2:
        parser.error("argument --sizes: takes a small and a large one at least")
    return args


def make_folder(path):
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path}: {error.strerror}") from error


def main(argv=None):
    """Time the products as the arguments say and return the table with what follows from it."""
    args = read_arguments(argv)
    try:
        device = pick_device(args.device)
        if not args.dry_run:
            make_folder(args.out)
        name = name_of(device)
        print(f"CPU with {torch.get_num_threads()} threads; GPU: {name}")
        rows = [
            compare(size, device, args.repeats, args.warmup)
            for size in tqdm(args.sizes, "sizes", leave=False, disable=None)
        ]
    except InputError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    print(*table(rows), sep="\n")
    for column, where in (("gpu", "there already"), ("copied", "copied there and back")):
        size = crossover(rows, column)
        wins = f"wins from {size} on" if size else f"does not win up to {args.sizes[-1]}"
        print(f"With the matrices {where} the GPU {wins}.")
    small, large = rows[0], rows[-1]
    print(
        f"At {small['size']} the GPU is {small['ratio']:.3g} times as fast as the CPU, "
        f"at {large['size']} {large['ratio']:.3g} times."
    )
    if not args.dry_run:
        names = {"cpu": "CPU", "gpu": f"GPU ({name})", "copied": "GPU, with copies"}
        draw_seconds(rows, names, args.out / "seconds.png")
    return {
        "device": str(device),
        "rows": rows,
        "crossover": crossover(rows),
        "crossover_copied": crossover(rows, "copied"),
        "ratio_small": small["ratio"],
        "ratio_large": large["ratio"],
    }


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped")
