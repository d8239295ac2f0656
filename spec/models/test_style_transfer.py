"""A picture in the manner of another.

`examples/style_transfer.py` trains no net: it changes the pixels of one picture, by gradient
descent, until a net with fixed weights finds in it the content of a second picture and the style of
a third. Content is the net's features, position by position. Style is their Gram matrix, a table of
how often two features occur together, which forgets where.

What surprises: the net need not have learned anything. Random weights see colours and strokes well
enough; `--weights DEFAULT` takes the trained VGG-19 of the original paper. And it is the picture
that requires a gradient here, not the weights. Figures are those of the default seed 0 on the CPU.
"""

import functools
import os
import urllib.error

import pytest
import torch
from torch import nn

from spec.models.scripts import import_example

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def transfer():
    """The example as a module."""
    return import_example("style_transfer")


@pytest.fixture(scope="module")
def painted(transfer, tmp_path_factory):
    """Paints in each way once, and gives the metrics and the folder of the results."""

    @functools.cache
    def paint(*arguments):
        out = tmp_path_factory.mktemp("style")
        return transfer.main([*arguments, "--out", str(out), "--device", "cpu"]), out

    return paint


def test_a_gram_matrix_multiplies_channels_pixel_by_pixel(transfer):
    """`gram(features)` of `examples/style_transfer.py`, for the float32 features of one picture,
    of shape (1, C, H, W), returns a (C, C) tensor: for each pair of channels the mean over all
    pixels of the product of the two.

    For two channels [1, 2] and [3, 4] that is [[2.5, 5.5], [5.5, 12.5]].
    """
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])

    table = transfer.gram(features)

    assert features.shape == (1, 2, 1, 2)
    assert table.tolist() == [[2.5, 5.5], [5.5, 12.5]]


def test_a_gram_matrix_forgets_where(transfer):
    """`gram(features)` of `examples/style_transfer.py` gives the same matrix, up to rounding, as
    `gram(features.flip(3))`, for features of shape (1, channels, height, width).

    Because it is a mean over pixels, which does not depend on their order: that is why it stands
    for style, and not for content.
    """
    features = torch.tensor([[[[1.0, 2.0, 4.0]], [[3.0, 0.0, 1.0]]]])
    turned = features.flip(3)

    assert transfer.gram(turned).tolist() == transfer.gram(features).tolist()
    assert turned[0, 0].tolist() == [[4.0, 2.0, 1.0]]


def test_the_losses_are_nought_for_the_picture_they_come_from(transfer):
    """Of the two drawn pictures of `examples/style_transfer.py` at 32 x 32 pixels (random
    net), the content picture has the content loss 0 and a style loss above 0.1, the style
    picture the style loss 0 and a content loss above 0.1.
    """
    scene = transfer.to_tensor(transfer.draw_scene(32))
    pattern = transfer.to_tensor(transfer.draw_pattern(32))
    losses = transfer.Losses(transfer.random_features(), scene, pattern)

    of_scene, of_pattern = losses.numbers(scene), losses.numbers(pattern)

    assert of_scene[0] == 0
    assert of_pattern[1] == 0
    assert [of_scene[1] > 0.1, of_pattern[0] > 0.1] == [True, True]


def test_both_losses_fall(painted):
    """In the 150 default steps of `examples/style_transfer.py`, which start from noise, the
    content loss falls from about 2 to less than 0.6 of that, the style loss to less than a
    tenth of its first value.

    About 2 is the content loss of two unrelated pictures, such as the drawn scene and noise,
    because the features that it compares have mean 0 and variance 1.
    """
    metrics, _ = painted()
    history = metrics["history"]

    assert len(history["content"]) == 150
    assert history["content"][0] == pytest.approx(2, abs=0.1)
    assert history["content"][-1] < history["content"][0] * 0.6
    assert history["style"][-1] < history["style"][0] / 10


def test_the_result_keeps_the_content_and_takes_on_the_style(painted):
    """By default the result of `examples/style_transfer.py` has less than 0.6 times the
    content loss that noise or the style picture has, less than 1/10 of the style loss of
    noise and less than 1/40 of the style loss of the content picture.
    """
    metrics, _ = painted()
    result, noise, scene, pattern = (
        metrics["distances"][name] for name in ("result", "noise", "content", "style")
    )

    assert result["content"] < noise["content"] * 0.6
    assert result["content"] < pattern["content"] * 0.6
    assert result["style"] < scene["style"] / 40
    assert result["style"] < noise["style"] / 10


def test_with_no_weight_on_the_style_the_picture_stays_the_content(painted):
    """With `--style-weight 0 --smooth 0 --start content --steps 10`, the result of
    `examples/style_transfer.py` on the CPU is the content picture, pixel for pixel.

    Because the content loss is 0 there, its smallest value, and so is its gradient.
    """
    metrics, _ = painted(
        *("--style-weight", "0", "--smooth", "0", "--start", "content"),
        *("--size", "48", "--steps", "10"),
    )

    assert metrics["pixels"] == 0
    assert metrics["distances"]["result"]["content"] == 0
    assert metrics["history"]["content"] == [0.0] * 10


def test_with_no_weight_on_the_content_the_gram_matrices_become_those_of_the_style(painted):
    """With `--content-weight 0`, `examples/style_transfer.py --smooth 0 --size 64 --steps 80` ends
    with a smaller style loss than without it, less than 1/50 of that of noise, but with more than
    twice the content loss.
    """
    run = ("--smooth", "0", "--size", "64", "--steps", "80")
    free, _ = painted("--content-weight", "0", *run)
    bound, _ = painted(*run)

    assert free["distances"]["result"]["style"] < free["distances"]["noise"]["style"] / 50
    assert free["distances"]["result"]["style"] < bound["distances"]["result"]["style"] / 1.5
    assert free["distances"]["result"]["content"] > 2 * bound["distances"]["result"]["content"]


def test_the_net_is_the_same_in_every_run_and_learns_nothing(transfer):
    """`random_features()` of `examples/style_transfer.py` returns a net with the same weights
    whatever seed was set before; none of its parameters requires grad.

    Because it draws them from a generator of its own, with seed 0; only the pixels are optimised.
    """
    torch.manual_seed(1)
    one = transfer.random_features()
    torch.manual_seed(2)
    other = transfer.random_features()

    pairs = zip(one.parameters(), other.parameters(), strict=True)
    assert [torch.equal(ours, theirs) for ours, theirs in pairs] == [True] * 6
    assert [parameter.requires_grad for parameter in one.parameters()] == [False] * 6


def test_one_seed_gives_the_same_picture_again_and_another_gives_another(transfer, tmp_path):
    """Two runs of `examples/style_transfer.py` with the same options and number of threads
    write the same result.png, byte for byte, on one CPU; with `--seed 6` instead of 5 it is
    another, unless `--start content` leaves out the noise.
    """
    run = ["--size", "32", "--steps", "3", "--device", "cpu"]
    content = ["--start", "content"]
    starts = [("5", []), ("5", []), ("6", []), ("5", content), ("6", content)]
    results = []
    for number, (seed, start) in enumerate(starts):
        out = tmp_path / str(number)
        transfer.main([*run, "--seed", seed, *start, "--out", str(out)])
        results.append((out / "result.png").read_bytes())

    first, again, other, quiet, same = results
    assert first[:8] == b"\x89PNG\r\n\x1a\n"
    assert first == again
    assert first != other
    assert quiet == same


def test_a_run_leaves_the_result_and_two_figures(painted):
    """A finished run of `examples/style_transfer.py` without `--dry-run` leaves three files in
    the new folder `--out`: result.png, pictures.png and losses.png.
    """
    from PIL import Image

    _, out = painted()

    assert sorted(os.listdir(out)) == ["losses.png", "pictures.png", "result.png"]
    sizes, shades = [], []
    for name in sorted(os.listdir(out)):
        with Image.open(out / name) as figure:
            sizes.append(figure.size)
            shades.append(len(set(figure.convert("L").tobytes())))
    assert sizes == [(800, 450), (900, 360), (96, 96)]
    assert shades == pytest.approx([200, 200, 200], abs=80)


def test_pictures_of_ones_own_are_cut_to_their_middle_square(transfer, tmp_path):
    """`read_picture(path, 32)` of `examples/style_transfer.py` takes the middle square of a
    wide or a tall picture and scales it to 32 x 32 pixels.
    """
    from PIL import Image

    wide = Image.new("RGB", (96, 32), "black")
    wide.paste((255, 0, 0), (32, 0, 64, 32))
    wide.save(tmp_path / "wide.png")
    wide.rotate(90, expand=True).save(tmp_path / "tall.png")

    across, down = (transfer.read_picture(tmp_path / name, 32) for name in ("wide.png", "tall.png"))

    assert across.shape == (1, 3, 32, 32)
    assert across.mean((0, 2, 3)).tolist() == [1.0, 0.0, 0.0]
    assert down.mean((0, 2, 3)).tolist() == [1.0, 0.0, 0.0]


def test_content_and_style_can_be_any_two_files(transfer, tmp_path):
    """`examples/style_transfer.py --content FILE --style FILE` reads two pictures: for its
    `draw_scene(40)` and a plain style (200, 30, 30), `--size 32 --steps 60` gives a result whose
    mean colour is within 0.25 of (0.78, 0.12, 0.12) per channel.
    """
    from PIL import Image

    transfer.draw_scene(40).save(tmp_path / "scene.png")
    Image.new("RGB", (50, 40), (200, 30, 30)).save(tmp_path / "red.jpg")
    files = ["--content", str(tmp_path / "scene.png"), "--style", str(tmp_path / "red.jpg")]

    transfer.main([*files, "--size", "32", "--steps", "60", "--out", str(tmp_path)])

    with Image.open(tmp_path / "result.png") as image:
        red, green, blue = (
            transfer.to_tensor(image).mean((0, 2, 3)) - torch.tensor([0.78, 0.12, 0.12])
        ).tolist()
    assert [red, green, blue] == pytest.approx([0, 0, 0], abs=0.25)


def test_the_layers_of_vgg_are_those_of_the_paper(transfer):
    """With `--weights DEFAULT`, `examples/style_transfer.py` reads the style from the outputs of
    four ReLUs of torchvision's VGG-19, of 64, 128, 256 and 512 channels, and the content from the
    output of `vgg19().features[22]`, also a ReLU.

    `with torch.device("meta")` builds the net without memory for its 144 million parameters
    (143667240).
    """
    from torchvision import models

    with torch.device("meta"):
        layers = models.vgg19().features
    seen = [layers[tap] for tap in (*transfer.VGG_TAPS, transfer.VGG_CONTENT)]
    channels = [layers[tap - 1].out_channels for tap in transfer.VGG_TAPS]

    assert [type(layer) for layer in seen] == [nn.ReLU] * 5
    assert channels == [64, 128, 256, 512]
    assert transfer.VGG_CONTENT == 22


def test_weights_default_takes_the_trained_vgg(transfer, monkeypatch, tmp_path):
    """`examples/style_transfer.py --weights DEFAULT` takes its features from torchvision's
    `vgg19(weights="DEFAULT")`.

    The first time, torchvision fetches about 548 MiB (575 MB); a small stand-in takes the place of
    `vgg19` in this test.
    """
    asked = []

    class StandIn:
        def __init__(self, weights):
            asked.append(weights)
            layers = [layer for _ in range(12) for layer in (nn.Conv2d(4, 4, 1), nn.ReLU(True))]
            self.features = nn.Sequential(nn.Conv2d(3, 4, 1), *layers[1:])

    monkeypatch.setattr(transfer.models, "vgg19", StandIn)

    metrics = transfer.main(
        ["--weights", "DEFAULT", "--size", "32", "--steps", "5", "--out", str(tmp_path)]
    )

    assert asked == ["DEFAULT"]
    assert len(metrics["history"]["style"]) == 5


def test_without_a_network_vgg_is_missed_in_one_line(transfer, monkeypatch, tmp_path, capsys):
    """If VGG-19's weights can't be fetched, `examples/style_transfer.py --weights DEFAULT` ends
    with exit code 2 and a line that says into which folder to put which file.
    """

    def no_network(*args, **kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(transfer.models, "vgg19", no_network)

    with pytest.raises(SystemExit, match=r"^2$"):
        transfer.main(["--weights", "DEFAULT", "--out", str(tmp_path)])

    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("style_transfer.py: the weights of vgg19 cannot be fetched or read: <")
    assert f"put vgg19-dcbb9e9d.pth into {tmp_path}/hub/checkpoints" in told


def test_a_dry_run_takes_two_steps_and_writes_nothing(transfer, tmp_path, monkeypatch):
    """`examples/style_transfer.py --dry-run` takes two steps of the optimizer and writes no file,
    not even the folder of `--out`.
    """
    monkeypatch.chdir(tmp_path)

    metrics = transfer.main(["--dry-run", "--size", "32"])

    assert len(metrics["history"]["style"]) == 2
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--content", "nothing.png"], "no picture nothing.png"),
        (["--style", "words.png"], "words.png is no picture that can be read: "),
        (["--out", "words.png/x"], "--out words.png/x: Not a directory"),
        (["--device", "toaster"], "--device toaster: "),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    transfer, capsys, tmp_path, monkeypatch, arguments, line
):
    """`examples/style_transfer.py` ends with exit code 2 and a line that names the cause if
    the file of `--content` or `--style` is missing or no picture, if `--out` is to be below
    a file (without `--dry-run`), or with `--device toaster`.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.png").write_text("words")

    with pytest.raises(SystemExit, match=r"^2$"):
        transfer.main(["--size", "32", *arguments])

    told = capsys.readouterr().err.splitlines()
    assert told[-1].startswith(f"style_transfer.py: {line}")
