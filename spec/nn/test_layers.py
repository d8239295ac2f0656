"""Layers and their shapes: nn.Linear first.

A layer is a module with parameters and a rule for shapes. `nn.Linear(in_features, out_features)`
computes `x @ weight.T + bias` on the last dimension of its input; all dimensions before it are
taken as batch dimensions. Other layers have rules of their own: `nn.Conv2d` reads the last
dimensions as channels, height and width (`spec/nn/test_convolutions.py`), an embedding takes
indices (`spec/nn/test_embeddings.py`), BatchNorm needs a batch (`spec/nn/test_batch_norm.py`).

What surprises: of the input's shape `nn.Linear` compares only the last size. An input whose
features are in another order, or have another meaning, is accepted if its last dimension has the
right size. And it converts no dtypes outside autocast: float64 data from NumPy is refused by
float32 weights.
"""

import re

import pytest
import torch
from torch import nn


def test_a_linear_layer_multiplies_by_the_transposed_weight_and_adds_the_bias(device):
    """With `layer = nn.Linear(3, 2)` and a float32 `x` of shape (2, 3), `layer(x)` is
    `x @ layer.weight.T + layer.bias` up to rounding: each of the two rows of `layer.weight`
    belongs to one output feature.
    """
    layer = nn.Linear(3, 2, device=device)
    layer.weight.data = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 10.0]], device=device)
    layer.bias.data = torch.tensor([0.5, -1.0], device=device)
    x = torch.tensor([[1.0, 1.0, 1.0], [2.0, 0.0, 1.0]], device=device)

    assert layer(x).tolist() == [[6.5, 9.0], [5.5, 9.0]]
    assert (x @ layer.weight.T + layer.bias).tolist() == [[6.5, 9.0], [5.5, 9.0]]


@pytest.mark.claim("self-only-two-dimensions")
def test_a_linear_layer_maps_the_last_dimension_and_keeps_those_before():
    """`nn.Linear(3, 2)` maps the last dimension of a float32 tensor from 3 to 2 and keeps the
    dimensions before it: the shapes (3,), (4, 3) and (6, 5, 4, 3) become (2,), (4, 2) and (6, 5,
    4, 2).
    """
    layer = nn.Linear(3, 2)

    assert layer(torch.ones(3)).shape == (2,)
    assert layer(torch.ones(4, 3)).shape == (4, 2)
    assert layer(torch.ones(6, 5, 4, 3)).shape == (6, 5, 4, 2)


@pytest.mark.torch(">=2.0,!=2.1.*,!=2.2.*")
def test_a_linear_layer_refuses_a_single_number():
    """`nn.Linear(1, 2)` raises RuntimeError for a 0-d float32 tensor `x`, "need to be at least
    1D": write `x[None]`, whose shape is (1,).
    """
    layer = nn.Linear(1, 2)
    x = torch.tensor(1.0)

    with pytest.raises(
        RuntimeError, match=r"both arguments to (linear|matmul) need to be at least 1D"
    ):
        layer(x)
    assert layer(x[None]).shape == (2,)


def test_the_samples_of_a_batch_do_not_meet(device):
    """`nn.Linear` computes each row of a batch from that row alone, up to rounding: with
    weight [[2, 3]] and bias 1 the output for [1, 1] is 6, whether it comes alone, beside
    [0, 0] or beside [9, 9].

    With other numbers an output may change slightly, by rounding, with the batch size, also in eval
    mode, as other kernels sum the matrix product in another order.
    """
    layer = nn.Linear(2, 1, device=device)
    layer.weight.data = torch.tensor([[2.0, 3.0]], device=device)
    layer.bias.data = torch.tensor([1.0], device=device)

    assert layer(torch.tensor([1.0, 1.0], device=device)).tolist() == [6.0]
    assert layer(torch.tensor([[1.0, 1.0], [0.0, 0.0]], device=device)).tolist() == [[6.0], [1.0]]
    assert layer(torch.tensor([[1.0, 1.0], [9.0, 9.0]], device=device)).tolist() == [[6.0], [46.0]]


def test_without_bias_zero_stays_zero(device):
    """`nn.Linear(3, 2, bias=False)` has `bias` None and one parameter, the weight; with finite
    weights it maps `torch.zeros(3)` to zeros.
    """
    layer = nn.Linear(3, 2, bias=False, device=device)

    assert layer.bias is None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert layer(torch.zeros(3, device=device)).tolist() == [0.0, 0.0]


@pytest.mark.claim("course-build-network")
@pytest.mark.parametrize(
    ("piece", "shape"),
    [
        (nn.Conv2d(3, 6, 5), [2, 6, 4, 4]),
        (nn.MaxPool2d(2), [2, 3, 4, 4]),
        (nn.AvgPool2d(4), [2, 3, 2, 2]),
        (nn.BatchNorm2d(3), [2, 3, 8, 8]),
        (nn.Linear(8, 5), [2, 3, 8, 5]),
        (nn.Flatten(), [2, 192]),
        (nn.Flatten(start_dim=2), [2, 3, 64]),
        (nn.Upsample(scale_factor=3), [2, 3, 24, 24]),
    ],
    ids=lambda value: value.__class__.__name__,
)
def test_the_pieces_of_networks_are_ready_made_modules(piece, shape):
    """`nn.Conv2d`, `MaxPool2d`, `AvgPool2d`, `BatchNorm2d`, `Linear`, `Flatten` and `Upsample` are
    ready-made modules; with fitting sizes each accepts float32 images of shape (2, 3, 8, 8):
    `nn.Conv2d(3, 6, 5)` returns the shape (2, 6, 4, 4).
    """
    images = torch.zeros(2, 3, 8, 8)

    assert list(piece(images).shape) == shape


@pytest.mark.claim("blitz-nn-minibatch-only")
@pytest.mark.parametrize(
    ("layer", "single", "shape"),
    [
        (nn.Linear(3, 2), torch.zeros(3), (2,)),
        (nn.ReLU(), torch.zeros(3), (3,)),
        (nn.Conv2d(1, 2, 3), torch.zeros(1, 5, 5), (2, 3, 3)),
        (nn.MaxPool2d(2), torch.zeros(1, 4, 4), (1, 2, 2)),
        (nn.LayerNorm(3), torch.zeros(3), (3,)),
    ],
)
def test_many_layers_take_a_single_sample_too(layer, single, shape):
    """`nn.Linear(3, 2)`, `nn.ReLU()` and `nn.LayerNorm(3)` accept one float32 sample of shape
    (3,), `nn.MaxPool2d(2)` one of shape (1, 4, 4) and `nn.Conv2d(1, 2, 3)` one of shape (1, 5, 5),
    and return an output without a batch dimension too.

    Not all layers do: `nn.BatchNorm1d(3)` refuses a sample of shape (3,)
    (`spec/nn/test_batch_norm.py`), and `nn.Flatten()` takes the channels of an image for the batch
    (`spec/nn/test_flattening.py`).
    """
    assert layer(single).shape == shape


@pytest.mark.parametrize(
    ("shape", "words"),
    [((4, 5), "(4x5 and 3x2)"), ((5,), "(1x5 and 3x2)"), ((4, 2, 5), "(8x5 and")],
)
def test_a_wrong_number_of_features_is_refused_with_both_shapes(shape, words):
    """On a CPU, `nn.Linear(3, 2)` raises RuntimeError for a float32 input of shape [4, 5],
    "mat1 and mat2 shapes cannot be multiplied (4x5 and 3x2)": 4 rows of 5 features meet a
    layer of 3 in features and 2 out features.

    All dimensions before the last one are multiplied to the number of rows: [4, 2, 5] arrives
    as 8 x 5, and [5] as 1 x 5.
    """
    layer = nn.Linear(3, 2)

    with pytest.raises(RuntimeError, match=re.escape(f"shapes cannot be multiplied {words}")):
        layer(torch.zeros(shape))


def test_a_right_last_axis_hides_a_wrong_meaning():
    """Of the shape of its input `nn.Linear(3, 2)` checks only the last size: an `x` of shape
    (3, 5), features x samples, raises RuntimeError; `x.reshape(5, 3)`, which mixes features and
    samples, is accepted.

    To turn `x` into samples x features write `x.T`, not `reshape`.
    """
    layer = nn.Linear(3, 2)
    features_by_samples = torch.zeros(3, 5)

    assert layer(features_by_samples.reshape(5, 3)).shape == (5, 2)
    assert layer(features_by_samples.T).shape == (5, 2)
    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(3x5 and 3x2\)"):
        layer(features_by_samples)


def test_the_input_has_the_dtype_of_the_weights():
    """Outside autocast, `nn.Linear(3, 2)` with float32 weights and a bias converts no input
    on a CPU: a 2-D int64 or float64 input raises RuntimeError, "mat1 and mat2 must have the
    same dtype".

    Data from NumPy is often float64: write `x.float()` for the data, or `layer.double()` for the
    weights. With `bias=False` the error has other words.
    """
    layer = nn.Linear(3, 2)
    whole = torch.ones(1, 3, dtype=torch.int64)
    double = torch.ones(1, 3, dtype=torch.float64)

    with pytest.raises(RuntimeError, match="mat1 and mat2 must have the same dtype"):
        layer(whole)
    with pytest.raises(RuntimeError, match="mat1 and mat2 must have the same dtype"):
        layer(double)
    assert layer(double.float()).dtype == torch.float32
    assert layer.double()(double).dtype == torch.float64


def test_a_layer_takes_tensors_only():
    """For `layer = nn.Linear(3, 2)`, `layer([1.0, 2.0, 3.0])` raises TypeError, "must be
    Tensor, not list"; `layer(torch.tensor([1.0, 2.0, 3.0]))` returns a tensor of shape
    (2,).
    """
    layer = nn.Linear(3, 2)
    numbers = [1.0, 2.0, 3.0]

    with pytest.raises(TypeError, match=r"\(position 1\) must be Tensor, not list"):
        layer(numbers)
    assert layer(torch.tensor(numbers)).shape == (2,)


def test_the_sizes_of_a_layer_are_whole_numbers():
    """`nn.Linear(400 / 2, 1)` raises TypeError, because `400 / 2` is the float 200.0; write
    `400 // 2`, which is the int 200.
    """
    inputs = 400

    with pytest.raises(TypeError, match=r"but got float|found element of type float"):
        nn.Linear(inputs / 2, 1)
    assert nn.Linear(inputs // 2, 1).weight.shape == (1, 200)


@pytest.mark.torch(">=2.4")
def test_a_lazy_layer_learns_its_inputs_from_the_first_batch():
    """`nn.LazyLinear(2)` takes its `in_features` from the last dimension of the first input,
    gives weight and bias their shapes and values then, and becomes an `nn.Linear`.

    Until that call, or `load_state_dict`, its parameters are uninitialised: `numel()` and
    `nn.init.zeros_` of them raise ValueError. Run one batch through the network first.
    """
    layer = nn.LazyLinear(2)
    before = repr(layer)
    with pytest.raises(ValueError, match="Attempted to use an uninitialized parameter"):
        layer.weight.numel()
    layer(torch.zeros(4, 400))

    assert before == "LazyLinear(in_features=0, out_features=2, bias=True)"
    assert repr(layer) == "Linear(in_features=400, out_features=2, bias=True)"
    assert layer.weight.shape == (2, 400)
    assert type(layer) is nn.Linear


def test_a_bilinear_layer_takes_two_inputs():
    """`nn.Bilinear(2, 3, 4)` takes `x1` of 2 and `x2` of 3 features and returns 4: for one
    sample output k is `x1 @ weight[k] @ x2 + bias[k]` up to rounding, with a weight of
    shape (4, 2, 3).
    """
    layer = nn.Bilinear(2, 3, 4)
    first, second = torch.randn(5, 2), torch.randn(5, 3)

    by_hand = torch.einsum("ni,kij,nj->nk", first, layer.weight, second) + layer.bias

    assert layer.weight.shape == (4, 2, 3)
    assert torch.allclose(layer(first, second), by_hand, atol=1e-6) is True


@pytest.mark.torch(">=2.4")
def test_a_lazy_layer_has_no_numbers_before_its_first_batch():
    """For a new `layer = nn.LazyConv2d(8, 3)`, `layer.weight.numel()` and
    `layer.bias.numel()` raise ValueError, "Attempted to use an uninitialized parameter";
    after `layer(torch.zeros(1, 3, 5, 5))` their sum is 224.

    Such a parameter is an `nn.parameter.UninitializedParameter`, which has no shape yet. Run
    one batch through the network before counting its parameters.
    """
    layer = nn.LazyConv2d(8, kernel_size=3)

    assert type(layer.weight) is nn.parameter.UninitializedParameter
    with pytest.raises(ValueError, match="Attempted to use an uninitialized parameter in"):
        sum(parameter.numel() for parameter in layer.parameters())
    layer(torch.zeros(1, 3, 5, 5))
    assert sum(parameter.numel() for parameter in layer.parameters()) == 8 * 3 * 9 + 8
