"""Timing: how long an operation takes.

`time.time()` before and after a call measures on the CPU how long the call takes, on a GPU often
only how long it takes to queue it: wait by `torch.cuda.synchronize()` before each look at the
clock, or use two events (`spec/devices/test_streams.py`). The first calls take longer: CUDA starts,
memory is reserved, cuDNN and `torch.compile` choose or make their kernels. So run a few calls
before you measure, and many while you do.

`torch.utils.benchmark.Timer` does all of it: it runs a statement some times beforehand, waits for
the GPU, and repeats (`spec/performance/test_flops.py`).

What surprises: `Timer` uses one thread unless told otherwise, so that its times on the CPU may
differ from those of a program that uses more, and it takes the statement as a string with its names
in `globals`.
"""

import pytest
import torch
from torch.utils.benchmark import Timer


def test_timer_needs_the_names_of_the_statement():
    """After `from torch.utils.benchmark import Timer`, `Timer("x + 1").timeit(1)` raises
    NameError, "name 'x' is not defined", even if the calling code has defined `x`: pass
    `globals={"x": x}`.

    Because the statement is a string that is run with the names in `globals`; besides these it
    knows `torch`, Python's built-in names such as `len`, and the names made in `setup`.
    """
    x = torch.ones(2)

    with pytest.raises(NameError, match="name 'x' is not defined"):
        Timer("x + 1").timeit(1)

    assert Timer("x + 1", globals={"x": x}).timeit(1).number_per_run == 1


@pytest.mark.parametrize(("arguments", "threads"), [({}, 1), ({"num_threads": 2}, 2)])
def test_timer_uses_one_thread_unless_told_otherwise(arguments, threads):
    """While `torch.utils.benchmark.Timer` runs its statement, `torch.get_num_threads()` is 1 by
    default, and 2 with `num_threads=2`; afterwards it is as before.

    For numbers as in your program pass `num_threads=torch.get_num_threads()`.
    """
    seen = set()
    before = torch.get_num_threads()

    Timer("f()", globals={"f": lambda: seen.add(torch.get_num_threads())}, **arguments).timeit(5)

    assert seen == {threads}
    assert (torch.get_num_threads() == before) is True


def test_setup_runs_before_and_is_not_measured():
    """`torch.utils.benchmark.Timer(stmt, setup=setup).timeit(2)` runs `setup` once and `stmt`
    twice to warm up, then `setup` once more and `stmt` twice more: only these last two runs of
    `stmt` are measured.

    So `setup` may make what the statement uses. `blocked_autorange` runs `setup` more often.
    """
    seen = []

    Timer("seen.append('run')", setup="seen.append('setup')", globals={"seen": seen}).timeit(2)

    assert seen == ["setup", "run", "run", "setup", "run", "run"]


@pytest.mark.cuda
def test_a_clock_read_without_waiting_measures_the_queue():
    """After 20 float32 products `x @ x` of shape (8192, 8192) were called on a GPU, a
    `torch.cuda.Event` recorded after the last call answers False to `query()`: the GPU is still
    computing. After `torch.cuda.synchronize()` it answers True.

    Because such a call only queues its work: call `torch.cuda.synchronize()` each time before you
    read the clock, at the start and at the end.
    """
    x = torch.ones(8192, 8192, device="cuda")
    x @ x
    torch.cuda.synchronize()
    done = torch.cuda.Event()

    for _ in range(20):
        x @ x
    done.record()
    when_the_clock_is_read = done.query()
    torch.cuda.synchronize()

    assert [when_the_clock_is_read, done.query()] == [False, True]


@pytest.mark.cuda
def test_timer_waits_for_the_gpu():
    """`torch.utils.benchmark.Timer("work()", globals={"work": work}).timeit(2)` waits for the GPU
    before it stops its clock: what `work()` queued on the current GPU is done when `timeit`
    returns.
    """
    done = torch.cuda.Event()

    def work():
        torch.cuda._sleep(10**8)
        done.record()

    measured = Timer("work()", globals={"work": work}).timeit(2)

    assert done.query() is True
    assert measured.number_per_run == 2


def test_cudnn_may_measure_its_algorithms():
    """`torch.backends.cudnn.benchmark` is False by default. Set to True it lets cuDNN, on a
    GPU, time several algorithms at the first convolution of each shape and keep the fastest; a
    convolution on the CPU doesn't use it.

    It pays where the shapes of batches repeat, and slows a training down where each batch has a
    new shape.
    """
    x, weight = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)
    before = torch.backends.cudnn.benchmark

    with torch.backends.cudnn.flags(enabled=True, benchmark=True):
        inside = torch.backends.cudnn.benchmark
        y = torch.conv2d(x, weight)

    assert [before, inside] == [False, True]
    assert y.item() == 9.0


@pytest.mark.cuda
def test_measuring_changes_a_convolution_by_rounding_at_most():
    """On a GPU `torch.conv2d` of finite float32 tensors without TF32 gives the same values under
    `torch.backends.cudnn.benchmark = True` as under False, up to rounding.

    Because cuDNN may choose another algorithm, which rounds differently.
    """
    x, weight = torch.rand(2, 3, 32, 32, device="cuda"), torch.rand(4, 3, 3, 3, device="cuda")
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=False):
        expected = torch.conv2d(x, weight)

    with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
        measured = torch.conv2d(x, weight)

    torch.testing.assert_close(measured, expected, rtol=1e-4, atol=1e-4)
    assert measured.shape == (2, 4, 30, 30)
