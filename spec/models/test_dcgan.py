"""A generator of pictures, and its discriminator.

`examples/dcgan.py` turns 32 random numbers into a picture by transposed convolutions (the
generator), and lets another net say of pictures whether they are real (the discriminator, called
critic in a WGAN). It learns digits of MNIST where TORCH_SPEC_DATA names a folder that holds them,
digits drawn in files of the same format elsewhere, and faces that `examples/drawn/faces.py` draws.

Whether samples are good can't be read from the losses. It is measured by what comes near the
data's for good ones: means and variances of the pixels, how far samples lie from each other, which
digit they are nearest to, what is dark in the place of the eyes.

What surprises is how little makes a WGAN of it: two losses, an optimizer with its learning rate,
clipped weights, two numbers of steps. A smaller GAN is told in `spec/models/test_gan_1d.py`, the
losses in `spec/nn/test_gan.py`. Figures are those of the default seed 0 on the CPU.
"""

import functools
import os

import pytest
import torch

from fixtures.images import mnist_folder, write_digits
from spec.models.scripts import import_example

pytestmark = [pytest.mark.slow]

MNIST_FOLDER = mnist_folder()


@pytest.fixture(scope="module")
def dcgan():
    """The example as a module."""
    return import_example("dcgan")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A folder of a thousand drawn faces."""
    draw = import_example("drawn.faces")
    return draw.write_faces(tmp_path_factory.mktemp("faces"), 1000)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """MNIST's test digits, or drawn ones in files of the same form."""
    return MNIST_FOLDER or write_digits(tmp_path_factory.mktemp("digits"), 2000)


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A hundred drawn digits, for runs that have nothing to learn."""
    return write_digits(tmp_path_factory.mktemp("few"), 100)


@pytest.fixture(scope="module")
def trained(dcgan, digits, faces, tmp_path_factory):
    """Trains a game on digits or faces, each once, and gives the metrics and the folder."""

    @functools.cache
    def train(loss, kind):
        out = tmp_path_factory.mktemp(f"{loss}_{kind}")
        data = digits if kind == "digits" else faces
        run = ["--loss", loss, "--data", str(data), "--out", str(out), "--device", "cpu"]
        # Faces are learned sooner.
        return dcgan.main(run if kind == "digits" else [*run, "--steps", "400"]), out

    return train


@pytest.fixture(params=[("gan", "digits"), ("wgan", "digits"), ("gan", "faces")], ids="-".join)
def game(request, trained):
    """The metrics of a trained game."""
    return trained(*request.param)[0]


def test_the_statistics_of_the_pixels_come_close_to_the_datas(game):
    """After the default training of the GAN or the WGAN of `examples/dcgan.py` on digits (seed 0),
    `mean_distance` of the samples is below 1/4, and `variance_distance` below 1/2, of that of
    pictures of noise and of the untrained net's pictures.
    """
    samples, untrained, noise = game["samples"], game["untrained"], game["noise"]

    assert samples["mean_distance"] < untrained["mean_distance"] / 4
    assert samples["mean_distance"] < noise["mean_distance"] / 4
    assert samples["variance_distance"] < untrained["variance_distance"] / 3
    assert samples["variance_distance"] < noise["variance_distance"] / 2


def test_the_data_comes_closest_to_itself(game):
    """After the default training of `examples/dcgan.py` on digits (seed 0), the `mean_distance` of
    1000 random digits of the data is below that of 1000 generated pictures; the `spread` of these
    random digits is 0.95 to 1.05.

    So better generated pictures could come nearer. `mean_distance` is the root mean square, over
    the pixels, of the difference between the mean picture and that of all data; `spread` the mean
    pairwise distance of 400 pictures over that of 400 of the data.
    """
    data, samples = game["data"], game["samples"]

    assert data["mean_distance"] < samples["mean_distance"]
    assert data["spread"] == pytest.approx(1, abs=0.05)


def test_samples_vary_as_the_data_does(game):
    """After the default training of the GAN or the WGAN of `examples/dcgan.py` on digits (seed 0),
    two samples lie on average 0.8 to 1.2 times as far apart as two pictures of the data, in
    Euclidean distance; before training less than half as far.

    So do samples after 400 steps of the GAN on drawn faces. A generator that makes one picture of
    all noise vectors, called mode collapse, would have a mean distance near 0.
    """
    assert game["samples"]["spread"] == pytest.approx(1, abs=0.2)
    assert game["untrained"]["spread"] < 0.5


def test_the_picture_of_fixed_noise_improves(game):
    """After the default training on digits, or `--steps 400` on 1000 drawn faces,
    `examples/dcgan.py` (seed 0) makes pictures of 64 fixed noise vectors: their mean distance to
    the nearest real picture is below 0.6 of what it was at step 0.

    Fixed noise makes pictures of different steps comparable.
    """
    steps, distances = zip(*game["nearness"], strict=True)

    assert steps[:3] == (0, 100, 200)
    assert distances[-1] < distances[0] * 0.6
    assert distances[-1] < distances[1]


@pytest.mark.parametrize("loss", ["gan", "wgan"])
def test_samples_of_digits_are_of_all_ten(trained, loss):
    """After the default training of `examples/dcgan.py` on digits, each digit has more than 15 of
    1000 samples, told by the most frequent digit of five nearest real pictures; `agreement` is
    larger than for noise, smaller than for real digits.

    `agreement` is the mean share of the most frequent digit among the five nearest real pictures.
    The digits are MNIST's, or 2000 that `examples/drawn/digits.py` draws.
    """
    metrics, _ = trained(loss, "digits")
    samples, noise, data = metrics["samples"], metrics["noise"], metrics["data"]

    assert len(samples["classes"]) == 10
    assert min(samples["classes"]) > 15
    assert min(noise["classes"]) < 5
    assert samples["agreement"] > noise["agreement"] + 0.08
    assert data["agreement"] > samples["agreement"] + 0.08


def test_a_sampled_face_has_the_colours_of_a_face(trained):
    """After `examples/dcgan.py --data DIR --steps 400` (seed 0) on 1000 faces of
    `examples/drawn/faces.py`, the mean colours of hair, skin and wall in its samples are within
    0.25 of those in the drawn faces, per channel on a scale from -1 to 1.
    """
    metrics, _ = trained("gan", "faces")
    found, meant = metrics["samples"]["colours"], metrics["data"]["colours"]

    assert list(found) == ["hair", "skin", "wall"]
    for name in ("hair", "skin", "wall"):
        assert found[name] == pytest.approx(meant[name], abs=0.25)
    assert sum(found["skin"]) - sum(found["hair"]) == pytest.approx(3, abs=1)


def test_a_sampled_face_has_the_layout_of_a_face(trained):
    """After `examples/dcgan.py --steps 400` (seed 0) on 1000 drawn faces, hair and eyes are
    clearly darker and the mouth redder than the skin in over 80 % of the samples and 95 % of the
    drawn faces, but in under 20 % of uniform noise.

    In samples of the untrained net it is under 1 %. `layout` in `examples/drawn/faces.py` has the
    margins: by any difference at all, almost half of the noise and over a third of the untrained
    samples would pass.
    """
    metrics, _ = trained("gan", "faces")

    assert metrics["samples"]["layout"]["all"] > 0.8
    assert metrics["data"]["layout"]["all"] > 0.95
    assert metrics["noise"]["layout"]["all"] < 0.2
    assert metrics["untrained"]["layout"]["all"] < 0.01


@pytest.mark.claim("path-dcgan-to-wgan")
def test_a_wgan_differs_from_the_gan_in_six_settings(dcgan):
    """By default `--loss wgan` of `examples/dcgan.py` differs from `--loss gan` in six settings:
    losses, RMSprop instead of Adam, learning rate, number of steps, three critic steps per
    generator step, and the critic's weights clipped to ±0.01.

    The critic's loss is mean(fake) - mean(real), without a logarithm; nets and training loop
    are the same code.
    """
    gan, wgan = dcgan.GAMES["gan"], dcgan.GAMES["wgan"]
    real, fake = torch.tensor([3.0, 5.0]), torch.tensor([1.0, 2.0])

    names = ["losses", "optimizer", "lr", "steps", "critic_steps", "clip"]
    assert [name for name in gan._fields if getattr(gan, name) != getattr(wgan, name)] == names
    assert [loss.item() for loss in wgan.losses(real, fake)] == [-2.5, -1.5]
    assert [loss.item() for loss in gan.losses(0 * real, 0 * fake)] == pytest.approx(
        [1.3863, 0.6931], abs=1e-4
    )
    assert (gan.optimizer.func.__name__, wgan.optimizer.__name__) == ("Adam", "RMSprop")
    assert (gan.lr, wgan.lr) == (0.001, 0.0005)
    assert (gan.steps, wgan.steps) == (600, 1200)
    assert (gan.critic_steps, wgan.critic_steps) == (1, 3)
    assert (gan.clip, wgan.clip) == (None, 0.01)


def test_the_critic_is_clipped_and_steps_three_times(trained):
    """After the default training by `--loss wgan` of `examples/dcgan.py` on digits, the
    largest parameter of the critic has the absolute value 0.01, up to rounding, and the
    critic has taken 1200 steps for 400 of the generator.

    Clipping bounds how fast the critic's answer may change with the picture, which a WGAN
    needs.
    """
    metrics, out = trained("wgan", "digits")
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    weights = {name: w for name, w in state["model"].items() if name.startswith("discriminator.")}
    parameters = [weights[name] for name in weights if name.endswith((".weight", ".bias"))]

    assert max(weight.abs().max().item() for weight in parameters) == pytest.approx(0.01)
    assert len(metrics["losses"]["discriminator"]) == 1200
    assert len(metrics["losses"]["generator"]) == 400


def test_the_critics_distance_shrinks(trained):
    """In the default training by `--loss wgan` of `examples/dcgan.py` on digits (seed 0), the mean
    of the critic's mean(real) - mean(fake) over the last 100 of its 1200 steps is positive and
    less than half of its peak in the first 100.

    The WGAN paper takes this difference as an estimate, up to a factor, of how far samples and
    data are apart; the losses of a GAN are none.
    """
    metrics, _ = trained("wgan", "digits")
    distance = -torch.tensor(metrics["losses"]["discriminator"])
    peak, end = distance[:100].max(), distance[-100:].mean()

    assert end / peak < 0.5
    assert end > 0


def test_the_wgans_samples_match_the_data_at_least_as_well(trained):
    """After the default training on digits (seed 0), `mean_distance` and `variance_distance` of
    `metrics["samples"]` of `examples/dcgan.py --loss wgan` are each below 1.2 times those of
    `--loss gan`.

    They compare the mean and the variance of each pixel over the samples with those over the
    data (root mean square of the differences): smaller is better.
    """
    gan, wgan = (trained(loss, "digits")[0]["samples"] for loss in ("gan", "wgan"))

    assert wgan["mean_distance"] < 1.2 * gan["mean_distance"]
    assert wgan["variance_distance"] < 1.2 * gan["variance_distance"]


def test_a_run_leaves_three_figures_and_a_checkpoint(trained):
    """A finished run of `examples/dcgan.py` without `--generate` or `--dry-run` leaves five
    files in the new folder `--out`: checkpoint.pt, log.txt, losses.png, progress.png and
    samples.png.
    """
    from PIL import Image

    _, out = trained("gan", "digits")

    names = ["checkpoint.pt", "log.txt", "losses.png", "progress.png", "samples.png"]
    assert sorted(os.listdir(out)) == names
    sizes, shades = [], []
    for name in names[2:]:
        with Image.open(out / name) as figure:
            sizes.append(figure.size)
            shades.append(len(set(figure.convert("L").tobytes())))
    assert sizes == [(1000, 450), (800, 840), (800, 840)]
    assert shades == pytest.approx([200, 200, 200], abs=80)


def test_pictures_are_generated_from_the_checkpoint(dcgan, trained):
    """`examples/dcgan.py --generate 20` without `--dry-run` does not train: the generator
    of the checkpoint in `--out` makes twenty pictures, and the script writes them to the
    folder `generated` there.
    """
    from PIL import Image

    _, out = trained("gan", "faces")

    metrics = dcgan.main(["--out", str(out), "--generate", "20", "--device", "cpu"])

    assert metrics == {"generated": 20, "steps": 400}
    assert len(os.listdir(out / "generated")) == 20
    with Image.open(out / "generated" / "0019.png") as image:
        assert (image.size, image.mode) == ((16, 16), "RGB")


def test_a_sample_is_the_same_alone_and_among_others(dcgan):
    """`sample` of `examples/dcgan.py` makes of one noise vector the same picture alone and in a
    batch of eight, to within 1e-5.

    Because it switches to eval mode, where BatchNorm uses its running statistics instead of the
    batch's.
    """
    generator, noise = dcgan.make_generator(16, 1, 4), torch.randn(8, 32, 1, 1)
    generator(5 * noise)

    alone, among = (dcgan.sample(generator, part, "cpu")[0] for part in (noise[:1], noise))

    assert (alone - among).abs().max().item() == pytest.approx(0, abs=1e-5)
    assert alone.std().item() == pytest.approx(0.2, abs=0.19)
    assert generator.training is False


@pytest.mark.parametrize(("size", "layers"), [(16, 3), (32, 4), (64, 5)])
def test_each_doubling_of_the_side_is_one_more_layer(dcgan, size, layers):
    """The generator of `examples/dcgan.py` begins with 4 x 4 pixels, and each further
    `nn.ConvTranspose2d` doubles the side: 3 layers make 16 x 16, 4 make 32 x 32, 5 make 64 x
    64.

    With kernel 4, stride 2 and padding 1 the output side is exactly twice the input's.
    """
    generator = dcgan.make_generator(size, 3, 4)
    discriminator = dcgan.make_discriminator(size, 3, 4)

    images = generator(torch.randn(2, 32, 1, 1))

    unfolding = [layer for layer in generator if isinstance(layer, torch.nn.ConvTranspose2d)]
    assert images.shape == (2, 3, size, size)
    assert len(unfolding) == layers
    assert discriminator(images).shape == (2,)


def test_a_dry_run_takes_a_step_of_each_net_and_writes_nothing(dcgan, few, tmp_path, monkeypatch):
    """`examples/dcgan.py --loss wgan --dry-run`, with no further option but `--data`, takes
    one generator step, after three critic steps, and writes no file.
    """
    monkeypatch.chdir(tmp_path)

    metrics = dcgan.main(["--loss", "wgan", "--data", str(few), "--dry-run"])

    assert len(metrics["losses"]["discriminator"]) == 3
    assert len(metrics["losses"]["generator"]) == 1
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--data", "nowhere"], "no pictures in nowhere: name by --data a folder with t10k-images"),
        (["--data", "."], ". is no folder of pictures: "),
        (["--generate", "3", "--out", "."], "no checkpoint checkpoint.pt: a training without"),
        (["--loss", "wgan", "--steps", "2"], "error: argument --steps: the generator's first"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(dcgan, capsys, tmp_path, monkeypatch, arguments, line):
    """Training with `examples/dcgan.py` ends with exit code 2 and a line that names the cause if
    the folder `--data` isn't there or holds no pictures, or with `--loss wgan --steps 2`; so does
    `--generate 3` without a checkpoint.pt in `--out`.

    With `--loss wgan` the generator takes its first step after the third of the critic;
    `--critic-steps 1` changes that.
    """
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit, match=r"^2$"):
        dcgan.main(arguments)

    assert f"dcgan.py: {line}" in capsys.readouterr().err


def test_the_same_seed_draws_the_same_faces(tmp_path):
    """`write_faces(folder, 6)` of `examples/drawn/faces.py` draws face 3, `short/0003.png`, equal
    byte for byte to that of `write_faces(folder, 4)`; with `seed=1` instead of 0 it is another.
    """
    draw = import_example("drawn.faces")
    for name, count, seed in (("few", 4, 0), ("more", 6, 0), ("others", 4, 1)):
        draw.write_faces(tmp_path / name, count, seed)

    one, same, other = (
        (tmp_path / name / "short" / "0003.png").read_bytes() for name in ("few", "more", "others")
    )
    assert one == same
    assert one != other
    assert sorted(os.listdir(tmp_path / "more" / "long")) == ["0000.png", "0002.png", "0004.png"]


def test_faces_are_read_by_image_folder(faces):
    """`ImageFolder` reads the faces that `examples/drawn/faces.py --count 1000` writes, as two
    classes, long and short (the hair), of 500 pictures each of 32 x 32 pixels.
    """
    from torchvision.datasets import ImageFolder

    folder = ImageFolder(faces)
    image, label = folder[0]

    assert folder.classes == ["long", "short"]
    assert torch.bincount(torch.tensor(folder.targets)).tolist() == [500, 500]
    assert (image.size, label) == ((32, 32), 0)
