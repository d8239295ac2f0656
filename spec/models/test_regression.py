"""A net that fits a curve, in batches, saved and restored.

`examples/regression.py` fits a net with one hidden layer to a noisy parabola. What it can reach is
known beforehand: the parabola itself, knowing nothing of the noise, is off by the noise's variance,
and no net does better on points that it has not seen. On the way a DataLoader hands out the points
in batches; at the end the net is saved and restored, and goes on as if it had never stopped, unless
its optimizer forgot what it knew.
"""

import functools
import os
import shutil
from itertools import chain

import pytest
import torch

from spec.models.scripts import import_example, run_until_killed

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
    """On unseen points the net errs by 1.05 times the noise's variance, a straight line by 9."""
    metrics, _ = trained("--net", net)

    assert metrics["noise"] == pytest.approx(0.01, abs=0.001)
    assert metrics["error"] / metrics["noise"] == pytest.approx(1.05, abs=0.05)
    assert metrics["baseline"] / metrics["noise"] == pytest.approx(9.2, abs=1)


def test_no_straight_line_does_better_than_the_one_it_is_measured_against(example, trained):
    """The best line through a parabola is level: it errs by the spread of the points around 1/3."""
    metrics, _ = trained()
    x, _ = example.make_points(1000, seed=1)

    spread = (x**2 - 1 / 3).square().mean().item()

    assert spread == pytest.approx(4 / 45, abs=0.001)
    assert metrics["baseline"] == pytest.approx(spread + metrics["noise"], rel=0.05)


def test_the_notes_three_layers_have_31_numbers_to_learn(trained):
    """Linear 1 to 10, ReLU, linear 10 to 1: 10 + 10 weights and biases, then 10 + 1, make 31."""
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
    """A layer takes rows of features: `unsqueeze(1)` turns 200 numbers into 200 rows of one."""
    metrics, _ = trained()
    x, y = example.make_points(200, seed=0)

    assert metrics["shapes"] == {"x": [200, 1], "y": [200, 1]}
    assert x[[0, -1]].tolist() == [[-1.0], [1.0]]
    assert (y - x**2).std().item() == pytest.approx(0.1, abs=0.02)
    with pytest.raises(RuntimeError, match=r"size mismatch|shapes cannot be multiplied"):
        example.Net()(x.squeeze(1))


def test_the_last_batch_is_short_and_can_be_dropped(trained):
    """200 points in batches of 32 are six whole batches and one of 8, which can be left out."""
    kept, _ = trained("--epochs", "2")
    dropped, _ = trained("--epochs", "2", "--drop-last")

    assert [len(batch) for batch in kept["seen"][0]] == [32, 32, 32, 32, 32, 32, 8]
    assert [len(batch) for batch in dropped["seen"][0]] == [32, 32, 32, 32, 32, 32]


def test_each_point_comes_once_an_epoch(trained):
    """Shuffled or not, an epoch shows each point once, unless the last batch is dropped."""
    shuffled, _ = trained("--epochs", "2")
    in_order, _ = trained("--epochs", "2", "--no-shuffle")

    epochs = [list(chain(*epoch)) for epoch in shuffled["seen"] + in_order["seen"]]
    assert [sorted(epoch) for epoch in epochs] == [list(range(200))] * 4


def test_shuffling_draws_a_new_order_every_epoch(trained):
    """With shuffling each epoch has an order of its own; without it all have that of the data."""
    shuffled, _ = trained("--epochs", "2")
    in_order, _ = trained("--epochs", "2", "--no-shuffle")

    first, second = (list(chain(*epoch)) for epoch in shuffled["seen"])
    assert first != second
    assert list(range(200)) not in (first, second)
    assert [list(chain(*epoch)) for epoch in in_order["seen"]] == [list(range(200))] * 2


def test_unshuffled_the_dropped_points_are_never_seen(trained):
    """Dropping without shuffling leaves out the same eight points for ever; shuffling shares it."""
    shuffled, _ = trained("--epochs", "4", "--drop-last")
    in_order, _ = trained("--epochs", "4", "--drop-last", "--no-shuffle")

    never = set(range(200)) - {point for epoch in in_order["seen"] for point in chain(*epoch)}
    assert sorted(never) == [192, 193, 194, 195, 196, 197, 198, 199]
    assert {point for epoch in shuffled["seen"] for point in chain(*epoch)} == set(range(200))


@pytest.mark.parametrize("net", ["module", "sequential"])
def test_both_copies_of_a_saved_net_predict_what_it_does(example, trained, net):
    """Saved whole or as its parameters alone, a net comes back with the same predictions."""
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


def test_a_whole_net_is_loaded_only_from_a_file_that_is_trusted(trained):
    """By default `torch.load` takes parameters, and refuses an object, which may hold any code."""
    import pickle

    _, out = trained()

    assert sorted(torch.load(out / "parameters.pt")) == [
        "hidden.bias",
        "hidden.weight",
        "predict.bias",
        "predict.weight",
    ]
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(out / "net.pt")


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
    """Stopped after 15 epochs and taken up to 30, a run is the one that went on to 30 at once."""
    whole, whole_out = trained("--epochs", "30")

    metrics, out = resumed()

    assert metrics["losses"] == whole["losses"]
    assert metrics["seen"] == whole["seen"][15:]
    assert len(metrics["seen"]) == 15
    assert torch.equal(weights(out), weights(whole_out))


def test_an_optimizer_that_forgot_takes_another_way(trained, resumed):
    """With the same weights but a fresh optimizer the curve leaves the old one at once."""
    whole, whole_out = trained("--epochs", "30")

    metrics, out = resumed("--forget-optimizer")

    assert metrics["losses"][:15] == whole["losses"][:15]
    assert metrics["losses"][15] != pytest.approx(whole["losses"][15], rel=1e-3)
    assert not torch.allclose(weights(out), weights(whole_out), atol=1e-3)


def test_a_killed_run_goes_on_from_its_last_checkpoint(example, trained, tmp_path):
    """Killed while it writes its second checkpoint, a run goes on from its first, whole."""
    run = ["--out", str(tmp_path), "--device", "cpu", "--epochs", "30"]
    run_until_killed(example, "os.fsync", 2, run)
    assert sorted(os.listdir(tmp_path)) == ["checkpoint.partial", "checkpoint.pt"]

    metrics = example.main([*run, "--resume"])

    whole, whole_out = trained("--epochs", "30")
    assert len(metrics["seen"]) == 20
    assert metrics["losses"] == whole["losses"]
    assert torch.equal(weights(tmp_path), weights(whole_out))


def test_the_seed_decides_all(trained):
    """Two runs with one seed are equal bit for bit; with another seed all is different."""
    first, again, other = (
        trained("--epochs", "3", *arguments) for arguments in ([], ["--seed", "0"], ["--seed", "1"])
    )

    assert again[0]["losses"] == first[0]["losses"]
    assert torch.equal(weights(again[1]), weights(first[1]))
    assert other[0]["losses"][0] != first[0]["losses"][0]
    assert other[0]["seen"] != first[0]["seen"]


def test_a_run_leaves_two_pictures_two_copies_and_a_checkpoint(trained):
    """A run leaves the fit, the loss curve, the net saved in two ways, and a checkpoint."""
    from PIL import Image

    _, out = trained()

    assert sorted(os.listdir(out)) == [
        "checkpoint.pt",
        "fit.png",
        "loss.png",
        "net.pt",
        "parameters.pt",
    ]
    with Image.open(out / "fit.png") as fit, Image.open(out / "loss.png") as loss:
        assert fit.size == (840, 540)
        assert loss.size == (840, 480)
        # The red of the net's line, the blue of the curve.
        assert (214, 39, 40) in {colour for _, colour in fit.convert("RGB").getcolors(1 << 18)}
        assert (31, 119, 180) in {colour for _, colour in loss.convert("RGB").getcolors(1 << 18)}


def test_a_dry_run_writes_nothing(example, tmp_path):
    """`--dry-run` trains for two epochs and leaves no trace."""
    metrics = example.main(["--dry-run", "--device", "cpu", "--out", str(tmp_path / "out")])

    assert len(metrics["losses"]) == 2
    assert metrics["copies_equal"] == {}
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lr", "1e30"], "regression.py: the loss is "),
        (["--resume"], "checkpoint.pt to go on from: train without --resume first"),
        (["--drop-last", "--batch-size", "201"], "a batch of 201 is never full"),
        (["--device", "abacus"], "regression.py: --device abacus: Expected one of cpu"),
        (["--out", "/dev/null"], "regression.py: --out /dev/null: File exists"),
        (["--epochs", "0"], "error: argument --epochs: invalid positive number value: '0'"),
    ],
)
def test_what_the_user_can_mend_is_told_in_one_line(example, tmp_path, capsys, arguments, said):
    """A run that cannot succeed ends with code 2 and a line that says why."""
    run = ["--out", str(tmp_path), "--device", "cpu", "--epochs", "5", *arguments]
    with pytest.raises(SystemExit) as stopped:
        example.main(run)

    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["--net", "sequential"], "is of another run: net is module there, sequential here"),
        (["--seed", "1"], "is of another run: seed is 0 there, 1 here"),
        (["--epochs", "2"], "has come to epoch 3 already; ask for more"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(example, trained, capsys, change, reason):
    """A run goes on only from a checkpoint of its own, and only forward."""
    _, out = trained("--epochs", "3")

    with pytest.raises(SystemExit, match="2"):
        example.main(["--out", str(out), "--epochs", "3", *change, "--device", "cpu", "--resume"])

    assert capsys.readouterr().err == f"regression.py: {out / 'checkpoint.pt'} {reason}\n"


def test_a_file_that_is_no_checkpoint_is_refused(example, tmp_path, capsys):
    """Resuming from a file that is no checkpoint is an error that names the file."""
    (tmp_path / "checkpoint.pt").write_bytes(b"no checkpoint")

    with pytest.raises(SystemExit, match="2"):
        example.main(["--out", str(tmp_path), "--device", "cpu", "--resume"])

    assert "checkpoint.pt is no checkpoint of this script: " in capsys.readouterr().err
