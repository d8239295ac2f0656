"""What ends up in `.grad`.

After `backward()` each tracked leaf that took part holds a tensor of its own kind:
same shape, same dtype, same device, and itself not tracked. A leaf that took no
part holds `None`, which is not the same as zeros.
"""

import torch


def test_a_gradient_has_the_shape_of_its_leaf(device):
    """Each `.grad` has the shape of its leaf, not that of the result."""
    matrix = torch.ones(2, 3, requires_grad=True, device=device)
    vector = torch.tensor([1.0, 10.0, 100.0], requires_grad=True, device=device)

    (matrix @ vector).sum().backward()

    assert matrix.grad.tolist() == [[1.0, 10.0, 100.0], [1.0, 10.0, 100.0]]
    assert vector.grad.tolist() == [2.0, 2.0, 2.0]


def test_a_gradient_has_the_dtype_of_its_leaf(device):
    """Where dtypes were mixed on the way, each leaf still gets its gradient in its own dtype."""
    single = torch.tensor(2.0, dtype=torch.float32, requires_grad=True, device=device)
    double = torch.tensor(5.0, dtype=torch.float64, requires_grad=True, device=device)

    product = single * double
    product.backward()

    assert product.dtype == torch.float64
    assert (single.grad.item(), single.grad.dtype) == (5.0, torch.float32)
    assert (double.grad.item(), double.grad.dtype) == (2.0, torch.float64)


def test_a_gradient_is_itself_not_tracked():
    """`.grad` holds plain numbers: it does not require a gradient and has no history."""
    x = torch.tensor(3.0, requires_grad=True)

    (x**3).backward()

    assert x.grad.item() == 27.0
    assert x.grad.requires_grad is False
    assert x.grad.grad_fn is None


def test_an_untracked_operand_gets_no_gradient():
    """A tensor without `requires_grad` takes part as a constant; its `.grad` stays `None`."""
    x = torch.tensor(3.0, requires_grad=True)
    constant = torch.tensor(5.0)

    (x * constant).backward()

    assert x.grad.item() == 5.0
    assert constant.grad is None


def test_a_leaf_that_took_no_part_keeps_none():
    """A tracked leaf that the result does not depend on keeps `.grad` as it was: `None`."""
    x = torch.tensor(3.0, requires_grad=True)
    unused = torch.tensor(5.0, requires_grad=True)

    (x * x).backward()

    assert x.grad.item() == 6.0
    assert unused.grad is None


def test_a_leaf_times_zero_gets_zero_not_none(device):
    """A leaf that took part in vain gets zeros: the graph knows the path, not that it is flat."""
    x = torch.tensor([3.0, 4.0], requires_grad=True, device=device)

    (x * 0).sum().backward()

    assert x.grad.tolist() == [0.0, 0.0]


def test_elements_left_out_by_indexing_get_zeros(device):
    """Where only some elements were used, the gradient has zeros at the others."""
    x = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True, device=device)

    (x[1] * x[3]).backward()

    assert x.grad.tolist() == [0.0, 4.0, 0.0, 2.0]


def test_an_element_picked_twice_gets_both_gradients(device):
    """An index that occurs twice gathers the gradients of both places, as in an embedding."""
    table = torch.tensor([1.0, 2.0, 3.0], requires_grad=True, device=device)
    picked = table[torch.tensor([0, 0, 2], device=device)]

    (picked * torch.tensor([1.0, 10.0, 100.0], device=device)).sum().backward()

    assert table.grad.tolist() == [11.0, 0.0, 100.0]


def test_a_broadcast_operand_gets_the_sum_of_its_copies(device):
    """What broadcasting had repeated, the gradient sums up again: a bias adds over its rows."""
    rows = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], device=device)
    scale = torch.ones(2, requires_grad=True, device=device)
    offset = torch.tensor(0.0, requires_grad=True, device=device)

    (rows * scale + offset).sum().backward()

    assert scale.grad.tolist() == [9.0, 12.0]
    assert offset.grad.item() == 6.0


def test_reshaping_sends_each_gradient_home():
    """Transposing and reshaping move gradients back to where their elements came from."""
    x = torch.ones(2, 3, requires_grad=True)
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])

    (x.t().reshape(6) * weights).sum().backward()

    assert x.grad.tolist() == [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]
