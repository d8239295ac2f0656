"""The CPU against the GPU.

`examples/cpu_vs_gpu.py` times products of two n x n matrices, small and large, on both. A GPU does
many operations at once, but every call costs some microseconds before the first of them: so it wins
large products and loses small ones. The script prints a table and the crossover, the size from
which on the GPU wins, with the matrices on the GPU already and with the copies there and back.

What surprises is how easily such a measurement goes wrong: a call on a GPU returns before its work
is done, and who doesn't wait (`torch.accelerator.synchronize`) times only the launch. What the
ratio is, only a machine with a GPU tells; how it is timed and read off the table is told
everywhere, with clocks and times that are given. Streams and events are told in
`spec/devices/test_streams.py`.
"""

import os

import numpy as np
import pytest
import torch

from spec.models.scripts import import_example

pytestmark = [pytest.mark.slow]

without_accelerator = pytest.mark.skipif(
    torch.cuda.is_available(), reason="there is a CUDA device here"
)


@pytest.fixture(scope="module")
def script():
    """The example as a module."""
    return import_example("cpu_vs_gpu")


@pytest.mark.parametrize(("size", "count"), [(1, 2), (10, 2000), (1024, 2147483648)])
def test_a_product_takes_twice_the_cube_of_its_size(script, size, count):
    """`operations(n)` of `examples/cpu_vs_gpu.py` counts 2 n^3 for a product of two n x n
    matrices.

    Because each of its n^2 values takes n multiplications, and n additions to a sum that starts
    at 0.
    """
    assert script.operations(size) == count


def test_the_time_is_the_median(script):
    """`seconds_of` of `examples/cpu_vs_gpu.py` returns the median of the seconds of the timed
    calls: 2 for five calls that took 2, 1, 75, 3 and 2 s.
    """
    ticks = iter([0, 2, 10, 11, 20, 95, 100, 103, 110, 112])

    seconds = script.seconds_of(lambda: None, lambda: None, repeats=5, clock=lambda: next(ticks))

    assert seconds == 2


def test_work_is_waited_for_before_and_after_each_timed_call(script):
    """`seconds_of` of `examples/cpu_vs_gpu.py` runs the warm-up calls untimed, and reads
    the clock before and after each timed call, both times after it has waited for the
    device.

    Without the first wait, work still running would be counted; without the second, the timed
    work would not.
    """
    calls = []

    script.seconds_of(
        work=lambda: calls.append("work"),
        synchronize=lambda: calls.append("wait"),
        clock=lambda: calls.append("clock") or len(calls),
        repeats=2,
        warmup=3,
    )

    assert calls == [
        *("work", "work", "work"),
        *("wait", "clock", "work", "wait", "clock"),
        *("wait", "clock", "work", "wait", "clock"),
    ]


def test_who_does_not_wait_times_the_asking(script):
    """With a simulated `clock`, for a device whose call returns after 1 s and whose work takes 99
    s more, `seconds_of(work, synchronize, clock=clock)` of `examples/cpu_vs_gpu.py` is 100 if
    `synchronize` waits for the device, 1 if it does nothing.

    Kernels on a GPU are launched asynchronously: call `torch.cuda.synchronize()`, or since PyTorch
    2.6 `torch.accelerator.synchronize()`, before reading the clock.
    """
    now, busy_until = [0], [0]

    def ask():
        now[0] += 1
        busy_until[0] = max(now[0], busy_until[0]) + 99

    def wait():
        now[0] = max(now[0], busy_until[0])

    assert script.seconds_of(ask, wait, clock=lambda: now[0]) == 100
    assert script.seconds_of(ask, lambda: None, clock=lambda: now[0]) == 1


def rows(cpu, gpu):
    """Return a table of sizes 16, 32, 64, ... with these seconds."""
    return [
        {"size": 16 * 2**i, "cpu": pair[0], "gpu": pair[1]}
        for i, pair in enumerate(zip(cpu, gpu, strict=True))
    ]


@pytest.mark.parametrize(
    ("cpu", "gpu", "size"),
    [
        ([1, 8, 64, 512], [9, 9, 10, 20], 64),
        ([5, 8, 64, 512], [4, 4, 4, 4], 16),
        ([1, 2, 3, 4], [9, 9, 9, 9], None),
        # A win at 16 that 32 takes back is none, and a draw isn't either.
        ([9, 8, 64, 512], [4, 9, 64, 20], 128),
    ],
)
def test_the_crossover_is_the_size_from_which_on_the_gpu_wins(script, cpu, gpu, size):
    """`crossover(rows)` of `examples/cpu_vs_gpu.py` returns the smallest measured size such that
    the GPU is faster there and at every larger measured size, whatever the order of `rows`. If
    there is no such size, it returns None.

    A single win at a small size, taken back by the next one, doesn't count.
    """
    assert script.crossover(rows(cpu, gpu)) == size
    assert script.crossover(rows(cpu, gpu)[::-1]) == size


@without_accelerator
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "there is no accelerator here to compare with: --dry-run tries without"),
        ("--device cpu", "there is no accelerator here to compare with: --dry-run tries without"),
        ("--device meta", "--device meta: Tensor.item() cannot be called on meta tensors"),
        ("--device cuda", "--device cuda: "),
        ("--device abacus", "--device abacus: Expected one of cpu, cuda, "),
    ],
)
def test_without_an_accelerator_one_line_says_so(script, tmp_path, capsys, arguments, said):
    """On a machine without an accelerator `examples/cpu_vs_gpu.py` without `--dry-run`, with no
    `--device` or with `--device cpu`, `meta`, `cuda` or `abacus`, ends with exit code 2 and one
    line, and writes no file.

    The line names the reason; without `--device` and with `--device cpu` it is "there is no
    accelerator here to compare with".
    """
    with pytest.raises(SystemExit, match="2"):
        script.main([*arguments.split(), "--out", str(tmp_path / "out")])

    line = capsys.readouterr().err
    assert line.startswith(f"cpu_vs_gpu.py: {said}")
    assert line.count("\n") == 1
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--sizes 16", "error: argument --sizes: takes a small and a large one at least"),
        ("--sizes 16 16", "error: argument --sizes: takes a small and a large one at least"),
        ("--sizes 16 0", "error: argument --sizes: invalid positive number value: '0'"),
        ("--repeats -1", "error: argument --repeats: invalid positive number value: '-1'"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(script, capsys, arguments, said):
    """`examples/cpu_vs_gpu.py`, without `--dry-run`, refuses `--sizes 16`, `--sizes 16 16` (two
    different sizes are needed), `--sizes 16 0` and `--repeats -1`: it exits with code 2, and
    the last line on stderr names the option.
    """
    with pytest.raises(SystemExit, match="2"):
        script.main(arguments.split())

    assert capsys.readouterr().err.endswith(f"{said} (--help lists all)\n")


@pytest.fixture
def compared_with_itself(script, monkeypatch):
    """The script, made to take the CPU for an accelerator; its seconds are given, not measured."""
    seconds = iter([1e-6, 1e-5, 2e-5, 0.25, 0.125, 0.5])
    waits = []
    monkeypatch.setattr(script, "accelerator", lambda device, dry_run: torch.device("cpu"))
    monkeypatch.setattr(script, "synchronizer", lambda device: lambda: waits.append(device.type))

    def timed(work, synchronize, repeats, warmup):
        work()
        synchronize()
        return next(seconds)

    monkeypatch.setattr(script, "seconds_of", timed)
    script.waits = waits
    yield script
    del script.waits


def test_the_table_tells_sizes_seconds_ratio_and_crossover(compared_with_itself, tmp_path, capsys):
    """On an accelerator, `examples/cpu_vs_gpu.py` prints one line per size with the seconds
    on the CPU, on the GPU and on the GPU with copies, and the ratio CPU / GPU, and then the
    size from which on the GPU wins, or that it doesn't win.
    """
    metrics = compared_with_itself.main(["--sizes", "256", "16", "--out", str(tmp_path / "a/b")])

    assert capsys.readouterr().out.splitlines()[1:] == [
        "   size          CPU          GPU    with copies   CPU / GPU   GPU, operations/s",
        "     16         1 us        10 us          20 us         0.1             8.2e+08",
        "    256       250 ms       125 ms         500 ms           2             2.7e+08",
        "With the matrices there already the GPU wins from 256 on.",
        "With the matrices copied there and back the GPU does not win up to 256.",
        "At 16 the GPU is 0.1 times as fast as the CPU, at 256 2 times.",
    ]
    assert metrics["ratio_small"] == pytest.approx(0.1)
    assert metrics["ratio_large"] == 2.0
    assert (metrics["crossover"], metrics["crossover_copied"]) == (256, None)
    assert [row["error"] for row in metrics["rows"]] == [0.0, 0.0]
    assert len(compared_with_itself.waits) == 6


def test_the_figure_shows_seconds_over_size(compared_with_itself, tmp_path):
    """On an accelerator, a finished run of `examples/cpu_vs_gpu.py` without `--dry-run` makes the
    folder named by `--out`, with its missing parents, and writes one file there, seconds.png.
    """
    from PIL import Image

    compared_with_itself.main(["--sizes", "16", "256", "--out", str(tmp_path / "a/b")])

    assert os.listdir(tmp_path / "a/b") == ["seconds.png"]
    with Image.open(tmp_path / "a/b/seconds.png") as figure:
        assert figure.size == (800, 500)
        # As many shades as a figure with something in it has; a blank one has one.
        assert len(np.unique(np.asarray(figure.convert("L")))) == pytest.approx(200, abs=60)


@without_accelerator
def test_a_dry_run_times_two_small_sizes_and_writes_nothing(script, tmp_path, monkeypatch):
    """`examples/cpu_vs_gpu.py --dry-run` times products of square matrices of the sizes 16 and
    64 (on the CPU twice where there is no accelerator) and writes no file, not even the folder
    of `--out`.
    """
    monkeypatch.chdir(tmp_path)

    metrics = script.main(["--dry-run", "--out", str(tmp_path / "out")])

    assert [row["size"] for row in metrics["rows"]] == [16, 64]
    assert metrics["device"] == "cpu"
    assert os.listdir(tmp_path) == []


def test_on_the_cpu_a_large_product_takes_longer(script):
    """Timed on the CPU by `compare` of `examples/cpu_vs_gpu.py` (median of five calls), a
    product of two 256 x 256 matrices takes longer than one of two 16 x 16 matrices.
    """
    cpu = torch.device("cpu")

    small, large = (script.compare(size, cpu, repeats=5, warmup=2) for size in (16, 256))

    assert 0 < small["cpu"] < large["cpu"]
    assert large["ratio"] == large["cpu"] / large["gpu"]
    assert large["error"] == 0.0


@pytest.mark.cuda
def test_a_gpu_wins_the_large_product_and_not_the_small_one(script, tmp_path):
    """On a CUDA GPU with at least ten times the float32 throughput of the CPU,
    `examples/cpu_vs_gpu.py --sizes 16 2048` finds the GPU slower than the CPU at 16 and
    more than 5 times as fast at 2048.

    Because launching a kernel costs some microseconds, whatever the size of its matrices.
    """
    metrics = script.main(["--device", "cuda", "--sizes", "16", "2048", "--out", str(tmp_path)])

    assert metrics["device"] == "cuda:0"
    assert metrics["ratio_small"] < 1.0
    assert metrics["ratio_large"] > 5.0
    assert metrics["crossover"] == 2048
    assert [row["error"] < 1e-5 for row in metrics["rows"]] == [True, True]


@pytest.mark.cuda
def test_on_a_gpu_who_does_not_wait_times_the_asking(script):
    """On a CUDA GPU, timing `a @ a` of a 4096 x 4096 float32 matrix, after three warm-up
    calls, without `torch.cuda.synchronize()` gives less than 1/5 of the time that the
    product takes.

    Because the call returns when the kernel is queued, not when it is done.
    """
    device = torch.device("cuda")
    a = torch.rand(4096, 4096, device=device)

    waited = script.seconds_of(lambda: a @ a, script.synchronizer(device))
    asked = script.seconds_of(lambda: a @ a, lambda: None, repeats=3)

    assert waited / asked > 5.0


@pytest.mark.cuda
def test_events_on_the_gpu_agree_with_the_clock(script):
    """`first` and `second`, two `torch.cuda.Event(enable_timing=True)`, are recorded around a warm
    `a @ a` on a CUDA GPU. After `second.synchronize()`, `first.elapsed_time(second)` is about the
    time of `a @ a`, in ms.

    For 4096 x 4096 float32 it is within 40 % of the time by `time.perf_counter()`, a clock that
    needs `torch.cuda.synchronize()` before each reading.
    """
    device = torch.device("cuda")
    a = torch.rand(4096, 4096, device=device)
    waited = script.seconds_of(lambda: a @ a, script.synchronizer(device))
    first, second = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    first.record()
    a @ a
    second.record()
    second.synchronize()

    assert first.elapsed_time(second) / 1000 / waited == pytest.approx(1.0, abs=0.4)
