"""A generator of pictures, and its critic.

`examples/dcgan.py` lets a net of transposed convolutions unfold random numbers into pictures, and
another one judge them. It learns digits of MNIST where TORCH_SPEC_DATA names a folder that holds
them, digits drawn in their files elsewhere, and faces that `examples/draw_faces.py` draws. Whether
samples are good is asked of numbers that come near the data's for good ones: means and variances of
pixels, how far samples lie from each other, which digit they are nearest to, what is dark in the
place of the eyes. The surprising part is how little makes a WGAN of it: two losses, an optimizer,
a clipped weight, a count of steps.
"""

import functools
import os

import pytest
import torch

from fixtures.images import mnist_folder, write_digits
from spec.models.scripts import import_example, run_until_killed

pytestmark = [pytest.mark.slow]

MNIST_FOLDER = mnist_folder()


@pytest.fixture(scope="module")
def dcgan():
    """The example as a module."""
    return import_example("dcgan")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A folder of a thousand drawn faces."""
    draw = import_example("draw_faces")
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
    """Pixel by pixel, mean and variance of samples lie near the data's; of noise they lie far.

    So do those of the generator before it has learned anything.
    """
    samples, untrained, noise = game["samples"], game["untrained"], game["noise"]

    assert samples["mean_distance"] < untrained["mean_distance"] / 4
    assert samples["mean_distance"] < noise["mean_distance"] / 4
    assert samples["variance_distance"] < untrained["variance_distance"] / 3
    assert samples["variance_distance"] < noise["variance_distance"] / 2


def test_the_data_comes_closest_to_itself(game):
    """A thousand pictures of the data itself come closer yet: the measure has room for better."""
    data, samples = game["data"], game["samples"]

    assert data["mean_distance"] < samples["mean_distance"]
    assert data["spread"] == pytest.approx(1, abs=0.05)


def test_samples_vary_as_the_data_does(game):
    """Two samples lie about as far from each other as two pictures of the data: no collapse.

    Before training, all noise gave nearly one picture.
    """
    assert game["samples"]["spread"] == pytest.approx(1, abs=0.2)
    assert game["untrained"]["spread"] < 0.5


def test_the_picture_of_fixed_noise_improves(game):
    """The pictures of fixed noise come nearer to the data: to a half of the distance at first."""
    steps, distances = zip(*game["nearness"], strict=True)

    assert steps[:3] == (0, 100, 200)
    assert distances[-1] < distances[0] * 0.6
    assert distances[-1] < distances[1]


@pytest.mark.parametrize("loss", ["gan", "wgan"])
def test_samples_of_digits_are_of_all_ten(trained, loss):
    """The real digits nearest to a sample mostly agree on which it is, and all ten occur.

    About noise they agree less, and some digits are nearest to none of it. Real digits agree on
    others nearly always: samples are not as good as they are.
    """
    metrics, _ = trained(loss, "digits")
    samples, noise, data = metrics["samples"], metrics["noise"], metrics["data"]

    assert len(samples["classes"]) == 10
    assert min(samples["classes"]) > 15
    assert min(noise["classes"]) < 5
    assert samples["agreement"] > noise["agreement"] + 0.08
    assert data["agreement"] > samples["agreement"] + 0.08


def test_a_sampled_face_has_the_colours_of_a_face(trained):
    """Hair, skin and wall of sampled faces have the mean colours of drawn ones."""
    metrics, _ = trained("gan", "faces")
    found, meant = metrics["samples"]["colours"], metrics["data"]["colours"]

    assert list(found) == ["hair", "skin", "wall"]
    for name in ("hair", "skin", "wall"):
        assert found[name] == pytest.approx(meant[name], abs=0.25)
    assert sum(found["skin"]) - sum(found["hair"]) == pytest.approx(3, abs=1)


def test_a_sampled_face_has_the_layout_of_a_face(trained):
    """In most sampled faces hair is darker than skin, and so are two eyes; the mouth is redder.

    All in their places. The drawn faces keep these rules, noise does in one case of nine.
    """
    metrics, _ = trained("gan", "faces")

    assert metrics["samples"]["layout"]["all"] > 0.8
    assert metrics["data"]["layout"]["all"] > 0.95
    assert metrics["noise"]["layout"]["all"] < 0.2
    assert metrics["untrained"]["layout"]["all"] < 0.01


@pytest.mark.claim("path-dcgan-to-wgan")
def test_a_wgan_differs_from_the_gan_in_five_settings(dcgan):
    """Losses, optimizer with its rate, steps of the critic, clipping: all else is the same code."""
    gan, wgan = dcgan.GAMES["gan"], dcgan.GAMES["wgan"]
    real, fake = torch.tensor([3.0, 5.0]), torch.tensor([1.0, 2.0])

    assert [loss.item() for loss in wgan.losses(real, fake)] == [-2.5, -1.5]
    assert [loss.item() for loss in gan.losses(0 * real, 0 * fake)] == pytest.approx(
        [1.3863, 0.6931], abs=1e-4
    )
    assert (gan.optimizer.__name__, wgan.optimizer.__name__) == ("adam", "rmsprop")
    assert (gan.critic_steps, wgan.critic_steps) == (1, 3)
    assert (gan.clip, wgan.clip) == (None, 0.01)


def test_the_critic_is_clipped_and_steps_three_times(trained):
    """No weight of the critic lies beyond 0.01; it takes three steps for one of the generator."""
    metrics, out = trained("wgan", "digits")
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    weights = state["discriminator"]
    parameters = [weights[name] for name in weights if name.endswith((".weight", ".bias"))]

    assert max(weight.abs().max().item() for weight in parameters) == pytest.approx(0.01)
    assert len(metrics["losses"]["discriminator"]) == 1200
    assert len(metrics["losses"]["generator"]) == 400


def test_the_critics_distance_shrinks(trained):
    """The critic first learns to tell the two apart, then the generator takes the lead away."""
    metrics, _ = trained("wgan", "digits")
    distance = -torch.tensor(metrics["losses"]["discriminator"])
    peak, end = distance[:100].max(), distance[-100:].mean()

    assert end / peak < 0.5
    assert end > 0


def test_the_wgans_samples_match_the_data_at_least_as_well(trained):
    """By the same measures, the WGAN's samples lie no farther from the data than the GAN's.

    In their means and variances; a fifth is left for chance.
    """
    gan, wgan = (trained(loss, "digits")[0]["samples"] for loss in ("gan", "wgan"))

    assert wgan["mean_distance"] < 1.2 * gan["mean_distance"]
    assert wgan["variance_distance"] < 1.2 * gan["variance_distance"]


def test_a_run_leaves_three_figures_and_a_checkpoint(trained):
    """A run leaves samples, the progress of fixed noise, the losses and a checkpoint, no more."""
    from PIL import Image

    _, out = trained("gan", "digits")

    names = ["checkpoint.pt", "losses.png", "progress.png", "samples.png"]
    assert sorted(os.listdir(out)) == names
    sizes, shades = [], []
    for name in names[1:]:
        with Image.open(out / name) as figure:
            sizes.append(figure.size)
            shades.append(len(set(figure.convert("L").tobytes())))
    assert sizes == [(800, 400), (700, 610), (548, 548)]
    assert shades == pytest.approx([200, 200, 200], abs=80)


def test_pictures_are_generated_from_the_checkpoint(dcgan, trained):
    """`--generate 20` draws twenty pictures by the generator that a run has left."""
    from PIL import Image

    _, out = trained("gan", "faces")

    metrics = dcgan.main(["--out", str(out), "--generate", "20", "--device", "cpu"])

    assert metrics == {"generated": 20, "steps": 400}
    assert len(os.listdir(out / "generated")) == 20
    with Image.open(out / "generated" / "0019.png") as image:
        assert (image.size, image.mode) == ((16, 16), "RGB")


def test_a_sample_is_the_same_alone_and_among_others(dcgan):
    """A sample depends on its noise alone: batch norm goes by what it has seen in training."""
    generator, noise = dcgan.make_generator(16, 1, 4), torch.randn(8, 32, 1, 1)
    generator(5 * noise)

    alone, among = (dcgan.sample(generator, part, "cpu")[0] for part in (noise[:1], noise))

    assert (alone - among).abs().max().item() == pytest.approx(0, abs=1e-5)
    assert alone.std().item() == pytest.approx(0.2, abs=0.19)
    assert generator.training is True


TINY = ["--width", "4", "--steps", "12", "--batch-size", "8", "--report-every", "4"]


@pytest.mark.parametrize(
    ("loss", "function", "call", "left"),
    [
        ("gan", "torch.nn.functional.softplus", 30, ["checkpoint.pt"]),
        ("wgan", "os.fsync", 2, ["checkpoint.partial", "checkpoint.pt"]),
    ],
)
@pytest.mark.spare("30", reason="any step between two checkpoints will do")
@pytest.mark.spare("2", reason="any checkpoint but the first will do")
def test_a_run_killed_at_any_moment_and_resumed_ends_with_the_same_weights(
    dcgan, few, tmp_path, loss, function, call, left
):
    """Killed at any moment and resumed, a run ends with the weights of one that was never stopped.

    Bit for bit, on a CPU: between two checkpoints, and while one is written.
    """
    run = ["--loss", loss, "--data", str(few), "--device", "cpu", *TINY]
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    metrics = dcgan.main([*run, "--out", str(whole)])
    run += ["--out", str(stopped)]
    run_until_killed(dcgan, function, call, run)
    assert sorted(os.listdir(stopped)) == left

    resumed = dcgan.main([*run, "--resume"])

    states = [torch.load(out / "checkpoint.pt", weights_only=True) for out in (whole, stopped)]
    for net in ("generator", "discriminator"):
        pairs = zip(*(state[net].values() for state in states), strict=True)
        assert {torch.equal(ours, theirs) for ours, theirs in pairs} == {True}
    assert resumed["losses"] == metrics["losses"]
    assert len(resumed["losses"]["discriminator"]) == 12


def test_one_seed_gives_the_same_run_again_and_another_gives_another(dcgan, few, tmp_path):
    """Two runs from one seed are equal loss by loss; a run from another seed is not."""
    run = ["--data", str(few), "--out", str(tmp_path), "--device", "cpu", *TINY]

    first, again, other = (dcgan.main([*run, "--seed", seed]) for seed in ("3", "3", "4"))

    assert first["losses"] == again["losses"]
    assert first["samples"] == again["samples"]
    assert first["losses"] != other["losses"]


def test_a_checkpoint_of_another_run_is_refused(dcgan, few, tmp_path, capsys):
    """`--resume` with other settings than the checkpoint's says which differ."""
    run = ["--data", str(few), "--out", str(tmp_path), "--device", "cpu", *TINY]
    dcgan.main(run)

    with pytest.raises(SystemExit, match=r"^2$"):
        dcgan.main([*run, "--resume", "--lr", "0.5"])

    assert "is of another run: lr is 0.001 there, 0.5 here" in capsys.readouterr().err


@pytest.mark.parametrize(("size", "layers"), [(16, 3), (32, 4), (64, 5)])
def test_each_doubling_of_the_side_is_one_more_layer(dcgan, size, layers):
    """The generator begins with 4 x 4 pixels, and each further layer doubles the side."""
    generator = dcgan.make_generator(size, 3, 4)
    discriminator = dcgan.make_discriminator(size, 3, 4)

    images = generator(torch.randn(2, 32, 1, 1))

    unfolding = [layer for layer in generator if isinstance(layer, torch.nn.ConvTranspose2d)]
    assert images.shape == (2, 3, size, size)
    assert len(unfolding) == layers
    assert discriminator(images).shape == (2,)


def test_a_dry_run_takes_a_step_of_each_net_and_writes_nothing(dcgan, few, tmp_path, monkeypatch):
    """`--dry-run` goes all the way in one step of the generator and leaves no trace."""
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
        (["--generate", "3", "--out", "."], "no checkpoint.pt: train first"),
        (["--device", "toaster"], "--device toaster: "),
        (["--data", "digits", "--lr", "1e30", *TINY], "the loss is "),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    dcgan, few, capsys, tmp_path, monkeypatch, arguments, line
):
    """No pictures, no checkpoint, no such device, a loss gone astray: one line, and code 2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").symlink_to(few)

    with pytest.raises(SystemExit, match=r"^2$"):
        dcgan.main(arguments)

    told = capsys.readouterr().err
    assert f"dcgan.py: {line}" in told
    assert "Traceback" not in told


def test_the_same_seed_draws_the_same_faces(tmp_path):
    """Faces depend on the seed and their number alone, not on how many are drawn."""
    draw = import_example("draw_faces")
    for name, count, seed in (("few", 4, 0), ("more", 6, 0), ("others", 4, 1)):
        draw.write_faces(tmp_path / name, count, seed)

    one, same, other = (
        (tmp_path / name / "short" / "0003.png").read_bytes() for name in ("few", "more", "others")
    )
    assert one == same
    assert one != other
    assert sorted(os.listdir(tmp_path / "more" / "long")) == ["0000.png", "0002.png", "0004.png"]


def test_faces_are_read_by_image_folder(faces):
    """Drawn faces are an image folder of two classes, long hair and short, of 32 x 32 pixels."""
    from torchvision.datasets import ImageFolder

    folder = ImageFolder(faces)
    image, label = folder[0]

    assert folder.classes == ["long", "short"]
    assert torch.bincount(torch.tensor(folder.targets)).tolist() == [500, 500]
    assert (image.size, label) == ((32, 32), 0)
