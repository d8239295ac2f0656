"""Two layers, written seven times.

`examples/two_layer_net.py` trains one small net in seven ways, from NumPy alone up to a class of
its own: a by-hand gradient, `backward()`, an own `Function`, layers, an optimizer and a `Module`
are ways to write down the same numbers, and what sets their loss curves apart is rounding alone.
An eighth way has no fixed net at all: the number of its layers is drawn anew at every step.
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
def trained(example, tmp_path_factory):
    """Trains as the arguments say, each way once; the metrics and the folder written to."""

    @functools.cache
    def train(*arguments):
        out = tmp_path_factory.mktemp("two_layer_net")
        return example.main(["--out", str(out), "--device", "cpu", *arguments]), out

    return train


def test_seven_ways_to_write_a_net_give_one_loss_curve(trained):
    """By hand or by autograd, from layers or a class: five hundred losses are the same seven times.

    In single precision the curves part by less than one in ten thousand.
    """
    metrics, _ = trained()

    assert list(metrics["losses"]) == STAGES
    first = metrics["losses"]["numpy"]
    assert len(first) == 500
    assert metrics["losses"] == {stage: pytest.approx(first, rel=1e-4) for stage in STAGES}


def test_in_double_precision_the_curves_agree_to_twelve_digits(trained):
    """In float64 the seven curves are the same to twelve digits: they part by rounding alone."""
    metrics, _ = trained("--dtype", "float64")

    first = metrics["losses"]["numpy"]
    assert metrics["losses"] == {stage: pytest.approx(first, rel=1e-12, abs=0) for stage in STAGES}
    assert metrics["test"] == {
        stage: pytest.approx(metrics["test"]["numpy"], rel=1e-12, abs=0) for stage in STAGES
    }


def test_single_precision_draws_the_curve_of_double_precision(trained):
    """The curve is that of the net, not of its number type: float32 and float64 agree on it."""
    single, _ = trained()
    double, _ = trained("--dtype", "float64")

    assert single["losses"]["numpy"] == pytest.approx(double["losses"]["numpy"], rel=1e-4)
    assert single["losses"]["numpy"] != double["losses"]["numpy"]


def test_a_hidden_layer_learns_what_no_linear_map_can(trained):
    """On inputs that it has not seen the net errs twenty times less than the best linear map."""
    metrics, _ = trained()

    linear = metrics["baseline"]["test"]
    assert metrics["losses"]["numpy"][0] / linear == pytest.approx(3.0, abs=0.5)
    assert metrics["losses"]["module"][-1] / linear == pytest.approx(0.013, abs=0.01)
    assert metrics["test"]["module"] / linear == pytest.approx(0.035, abs=0.02)


def test_the_best_linear_map_is_what_least_squares_finds(example, trained):
    """No linear map does better than the one that the net is measured against."""
    metrics, _ = trained("--dtype", "float64")
    (x, y), (unseen, wanted) = example.make_data(seed=0)

    best = torch.linalg.pinv(x) @ y

    errors = [(x @ best - y).square().mean(), (unseen @ best - wanted).square().mean()]
    assert metrics["baseline"]["learn"] == pytest.approx(errors[0].item())
    assert metrics["baseline"]["test"] == pytest.approx(errors[1].item())
    assert (x.T @ (x @ best - y)).abs().max().item() == pytest.approx(0, abs=1e-10)


def test_gradcheck_approves_of_the_own_function(example, trained):
    """The own ReLU's backward pass agrees with the slopes that its forward pass shows."""
    x = torch.tensor([-2.0, -0.5, 0.25, 3.0], dtype=torch.float64, requires_grad=True)

    example.OwnReLU.apply(x).sum().backward()

    assert x.grad.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert torch.autograd.gradcheck(example.OwnReLU.apply, (x,)) is True
    assert trained()[0]["gradcheck"] is True


def test_gradcheck_finds_a_backward_pass_that_forgets_the_bend(example):
    """A ReLU that lets every gradient through, also where it cut the input off, is found out."""

    class Forgetful(example.OwnReLU):
        @staticmethod
        def backward(ctx, grad):
            return grad

    x = torch.tensor([-2.0, 3.0], dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(Forgetful.apply, (x[1:],)) is True
    with pytest.raises(RuntimeError, match="Jacobian mismatch for output 0"):
        torch.autograd.gradcheck(Forgetful.apply, (x,))


def test_the_net_learns_through_the_own_function(example, tmp_path, monkeypatch):
    """The net of the fourth stage is trained by the own backward pass: without one it stays put."""
    monkeypatch.setattr(example.OwnReLU, "backward", lambda ctx, grad: 0 * grad)
    x = torch.tensor([[1.0, -1.0], [2.0, 1.0]])
    w1, w2 = torch.eye(2), torch.ones(2, 1)

    _, first, last = example.with_own_function(x, torch.zeros(2, 1), w1, w2, lr=0.25, steps=1)
    _, real_first, real_last = example.with_autograd(x, torch.zeros(2, 1), w1, w2, 0.25, 1)

    assert first.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert last.tolist() == real_last.tolist() == [[-0.75], [0.25]]
    assert real_first.tolist() == [[-0.75, -1.5], [-0.5, 0.25]]


def test_the_number_of_loops_is_drawn_anew_each_time(trained):
    """The eighth net goes 0, 1, 2 or 3 times through its middle layer, each in a step of four."""
    metrics, _ = trained()

    loops = torch.tensor(metrics["dynamic"]["loops"])

    assert torch.bincount(loops).tolist() == pytest.approx([125] * 4, abs=35)
    # In no order: after each number comes each.
    assert len(set(zip(loops[:-1].tolist(), loops[1:].tolist(), strict=True))) == 16


def test_a_net_of_random_depth_learns_at_every_depth(trained):
    """Trained at a depth drawn by chance, the net is far better than a linear map at any."""
    metrics, _ = trained()

    linear = metrics["baseline"]["test"]
    ratios = [error / linear for error in metrics["dynamic"]["test"]]
    assert ratios == pytest.approx([0.025] * 4, abs=0.02)
    curve = metrics["dynamic"]["losses"]
    assert sum(curve[-50:]) / sum(curve[:50]) == pytest.approx(0.025, abs=0.015)


def test_shared_weights_gather_a_gradient_from_each_use(example):
    """Three times through one layer: its gradient is the sum of those of three layers alike."""
    net = example.DynamicNet(seed=0).double()
    x = torch.randn(5, example.INPUTS, dtype=torch.float64)
    copies = [net.middle.weight.detach().clone().requires_grad_() for _ in range(3)]

    hidden = torch.relu(net.first(x))
    for weight in copies:
        hidden = torch.relu(torch.nn.functional.linear(hidden, weight, net.middle.bias))
    net.last(hidden).sum().backward()
    net.zero_grad()
    net(x, loops=3).sum().backward()

    torch.testing.assert_close(net.middle.weight.grad, sum(weight.grad for weight in copies))
    assert net.middle.weight.grad.norm().item() > 1


@pytest.mark.parametrize(("loops", "reached"), [(0, False), (1, True), (3, True)])
def test_the_graph_is_what_has_run(example, loops, reached):
    """A layer that was not used on the way has no gradient; the number of weights stays."""
    net = example.DynamicNet(seed=0)

    net(torch.ones(1, example.INPUTS), loops).sum().backward()

    assert (net.middle.weight.grad is not None) is reached
    assert sum(parameter.numel() for parameter in net.parameters()) == 1732


def test_the_seed_decides_all(trained):
    """Two runs with one seed draw the same curves bit for bit; another seed draws others."""
    short = ["--steps", "20", "--seed"]

    first, again, other = (
        trained(*short, "3"),
        trained(*short, "3", "--lr", "0.3"),
        trained(*short, "4"),
    )

    assert again[0]["losses"] == first[0]["losses"]
    assert again[0]["dynamic"] == first[0]["dynamic"]
    assert other[0]["losses"]["numpy"][0] != first[0]["losses"]["numpy"][0]


def test_a_run_leaves_one_picture(trained):
    """A run leaves a picture of the curves, and nothing else."""
    from PIL import Image

    _, out = trained()

    assert os.listdir(out) == ["curves.png"]
    with Image.open(out / "curves.png") as picture:
        assert picture.size == (1100, 450)
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 100


def test_a_dry_run_writes_nothing(example, tmp_path):
    """`--dry-run` takes three steps in every stage and leaves no trace."""
    metrics = example.main(["--dry-run", "--device", "cpu", "--out", str(tmp_path / "out")])

    lengths = {stage: len(curve) for stage, curve in metrics["losses"].items()}
    assert lengths == dict.fromkeys(STAGES, 3)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lr", "1e9"], "two_layer_net.py: the loss is nan: --lr 1000000000.0 leads astray"),
        (["--device", "abacus"], "two_layer_net.py: --device abacus: Expected one of cpu"),
        (["--out", "/dev/null"], "two_layer_net.py: --out /dev/null: File exists"),
        (["--steps", "0"], "error: argument --steps: invalid positive number value: '0'"),
    ],
)
def test_what_the_user_can_mend_is_told_in_one_line(example, tmp_path, capsys, arguments, said):
    """A run that cannot succeed ends with code 2 and a line that says why."""
    run = ["--out", str(tmp_path), "--device", "cpu", "--steps", "50", *arguments]
    with pytest.raises(SystemExit) as stopped:
        example.main(run)

    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
    assert os.listdir(tmp_path) == []
