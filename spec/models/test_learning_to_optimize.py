"""An LSTM that optimizes.

`examples/learning_to_optimize.py` puts an LSTM in the place of an optimizer. It reads the gradient
of one coordinate and answers with that coordinate's step; all coordinates share its weights, and
each has a state of its own. It is trained by unrolling 20 of its own steps on random quadratics of
ten dimensions and differentiating the losses on the way, which is called meta-learning. Its rivals
are SGD, momentum and Adam, with the settings that a grid finds best for 20 steps.

On problems that it has not seen the LSTM leaves SGD far behind, even at the best learning rate of
the grid. What surprises is who keeps up: momentum, with both of its settings tuned on the same kind
of problem, does about as well as the LSTM, and Adam, in 20 steps, does worse than SGD. Figures are
those of 300 training steps with seed 0 on the CPU. The optimizers are told in
`spec/optim/test_update_rules.py`.
"""

import os

import pytest
import torch

from spec.models.scripts import import_example

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def example():
    """The example as a module."""
    return import_example("learning_to_optimize")


@pytest.fixture(scope="module")
def trained(example, tmp_path_factory):
    """The metrics and the folder of a run with half of the default's training."""
    out = tmp_path_factory.mktemp("trained")
    return example.main(["--steps", "300", "--device", "cpu", "--out", str(out)]), out


def test_the_lstm_ends_lower_than_the_best_tuned_sgd(trained):
    """With `--steps 300` (seed 0) the LSTM of `examples/learning_to_optimize.py` brings 100 unseen
    quadratics in 20 steps to less than 0.6 times SGD's mean loss, even if SGD's learning rate is
    tuned on these very quadratics.
    """
    metrics, _ = trained
    after = metrics["after"]

    assert metrics["start"] == pytest.approx(11, abs=1.5)
    assert after["SGD"] == pytest.approx(0.23, abs=0.05)
    assert after["LSTM"] / after["SGD"] < 0.6
    assert after["LSTM"] / metrics["hindsight"]["SGD"] < 0.6
    assert metrics["hindsight"]["SGD"] <= after["SGD"]


def test_tuned_momentum_keeps_up_and_adam_does_not(trained):
    """With `examples/learning_to_optimize.py --steps 300` (seed 0), after 20 steps on 100 unseen
    quadratics, the mean loss of its LSTM is 0.75 to 1.45 times that of tuned momentum, and that of
    tuned Adam 1.6 to 2.6 times that of tuned SGD.

    Over more steps the ranking differs: 20 steps are few for Adam.
    """
    after = trained[0]["after"]

    assert after["LSTM"] / after["momentum"] == pytest.approx(1.1, abs=0.35)
    assert after["Adam"] / after["SGD"] == pytest.approx(2.1, abs=0.5)


def test_each_rival_has_the_best_of_its_grid(example):
    """With `problems = Quadratics(64, torch.Generator().manual_seed(5))` of
    `examples/learning_to_optimize.py`, `tune(problems, 20)["SGD"]` has the rate of least loss
    in 20 steps; of the 48 in `candidates()["SGD"]` it is neither first nor last.

    For Adam there are 48 rates too, for momentum 240 pairs of rate and momentum.
    A best value at the end of a grid would mean that a better one may lie beyond.
    """
    problems = example.Quadratics(64, torch.Generator().manual_seed(5))

    settings = example.candidates()
    ends = {
        name: example.optimize(each, problems, 20)[-1].nan_to_num(float("inf")).item()
        for name, each in settings["SGD"].items()
    }
    (best, _), names = example.tune(problems, 20)["SGD"], list(ends)

    assert {kind: len(each) for kind, each in settings.items()} == {
        "SGD": 48,
        "momentum": 240,
        "Adam": 48,
    }
    assert ends[best] == min(ends.values())
    assert names.index(best) == pytest.approx(31, abs=4)


def test_beyond_the_steps_it_was_trained_for_the_lstm_goes_on_falling(trained):
    """`examples/learning_to_optimize.py --steps 300` (seed 0) trains an LSTM to optimize in 20
    steps. On unseen problems the mean loss after 20 steps is below 2 % of the initial loss, and
    after 100 steps it is 0.15 to 0.85 times that after 20.
    """
    metrics, _ = trained
    curve = metrics["curves"]["LSTM"]

    assert len(curve) == 101
    assert curve[100] / curve[20] == pytest.approx(0.5, abs=0.35)
    assert curve[20] / curve[0] < 0.02


def test_an_untrained_lstm_optimizes_nothing(example):
    """The untrained LSTM of `examples/learning_to_optimize.py`, with initial weights of
    seed 0, takes 20 steps on 64 quadratics; after them the loss is 0.7 to 1.3 times what it
    was before the first step.

    So what it does after training is learned, not built in. LSTMs of the seeds 0 to 29 left 0.68
    to 1.38 of the loss at the start on 64 quadratics of seed 0.
    """
    problems = example.Quadratics(64, torch.Generator().manual_seed(5))

    with torch.inference_mode():
        losses = example.optimize(example.LearnedOptimizer(), problems, 20)

    assert (losses[20] / losses[0]).item() == pytest.approx(1.0, abs=0.3)


def test_meta_training_lowers_the_loss(trained):
    """With seed 0, 300 training steps of `examples/learning_to_optimize.py` lower the loss
    after the LSTM's 20 steps on a batch of quadratics: its mean over the last 20 training
    steps is less than 5 % of its mean over the first 20.
    """
    losses = trained[0]["losses"]

    assert sum(losses[-20:]) / sum(losses[:20]) < 0.05


def test_the_gradient_by_hand_is_autograds(example):
    """At the start of three random quadratics the gradient that
    `examples/learning_to_optimize.py` computes by hand, 2/10 of W^T (W x - y), is the one that
    autograd finds for |W x - y|^2 / 10, to within 1e-5.
    """
    problems = example.Quadratics(3, torch.Generator().manual_seed(5))
    x = problems.start.clone().requires_grad_()

    (found,) = torch.autograd.grad(problems.loss(x).sum(), x)

    assert found.shape == (3, 10)
    assert found.flatten().tolist() == pytest.approx(
        problems.gradient(x).flatten().tolist(), abs=1e-5
    )


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sgd", {"lr": 0.1}),
        ("momentum", {"lr": 0.1, "beta": 0.9}),
        ("adam", {"lr": 0.1}),
    ],
)
def test_the_rivals_step_as_torch_optim_does(example, name, options):
    """On three random quadratics `sgd(0.1)`, `momentum(0.1, 0.9)` and `adam(0.1)` of
    `examples/learning_to_optimize.py` have over ten steps the losses of `torch.optim.SGD` (without
    and with `momentum=0.9`) and `Adam` of `lr=0.1`, up to rounding.
    """
    problems = example.Quadratics(3, torch.Generator().manual_seed(5))
    x = problems.start.clone().requires_grad_()
    optimizer = {
        "sgd": lambda: torch.optim.SGD([x], lr=0.1),
        "momentum": lambda: torch.optim.SGD([x], lr=0.1, momentum=0.9),
        "adam": lambda: torch.optim.Adam([x], lr=0.1),
    }[name]()
    by_torch = []
    for _ in range(10):
        optimizer.zero_grad()
        problems.loss(x).sum().backward()
        optimizer.step()
        by_torch.append(problems.loss(x).mean().item())

    ours = example.optimize(getattr(example, name)(**options), problems, 10)

    assert ours[1:].tolist() == pytest.approx(by_torch, rel=1e-4)


def test_each_coordinate_is_optimized_by_itself(example):
    """`learned = LearnedOptimizer()` of `examples/learning_to_optimize.py` reads each coordinate
    alone: `learned(gradient.flip(1), None)[0]` is the step for a (2, 10) `gradient`, flipped, up
    to rounding. It has 1941 parameters.

    Therefore the same parameters serve for any number of coordinates, and it can be applied to
    problems of any size.
    """
    torch.manual_seed(0)
    learned, gradient = example.LearnedOptimizer(), torch.randn(2, 10)

    step, _ = learned(gradient, None)
    reversed_step, _ = learned(gradient.flip(1), None)

    assert step.shape == (2, 10)
    assert reversed_step.flip(1).flatten().tolist() == pytest.approx(step.flatten().tolist())
    assert sum(p.numel() for p in learned.parameters()) == 1941


def test_the_training_reaches_through_all_steps(example):
    """In `examples/learning_to_optimize.py` `optimize(learned, problems, 4)[-1].backward()` gives
    the six parameters of `learned`, a `LearnedOptimizer`, gradients through all four steps; the
    gradients that `learned` reads don't require grad.

    What the `nn.LSTMCell` reads, the problem's gradients, is detached, as in the paper "Learning
    to learn by gradient descent by gradient descent", so that no second derivatives of the problem
    are needed.
    """
    torch.manual_seed(0)
    learned = example.LearnedOptimizer()
    problems = example.Quadratics(2, torch.Generator().manual_seed(5))
    steps = []

    def recording(gradient, memory):
        step, memory = learned(gradient, memory)
        steps.append((gradient, step))
        return step, memory

    last = example.optimize(recording, problems, 4)[-1]
    last.backward(inputs=[*learned.parameters()], retain_graph=True)
    through = torch.autograd.grad(last, [step for _, step in steps])

    assert [bool(gradient.any()) for gradient in through] == [True] * 4
    assert [gradient.requires_grad for gradient, _ in steps] == [False] * 4
    assert [bool(p.grad.any()) for p in learned.parameters()] == [True] * 6


@pytest.mark.parametrize(
    ("figure", "size"), [("curves.png", (1000, 450)), ("training.png", (800, 450))]
)
def test_a_run_leaves_two_figures_and_a_checkpoint(trained, figure, size):
    """A finished run of `examples/learning_to_optimize.py` without `--dry-run` leaves four files
    in the new folder `--out`: checkpoint.pt, log.txt, curves.png (the loss of each optimizer
    over the steps) and training.png.
    """
    from PIL import Image

    _, out = trained

    assert sorted(os.listdir(out)) == ["checkpoint.pt", "curves.png", "log.txt", "training.png"]
    with Image.open(out / figure) as picture:
        assert picture.size == size
        assert len(picture.convert("RGB").getcolors(100000)) > 50
