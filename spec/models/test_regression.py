"""A net that fits a curve, in batches, saved and restored.

`examples/regression.py` fits a net with one hidden layer to 200 noisy points of the parabola y =
x^2. How well it can do is known beforehand: the parabola itself, which knows nothing of the noise,
has the noise's variance as its mean squared error, and on average no net does better on points that
it has not seen. A `DataLoader` hands out the points in batches, and at the end the net is saved in
two ways, whole and as its parameters, and loaded again. Figures are those of seed 0 on the CPU.

What surprises: a resumed run repeats an uninterrupted one bit for bit if the optimizer's state was
saved too, and leaves it at once if only the weights were. Batches are told in
`spec/data/test_loaders.py`, saving in `spec/training/test_checkpoints.py` and, for a whole net,
in `spec/training/test_pickles.py`.
"""

import functools
import os
import shutil
from itertools import chain

import pytest
import torch

from spec.models.scripts import import_example

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def example():
    """The example as a module."""
    return import_example("regression")


@pytest.fixture(scope="module")
def trained(example, tmp_path_factory):
    """Trains as the arguments say, each way once; the metrics and the folder written to."""

    @functools.cache
    def train(*arguments):
        out = tmp_path_factory.mktemp("regression")
        return example.main(["--out", str(out), "--device", "cpu", *arguments]), out

    return train


def weights(out):
    """The parameters that a run saved, as one row of numbers."""
    saved = torch.load(out / "parameters.pt", weights_only=True)
    return torch.cat([parameter.flatten() for parameter in saved.values()])


@pytest.mark.parametrize("net", ["module", "sequential"])
def test_the_net_errs_by_little_more_than_the_noise(trained, net):
    """After 150 epochs with seed 0 both nets of `examples/regression.py` (`--net module` and
    `sequential`) have on 1000 unseen points a mean squared error of 1.0 to 1.1 times the
    noise's; the best straight line has about 9 times.

    Nothing in x tells the noise of an unseen point, so on average no net comes below its
    variance. Seeds 1 to 5 gave 1.04 to 1.18 times, the line 9.9 to 10.9 times.
    """
    metrics, _ = trained("--net", net)

    assert metrics["noise"] == pytest.approx(0.01, abs=0.001)
    assert metrics["error"] / metrics["noise"] == pytest.approx(1.05, abs=0.05)
    assert metrics["baseline"] / metrics["noise"] == pytest.approx(9.2, abs=1)


def test_no_straight_line_does_better_than_the_one_it_is_measured_against(example, trained):
    """The best straight line for y = x^2 on [-1, 1] is y = 1/3, with mean squared error 4/45. By
    default `metrics["baseline"]` of `examples/regression.py`, a fitted line's error, is 4/45 plus
    `metrics["noise"]`, the error of x^2, within 5 %.
    """
    metrics, _ = trained()
    x, _ = example.make_points(1000, seed=1)

    spread = (x**2 - 1 / 3).square().mean().item()

    assert spread == pytest.approx(4 / 45, abs=0.001)
    assert metrics["baseline"] == pytest.approx(spread + metrics["noise"], rel=0.05)


def test_the_notes_three_layers_have_31_numbers_to_learn(trained):
    """`nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))` has 31 numbers to
    learn in four parameters: 10 in 0.weight, 10 in 0.bias, 10 in 2.weight and 1 in 2.bias.

    The ReLU is number 1 of the Sequential and has no parameters.
    """
    metrics, out = trained("--net", "sequential")

    assert metrics["parameters"] == 31
    saved = torch.load(out / "parameters.pt", weights_only=True)
    assert {name: list(parameter.shape) for name, parameter in saved.items()} == {
        "0.weight": [10, 1],
        "0.bias": [10],
        "2.weight": [1, 10],
        "2.bias": [1],
    }


def test_a_row_of_numbers_is_made_a_column_for_the_layer(example, trained):
    """`nn.Linear(1, 20)` takes a float32 `x` of shape (200,) as 200 inputs after
    `x.unsqueeze(1)`, of shape (200, 1); `x` itself raises RuntimeError, as its last dimension,
    200, is taken for the features.
    """
    metrics, _ = trained()
    x, y = example.make_points(200, seed=0)

    assert metrics["shapes"] == {"x": [200, 1], "y": [200, 1]}
    assert x[[0, -1]].tolist() == [[-1.0], [1.0]]
    assert (y - x**2).std().item() == pytest.approx(0.1, abs=0.02)
    with pytest.raises(RuntimeError, match=r"size mismatch|shapes cannot be multiplied"):
        example.Net()(x.squeeze(1))


def test_unshuffled_the_dropped_points_are_never_seen(trained):
    """With `--drop-last --no-shuffle`, `examples/regression.py` never trains on the last 8 of
    its 200 points, in batches of 32; with `--drop-last` alone and seed 0, four epochs train on
    each of the 200 at least once.

    Because without shuffling the incomplete last batch holds the same points in every epoch.
    """
    shuffled, _ = trained("--epochs", "4", "--drop-last")
    in_order, _ = trained("--epochs", "4", "--drop-last", "--no-shuffle")

    never = set(range(200)) - {point for epoch in in_order["seen"] for point in chain(*epoch)}
    assert sorted(never) == [192, 193, 194, 195, 196, 197, 198, 199]
    assert {point for epoch in shuffled["seen"] for point in chain(*epoch)} == set(range(200))


@pytest.mark.parametrize("net", ["module", "sequential"])
def test_both_copies_of_a_saved_net_predict_what_it_does(example, trained, net):
    """At its end `examples/regression.py` without `--dry-run` loads the net that it saved
    whole, by `torch.load(path, weights_only=False)`, and gives a new net the saved
    `state_dict`; on the CPU both predict bit for bit what the trained net does.
    """
    metrics, out = trained("--net", net)
    x = torch.linspace(-1, 1, 50).unsqueeze(1)

    whole = torch.load(out / "net.pt", weights_only=False)
    copy = example.NETS[net]()
    before = copy(x)
    copy.load_state_dict(torch.load(out / "parameters.pt", weights_only=True))

    assert metrics["copies_equal"] == {"whole object": True, "parameters": True}
    assert torch.equal(copy(x), whole(x))
    assert not torch.equal(copy(x), before)
    # What came back is the trained net: it knows the parabola.
    assert (whole(x) - x**2).square().mean().item() == pytest.approx(0.001, abs=0.001)


@pytest.fixture(scope="module")
def resumed(example, trained, tmp_path_factory):
    """Takes up a run of 15 epochs and goes on to 30; the metrics and the folder written to."""
    _, halfway = trained("--epochs", "15")

    def resume(*arguments):
        out = tmp_path_factory.mktemp("resumed") / "copy"
        shutil.copytree(halfway, out)
        run = ["--out", str(out), "--device", "cpu", "--epochs", "30", "--resume", *arguments]
        return example.main(run), out

    return resume


def test_a_resumed_optimizer_goes_on_with_the_same_curve(trained, resumed):
    """`examples/regression.py --epochs 30 --resume` after a run of `--epochs 15` goes on with the
    batches and ends with the losses and weights of one run of `--epochs 30`, bit for bit with as
    many threads on the same CPU.

    Because the checkpoint holds the net's weights and the optimizer's state, and the order of the
    points follows from the seed and the number of the epoch.
    """
    whole, whole_out = trained("--epochs", "30")

    metrics, out = resumed()

    assert metrics["losses"] == whole["losses"]
    assert metrics["seen"] == whole["seen"][15:]
    assert len(metrics["seen"]) == 15
    assert torch.equal(weights(out), weights(whole_out))


def test_an_optimizer_that_forgot_takes_another_way(trained, resumed):
    """`examples/regression.py --epochs 30 --resume --forget-optimizer` after 15 epochs (seed 0)
    begins with the saved weights and a new Adam: its next loss is more than 0.1 % off that of
    an uninterrupted run, and its final weights are others.

    Because the optimizer's running averages of the gradients start from zero again: save
    `optimizer.state_dict()` as well.
    """
    whole, whole_out = trained("--epochs", "30")

    metrics, out = resumed("--forget-optimizer")

    assert metrics["losses"][:15] == whole["losses"][:15]
    assert metrics["losses"][15] != pytest.approx(whole["losses"][15], rel=1e-3)
    assert not torch.allclose(weights(out), weights(whole_out), atol=1e-3)


def test_a_run_leaves_two_pictures_two_copies_and_a_checkpoint(trained):
    """A finished run of `examples/regression.py` without `--dry-run` leaves six files in the new
    folder `--out`: checkpoint.pt, log.txt, net.pt (the whole net), parameters.pt (its
    `state_dict`), fit.png and loss.png.
    """
    from PIL import Image

    _, out = trained()

    assert sorted(os.listdir(out)) == [
        "checkpoint.pt",
        "fit.png",
        "log.txt",
        "loss.png",
        "net.pt",
        "parameters.pt",
    ]
    with Image.open(out / "fit.png") as fit, Image.open(out / "loss.png") as loss:
        assert fit.size == loss.size == (800, 450)
        # The blue of the net's line and of the curve.
        assert (0, 114, 178) in {colour for _, colour in fit.convert("RGB").getcolors(1 << 18)}
        assert (0, 114, 178) in {colour for _, colour in loss.convert("RGB").getcolors(1 << 18)}


def test_a_batch_that_is_never_full_is_told(example, refusal, tmp_path):
    """`examples/regression.py --drop-last --batch-size 201` ends with exit code 2 and the
    line "--drop-last drops all: a batch of 201 is never full", since there are only 200
    points to train on.
    """
    code, said = refusal(example, "--out", tmp_path, "--drop-last", "--batch-size", "201")

    assert code == 2
    assert said == "regression.py: --drop-last drops all: a batch of 201 is never full\n"
    assert os.listdir(tmp_path) == []
