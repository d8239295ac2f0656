"""Counting operations.

`torch.utils.flop_counter.FlopCounterMode` counts the floating-point operations (FLOPs) of what runs
inside it: a multiplication and an addition count as two. It knows the formulas of matrix products,
convolutions and attention, which make up nearly all the work of a net, and looks at shapes only. So
a count can be had on the meta device, without memory or a GPU.

What surprises: an addition or a softmax of a million elements counts 0, and mostly so does a
float32 LSTM on the CPU, because it is one operation whose formula the counter does not know. In
PyTorch 2.14 `F.scaled_dot_product_attention` on the CPU counts 0 too; 2.15 counts it.

`torch.utils.benchmark.Timer` measures time instead. What the profiler counts is told in
`spec/performance/test_profiler.py`.
"""

from importlib.util import find_spec

import pytest
import torch
from torch import nn


@pytest.mark.torch(">=2.1")
@pytest.mark.parametrize(
    ("rows", "inner", "columns", "flops"), [(4, 4, 4, 128), (2, 3, 5, 60), (1, 10, 1, 20)]
)
def test_a_matrix_product_is_two_operations_per_term(rows, inner, columns, flops):
    """Outside of `torch.inference_mode()`, `FlopCounterMode(display=False)` counts 2 * n * k * m
    for the product `torch.ones(n, k) @ torch.ones(k, m)`: one multiplication and one addition per
    term.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        torch.ones(rows, inner) @ torch.ones(inner, columns)

    assert counter.get_total_flops() == flops


@pytest.mark.torch(">=2.1")
def test_a_linear_layer_counts_as_its_product():
    """`FlopCounterMode(display=False)` counts 2 * 4 * 10 * 20 = 1600 for `nn.Linear(10, 20)` of an
    input of shape (4, 10); the bias is not counted.

    Up to PyTorch 2.5 it counts 0 inside `torch.inference_mode()`.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        nn.Linear(10, 20)(torch.ones(4, 10))

    assert counter.get_total_flops() == 1600


@pytest.mark.torch(">=2.1")
def test_a_convolution_counts_its_kernel_at_each_place():
    """After `with FlopCounterMode(display=False) as counter: net(torch.ones(1, 3, 10, 10))`, with
    `net = nn.Conv2d(3, 8, 3)` and grad mode on, `counter.get_total_flops()` is 27,648: 2 * (8 * 8
    positions) * (8 channels) * (3 * 3 * 3 weights).
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        nn.Conv2d(3, 8, 3)(torch.ones(1, 3, 10, 10))

    assert counter.get_total_flops() == 27648


@pytest.mark.torch(">=2.1")
def test_the_backward_pass_counts_twice_the_forward_pass():
    """For `y = nn.Linear(10, 20)(x)` of a (4, 10) input that requires grad, `FlopCounterMode`
    counts 3200 for `y.sum().backward()`, twice the forward pass: one matrix product for the
    gradient of the weight and one for that of the input.
    """
    from torch.utils.flop_counter import FlopCounterMode

    layer = nn.Linear(10, 20)
    x = torch.ones(4, 10, requires_grad=True)

    with FlopCounterMode(display=False) as forward:
        y = layer(x).sum()
    with FlopCounterMode(display=False) as backward:
        y.backward()

    assert forward.get_total_flops() == 1600
    assert backward.get_total_flops() == 3200


@pytest.mark.torch(">=2.1")
@pytest.mark.parametrize(
    "operation",
    [
        torch.exp,
        lambda x: x + x,
        lambda x: x.softmax(0),
        lambda x: x.sum(),
        lambda x: x.reshape(10, 100) @ x[:100],
    ],
)
def test_elementwise_operations_count_nothing(operation):
    """`FlopCounterMode(display=False)` counts 0 for `torch.exp`, `+`, `softmax` and `sum`
    of 1000 elements, and for `m @ v` of a matrix `m` and a vector `v`.

    Because it has formulas for `aten.mm` and other products of matrices, and none for these.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        operation(torch.ones(1000))

    assert counter.get_total_flops() == 0


@pytest.mark.torch(">=2.1")
def test_an_lstm_on_the_cpu_counts_nothing():
    """`FlopCounterMode(display=False)` has no formula for an LSTM computed by oneDNN: it then
    counts 0 for `nn.LSTM(4, 4)` of a float32 CPU tensor. In float64 it counts the matrix products,
    512 for an input of shape (2, 1, 4).

    To count an LSTM, put it and its input on the meta device, or convert both by `double()`. A
    packed batch of sequences of different lengths and `proj_size=` are counted in float32 too,
    because oneDNN doesn't compute them.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        nn.LSTM(4, 4)(torch.ones(2, 1, 4))
    with FlopCounterMode(display=False) as double:
        nn.LSTM(4, 4).double()(torch.ones(2, 1, 4).double())

    assert counter.get_total_flops() == 0
    assert double.get_total_flops() == 512


@pytest.mark.torch(">=2.1")
def test_nothing_has_to_be_computed():
    """After `a @ b` under `with FlopCounterMode(display=False) as counter:`, for two 10,000 x
    10,000 tensors on the meta device, which take no memory for their elements,
    `counter.get_total_flops()` is 2 * 10**12.

    Up to PyTorch 2.5 nothing is counted inside `torch.inference_mode()`.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        torch.empty(10_000, 10_000, device="meta") @ torch.empty(10_000, 10_000, device="meta")

    assert counter.get_total_flops() == 2_000_000_000_000


@pytest.mark.skipif(find_spec("tabulate") is not None, reason="tabulate is installed here")
@pytest.mark.torch(">=2.1")
def test_the_table_of_counts_needs_tabulate():
    """`get_table()` of a `FlopCounterMode`, which a `with FlopCounterMode():` block calls at its
    end to print the counts, raises ModuleNotFoundError, "No module named 'tabulate'", where the
    package `tabulate` is missing.

    Write `display=False`, as in this book, and read `get_total_flops()`; or `pip install tabulate`.
    In PyTorch 2.1 to 2.3 the error at the end of the block leaves the counter switched on.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        torch.ones(2, 3) @ torch.ones(3, 4)

    assert counter.get_total_flops() == 48
    with pytest.raises(ModuleNotFoundError, match="No module named 'tabulate'"):
        counter.get_table()
    assert FlopCounterMode().display is True


@pytest.mark.torch(">=2.4")
def test_counts_are_kept_per_module():
    """`get_flop_counts()` of a `FlopCounterMode(display=False)` returns a dict from names of
    modules, such as "Sequential.0", to dicts from operations to counts; "Global" has the total of
    each counted operation, inside of modules and outside.

    Operations that aren't counted, such as ReLU, have no entry, nor has a module with nothing
    else. Up to PyTorch 2.5 nothing is counted inside `torch.inference_mode()`.
    """
    from torch.utils.flop_counter import FlopCounterMode

    net = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 5))

    with FlopCounterMode(display=False) as counter:
        net(torch.ones(4, 10))
        torch.ones(2, 3) @ torch.ones(3, 5)
    counts = counter.get_flop_counts()

    assert sorted(counts) == ["Global", "Sequential", "Sequential.0", "Sequential.2"]
    assert sum(counts["Sequential.0"].values()) == 1600
    assert sum(counts["Sequential.2"].values()) == 800
    assert sum(counts["Global"].values()) == 2460


def test_a_timer_repeats_a_statement():
    """`Timer(stmt, globals=...).timeit(10)` of `torch.utils.benchmark` runs the statement in the
    string `stmt` 10 times, after a few runs to warm up, and returns a `Measurement`.

    It waits for the GPU, as `torch.cuda.synchronize()` does, and uses one thread unless
    `num_threads` is given; `time.time()` around a call does neither.
    """
    from torch.utils.benchmark import Timer

    runs = []

    measurement = Timer("runs.append(1)", globals={"runs": runs}).timeit(10)

    assert measurement.number_per_run == 10
    assert (len(runs) > 10) is True
    assert measurement.mean > 0
