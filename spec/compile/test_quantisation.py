"""Quantisation: weights of 8 bits.

A quantised tensor stores integers `q` of 8 bits that stand for `(q - zero_point) * scale`. Weights
take a quarter of the memory of float32, and a processor multiplies such integers faster; the price
is rounding. Dynamic quantisation stores the weights of linear layers that way and quantises each
input as it comes, without data or training.

The tools have moved: `torch.ao.quantization` still has `quantize_dynamic`, and warns since PyTorch
2.8 that it is deprecated; its successor is the package `torchao`, whose
`quantize_(model, config)` changes the weights of a model in place.

What surprises: the fake quantised tensors of training stay float32, a quantised layer has no
parameters for an optimizer, and many operations, even `+`, do not take a quantised tensor.
"""

import io
from importlib.util import find_spec

import pytest
import torch
from torch import nn

# torch.ao.quantization and the quantised dtypes are deprecated, and still here.
quiet = pytest.mark.filterwarnings(
    "ignore:torch.ao.quantization is deprecated:DeprecationWarning",
    "ignore:torch.quantize_per_tensor, torch.quantize_per_channel:UserWarning",
)


@quiet
def test_dynamic_quantisation_replaces_linear_layers():
    """For `model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())`,
    `torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)` returns a copy
    with 8-bit weights in its `nn.Linear`; `model` itself stays as it was.

    It replaces the submodules of exactly this class, at any depth. What stays float32 without a
    message: a single `nn.Linear` as the model, a layer of a subclass, and the second place of a
    layer that one `nn.Sequential` holds twice.
    """
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())

    quantised = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)

    single = torch.ao.quantization.quantize_dynamic(nn.Linear(2, 3), {nn.Linear})
    layer = nn.Linear(2, 2)
    twice = torch.ao.quantization.quantize_dynamic(nn.Sequential(layer, layer), {nn.Linear})

    assert type(model[0]) is nn.Linear
    assert type(single) is nn.Linear
    assert type(twice[0]).__module__.startswith("torch.ao.nn.quantized.dynamic") is True
    assert type(twice[1]) is nn.Linear
    assert type(quantised[0]).__name__ == "Linear"
    assert type(quantised[0]).__module__.startswith("torch.ao.nn.quantized.dynamic") is True
    assert str(quantised[0].weight().dtype) == "torch.qint8"


@quiet
def test_convolutions_are_not_quantised_dynamically():
    """In the copy that `torch.ao.quantization.quantize_dynamic(model, {nn.Conv2d, nn.LSTM})`
    returns, a submodule `nn.Conv2d` is still an `nn.Conv2d`, without an error; a submodule
    `nn.LSTM(2, 2)` is a quantised layer.
    """
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.LSTM(2, 2))

    quantised = torch.ao.quantization.quantize_dynamic(
        model, {nn.Conv2d, nn.LSTM}, dtype=torch.qint8
    )

    assert type(quantised[0]) is nn.Conv2d
    assert type(quantised[1]) is torch.ao.nn.quantized.dynamic.LSTM


@quiet
def test_a_quantised_file_is_a_quarter():
    """`torch.save` of the `state_dict()` of `model = nn.Sequential(nn.Linear(256, 256))`
    writes about 4 bytes per weight; of its quantised copy
    `torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)`, about 1
    byte.

    `quantize_dynamic` replaces the layers inside of a module: a bare `nn.Linear` given to it
    stays as it is.
    """
    model = nn.Sequential(nn.Linear(256, 256))
    quantised = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)

    def bytes_per_weight(model):
        file = io.BytesIO()
        torch.save(model.state_dict(), file)
        return round(len(file.getvalue()) / (256 * 256), 0)

    assert bytes_per_weight(model) == 4.0
    assert bytes_per_weight(quantised) == 1.0


@quiet
def test_a_quantised_layer_is_close_and_has_no_parameters():
    """With `model = nn.Sequential(nn.Linear(64, 64))` and `x = torch.randn(4, 64)`,
    `quantised = torch.ao.quantization.quantize_dynamic(model)` has no parameters that could be
    trained, and `quantised(x)` is within 0.1 of `model(x)`.
    """
    model = nn.Sequential(nn.Linear(64, 64))
    quantised = torch.ao.quantization.quantize_dynamic(model)
    x = torch.randn(4, 64)

    assert torch.allclose(quantised(x), model(x), atol=0.1) is True
    assert torch.equal(quantised(x), model(x)) is False
    assert list(quantised.parameters()) == []


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor, torch.quantize_per_channel")
@pytest.mark.torch(">=2.8")
def test_torch_ao_quantization_is_deprecated():
    """Since PyTorch 2.8 `torch.ao.quantization.quantize_dynamic` issues a
    DeprecationWarning, "torch.ao.quantization is deprecated and will be removed in 2.10.";
    PyTorch 2.14 still has the function.

    The message names the successor of each part: for `quantize_dynamic` it is `torchao`'s
    `quantize_`.
    """
    with pytest.warns(DeprecationWarning, match="torch.ao.quantization is deprecated and will"):
        torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(2, 1)), {nn.Linear})


def test_torch_quantization_is_the_same():
    """`torch.quantization.quantize_dynamic`, as older code writes it, is
    `torch.ao.quantization.quantize_dynamic`.
    """
    assert (torch.quantization.quantize_dynamic is torch.ao.quantization.quantize_dynamic) is True


@pytest.mark.slow
@pytest.mark.torch(">=2.11")
def test_quantising_exported_programs_moved_to_torchao():
    """Since PyTorch 2.11 `import torch.ao.quantization.quantize_pt2e` raises
    ModuleNotFoundError, "No module named 'torch.ao.quantization.quantize_pt2e'".

    `prepare_pt2e` and `convert_pt2e` are in `torchao.quantization.pt2e.quantize_pt2e`.
    """
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'torch\.ao\.quantization\.q"):
        import torch.ao.quantization.quantize_pt2e  # noqa: F401


@quiet
def test_a_quantised_tensor_stands_for_multiples_of_its_scale():
    """`torch.quantize_per_tensor(x, 0.5, 10, torch.quint8)` of the float32 numbers 0.0, 0.6
    and 1000 stores `round(x / 0.5) + 10`, clamped to 0 to 255: 0.6 as 11, which stands for
    0.5, and 1000 as 255, which stands for 122.5."""
    x = torch.tensor([0.0, 0.6, 1000.0])

    quantised = torch.quantize_per_tensor(x, 0.5, 10, torch.quint8)

    assert quantised.int_repr().tolist() == [10, 11, 255]
    assert quantised.dequantize().tolist() == [0.0, 0.5, 122.5]


@pytest.mark.torch(">=2.13")
def test_quantised_dtypes_are_deprecated():
    """Since PyTorch 2.13 `torch.quantize_per_tensor(torch.ones(1), 0.5, 0, torch.quint8)`,
    as the first call in a process to make a quantised tensor, issues a UserWarning:
    functions that make `torch.quint8` tensors are deprecated.
    """
    with pytest.warns(UserWarning, match="torch.quantize_per_tensor, torch.quantize_per_channel"):
        torch.quantize_per_tensor(torch.ones(1), 0.5, 0, torch.quint8)


@quiet
def test_quantised_tensors_are_not_added():
    """For `x = torch.quantize_per_tensor(torch.ones(2), 0.5, 0, torch.quint8)` on the CPU, `x + x`
    raises NotImplementedError, "Could not run 'aten::add.out' with arguments from the
    'QuantizedCPU' backend".

    Many other operations, such as `torch.exp`, raise such an error too, but `torch.relu` does not.
    Call `dequantize()` first.
    """
    x = torch.quantize_per_tensor(torch.ones(2), 0.5, 0, torch.quint8)

    with pytest.raises(
        NotImplementedError,
        match=r"Could not run 'aten::add.out' with arguments from the 'QuantizedCPU' backend",
    ):
        x + x
    assert (x.dequantize() + x.dequantize()).tolist() == [2.0, 2.0]


def test_fake_quantisation_rounds_and_lets_gradients_through():
    """`torch.fake_quantize_per_tensor_affine(x, 0.5, 10, 0, 255)` of the float32 numbers 0.0, 0.6
    and 1000 gives the float32 numbers 0.0, 0.5 and 122.5; the gradient of their sum is 1 for 0.0
    and 0.6, and 0 for 1000, which was clamped.

    Training with it is quantisation-aware training: the loss is that of the rounded weights, so
    that the net learns to work well with them.
    """
    x = torch.tensor([0.0, 0.6, 1000.0], requires_grad=True)

    rounded = torch.fake_quantize_per_tensor_affine(x, 0.5, 10, 0, 255)
    rounded.sum().backward()

    assert rounded.tolist() == [0.0, 0.5, 122.5]
    assert x.grad.tolist() == [1.0, 1.0, 0.0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(find_spec("torchao") is None, reason="needs torchao")
@pytest.mark.torch(">=2.9")
def test_torchao_changes_weights_in_place():
    """For `model = nn.Sequential(nn.Linear(64, 64))`,
    `torchao.quantization.quantize_(model, Int8WeightOnlyConfig())` returns None: `model[0]`
    stays an `nn.Linear`, but the `type` of its weight is no longer `nn.Parameter`.
    """
    from torchao.quantization import Int8WeightOnlyConfig, quantize_

    model = nn.Sequential(nn.Linear(64, 64))
    x = torch.randn(4, 64)
    before = model(x)

    returned = quantize_(model, Int8WeightOnlyConfig())

    assert returned is None
    assert type(model[0]) is nn.Linear
    assert type(model[0].weight) is not nn.Parameter
    assert torch.allclose(model(x), before, atol=0.1) is True
