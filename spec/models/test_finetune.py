"""Finetuning: what a network knows already.

`examples/finetune.py` builds a torchvision architecture by its name, pretrains it on some classes
of pictures, and turns to other classes, of which it sees only a few pictures each. The pretrained
part, called the base, is frozen under a new last layer (`freeze`), or trained on with it (`all`),
or used to compute features for a linear classifier (`features`); beside these stand the same
network trained from new weights (`scratch`) and a linear classifier on the pixels (`pixels`).

The pictures are drawn by `examples/drawn/shapes.py`: fifteen shapes to pretrain on, five others
as the new task, with twenty pictures each.

What surprises: the frozen base, of which no value changes, comes near to training everything, with
less than a five-hundredth of the parameters to train, and both are far ahead of the network that
starts from new weights. And `requires_grad_(False)` alone doesn't freeze a base with BatchNorm: its
running statistics move in training mode. Figures are those of pictures of 48 x 48, 150 per class to
pretrain on, twelve epochs on the new task, and seed 0 on the CPU. The single steps are told in
`spec/training/test_finetuning.py`.
"""

import argparse
import copy
import functools
import json
import os

import pytest
import torch

from spec.models.scripts import import_example

# The examples are imported where they are used: a run without the slow facts reads this too.

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def finetune():
    """The example as a module."""
    return import_example("finetune")


@pytest.fixture(scope="module")
def nets():
    """The module that builds the example's networks and writes their weights."""
    return import_example("torchvision_nets")


@pytest.fixture(scope="module")
def draw_pictures():
    """The script that draws pictures, as a module."""
    return import_example("drawn.shapes")


@pytest.fixture(scope="module")
def few(draw_pictures, tmp_path_factory):
    """A folder of four classes, with so few pictures that a run on them takes a moment."""
    folder = tmp_path_factory.mktemp("few")
    draw_pictures.main(
        [str(folder), "--classes", "bars", "disc", "ring", "star", "--count", "8", "--val", "4"]
    )
    return folder


@pytest.fixture(scope="module")
def compared(finetune, draw_pictures, tmp_path_factory):
    """The metrics of every way to the new task, the folder that the run left, and its arguments."""
    pictures, out = (tmp_path_factory.mktemp(name) for name in ("pictures", "finetune"))
    draw_pictures.main([str(pictures), "--size", "48", "--count", "150", "--val", "40"])
    run = ["--data", str(pictures), "--device", "cpu", "--size", "48", "--epochs", "12"]
    run += ["--batch-size", "25"]
    return finetune.main([*run, "--out", str(out)]), out, run


@pytest.fixture(scope="module")
def modes(compared):
    """What each way to the new task reached."""
    return compared[0]["modes"]


@pytest.fixture(scope="module")
def model(compared):
    """Reads the weights by name that the run left in one of its files."""
    return lambda name: torch.load(compared[1] / f"{name}.pt", weights_only=True)["model"]


@pytest.fixture(scope="module")
def quick(finetune, few, tmp_path_factory):
    """Runs on the few pictures, each seed and repetition once, and gives the trained weights."""

    @functools.cache
    def run(seed, repetition):
        out = tmp_path_factory.mktemp("quick")
        names = ["--mode", "all", "--pretrain-epochs", "1", "--epochs", "1", "--shrink", "8"]
        finetune.main(["--data", str(few), "--out", str(out), "--seed", str(seed), *names])
        return torch.load(out / "all.pt", weights_only=True)["model"]

    return run


def test_pictures_are_drawn_as_the_seed_says(draw_pictures, tmp_path):
    """`examples/drawn/shapes.py` draws each picture by itself: `--count 2` instead of 1 leaves
    the first picture of a class equal byte for byte, and `--seed 1` instead of 0 changes it.
    """
    args = ["--classes", "disc", "star", "--size", "32"]
    runs = {"few": ["--count", "1"], "many": ["--count", "2"], "other": ["--seed", "1"]}

    for name, more in runs.items():
        draw_pictures.main([str(tmp_path / name), *args, "--val", "1", *more])

    first = {name: (tmp_path / name / "train/star/0000.jpg").read_bytes() for name in runs}
    assert first["few"] == first["many"]
    assert first["few"] != first["other"]
    assert sorted(os.listdir(tmp_path / "many/train")) == ["disc", "star"]
    assert sorted(os.listdir(tmp_path / "many/train/star")) == ["0000.jpg", "0001.jpg"]


def test_a_class_can_be_a_shape_in_a_colour(draw_pictures, tmp_path):
    """`examples/drawn/shapes.py DIR --classes bars --colours red blue` makes one class for
    each colour and shape, red_bars and blue_bars; the first picture of red_bars in
    DIR/train is on average more red than blue.
    """
    from PIL import Image

    args = ["--classes", "bars", "--colours", "red", "blue", "--count", "1", "--val", "1"]

    drawn = draw_pictures.main([str(tmp_path), *args])

    assert drawn == {"pictures": 4, "classes": ["red_bars", "blue_bars"]}
    with Image.open(tmp_path / "train/red_bars/0000.jpg") as picture:
        red, _, blue = picture.resize((1, 1)).getpixel((0, 0))
    assert red > blue


@pytest.mark.claim("path-pretrained-families")
@pytest.mark.parametrize(
    ("arch", "head", "features"),
    [
        ("resnet18", "fc", 512),
        ("resnext50_32x4d", "fc", 2048),
        ("inception_v3", "fc", 2048),
        ("mobilenet_v3_small", "classifier.3", 1024),
    ],
)
def test_an_architecture_is_built_by_its_name_with_a_head_of_ones_own(nets, arch, head, features):
    """`build(arch, classes=7)` of `examples/torchvision_nets.py` makes torchvision's
    resnet18, resnext50_32x4d, inception_v3 or mobilenet_v3_small with a new last
    `nn.Linear`: in eval mode an input (N, 3, 96, 96) gives an output (N, 7).

    The layer has another name per family: `fc` in ResNet, ResNeXt and Inception, `classifier.3`
    in MobileNetV3. A SqueezeNet, which ends in a convolution, is refused.
    """
    net = nets.build(arch, classes=7).eval()

    with torch.inference_mode():
        output = net(torch.zeros(1, 3, 96, 96))

    assert nets.head_name(net) == head
    assert net.get_submodule(head).in_features == features
    assert output.shape == (1, 7)


def test_a_network_can_be_made_narrower(nets):
    """`build("resnet18", 1000, shrink=4)` of `examples/torchvision_nets.py`, a ResNet-18
    with a quarter of the channels in each layer, has 831,096 parameters instead of
    11,689,512: about a fourteenth.

    Because the size of a convolution's weight is proportional to input channels times output
    channels: a quarter of both leaves a sixteenth. The weights of the first and of the last layer
    have one fixed side: a quarter of them is left.
    """
    whole, narrow = (nets.build("resnet18", 1000, shrink=shrink) for shrink in (1, 4))

    count = [sum(each.numel() for each in net.parameters()) for net in (whole, narrow)]

    assert count == [11689512, 831096]
    assert narrow.conv1.weight.shape == (16, 3, 7, 7)
    assert narrow.layer4[1].conv2.weight.shape == (128, 128, 3, 3)


def test_weights_go_by_name_into_a_new_network_that_then_agrees_exactly(nets, tmp_path):
    """A ResNet that `load_weights` of `examples/torchvision_nets.py` builds anew from the file of
    `save_weights` gives, in eval mode on the same CPU, outputs equal bit for bit to those of the
    network that was saved.

    Because the `state_dict` holds the running statistics of BatchNorm as well as the
    parameters.
    """
    args = argparse.Namespace(arch="resnet18", shrink=8, size=32)
    saver = nets.build("resnet18", classes=3, shrink=8)
    images = torch.rand(4, 3, 32, 32)
    saver(images)  # in training mode: BatchNorm counts means
    path = tmp_path / "weights.pt"

    nets.save_weights(saver, path, args, ["a", "b", "c"], 0.5)
    loaded, _ = nets.load_weights(path, argparse.Namespace())

    assert loaded is not saver
    assert loaded.eval()(images).shape == (4, 3)
    assert torch.equal(loaded.eval()(images), saver.eval()(images))
    fresh = nets.build("resnet18", classes=3, shrink=8).eval()
    assert not torch.equal(fresh(images), saver(images))


def test_weights_made_here_serve_the_next_run(finetune, compared, tmp_path):
    """`examples/finetune.py --weights base.pt --mode freeze` skips the pretraining and, with the
    other options, the threads and the CPU the same, reaches exactly the accuracy of mode `freeze`
    in the run that wrote base.pt.
    """
    metrics, out, run = compared

    again = finetune.main(
        [*run, "--weights", str(out / "base.pt"), "--mode", "freeze", "--out", str(tmp_path)]
    )

    assert again["pretraining"]["source"] == "file"
    assert again["modes"]["freeze"] == metrics["modes"]["freeze"]
    assert sorted(os.listdir(tmp_path)) == [
        "accuracies.png",
        "features.png",
        "freeze.pt",
        "metrics.json",
    ]


def test_the_base_has_learned_the_old_classes(compared):
    """The base that `examples/finetune.py --size 48 --batch-size 25` with seed 0 pretrains
    on 150 drawn pictures of each of fifteen shapes classifies over 40 % of unseen pictures
    of these shapes correctly; a guess is right in 1/15.
    """
    pretraining = compared[0]["pretraining"]
    chance = 1 / len(pretraining["classes"])

    assert not set(pretraining["classes"]) & set(compared[0]["classes"])
    assert pretraining["accuracy"] > 6 * chance


def test_a_frozen_base_keeps_every_bit(modes, model):
    """After training a ResNet with `--mode freeze` of `examples/finetune.py`, only `fc.weight`
    and `fc.bias` differ from the base; BatchNorm's running statistics are equal bit for bit
    too.

    Because only the head requires a gradient, and the network stays in eval mode while the head is
    trained.
    """
    base, frozen = model("base"), model("freeze")

    changed = [name for name in base if not torch.equal(base[name], frozen[name])]

    assert changed == ["fc.weight", "fc.bias"]
    assert torch.equal(frozen["bn1.running_mean"], base["bn1.running_mean"])
    assert [modes["freeze"]["base_unchanged"], modes["all"]["base_unchanged"]] == [True, False]


def test_training_all_changes_every_tensor(model):
    """After `examples/finetune.py --mode all --epochs 12` at its default `--lr`, each tensor in
    the `state_dict` of the ResNet differs from that of the same name in the pretrained net,
    BatchNorm's running statistics included.
    """
    base, trained = model("base"), model("all")

    assert [name for name in base if torch.equal(base[name], trained[name])] == []


@pytest.mark.claim("path-finetune")
def test_the_frozen_base_comes_near_to_training_all_in_far_fewer_numbers(modes):
    """On pictures of `examples/drawn/shapes.py` (`--size 48 --count 150 --val 40`)
    `examples/finetune.py --mode freeze --size 48 --batch-size 25 --epochs 12` trains under 1/500
    of the parameters of `--mode all`, with 0.8 of its accuracy or more.

    With few pictures the base's features matter more than fitting all of its weights.
    """
    frozen, everything = modes["freeze"], modes["all"]

    assert frozen["accuracy"] / everything["accuracy"] == pytest.approx(1, abs=0.2)
    assert frozen["trained"] < everything["trained"] / 500


def test_what_was_learned_before_helps(compared, modes):
    """`examples/finetune.py --size 48 --batch-size 25 --epochs 12` (seed 0) on the pictures of
    `examples/drawn/shapes.py --size 48 --count 150 --val 40`: the modes `freeze` and `all` each
    reach more than 1.2 times the accuracy of `scratch`.
    """
    chance = compared[0]["chance"]

    reached = {name: found["accuracy"] / chance for name, found in modes.items()}

    assert reached["scratch"] > 1.3
    assert min(reached["freeze"], reached["all"]) > 1.2 * reached["scratch"]


@pytest.mark.claim("path-extract-layer")
def test_three_ways_to_take_features_agree_exactly(nets, compared):
    """In eval mode a forward pre-hook on `fc`, the network with `nn.Identity` as `fc`, and
    torchvision's `create_feature_extractor` take bit-for-bit the same 128 features per
    picture from the ResNet of `examples/finetune.py` on a CPU.

    The last layer applied to these features gives the network's output. In training mode each
    pass would change BatchNorm's running statistics.
    """
    net, _ = nets.load_weights(compared[1] / "base.pt", argparse.Namespace())
    net.eval()
    images = torch.rand(4, 3, 48, 48)

    hooked = nets.features_by_hook(net, images)
    cut = nets.cut_off(net)(images)
    extracted = nets.feature_extractor(copy.deepcopy(net))(images)["features"]

    assert hooked.shape == (4, 128)
    assert torch.equal(hooked, cut)
    assert torch.equal(hooked, extracted)
    assert torch.equal(net.fc(hooked), net(images))


def test_a_linear_classifier_sees_more_in_features_than_in_pixels(compared, modes):
    """In `examples/finetune.py --size 48 --batch-size 25 --epochs 12` on 150 drawn pictures of
    each shape (seed 0), `--mode features`, a linear classifier on 128 features of the pretrained
    base, has over 1.8 times the accuracy of `--mode pixels`.
    """
    classes, chance = len(compared[0]["classes"]), compared[0]["chance"]

    assert modes["features"]["trained"] == classes * 129
    assert modes["pixels"]["trained"] == classes * 6913
    assert modes["pixels"]["accuracy"] > 1.2 * chance
    assert modes["features"]["accuracy"] > 1.8 * modes["pixels"]["accuracy"]


def test_the_same_seed_trains_the_same_weights(quick):
    """Two runs of `examples/finetune.py --mode all` with the same options and number of threads
    end with bit-for-bit equal weights on the same CPU; with `--seed 1` instead of 0 the weights
    differ.
    """
    first, again, other = quick(0, repetition=1), quick(0, repetition=2), quick(1, repetition=1)

    assert [torch.equal(first[name], again[name]) for name in again] == [True] * 122
    assert not torch.equal(first["fc.weight"], other["fc.weight"])


def test_a_run_leaves_weights_figures_and_metrics(compared):
    """A finished run of `examples/finetune.py` with `--mode compare`, the default, without
    `--weights`, `--pretrain` or `--dry-run`, leaves in a new `--out`: base.pt, freeze.pt, all.pt,
    scratch.pt, metrics.json, accuracies.png and features.png.
    """
    from PIL import Image

    metrics, out, _ = compared

    assert sorted(os.listdir(out)) == [
        "accuracies.png",
        "all.pt",
        "base.pt",
        "features.png",
        "freeze.pt",
        "metrics.json",
        "scratch.pt",
    ]
    assert json.loads((out / "metrics.json").read_text()) == metrics
    with Image.open(out / "accuracies.png") as bars, Image.open(out / "features.png") as maps:
        assert bars.size == (800, 450)
        assert maps.width == 900
        assert len(bars.convert("L").getcolors()) > 50
        assert len(maps.convert("L").getcolors()) > 50


def test_pretraining_alone_leaves_the_base(finetune, few, tmp_path):
    """`examples/finetune.py --pretrain`, without `--weights` or `--dry-run`, stops after
    the pretraining and writes base.pt and metrics.json to `--out`, a folder that it makes
    with its parents.
    """
    out = tmp_path / "a" / "b"

    metrics = finetune.main(
        ["--data", str(few), "--out", str(out), "--pretrain", "--pretrain-epochs", "1"]
    )

    assert metrics["modes"] == {}
    assert metrics["pretraining"]["classes"] == ["bars", "disc"]
    assert sorted(os.listdir(out)) == ["base.pt", "metrics.json"]


def test_a_dry_run_goes_every_way(finetune, few):
    """`examples/finetune.py --dry-run`, with neither `--mode` nor `--pretrain`, tries all five
    modes on a few pictures of the folder `--data`.
    """
    metrics = finetune.main(["--data", str(few), "--dry-run"])

    assert list(metrics["modes"]) == ["freeze", "all", "features", "scratch", "pixels"]
    assert [len(metrics["modes"][mode]["curve"]) for mode in ("freeze", "all")] == [1, 1]


def test_torchvisions_weights_come_from_where_it_keeps_them(finetune, few, tmp_path, monkeypatch):
    """`examples/finetune.py --weights DEFAULT` loads torchvision's own weights from the folder
    hub/checkpoints below TORCH_HOME (~/.cache/torch if that is not set), without the internet if
    the file is there.
    """
    from torchvision.models import get_model, get_model_weights

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    kept = tmp_path / "hub" / "checkpoints"
    kept.mkdir(parents=True)
    arch = "shufflenet_v2_x0_5"
    url = get_model_weights(arch).DEFAULT.url
    torch.save(get_model(arch).state_dict(), kept / url.rpartition("/")[2])

    metrics = finetune.main(
        ["--data", str(few), "--weights", "DEFAULT", "--arch", arch, "--dry-run"]
    )

    assert metrics["pretraining"] == {"source": "torchvision"}
    assert metrics["parameters"] == 341792 + 2 * 1025


@pytest.mark.spare("damaged", reason="what is no file of weights stays none")
@pytest.mark.parametrize("damaged", [None, b"", b"no weights"])
def test_weights_that_cannot_be_fetched_end_the_run(
    damaged, finetune, few, tmp_path, monkeypatch, capsys
):
    """If `examples/finetune.py --weights DEFAULT`, with pictures in its `--data` folder, neither
    finds torchvision's file nor reaches the internet, or finds a damaged one, it ends with exit
    code 2 and a line that says which file to put where.

    On a machine without a network put the file into the hub/checkpoints folder below TORCH_HOME,
    by default ~/.cache/torch.
    """
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    kept = tmp_path / "hub" / "checkpoints"
    kept.mkdir(parents=True)
    if damaged is not None:
        (kept / "resnet18-f37072fd.pth").write_bytes(damaged)

    with pytest.raises(SystemExit, match="2"):
        finetune.main(["--data", str(few), "--weights", "DEFAULT", "--dry-run"])

    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("finetune.py: the weights of resnet18 cannot be fetched or read: ")
    assert f"; put resnet18-f37072fd.pth into {kept}" in last


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "nowhere"], "no pictures in nowhere: put train/CLASS/*.jpg and val/CLASS"),
        (["--arch", "resnet17"], "--arch resnet17: no such model; there are "),
        (["--weights", "nothing.pt"], "no checkpoint nothing.pt: --pretrain writes one"),
        (["--old", "bars", "moons"], "moons is missing; in train are bars, disc, ring, star"),
        (["--arch", "inception_v3", "--shrink", "1"], "--size 64 does not suit this network: "),
        (["--shrink", "3"], "--shrink 3 does not divide the 64 channels of a layer"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    finetune, few, tmp_path, monkeypatch, capsys, arguments, words
):
    """`examples/finetune.py` ends with exit code 2 and a line with the cause if `--data` has no
    pictures or lacks an `--old` class, if the `--weights` file isn't there, or if, without
    `--weights`, `--arch` is unknown.

    It ends so too if the network needs larger pictures than `--size`, as `--arch inception_v3`
    does with the default 64.
    """
    monkeypatch.chdir(tmp_path)
    quick = ["--pretrain-epochs", "1", "--mode", "all"]

    with pytest.raises(SystemExit, match="2"):
        finetune.main(["--data", str(few), *quick, *arguments])

    assert words in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_picture_that_cannot_be_read_is_named(finetune, few, tmp_path, monkeypatch, capsys):
    """If the first .jpg file of a class that `examples/finetune.py` is to pretrain on is no
    picture, the script ends with exit code 2 and a line that names the file.
    """
    import shutil

    pictures = tmp_path / "pictures"
    shutil.copytree(few, pictures)
    (pictures / "train/bars/0000.jpg").write_text("no picture")

    with pytest.raises(SystemExit, match="2"):
        finetune.main(["--data", str(pictures), "--dry-run"])

    assert "bars/0000.jpg is no picture that can be read" in capsys.readouterr().err
