"""The CPU against the GPU.

`examples/cpu_vs_gpu.py` times products of matrices, small and large, on both. A GPU does many
operations at once, and every call to it costs some microseconds before the first: so it wins large
products and loses small ones. What surprises is how easily such a measurement goes wrong: a call on
a GPU comes back before its work is done, and who doesn't wait times the asking.

What the ratio is, only a machine with a GPU tells. How it is timed and read off the table is told
everywhere.
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
    """Each of the n^2 values of a product takes n multiplications and n additions: 2 n^3 in all."""
    assert script.operations(size) == count


def test_the_time_is_the_median(script):
    """Of the timed calls the median counts: one that was disturbed changes nothing."""
    ticks = iter([0, 2, 10, 11, 20, 95, 100, 103, 110, 112])

    seconds = script.seconds_of(lambda: None, lambda: None, repeats=5, clock=lambda: next(ticks))

    assert seconds == 2


def test_work_is_waited_for_before_and_after_each_timed_call(script):
    """Each timed call stands between two waits, with the clock inside; the warm-up is untimed."""
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
    """A device that works behind one's back looks a hundred times as fast if nobody waits."""
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
    """The crossover is the smallest size with only wins from there on; it may not exist."""
    assert script.crossover(rows(cpu, gpu)) == size
    assert script.crossover(rows(cpu, gpu)[::-1]) == size


@without_accelerator
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "there is no accelerator here, and so nothing to compare with"),
        ("--device cpu", "--device cpu: to be compared with the CPU it has to be another"),
        ("--device meta", "--device meta: Tensor.item() cannot be called on meta tensors"),
        ("--device cuda", "--device cuda: "),
        ("--device abacus", "--device abacus: Expected one of cpu, cuda, "),
    ],
)
def test_without_an_accelerator_one_line_says_so(script, tmp_path, capsys, arguments, said):
    """Where there is nothing to compare the script ends with code 2, one line and no file."""
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
    """One size alone, no size, less than one repetition: refused with their reason."""
    with pytest.raises(SystemExit, match="2"):
        script.main(arguments.split())

    assert capsys.readouterr().err.endswith(f"{said}\n")


@pytest.fixture
def compared_with_itself(script, monkeypatch):
    """The script, made to take the CPU for an accelerator; its seconds are given, not measured."""
    seconds = iter([1e-6, 1e-5, 2e-5, 0.25, 0.125, 0.5])
    waits = []
    monkeypatch.setattr(script, "pick_device", lambda name: torch.device("cpu"))
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
    """The script prints a line a size, where the GPU wins, and how many times as fast it is."""
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
    """A run makes its folder and leaves one figure there, 700 by 500 points, and no more."""
    from PIL import Image

    compared_with_itself.main(["--sizes", "16", "256", "--out", str(tmp_path / "a/b")])

    assert os.listdir(tmp_path / "a/b") == ["seconds.png"]
    with Image.open(tmp_path / "a/b/seconds.png") as figure:
        assert figure.size == (700, 500)
        # As many shades as a figure with something in it has; a blank one has one.
        assert len(np.unique(np.asarray(figure.convert("L")))) == pytest.approx(200, abs=60)


def test_a_dry_run_times_two_small_sizes_and_writes_nothing(
    compared_with_itself, tmp_path, monkeypatch
):
    """`--dry-run` goes all the way with two small products, and leaves no file behind."""
    monkeypatch.chdir(tmp_path)

    metrics = compared_with_itself.main(["--dry-run", "--out", str(tmp_path / "out")])

    assert [row["size"] for row in metrics["rows"]] == [16, 64]
    assert os.listdir(tmp_path) == []


def test_on_the_cpu_a_large_product_takes_longer(script):
    """Timed in earnest, on the CPU, a product of 256 takes longer than one of 16."""
    cpu = torch.device("cpu")

    small, large = (script.compare(size, cpu, repeats=5, warmup=2) for size in (16, 256))

    assert 0 < small["cpu"] < large["cpu"]
    assert large["ratio"] == large["cpu"] / large["gpu"]
    assert large["error"] == 0.0


@pytest.mark.cuda
def test_a_gpu_wins_the_large_product_and_not_the_small_one(script, tmp_path):
    """A GPU multiplies matrices of 2048 many times as fast as the CPU; for 16 it takes longer."""
    metrics = script.main(["--device", "cuda", "--sizes", "16", "2048", "--out", str(tmp_path)])

    assert metrics["device"] == "cuda:0"
    assert metrics["ratio_small"] < 1.0
    assert metrics["ratio_large"] > 5.0
    assert metrics["crossover"] == 2048
    assert [row["error"] < 1e-5 for row in metrics["rows"]] == [True, True]


@pytest.mark.cuda
def test_on_a_gpu_who_does_not_wait_times_the_asking(script):
    """A large product on a GPU takes many times as long as it takes to ask for it."""
    device = torch.device("cuda")
    a = torch.rand(4096, 4096, device=device)

    waited = script.seconds_of(lambda: a @ a, script.synchronizer(device))
    asked = script.seconds_of(lambda: a @ a, lambda: None, repeats=3)

    assert waited / asked > 5.0


@pytest.mark.cuda
def test_events_on_the_gpu_agree_with_the_clock(script):
    """A pair of CUDA events around a large product tells about the same seconds as the clock."""
    device = torch.device("cuda")
    a = torch.rand(4096, 4096, device=device)
    waited = script.seconds_of(lambda: a @ a, script.synchronizer(device))
    began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    began.record()
    a @ a
    ended.record()
    ended.synchronize()

    assert began.elapsed_time(ended) / 1000 / waited == pytest.approx(1.0, abs=0.4)
