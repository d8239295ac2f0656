"""Six beginner models.

`examples/beginner_models.py` trains six nets with one and the same loop: linear and logistic
regression, a feed-forward, a convolutional, a residual and a recurrent net. What changes from one
to the next is the form of the net, and each task is made so that this form is what it takes: what
stands one step below it on the ladder fails. None is told what the answer looks like, and yet the
filters of the convolutional net end up as small strokes.
"""

import functools
import math
import os

import pytest
import torch
from torch import nn

from spec.models.scripts import import_example

pytestmark = [pytest.mark.slow]

MODELS = ["linear", "logistic", "feed_forward", "cnn", "residual", "recurrent"]


@pytest.fixture(scope="module")
def example():
    """The example as a module."""
    return import_example("beginner_models")


@pytest.fixture(scope="module")
def trained(example, tmp_path_factory):
    """Trains a model as the arguments say, each way once; its metrics and the folder written to."""

    @functools.cache
    def train(model, *arguments):
        out = tmp_path_factory.mktemp("beginner_models")
        run = ["--model", model, "--out", str(out), "--device", "cpu", *arguments]
        return example.main(run)[model], out

    return train


@pytest.mark.parametrize(
    ("model", "score", "baseline"),
    [
        ("linear", 0.98, 0.0),
        ("logistic", 0.84, 0.5),
        ("feed_forward", 0.99, 0.64),
        ("cnn", 0.99, 0.34),
        ("residual", 0.985, 0.25),
        ("recurrent", 0.99, 0.34),
    ],
)
def test_each_model_reaches_its_goal_where_a_simpler_one_fails(trained, model, score, baseline):
    """On unseen data each model reaches the score that was set, far above what it has to beat."""
    metrics, _ = trained(model)

    assert metrics["score"] >= metrics["goal"]
    assert metrics["score"] == pytest.approx(score, abs=0.025)
    assert metrics["baseline"] == pytest.approx(baseline, abs=0.06)


@pytest.mark.parametrize("model", MODELS)
def test_the_loss_of_each_model_falls(trained, model):
    """From the first epoch to the last the mean loss falls by a third at the least."""
    losses = trained(model)[0]["losses"]

    assert losses[-1] / losses[0] < 0.7
    assert len(losses) >= 7


def test_linear_regression_finds_the_slopes_behind_the_noise(trained):
    """Out of noisy numbers a single linear layer reads the two slopes and the offset: 3, -2, 0.5.

    What is left is the noise: of a spread of 13.25 a variance of 0.25 cannot be explained.
    """
    metrics, _ = trained("linear")

    assert metrics["found"] == pytest.approx([3.0, -2.0, 0.5], abs=0.06)
    assert metrics["score"] == pytest.approx(1 - 0.25 / 13.25, abs=0.004)


def test_logistic_regression_comes_close_to_the_best_that_is_possible(trained):
    """Clouds that overlap cannot be parted wholly; the line found is about as good as any can be.

    With middles two standard deviations apart, 84.1 % is what the best rule gets right.
    """
    metrics, _ = trained("logistic")

    normal = torch.distributions.Normal(0.0, 1.0)
    assert metrics["best_possible"] == pytest.approx(normal.cdf(torch.tensor(1.0)).item())
    assert metrics["best_possible"] == pytest.approx(0.8413, abs=1e-4)
    assert metrics["score"] == pytest.approx(metrics["best_possible"], abs=0.02)


def test_the_tasks_favour_no_class(example):
    """Strokes and waves come as often of each kind, so that a guess is right by chance alone."""
    chance = torch.Generator().manual_seed(0)

    _, strokes = example.strokes(2000, chance)
    _, waves = example.waves(2400, chance)

    assert strokes.bincount().tolist() == [500, 500, 500, 500]
    assert waves.bincount().tolist() == [800, 800, 800]


def test_what_goes_through_a_convolutional_net_has_shapes_to_be_known_beforehand(trained):
    """A 5x5 filter takes 4 from a side, a 3x3 filter 2, and a pooling halves what is there.

    16 - 4 = 12, half is 6, 6 - 2 = 4, half is 2; four numbers each from 16 filters go into the
    last layer.
    """
    metrics, _ = trained("cnn")

    assert metrics["shapes"] == {
        "input": [1, 1, 16, 16],
        "conv1": [1, 8, 12, 12],
        "pool1": [1, 8, 6, 6],
        "conv2": [1, 16, 4, 4],
        "pool2": [1, 16, 2, 2],
        "last": [1, 4],
    }


@pytest.mark.claim("self-feature-map-count")
def test_a_convolution_makes_as_many_maps_as_it_has_filters(trained):
    """A layer has a filter for each of its maps, as deep as the layer below has maps."""
    metrics, _ = trained("cnn")

    filters, shapes = metrics["filters"], metrics["shapes"]

    assert filters == {"conv1": [8, 1, 5, 5], "conv2": [16, 8, 3, 3]}
    assert [filters["conv1"][0], filters["conv2"][0]] == [shapes["conv1"][1], shapes["conv2"][1]]
    assert [filters["conv1"][1], filters["conv2"][1]] == [shapes["input"][1], shapes["pool1"][1]]


def test_a_filter_sees_a_stroke_wherever_it_is(example):
    """Move the picture by a pixel and its feature maps move by a pixel, unchanged."""
    net = example.ConvNet()
    picture = torch.zeros(1, 1, 16, 16)
    picture[0, 0, 5:10, 7] = 1

    with torch.inference_mode():
        maps, moved = net.conv1(picture), net.conv1(picture.roll((2, 1), dims=(2, 3)))

    assert torch.equal(moved[:, :, 2:, 1:], maps[:, :, :-2, :-1])
    assert not torch.equal(moved, maps)


def test_without_shortcuts_a_deep_net_does_not_learn_at_all(trained):
    """21 convolutions in a row stay at the loss of a guess, ln 4; with shortcuts they learn."""
    metrics, _ = trained("residual")

    assert metrics["losses_without"][-1] == pytest.approx(math.log(4), abs=0.01)
    assert metrics["losses"][0] == pytest.approx(math.log(4), abs=0.2)
    assert metrics["losses"][-1] < 0.2


def test_with_and_without_shortcuts_a_net_has_the_same_weights(example):
    """A shortcut has nothing to learn: both deep nets have 21 convolutions, and equal weights."""
    torch.manual_seed(0)
    deep = example.deep_net(shortcut=True)
    torch.manual_seed(0)
    plain = example.deep_net(shortcut=False)

    assert sum(isinstance(layer, nn.Conv2d) for layer in deep.modules()) == 21
    pairs = zip(deep.parameters(), plain.parameters(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_a_shortcut_hands_the_gradient_through(example):
    """At the start the first layer's gradient is a billion times smaller without shortcuts.

    Each layer that a gradient passes makes it smaller; the shortcut leads around them.
    """
    pictures, kinds = example.strokes(100, torch.Generator().manual_seed(0))
    sizes = []
    for shortcut in (True, False):
        torch.manual_seed(0)
        net = example.deep_net(shortcut)
        nn.functional.cross_entropy(net(pictures), kinds).backward()
        sizes.append(net[0].weight.grad.norm().item())

    assert math.log10(sizes[1] / sizes[0]) == pytest.approx(-9, abs=1)


def test_a_wave_sorted_does_not_tell_its_kind(example):
    """Sorted, rising and falling waves are alike: without the order there is nothing to learn."""
    waves, kinds = example.waves(2400, torch.Generator().manual_seed(0))

    means = [waves[kinds == kind].squeeze(2).sort(1).values.mean(0) for kind in range(3)]
    steps = [waves[kinds == kind].squeeze(2).diff(dim=1).median().item() for kind in range(3)]

    assert means[1].tolist() == pytest.approx(means[0].tolist(), abs=0.05)
    assert means[2].tolist() == pytest.approx(means[0].tolist(), abs=0.05)
    assert steps == pytest.approx([0.22, -0.22, 0.0], abs=0.03)


def test_all_trains_the_six_one_by_one(example, trained, tmp_path):
    """`--model all` trains the six; each comes out as if it had been trained alone."""
    run = ["--epochs", "1", "--device", "cpu"]

    together = example.main(["--model", "all", "--out", str(tmp_path / "new" / "folder"), *run])

    assert list(together) == MODELS
    alone = trained("feed_forward", "--epochs", "1")[0]
    assert together["feed_forward"]["losses"] == alone["losses"]
    assert together["feed_forward"]["score"] == alone["score"]
    pictures = [f"{model}{ending}.png" for model in MODELS for ending in ("", "_loss")]
    assert sorted(os.listdir(tmp_path / "new" / "folder")) == sorted(pictures)


def test_the_seed_decides_all(trained):
    """Two runs with one seed are equal; another seed makes other data and other weights."""
    first, again, other = (
        trained("logistic", "--epochs", "2", *arguments)[0]
        for arguments in ([], ["--seed", "0"], ["--seed", "1"])
    )

    assert again["losses"] == first["losses"]
    assert other["losses"][0] != first["losses"][0]


@pytest.mark.parametrize("model", MODELS)
def test_each_model_leaves_two_pictures(trained, model):
    """A model leaves a picture of what it has learned and its loss curve."""
    from PIL import Image

    _, out = trained(model)

    assert sorted(os.listdir(out)) == [f"{model}.png", f"{model}_loss.png"]
    with Image.open(out / f"{model}.png") as learned, Image.open(out / f"{model}_loss.png") as loss:
        assert learned.size == ((900, 450) if model == "cnn" else (600, 500))
        assert loss.size == (600, 400)
        assert len(learned.convert("RGB").getcolors(1 << 20)) > 100
        assert (31, 119, 180) in {colour for _, colour in loss.convert("RGB").getcolors(1 << 18)}


def test_a_dry_run_writes_nothing(example, tmp_path):
    """`--dry-run` trains each for one epoch and leaves no trace."""
    metrics = example.main(["--dry-run", "--device", "cpu", "--out", str(tmp_path / "out")])

    assert [len(metrics[model]["losses"]) for model in MODELS] == [1] * 6
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lr", "1e30"], "beginner_models.py: the loss of linear is "),
        (["--device", "abacus"], "beginner_models.py: --device abacus: Expected one of cpu"),
        (["--out", "/dev/null"], "beginner_models.py: --out /dev/null: File exists"),
        (["--model", "transformer"], "error: argument --model: invalid choice: 'transformer'"),
        (["--batch-size", "0"], "error: argument --batch-size: invalid positive number value: '0'"),
    ],
)
def test_what_the_user_can_mend_is_told_in_one_line(example, tmp_path, capsys, arguments, said):
    """A run that cannot succeed ends with code 2 and a line that says why."""
    with pytest.raises(SystemExit) as stopped:
        example.main(["--out", str(tmp_path), "--device", "cpu", *arguments])

    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
    assert os.listdir(tmp_path) == []
