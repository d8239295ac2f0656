"""Two layers, written seven times.

`examples/two_layer_net.py` trains one small net (16 inputs, 32 hidden units, ReLU, 4 outputs) in
seven ways: in NumPy, with tensors and a gradient by hand, with `backward()`, with an own
`autograd.Function`, with layers of `torch.nn`, with an optimizer, and as an `nn.Module`. Each way
hands one more part of the work to PyTorch. All seven start from the same weights and data, so
they must have the same loss curve.

What surprises: they do, and only rounding sets them apart, which float64 makes many millions of
times smaller. The net of `examples/dynamic_net.py` has no fixed depth at all: at every step it
draws how many times the data pass through one and the same layer, and it learns too. Figures are
those of seed 0 on the CPU.
The parts are told in `spec/autograd/test_custom_functions.py` and `spec/nn/test_modules.py`.
"""

import functools
import os

import pytest
import torch

from spec.models.scripts import import_example

pytestmark = [pytest.mark.slow]

STAGES = ["numpy", "tensor", "autograd", "function", "nn", "optim", "module"]


@pytest.fixture(scope="module")
def example():
    """The example as a module."""
    return import_example("two_layer_net")


@pytest.fixture(scope="module")
def dynamic(tmp_path_factory):
    """The metrics of a run of the dynamic net by its defaults."""
    out = tmp_path_factory.mktemp("dynamic_net")
    return import_example("dynamic_net").main(["--out", str(out), "--device", "cpu"])


@pytest.fixture(scope="module")
def trained(example, tmp_path_factory):
    """Trains as the arguments say, each way once; the metrics and the folder written to."""

    @functools.cache
    def train(*arguments):
        out = tmp_path_factory.mktemp("two_layer_net")
        return example.main(["--out", str(out), "--device", "cpu", *arguments]), out

    return train


def test_seven_ways_to_write_a_net_give_one_loss_curve(trained):
    """With the default settings of `examples/two_layer_net.py` (float32, seed 0, 500 steps) on
    the CPU, the losses of its seven versions of one net, from NumPy to `nn.Module`, agree at
    each step to within one part in 10,000.

    Because they compute the same numbers; sums taken in another order are rounded differently.
    """
    metrics, _ = trained()

    assert list(metrics["losses"]) == STAGES
    first = metrics["losses"]["numpy"]
    assert len(first) == 500
    assert metrics["losses"] == {stage: pytest.approx(first, rel=1e-4) for stage in STAGES}


def test_in_double_precision_the_curves_agree_to_twelve_digits(trained):
    """With `--dtype float64` and otherwise default settings, the seven loss curves of
    `examples/two_layer_net.py` on the CPU agree to a relative 1e-12, and so do the losses on
    unseen data.

    That they come so much nearer than in float32 shows that only rounding sets them apart.
    """
    metrics, _ = trained("--dtype", "float64")

    first = metrics["losses"]["numpy"]
    assert metrics["losses"] == {stage: pytest.approx(first, rel=1e-12, abs=0) for stage in STAGES}
    assert metrics["test"] == {
        stage: pytest.approx(metrics["test"]["numpy"], rel=1e-12, abs=0) for stage in STAGES
    }


def test_single_precision_draws_the_curve_of_double_precision(trained):
    """With otherwise default settings, the NumPy version of `examples/two_layer_net.py` has in
    float32 the same 500 losses as with `--dtype float64` to within one part in 10,000, but not
    exactly the same.
    """
    single, _ = trained()
    double, _ = trained("--dtype", "float64")

    assert single["losses"]["numpy"] == pytest.approx(double["losses"]["numpy"], rel=1e-4)
    assert single["losses"]["numpy"] != double["losses"]["numpy"]


def test_a_hidden_layer_learns_what_no_linear_map_can(trained):
    """In `examples/two_layer_net.py` (seed 0) a linear map fitted by least squares has on unseen
    inputs a mean squared error E; the net's training loss is about 3 E before the first step, its
    error on unseen inputs after 500 steps below 0.06 E.

    Because the targets come from another net with a hidden ReLU layer, which no linear map is.
    """
    metrics, _ = trained()

    linear = metrics["baseline"]["test"]
    assert metrics["losses"]["numpy"][0] / linear == pytest.approx(3.0, abs=0.5)
    assert metrics["losses"]["module"][-1] / linear == pytest.approx(0.013, abs=0.01)
    assert metrics["test"]["module"] / linear == pytest.approx(0.035, abs=0.02)


def test_the_best_linear_map_is_what_least_squares_finds(example, trained):
    """With `--dtype float64` the baseline of `examples/two_layer_net.py` has the mean squared
    errors of the least-squares solution `w = torch.linalg.pinv(x) @ y` of its training data x, y,
    up to rounding; `x.T @ (x @ w - y)` is 0 within 1e-10.
    """
    metrics, _ = trained("--dtype", "float64")
    (x, y), (unseen, wanted) = example.make_data(seed=0)

    best = torch.linalg.pinv(x) @ y

    errors = [(x @ best - y).square().mean(), (unseen @ best - wanted).square().mean()]
    assert metrics["baseline"]["learn"] == pytest.approx(errors[0].item())
    assert metrics["baseline"]["test"] == pytest.approx(errors[1].item())
    assert (x.T @ (x @ best - y)).abs().max().item() == pytest.approx(0, abs=1e-10)


def test_gradcheck_approves_of_the_own_function(example, trained):
    """For `OwnReLU.apply` of `examples/two_layer_net.py`, whose backward sets the gradient to 0
    where the input is negative, `torch.autograd.gradcheck` returns True at the float64 inputs
    -2, -0.5, 0.25 and 3 that require grad.

    Give `gradcheck` float64 inputs: it compares the gradient with differences of the output. At 0,
    where ReLU has a kink, it fails: the difference quotient is 0.5, the gradient 0.
    """
    x = torch.tensor([-2.0, -0.5, 0.25, 3.0], dtype=torch.float64, requires_grad=True)
    kink = torch.tensor([0.0], dtype=torch.float64, requires_grad=True)

    example.OwnReLU.apply(x).sum().backward()

    assert x.grad.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert torch.autograd.gradcheck(example.OwnReLU.apply, (x,)) is True
    assert torch.autograd.gradcheck(example.OwnReLU.apply, (kink,), raise_exception=False) is False
    assert trained()[0]["gradcheck"] is True


def test_gradcheck_finds_a_backward_pass_that_forgets_the_bend(example):
    """For a ReLU whose backward returns each gradient unchanged, `torch.autograd.gradcheck`
    returns True at a float64 input 3.0 that requires grad, and raises RuntimeError, "Jacobian
    mismatch for output 0", at -2.0.

    `gradcheck` sees only the inputs it is given: include both sides of every case distinction.
    """

    class Forgetful(example.OwnReLU):
        @staticmethod
        def backward(ctx, grad):
            return grad

    x = torch.tensor([-2.0, 3.0], dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(Forgetful.apply, (x[1:],)) is True
    with pytest.raises(RuntimeError, match="Jacobian mismatch for output 0"):
        torch.autograd.gradcheck(Forgetful.apply, (x,))


def test_the_net_learns_through_the_own_function(example, tmp_path, monkeypatch):
    """If the backward of `OwnReLU` in `examples/two_layer_net.py` returns zeros, the first
    step leaves the weight before the ReLU as it was and changes the one after the ReLU as with
    `torch.relu`.

    Because the gradient reaches the first weight only through that backward.
    """
    monkeypatch.setattr(example.OwnReLU, "backward", lambda ctx, grad: 0 * grad)
    x = torch.tensor([[1.0, -1.0], [2.0, 1.0]])
    w1, w2 = torch.eye(2), torch.ones(2, 1)

    _, first, last = example.with_own_function(x, torch.zeros(2, 1), w1, w2, lr=0.25, steps=1)
    _, real_first, real_last = example.with_autograd(x, torch.zeros(2, 1), w1, w2, 0.25, 1)

    assert first.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert last.tolist() == real_last.tolist() == [[-0.75], [0.25]]
    assert real_first.tolist() == [[-0.75, -1.5], [-0.5, 0.25]]


def test_the_number_of_loops_is_drawn_anew_each_time(dynamic):
    """With seed 0 `examples/dynamic_net.py` draws at each of its 500 steps whether the
    middle layer is applied 0, 1, 2 or 3 times: each number comes 90 to 160 times, and each
    of the 16 pairs of numbers comes in two steps that follow each other.

    A Python `for` in `forward` is enough, as autograd records anew in every forward pass.
    """
    loops = torch.tensor(dynamic["loops"])

    assert torch.bincount(loops).tolist() == pytest.approx([125] * 4, abs=35)
    # In no order: after each number comes each.
    assert len(set(zip(loops[:-1].tolist(), loops[1:].tolist(), strict=True))) == 16


def test_a_net_of_random_depth_learns_at_every_depth(dynamic):
    """The net of `examples/dynamic_net.py` applies its middle layer 0 to 3 times, at
    random, in each of 500 training steps (seed 0); after them its error on unseen data is
    at each of the four depths less than 5 % of the best linear map's.
    """
    ratios = [error / dynamic["baseline"] for error in dynamic["test"]]
    assert ratios == pytest.approx([0.025] * 4, abs=0.02)
    curve = dynamic["losses"]
    assert sum(curve[-50:]) / sum(curve[:50]) == pytest.approx(0.025, abs=0.015)


def test_the_seed_decides_all(trained):
    """Two runs of `examples/two_layer_net.py` with the same options and number of threads have
    equal losses on one CPU; with `--seed 4` the first loss is another than with `--seed 3`.

    Naming a default, as `--lr 0.3`, changes nothing.
    """
    short = ["--steps", "20", "--seed"]

    first, again, other = (
        trained(*short, "3"),
        trained(*short, "3", "--lr", "0.3"),
        trained(*short, "4"),
    )

    assert again[0]["losses"] == first[0]["losses"]
    assert again[0]["test"] == first[0]["test"]
    assert other[0]["losses"]["numpy"][0] != first[0]["losses"]["numpy"][0]


def test_a_run_leaves_one_picture(trained):
    """A finished run of `examples/two_layer_net.py` without `--dry-run` leaves one file in the
    new folder `--out`: curves.png, the loss curves.
    """
    from PIL import Image

    _, out = trained()

    assert os.listdir(out) == ["curves.png"]
    with Image.open(out / "curves.png") as picture:
        assert picture.size == (1100, 450)
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 100
