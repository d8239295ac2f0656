"""Four activations, drawn.

`examples/activation_curves.py` draws ReLU, sigmoid, tanh and softplus between -5 and 5, as the
notes' page on activations does. A network of `nn.Linear` layers alone would be one affine map; the
activation between them bends it, and each of the four bends it in its own way: ReLU has a corner
at 0, softplus rounds that corner off, sigmoid and tanh become level at both ends.

What surprises: where a curve is level its slope is nearly 0, and backpropagation multiplies by
that slope. Sigmoid's slope is at most 1/4, so a gradient shrinks on its way through many sigmoid
layers, unless large weights make up for it. The functions themselves are the subject of
`spec/nn/test_activations.py`.
"""

import functools
import math
import os

import pytest
import torch

from spec.models.scripts import import_example

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def example():
    """The example as a module."""
    return import_example("activation_curves")


@pytest.fixture(scope="module")
def drawn(example, tmp_path_factory):
    """Draws as the arguments say, each way once; the curves and the picture."""

    @functools.cache
    def draw(*arguments):
        out = tmp_path_factory.mktemp("activation_curves") / "new" / "folder"
        curves = example.main(["--out", str(out), "--device", "cpu", *arguments])
        return curves, out / "activations.png"

    return draw


@pytest.mark.claim("self-activation-plots")
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("relu", 0.0, 5.0),
        ("sigmoid", 0.006693, 0.993307),
        ("tanh", -0.999909, 0.999909),
        ("softplus", 0.006715, 5.006715),
    ],
)
def test_each_curve_has_the_range_of_its_formula(drawn, name, low, high):
    """For float32 x from -5 to 5, rounded to four decimals, `torch.relu` runs from 0 to 5,
    `torch.sigmoid` from 0.0067 to 0.9933, `torch.tanh` from -0.9999 to 0.9999 and
    `F.softplus` from 0.0067 to 5.0067.
    """
    curves, _ = drawn()

    assert curves[name]["range"] == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("relu", lambda x: max(x, 0.0)),
        ("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
        ("tanh", lambda x: (math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x))),
        ("softplus", lambda x: math.log(1 + math.exp(x))),
    ],
)
def test_each_curve_follows_its_formula(drawn, name, formula):
    """With its default settings `examples/activation_curves.py` computes ReLU, sigmoid, tanh
    and softplus at 201 points from -5 to 5, each value within 1e-5 of the formula computed by
    Python's `math`.
    """
    curves, _ = drawn()

    x, y = curves[name]["x"], curves[name]["y"]

    assert (len(x), x[0], x[-1]) == (201, -5.0, 5.0)
    assert y == pytest.approx([formula(value) for value in x], abs=1e-5)


def test_softplus_is_a_relu_with_the_corner_rounded_off(drawn):
    """For float32 x from -5 to 5 `F.softplus(x)` lies above `torch.relu(x)`: most at x = 0,
    by ln 2, and least at -5 and 5, by 0.0067.

    Because softplus(x) is log(1 + exp(x)), and softplus(x) - relu(x) is log(1 + exp(-|x|)).
    """
    curves, _ = drawn()

    above = torch.tensor(curves["softplus"]["y"]) - torch.tensor(curves["relu"]["y"])

    assert above.argmax().item() == 100
    assert curves["relu"]["x"][100] == pytest.approx(0, abs=1e-6)
    assert above.max().item() == pytest.approx(math.log(2))
    assert [above[0].item(), above[-1].item()] == pytest.approx([0.006715] * 2, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "steepest"), [("relu", 1.0), ("sigmoid", 0.25), ("tanh", 1.0), ("softplus", 0.993307)]
)
def test_a_sigmoid_lets_through_a_quarter_of_a_gradient_at_most(drawn, name, steepest):
    """Of the slopes that autograd finds at the points of `torch.linspace(-5, 5, 201)`, the
    steepest is 0.25 for `torch.sigmoid`, 1 for `torch.relu` and `torch.tanh`, and 0.9933
    for `F.softplus`, rounded to four decimals.

    Because backpropagation multiplies by this slope, the gradient of a sigmoid's input is at most
    a quarter of the gradient of its output.
    """
    curves, _ = drawn()

    assert curves[name]["steepest"] == pytest.approx(steepest, abs=1e-6)


def test_the_picture_shows_four_curves_each_in_its_colour(drawn):
    """With default settings `examples/activation_curves.py` writes a picture of 900 x 600 pixels
    with four panels, one curve in each, in four different colours.
    """
    from PIL import Image

    _, path = drawn()

    with Image.open(path) as picture:
        assert picture.size == (900, 600)
        inks = [(0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167)]
        quarters = [(0, 0, 450, 300), (450, 0, 900, 300), (0, 300, 450, 600), (450, 300, 900, 600)]
        counts = [
            dict(map(reversed, picture.crop(box).convert("RGB").getcolors(1 << 16)))
            for box in quarters
        ]
    shown = [[ink in colours for ink in inks] for colours in counts]
    assert shown == torch.eye(4, dtype=torch.bool).tolist()
    assert min(colours[ink] for colours, ink in zip(counts, inks, strict=True)) > 400


def test_slopes_are_drawn_when_asked_for(drawn):
    """`examples/activation_curves.py --slopes` without `--dry-run` draws the slope of each
    curve as well; the picture keeps its 900 x 600 pixels, and `main` returns the numbers
    that it returns without `--slopes`.
    """
    from PIL import Image

    curves, path = drawn()
    same, with_slopes = drawn("--slopes")

    assert same == curves
    with Image.open(path) as plain, Image.open(with_slopes) as dotted:
        assert (plain.size, dotted.size) == ((900, 600), (900, 600))
        assert dotted.tobytes() != plain.tobytes()


def test_the_limit_and_the_number_of_points_are_the_users(drawn):
    """`examples/activation_curves.py --limit 1 --points 3` computes each curve at x = -1, 0 and
    1.
    """
    curves, _ = drawn("--limit", "1", "--points", "3")

    assert [curve["x"] for curve in curves.values()] == [[-1.0, 0.0, 1.0]] * 4
    assert curves["relu"]["y"] == [0.0, 0.0, 1.0]
    assert curves["tanh"]["y"] == pytest.approx([-0.761594, 0.0, 0.761594], abs=1e-6)


def test_a_dry_run_writes_nothing(example, drawn, tmp_path):
    """`main(["--dry-run"])` of `examples/activation_curves.py` returns the same curves as
    `main([])`, and makes neither the picture nor the folder of `--out`.
    """
    curves = example.main(["--dry-run", "--device", "cpu", "--out", str(tmp_path / "out")])

    assert curves == drawn()[0]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--device", "abacus"], "activation_curves.py: --device abacus: Expected one of cpu"),
        (["--out", "/dev/null"], "activation_curves.py: --out /dev/null: File exists"),
        (["--points", "1"], "error: argument --points: invalid points value: '1'"),
        (["--limit", "-5"], "error: argument --limit: invalid limit value: '-5'"),
    ],
)
def test_what_the_user_can_mend_is_told_in_one_line(example, tmp_path, capsys, arguments, said):
    """`examples/activation_curves.py` ends with exit code 2 and a message that names the
    option if `--device` is unknown (abacus), `--points` is below 2, `--limit` is negative
    or, without `--dry-run`, `--out` is a file.

    No picture is written then.
    """
    with pytest.raises(SystemExit) as stopped:
        example.main(["--out", str(tmp_path), *arguments])

    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
    assert os.listdir(tmp_path) == []
