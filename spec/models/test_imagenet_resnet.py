"""The ImageNet script: a ResNet, by one process or by several.

`examples/imagenet_resnet.py` is the script that many trainings were copied from, in small: random
crops and mirror images, SGD with momentum whose learning rate falls by steps, top-1 and top-5
accuracy in eval mode, a checkpoint after each epoch and a copy of the best. Under `torchrun`
several processes share each batch. The pictures are drawn by `examples/drawn/shapes.py`; the
network is half as deep as a ResNet-18, with a quarter of its channels.

What surprises: with BatchNorm two processes are not the same as one. Each normalises by its own
half of the batch, so only a network whose layers look at each picture by itself, as GroupNorm does,
ends a step with the weights that one process finds on the whole batch, up to rounding. And rounding
is enough to change what a short training reaches: by some points, with another number of threads.
How processes share gradients is told in `spec/parallel/test_distributed.py`.
"""

import argparse
import json
import os
import subprocess
import sys

import pytest
import torch

from spec.models.scripts import import_example

# The examples are imported where they are used: a run without the slow facts reads this too.

pytestmark = [
    pytest.mark.slow,
    # From Python 3.12 on the workers of a loader are forked with this warning.
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]

TEN = "arrow bars checks cross disc dots heart ring star waves"
SMALL = ["--size", "48", "--device", "cpu", "--workers", "0"]
TINY = ["--size", "32", "--device", "cpu", "--workers", "0", "--epochs", "2"]


@pytest.fixture(scope="module")
def imagenet():
    """The example as a module."""
    return import_example("imagenet_resnet")


@pytest.fixture(scope="module")
def draw(tmp_path_factory):
    """Draws a folder of pictures as the command line of `examples/drawn/shapes.py` says."""
    script = import_example("drawn.shapes")

    def draw(*arguments):
        folder = tmp_path_factory.mktemp("pictures")
        script.main([str(folder), "--size", "48", "--count", "60", "--val", "20", *arguments])
        return folder

    return draw


@pytest.fixture(scope="module")
def few(draw):
    """A folder of six classes, of each eight pictures to learn from and four to measure on."""
    shapes = ["bars", "checks", "disc", "heart", "ring", "star"]
    return draw("--classes", *shapes, "--count", "8", "--val", "4")


@pytest.fixture(scope="module")
def trained(imagenet, draw, tmp_path_factory):
    """The metrics of a training on ten classes, the folder that it wrote to, and its pictures."""
    shapes, out = draw("--classes", *TEN.split()), tmp_path_factory.mktemp("trained")
    run = ["--data", str(shapes), "--out", str(out), "--epochs", "9", "--batch-size", "16"]
    return imagenet.main([*run, *SMALL]), out, shapes


def alike(left, right):
    """Whether two checkpoints hold the same weights, bit for bit."""
    pairs = zip(left["model"].values(), right["model"].values(), strict=True)
    return all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_the_network_learns_ten_classes(trained):
    """On ten classes drawn by `examples/drawn/shapes.py --size 48 --count 60 --val 20`, nine
    epochs of `examples/imagenet_resnet.py --size 48 --batch-size 16 --workers 0` (seed 0) reach
    top-1 above 40 %, top-5 above 85 %; a guess: 10 %, 50 %.

    The classes are arrow, bars, checks, cross, disc, dots, heart, ring, star and waves. Measured
    in PyTorch 2.14.1: 47 to 59.5 % and 96 to 100 %, over seeds 0 to 5 with one thread and seeds 0
    to 2 with two. The bounds are the lowest of these less 7 and 11 points. With worker processes
    the random crops are others: a run had 38 %.
    """
    metrics, _, _ = trained

    assert metrics["pictures"] == {"train": 600, "val": 200}
    assert metrics["chance"] == {"top1": 0.1, "top5": 0.5}
    assert metrics["top1"] > 4 * 0.1
    assert metrics["top5"] > 1.7 * 0.5


def test_the_loss_falls_from_that_of_a_guess(trained):
    """On ten classes drawn by `examples/drawn/shapes.py --size 48`,
    `examples/imagenet_resnet.py --size 48 --batch-size 16 --workers 0` has a mean training loss of
    2.4 to 2.7 in the first of 9 epochs, and at most 0.68 times that in the last.

    A guess costs ln 10 = 2.303; the first loss is more, as confident wrong answers cost more.
    The seed is 0; seeds 1 to 5 gave 2.4 to 2.7 too.
    """
    first, *_, last = [report["loss"] for report in trained[0]["history"]]

    assert first == pytest.approx(2.55, abs=0.15)
    assert last / first == pytest.approx(0.48, abs=0.2)


def test_top_5_counts_what_is_among_the_five_highest_scores(imagenet):
    """`right_within(scores, labels, k)` of `examples/imagenet_resnet.py` counts the rows whose
    label is among the k highest of the row's scores: of six classes the one with the lowest
    score is not in the top 5.
    """
    scores = torch.tensor(
        [
            [9.0, 8.0, 7.0, 6.0, 5.0, 4.0],
            [9.0, 8.0, 7.0, 6.0, 5.0, 4.0],
            [9.0, 8.0, 7.0, 6.0, 5.0, 4.0],
        ]
    )
    labels = torch.tensor([0, 4, 5])

    assert imagenet.right_within(scores, labels, 1) == 1
    assert imagenet.right_within(scores, labels, 5) == 2


def test_the_learning_rate_falls_to_a_tenth_every_four_epochs(trained):
    """By default the learning rate of `examples/imagenet_resnet.py` is 0.05 and is divided by
    10 every four epochs: nine epochs have 0.05 four times, 0.005 four times and 0.0005 once.
    """
    rates = [report["lr"] for report in trained[0]["history"]]

    assert rates == pytest.approx([0.05] * 4 + [0.005] * 4 + [0.0005])


def test_pictures_to_learn_from_are_cropped_anew_each_time(imagenet, few):
    """By default `examples/imagenet_resnet.py` crops a training picture at random each time it
    is read, and a picture to evaluate on in the same way each time; both have shape (3, 64,
    64).

    Random crops make more of few pictures; an evaluation has to be comparable between epochs.
    """
    args = argparse.Namespace(data=few, size=64, crop_from=0.35, no_augment=False, dry_run=False)
    train, val = imagenet.open_pictures(args)

    assert train[0][0].shape == val[0][0].shape == (3, 64, 64)
    assert not torch.equal(train[0][0], train[0][0])
    assert torch.equal(val[0][0], val[0][0])


def test_what_is_measured_is_measured_in_eval_mode(imagenet, trained):
    """`evaluate(net, val, args)` of `examples/imagenet_resnet.py` sets the network to eval
    mode: BatchNorm's running statistics stay as they are, and batches of 7 give the same
    top-1 and top-5 as batches of 16.

    Because in eval mode BatchNorm uses its running statistics, not those of the batch.
    """
    metrics, out, shapes = trained
    size = {"size": 48, "crop_from": 0.35, "no_augment": False, "dry_run": False}
    how = {"batch_size": 7, "workers": 0, "seed": 0, "device": torch.device("cpu")}
    args = argparse.Namespace(data=shapes, **size, **how)
    _, val = imagenet.open_pictures(args)
    net = imagenet.build("resnet10", classes=10, shrink=4, norm="batch").train()
    net.load_state_dict(torch.load(out / "checkpoint.pt", weights_only=True)["model"])
    before = net.bn1.running_mean.clone()

    measured = imagenet.evaluate(net, val, args)

    assert measured["top1"] == metrics["top1"]
    assert measured["top5"] == metrics["top5"]
    assert net.training is False
    assert torch.equal(net.bn1.running_mean, before)


def test_the_best_weights_are_kept_beside_the_last(imagenet, trained):
    """Without `--dry-run`, `examples/imagenet_resnet.py` writes best.pt after each epoch
    whose top-1 is higher than in all epochs before; `--evaluate`, with the other options as
    before, loads best.pt and finds that highest top-1 again.
    """
    metrics, out, shapes = trained
    top1 = [report["top1"] for report in metrics["history"]]

    best = torch.load(out / "best.pt", weights_only=True)
    again = imagenet.main(["--data", str(shapes), "--out", str(out), *SMALL, "--evaluate"])

    assert [value for _, value in best["scalars"]["top1"]] == top1[: top1.index(max(top1)) + 1]
    assert metrics["best"] == max(top1)
    assert again["top1"] == max(top1)


def test_a_run_leaves_two_figures_two_checkpoints_and_its_metrics(trained):
    """A finished run of `examples/imagenet_resnet.py` without `--evaluate` or `--dry-run`
    leaves six files in the new folder `--out`: checkpoint.pt, best.pt, log.txt,
    metrics.json, curves.png and predictions.png.
    """
    from PIL import Image

    metrics, out, _ = trained

    assert sorted(os.listdir(out)) == [
        "best.pt",
        "checkpoint.pt",
        "curves.png",
        "log.txt",
        "metrics.json",
        "predictions.png",
    ]
    assert json.loads((out / "metrics.json").read_text()) == metrics
    with Image.open(out / "curves.png") as curves, Image.open(out / "predictions.png") as grid:
        assert curves.size == (1000, 450)
        assert grid.size == (1000, 800)
        assert len(curves.convert("L").getcolors()) > 50
        assert len(grid.convert("L").getcolors()) > 50


@pytest.fixture
def torchrun(pytestconfig):
    """Runs the example by `torchrun` in two processes of this machine, and leaves none running."""
    started = []

    def run(*arguments):
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
        command += ["--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0"]
        process = subprocess.Popen(
            [*command, "--local-addr=127.0.0.1", "examples/imagenet_resnet.py", *arguments],
            cwd=pytestconfig.rootpath,
            env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        words, _ = process.communicate(timeout=150)
        assert process.returncode == 0, words

    yield run
    for process in started:
        if process.poll() is None:
            process.terminate()  # torchrun passes it on to its processes
            process.wait(timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="the name of this machine's own interface")
def test_two_processes_end_with_the_weights_of_one_on_the_whole_batch(
    imagenet, few, torchrun, tmp_path
):
    """With `--norm group --no-augment --epochs 1 --steps 2`, two CPU processes of
    `examples/imagenet_resnet.py` under `torchrun`, each with half of the batch, end with
    the weights of one process on the whole batch, up to rounding.

    Because `DistributedDataParallel` averages the gradients of equal halves; only the order of
    the additions differs.
    """
    run = ["--data", str(few), *TINY, "--epochs", "1", "--norm", "group", "--no-augment"]
    run += ["--batch-size", "24", "--steps", "2"]

    torchrun(*run, "--out", str(tmp_path / "two"))

    one = imagenet.main([*run, "--out", str(tmp_path / "one")])
    two = json.loads((tmp_path / "two" / "metrics.json").read_text())
    weights = {
        name: torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["model"]
        for name in ("one", "two")
    }
    torch.manual_seed(0)
    start = imagenet.build("resnet10", classes=6, shrink=4, norm="group").state_dict()
    moved = (weights["one"]["fc.weight"] - start["fc.weight"]).abs().max().item()
    assert [one["processes"], two["processes"]] == [1, 2]
    assert two["apart"] == 0.0
    assert moved > 0.01
    torch.testing.assert_close(weights["two"], weights["one"], rtol=0, atol=1e-3 * moved)
    assert two["history"][0]["loss"] == pytest.approx(one["history"][0]["loss"], rel=1e-5)
    assert two["top5"] == one["top5"]


def test_a_batch_shared_out_is_another_to_batch_norm(imagenet):
    """In training mode, the outputs of two halves of a batch of eight random pictures are
    those of the whole batch, to within 1e-5, if the ResNet of `examples/imagenet_resnet.py`
    has `GroupNorm`; with `BatchNorm2d` some differ by more than 0.01.

    Because BatchNorm normalises by the statistics of the batch it is given; `SyncBatchNorm`
    shares them between processes on CUDA.
    """
    images = torch.rand(8, 3, 32, 32)

    apart = {}
    for norm in ("batch", "group"):
        net = imagenet.build("resnet10", classes=6, shrink=4, norm=norm).train()
        halves = torch.cat([net(images[:4]), net(images[4:])])
        apart[norm] = (halves - net(images)).abs().max().item()

    assert apart["group"] < 1e-5
    assert apart["batch"] > 1e-2


@pytest.mark.parametrize(
    ("arch", "parameters"), [("resnet18", 11689512), ("resnext50_32x4d", 25028904)]
)
def test_whole_networks_are_torchvisions_own(imagenet, arch, parameters):
    """With `--shrink 1`, BatchNorm and 1000 classes, `--arch resnet18` of
    `examples/imagenet_resnet.py` has 11,689,512 parameters and `--arch resnext50_32x4d`
    25,028,904, as in torchvision.
    """
    net = imagenet.build(arch, classes=1000, shrink=1, norm="batch")

    assert sum(parameter.numel() for parameter in net.parameters()) == parameters


def test_workers_read_the_pictures_as_well(imagenet, few, tmp_path):
    """With `--device cpu --workers 2`, two runs of `examples/imagenet_resnet.py` with the same
    options and number of threads on one machine end with bit-for-bit equal weights, although
    worker processes draw the random crops.

    The script seeds the generator of its `DataLoader` by seed and epoch, and each worker is seeded
    from that generator.
    """
    run = ["--data", str(few), *TINY, "--workers", "2", "--epochs", "1"]

    first, second = (imagenet.main([*run, "--out", str(tmp_path / each)]) for each in "ab")

    assert first["history"] == second["history"]
    assert alike(
        *(torch.load(tmp_path / each / "checkpoint.pt", weights_only=True) for each in "ab")
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "nowhere"], "no pictures in nowhere: put train/CLASS/*.jpg and val/CLASS"),
        (["--evaluate"], "no checkpoint out/best.pt: a run writes it after an epoch"),
        (["--norm", "sync"], "--norm sync needs CUDA; --norm group is independent of the batch"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    imagenet, few, tmp_path, monkeypatch, capsys, arguments, words
):
    """`examples/imagenet_resnet.py` ends with exit code 2 and a last line with the cause if
    `--data` has no pictures, if `--evaluate` finds no best.pt in `--out`, or with `--norm sync` on
    another device than CUDA.

    Without CUDA take `--norm group`: it is independent of how a batch is shared among processes.
    """
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit, match="2"):
        imagenet.main(["--data", str(few), *TINY, "--out", "out", *arguments])

    assert words in capsys.readouterr().err.strip().splitlines()[-1]
