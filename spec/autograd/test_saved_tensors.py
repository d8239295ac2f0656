"""What the graph keeps for later.

To find a slope, backward often needs numbers from the way forward: the factors of a product, the
result of `exp`. Each node saves what it will need and nothing else, and that, more than the nodes
themselves, is the memory that training takes.

Saving copies nothing. It does end: the first `backward()` throws the saved tensors away, which is
why a second one is refused.
"""

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks


def test_a_product_saves_its_factors():
    """The slope of a product is the other factor, so `MulBackward0` keeps both."""
    a = torch.tensor(3.0, requires_grad=True)
    b = torch.tensor(5.0, requires_grad=True)
    node = (a * b).grad_fn

    assert node._saved_self is a
    assert node._saved_other is b
    assert (node._saved_self.item(), node._saved_other.item()) == (3.0, 5.0)


def test_only_what_backward_needs_is_saved():
    """Times a constant, only the constant is needed: the tracked factor is not kept."""
    a = torch.tensor(3.0, requires_grad=True)
    constant = torch.tensor(5.0)
    node = (a * constant).grad_fn

    assert node._saved_self is None
    assert node._saved_other.item() == 5.0


def test_a_saved_tensor_is_no_copy():
    """The graph keeps a reference to the same memory."""
    x = torch.ones(3)
    w = torch.ones(3, requires_grad=True)
    y = w * x

    assert y.grad_fn._saved_self is None
    assert y.grad_fn._saved_other.data_ptr() == x.data_ptr()


def test_exp_saves_its_result():
    """`exp` is its own derivative: the node keeps what came out, not what went in."""
    y = torch.zeros(2, requires_grad=True).exp()
    saved = [name for name in dir(y.grad_fn) if name.startswith("_saved")]

    assert y.grad_fn._saved_result.tolist() == [1.0, 1.0]
    assert saved == ["_saved_result"]


def test_pow_saves_its_exponent():
    """Plain numbers that backward needs are saved too."""
    y = torch.ones(2, requires_grad=True) ** 3

    assert y.grad_fn._saved_exponent == 3


def test_backward_frees_what_was_saved():
    """After `backward()` the saved tensors are gone, and so is the way to a second one."""
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x
    y.backward()

    assert x.grad.item() == 6.0
    with pytest.raises(RuntimeError, match="after they have already been freed"):
        _ = y.grad_fn._saved_self
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()


def test_retain_graph_keeps_what_was_saved():
    """With `retain_graph=True` the saved tensors stay, and the second gradient is added."""
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x
    y.backward(retain_graph=True)

    assert y.grad_fn._saved_self is x
    y.backward()
    assert x.grad.item() == 12.0


def test_a_graph_that_saved_nothing_can_be_walked_again():
    """A sum needs no numbers to go back, so nothing is missing the second time."""
    x = torch.ones(3, requires_grad=True)
    y = x.sum()
    y.backward()
    y.backward()

    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_hooks_see_every_tensor_that_is_saved():
    """Inside `saved_tensors_hooks(pack, unpack)` each saved tensor passes through `pack`."""
    packed = []

    def pack(tensor):
        packed.append(tensor.tolist())
        return tensor

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        y = x * torch.tensor([5.0, 7.0])
        y.relu()
        x + 1

    assert packed == [[5.0, 7.0], [5.0, 14.0]]


def test_hooks_hold_for_what_is_computed_inside_the_block():
    """A graph built before or after the block saves its tensors as ever."""
    packed = []
    x = torch.tensor([0.0, 0.0], requires_grad=True)
    (x - 1).exp()
    with saved_tensors_hooks(lambda tensor: packed.append(tensor.tolist()), lambda kept: kept):
        x.exp()
    (x + 1).exp()

    assert packed == [[1.0, 1.0]]


def test_pack_may_store_anything_that_unpack_can_turn_back():
    """The graph keeps what `pack` returns, here a list, until `unpack` makes it a tensor again."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with saved_tensors_hooks(lambda tensor: tensor.tolist(), torch.tensor):
        y = x * x
    y.sum().backward()

    assert x.grad.tolist() == [2.0, 4.0]


def test_backward_believes_what_unpack_returns():
    """Gradients are made of the saved numbers: other numbers, other gradients."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with saved_tensors_hooks(lambda tensor: tensor, lambda tensor: tensor * 10):
        y = x * x
    y.sum().backward()

    assert y.tolist() == [1.0, 4.0]
    assert x.grad.tolist() == [20.0, 40.0]


def test_a_total_of_losses_keeps_every_graph():
    """Adding up losses as tensors keeps all their graphs alive; adding up numbers keeps none."""
    w = torch.tensor(3.0, requires_grad=True)
    tensors = w * w + w * w
    numbers = (w * w).item() + (w * w).item()

    assert tensors.grad_fn.next_functions[1][0].name() == "MulBackward0"
    assert tensors.grad_fn.next_functions[1][0]._saved_self is w
    assert numbers == 18.0
    assert type(numbers) is float
