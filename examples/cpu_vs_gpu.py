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

import statistics
import time

import torch
from arguments import Arguments, positive
from figures import GRAY, curves, figure
from workbench import InputError, make_folder, progress, script


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
    """Draw the seconds of a product over its size, and from where on the GPU wins."""
    size, sizes = crossover(rows), [row["size"] for row in rows]
    title = f"From n = {size} on the GPU wins" if size else "The GPU wins nowhere"
    with figure(path, f"{title}: the product of two n by n matrices", size=(8, 5)) as axes:
        lines = {name: [(row["size"], row[of]) for row in rows] for of, name in names.items()}
        curves(axes, lines, "n", "seconds", xscale="log", yscale="log")
        if size:
            axes.axvline(size, color=GRAY, ls=":")
        axes.set_xticks(sizes, [str(size) for size in sizes], minor=False)
        axes.minorticks_off()


def accelerator(device, dry_run):
    """Return the device; but in a dry run it has to be another than the CPU."""
    if device.type == "cpu" and not dry_run:
        raise InputError("there is no accelerator here to compare with: --dry-run tries without")
    return device


def name_of(device):
    """Return what the maker calls `device`."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


@script
def main(argv=None):
    """Time the products as the arguments say and return the table with what follows from it."""
    parser = Arguments(__file__, __doc__)
    add, sizes = parser.add_argument, [2**power for power in range(4, 12)]
    add("--sizes", type=positive, nargs="+", default=sizes, metavar="N", help="small to large")
    add("--repeats", type=positive, default=10, help="products timed of a size")
    add("--warmup", type=positive, default=3, help="products before those")
    args = parser.read(argv)
    args.sizes = sorted(set(args.sizes))
    if args.dry_run:
        args.sizes, args.repeats, args.warmup = [16, 64], 1, 1
    if len(args.sizes) < 2:
        parser.error("argument --sizes: takes a small and a large one at least")

    device = accelerator(args.device, args.dry_run)
    print(f"CPU with {torch.get_num_threads()} threads; GPU: {name_of(device)}")
    rows = [
        compare(size, device, args.repeats, args.warmup)
        for size in progress(args.sizes, "sizes", len(args.sizes))
    ]
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
        names = {"cpu": "CPU", "gpu": f"GPU ({name_of(device)})", "copied": "GPU, with copies"}
        draw_seconds(rows, names, make_folder(args.out) / "seconds.png")
    return {
        "device": str(device),
        "rows": rows,
        "crossover": crossover(rows),
        "crossover_copied": crossover(rows, "copied"),
        "ratio_small": small["ratio"],
        "ratio_large": large["ratio"],
    }


if __name__ == "__main__":
    main()
