"""LoRA: training a low-rank change of a frozen weight.

Fine-tuning a large layer needs its gradient and the optimizer's state for each of its weights. LoRA
freezes the weight W and learns only the difference, as a product B @ A of two thin matrices of a
small rank r: (out, r) and (r, in). PyTorch has no LoRA of its own; a module around a layer, or a
parametrisation (`spec/nn/test_parametrisations.py`), is a few lines, which this page shows.

What surprises: B begins at zero, so that the wrapped layer computes what the old one did; A must
then not be zero, or neither would ever get a gradient other than zero; freezing is
`requires_grad_(False)` and not `eval()`; and after training the product is added to W once
(merged), so that it costs nothing in use.
"""

import torch
from torch import nn
from torch.nn.utils import parametrize


class LoRALinear(nn.Module):
    """A frozen linear layer plus a trainable product of rank `rank`."""

    def __init__(self, layer, rank, alpha=1.0):
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.a = nn.Parameter(torch.randn(rank, layer.in_features))
        self.b = nn.Parameter(torch.zeros(layer.out_features, rank))
        self.scale = alpha / rank

    def forward(self, x):
        return self.layer(x) + self.scale * (x @ self.a.T @ self.b.T)


def test_a_fresh_lora_layer_computes_what_the_frozen_one_does():
    """A LoRA layer, `layer(x) + scale * (x @ A.T @ B.T)`, gives at first the same output as the
    `nn.Linear` that it wraps, since B is made of zeros, as long as `scale` and `x @ A.T` are
    finite.
    """
    layer = nn.Linear(4, 3)
    x = torch.randn(2, 4)
    before = layer(x)

    wrapped = LoRALinear(layer, rank=2)

    assert torch.equal(wrapped(x), before) is True
    assert wrapped.b.abs().sum().item() == 0.0


def test_lora_trains_few_parameters():
    """LoRA of rank 2 on `nn.Linear(100, 100)` freezes the 10100 elements of its weight and bias
    and trains two added matrices of 200 elements each: only these two parameters have
    `requires_grad=True`.
    """
    wrapped = LoRALinear(nn.Linear(100, 100), rank=2)

    trained = [p.numel() for p in wrapped.parameters() if p.requires_grad]

    assert trained == [200, 200]
    assert sum(p.numel() for p in wrapped.layer.parameters()) == 10100


def test_the_frozen_layer_of_lora_gets_no_gradient_and_passes_it_on():
    """In a LoRA layer whose wrapped `nn.Linear` is frozen by `requires_grad_(False)`,
    `backward()` leaves the `grad` of the frozen weight None; an input that requires grad
    still gets a gradient through the frozen layer.

    A `grad` that the weight got before it was frozen stays.
    """
    wrapped = LoRALinear(nn.Linear(1, 1, bias=False), rank=1)
    nn.init.constant_(wrapped.layer.weight, 3.0)
    x = torch.tensor([[2.0]], requires_grad=True)

    wrapped(x).backward()

    assert wrapped.layer.weight.grad is None
    assert wrapped.b.grad.shape == (1, 1)
    assert x.grad.tolist() == [[3.0]]


def test_at_first_only_b_gets_a_gradient():
    """For a LoRA layer `lora` around `nn.Linear(4, 3)`, with its matrix A random and B zero,
    `lora(torch.ones(1, 4)).sum().backward()` gives A a gradient of zeros, B one with elements
    other than zero. If A is zero too, both gradients are zero.

    Because the gradient of A in B @ A is a product with B, and that of B a product with A. So
    the first step of SGD without weight decay moves B alone.
    """
    wrapped = LoRALinear(nn.Linear(4, 3), rank=2)

    wrapped(torch.ones(1, 4)).sum().backward()
    both = LoRALinear(nn.Linear(4, 3), rank=2)
    nn.init.zeros_(both.a)
    both(torch.ones(1, 4)).sum().backward()

    assert wrapped.a.grad.count_nonzero().item() == 0
    assert wrapped.b.grad.count_nonzero().item() == 6
    assert both.b.grad.count_nonzero().item() == 0


def test_lora_is_merged_into_the_weight():
    """LoRA adds `scale * (x @ A.T @ B.T)`, with two trained matrices `A` and `B`, to `layer(x)`
    of a frozen `nn.Linear`; after `layer.weight += scale * B @ A` under `torch.no_grad()`,
    `layer(x)` alone gives that sum, up to rounding.

    From then on use that layer alone: the wrapper would add the product a second time.
    """
    wrapped = LoRALinear(nn.Linear(4, 3), rank=2, alpha=4.0)
    nn.init.normal_(wrapped.b)
    x = torch.randn(2, 4)
    expected = wrapped(x)

    with torch.no_grad():
        wrapped.layer.weight += wrapped.scale * wrapped.b @ wrapped.a

    assert wrapped.scale == 2.0
    torch.testing.assert_close(wrapped.layer(x), expected)


def test_a_linear_layer_is_exchanged_by_name():
    """The loop `for name, child in list(net.named_children())` with
    `if isinstance(child, nn.Linear): setattr(net, name, LoRALinear(child, rank=1))` replaces both
    `nn.Linear` of `net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))`.

    `LoRALinear` is a class of your own, which wraps the old layer. `named_children` yields a layer
    once, even if `net` holds it twice, and does not go deeper:
    `net.get_submodule("path.of.parent")` finds the parent of a layer further down.
    """
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)).requires_grad_(False)

    for name, child in list(net.named_children()):
        if isinstance(child, nn.Linear):
            setattr(net, name, LoRALinear(child, rank=1))

    assert [type(child).__name__ for child in net] == ["LoRALinear", "ReLU", "LoRALinear"]
    assert [name for name, p in net.named_parameters() if p.requires_grad] == [
        "0.a",
        "0.b",
        "2.a",
        "2.b",
    ]


def test_only_the_trained_parameters_need_saving():
    """For a LoRA layer `net` and a dict `small` of only its trained parameters,
    `net.load_state_dict(small, strict=False)` loads these, leaves the frozen parameters as
    they are and lists their names in `missing_keys` of its result.

    So a file of a fine-tuned model holds the small matrices only. Their shapes tell the rank; a
    scale that is a plain number has to be stored beside them.
    """
    wrapped = LoRALinear(nn.Linear(4, 3), rank=2)
    small = {name: p.detach() for name, p in wrapped.named_parameters() if p.requires_grad}

    other = LoRALinear(nn.Linear(4, 3), rank=2)
    frozen = other.layer.weight.clone()

    answer = other.load_state_dict(small, strict=False)

    assert sorted(small) == ["a", "b"]
    assert torch.equal(other.a, wrapped.a) is True
    assert torch.equal(other.layer.weight, frozen) is True
    assert answer.missing_keys == ["layer.weight", "layer.bias"]
    assert answer.unexpected_keys == []


def test_lora_as_a_parametrisation_changes_no_forward():
    """For a frozen `nn.Linear` `layer` and a module `lora`,
    `torch.nn.utils.parametrize.register_parametrization(layer, "weight", lora)` makes
    `layer.weight` what `lora` returns for the frozen weight, such as
    `weight + self.b @ self.a`.

    `lora` must keep the shape and the dtype of the weight. Freeze the layer by
    `requires_grad_(False)` before registering.
    `parametrize.remove_parametrizations(layer, "weight")` merges the sum into the weight.
    """

    class LowRank(nn.Module):
        def __init__(self, weight, rank):
            super().__init__()
            self.a = nn.Parameter(torch.ones(rank, weight.shape[1]))
            self.b = nn.Parameter(torch.zeros(weight.shape[0], rank))

        def forward(self, weight):
            return weight + self.b @ self.a

    layer = nn.Linear(1, 1, bias=False).requires_grad_(False)
    layer.weight.fill_(3.0)
    parametrize.register_parametrization(layer, "weight", LowRank(layer.weight, rank=1))
    before = layer.weight.item()
    nn.init.constant_(layer.parametrizations.weight[0].b, 2.0)

    assert before == 3.0
    assert layer.weight.item() == 5.0
    assert layer.parametrizations.weight.original.requires_grad is False

    parametrize.remove_parametrizations(layer, "weight")
    assert layer.weight.item() == 5.0
