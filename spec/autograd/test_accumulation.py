"""Accumulation: gradients add up.

`backward()` doesn't overwrite a `.grad`: it adds to it. Within one graph that is what the chain
rule asks for: a tensor used in several places gets the sum of the gradients of all its uses.
Between two calls it lets a large batch be computed as several small ones, whose gradients
accumulate to that of the whole.

It is also why a training loop clears the gradients before each step, by `optimizer.zero_grad()`
(`spec/optim/test_zero_grad.py`): what was left from the last step would count again.

What surprises: the addition usually happens in place, so another name for `x.grad` shows the new
sum, and a gradient that is to be kept must be cloned. Setting `.grad` to None and filling it with
zeros are not the same: `SGD` skips a parameter without gradient and, with momentum or weight
decay, may still move one whose gradient is 0.
"""

import pytest
import torch


@pytest.mark.claim("blitz-grad-accumulates", "blitz-zero-grad-needed")
def test_a_second_backward_adds_to_the_first(device):
    """With `x = torch.tensor([1.0, 2.0], requires_grad=True)`, `(x * x).sum().backward()` and
    then `(10 * x).sum().backward()` leave 12 and 14 in `x.grad`: the second gradient, 10, is
    added to the first, 2 and 4, and doesn't replace it.

    Because several losses, or several parts of a batch, may contribute to one step. A training
    loop must therefore clear the gradients after each `optimizer.step()` and before the next
    `backward()`.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)

    (x * x).sum().backward()
    (10 * x).sum().backward()

    assert x.grad.tolist() == [12.0, 14.0]


def test_a_tensor_used_twice_gathers_both_gradients(device):
    """For `x = torch.tensor(3.0, requires_grad=True)`, used three times in `y = x * x + 5 * x`,
    `y.backward()` stores in `x.grad` the sum of the gradients of all three uses: `2 * x + 5`,
    which is 11.
    """
    x = torch.tensor(3.0, requires_grad=True, device=device)

    (x * x + 5 * x).backward()

    assert x.grad.item() == 11.0


def test_setting_grad_to_none_starts_over(device):
    """After `x.grad = None` on a float32 leaf `x` that requires grad, the next `backward()`
    that reaches `x` stores its own gradient alone in `x.grad`.

    `optimizer.zero_grad()` does this for its parameters, by default since PyTorch 2.0.
    """
    x = torch.tensor(3.0, requires_grad=True, device=device)
    (x * x).backward()

    x.grad = None
    (10 * x).backward()

    assert x.grad.item() == 10.0


def test_zeroing_grad_starts_over_in_the_same_tensor():
    """With `x = torch.tensor(3.0, requires_grad=True)`, `(x * x).backward()` and
    `grad = x.grad`, after `grad.zero_()` the next `(10 * x).backward()` adds to the same
    tensor: `x.grad is grad` is True, and its value is 10.

    With `(10 * x).backward(create_graph=True)`, and where a dense gradient is added to a sparse
    `x.grad`, `x.grad` becomes a new tensor.
    """
    x = torch.tensor(3.0, requires_grad=True)
    (x * x).backward()
    grad = x.grad

    grad.zero_()
    (10 * x).backward()

    assert x.grad is grad
    assert grad.item() == 10.0


def test_none_and_zero_tell_apart_who_took_part():
    """A leaf `x` that takes no part in the next `backward()` keeps `x.grad` None after
    `x.grad = None`, and zeros after `x.grad.zero_()`.

    `SGD` skips a parameter whose gradient is None and steps one whose gradient is zeros: momentum
    from earlier steps, or `weight_decay`, then still moves it.
    """
    x = torch.tensor(3.0, requires_grad=True)
    cleared = torch.tensor(3.0, requires_grad=True)
    zeroed = torch.tensor(3.0, requires_grad=True)
    (x * cleared * zeroed).backward()

    cleared.grad = None
    zeroed.grad.zero_()
    (x * x).backward()

    assert cleared.grad is None
    assert zeroed.grad.item() == 0.0


def test_del_grad_is_setting_it_to_none():
    """`del x.grad` sets `x.grad` to None."""
    x = torch.tensor(3.0, requires_grad=True)
    (x * x).backward()

    del x.grad

    assert x.grad is None


def test_gradients_accumulate_in_place(device):
    """A `backward()` without `create_graph=True` adds in place to a dense `x.grad` that an
    earlier `backward()` stored in the leaf `x`: another name for `x.grad` shows the sum,
    and a `clone()` keeps the old value.

    So log a gradient with `x.grad.clone()` or as a number. With `create_graph=True` the sum is
    a new tensor: `spec/autograd/test_higher_derivatives.py`.
    """
    x = torch.tensor(3.0, requires_grad=True, device=device)
    (x * x).backward()
    same, copy = x.grad, x.grad.clone()

    (x * x).backward()

    assert same is x.grad
    assert same.item() == 12.0
    assert copy.item() == 6.0


def test_micro_batches_add_up_to_the_whole_batch():
    """For `w = torch.tensor(2.0, requires_grad=True)` and
    `x = torch.tensor([1.0, 2.0, 3.0, 6.0])`, `((w * h).mean() / 2).backward()` with each
    half `h` of `x` leaves 3 in `w.grad`, as `(w * x).mean().backward()` does; without `/ 2`
    it is 6.

    This is gradient accumulation: large batches in the memory of small ones. BatchNorm, which
    mixes the samples of a batch, and dropout make it differ. The loop with an optimizer:
    `spec/optim/test_zero_grad.py`.
    """
    batch = torch.tensor([1.0, 2.0, 3.0, 6.0])
    whole = torch.tensor(2.0, requires_grad=True)
    parts = torch.tensor(2.0, requires_grad=True)
    undivided = torch.tensor(2.0, requires_grad=True)

    (whole * batch).mean().backward()
    ((parts * batch[:2]).mean() / 2).backward()
    ((parts * batch[2:]).mean() / 2).backward()
    (undivided * batch[:2]).mean().backward()
    (undivided * batch[2:]).mean().backward()

    assert whole.grad.item() == 3.0
    assert parts.grad.item() == 3.0
    assert undivided.grad.item() == 6.0


def test_micro_batches_of_unequal_size_need_unequal_weights():
    """With `x = torch.tensor([1., 2., 3., 6.])` and a float32 scalar `w` that requires grad,
    `((w * x[:3]).mean() * 3 / 4 + (w * x[3:]).mean() / 4).backward()` gives `w.grad` 3, as
    `(w * x).mean()` does; with `/ 2` for both means it is 4.

    So weigh each part's mean by its share of the elements. The last batch of a `DataLoader` is
    often smaller; `drop_last=True` leaves that batch out.
    """
    batch = torch.tensor([1.0, 2.0, 3.0, 6.0])
    halved = torch.tensor(2.0, requires_grad=True)
    weighed = torch.tensor(2.0, requires_grad=True)
    whole = torch.tensor(2.0, requires_grad=True)

    (whole * batch).mean().backward()
    ((halved * batch[:3]).mean() / 2 + (halved * batch[3:]).mean() / 2).backward()
    ((weighed * batch[:3]).mean() * 3 / 4 + (weighed * batch[3:]).mean() * 1 / 4).backward()

    assert whole.grad.item() == 3.0
    assert halved.grad.item() == 4.0
    assert weighed.grad.item() == 3.0


def test_losses_one_by_one_are_the_sum_of_the_losses():
    """With `x = torch.tensor([1.0, 2.0], requires_grad=True)`, `x.prod().backward()` and then
    `x.square().sum().backward()` leave in `x.grad`, None before, the gradient of the sum of
    the two losses, `x.prod() + x.square().sum()`: 4 and 5.

    Losses that share a part of their graph where tensors were saved need `retain_graph=True`
    for the first call: see `spec/autograd/test_retain_graph.py`.
    """
    one_by_one = torch.tensor([1.0, 2.0], requires_grad=True)
    together = torch.tensor([1.0, 2.0], requires_grad=True)

    one_by_one.prod().backward()
    one_by_one.square().sum().backward()
    (together.prod() + together.square().sum()).backward()

    assert one_by_one.grad.tolist() == [4.0, 5.0]
    assert together.grad.tolist() == [4.0, 5.0]


def test_asking_with_autograd_grad_adds_nothing():
    """`torch.autograd.grad(10 * x, x)`, with a float32 0-d leaf `x` that requires grad and
    whose `.grad` is 6, returns `(tensor(10.),)`, only the gradient of its own output, and
    leaves `x.grad` at 6.
    """
    x = torch.tensor(3.0, requires_grad=True)
    (x * x).backward()

    (asked,) = torch.autograd.grad(10 * x, x)

    assert asked.item() == 10.0
    assert x.grad.item() == 6.0


def test_an_assigned_grad_is_added_to(device):
    """After `x.grad = g`, with `x = torch.tensor([1.0, 2.0], requires_grad=True)` and
    `g = torch.tensor([100.0, 200.0])`, `x.grad` is `g` itself, without a copy; a `backward()`
    that reaches `x`, without `create_graph=True`, adds to `g` in place.

    If `g` was made inside `torch.inference_mode()`, this `backward()` raises RuntimeError, because
    such a tensor can't be changed in place outside that mode. Then assign `g.clone()`, made
    outside the mode.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    mine = torch.tensor([100.0, 200.0], device=device)

    x.grad = mine
    (3 * x).sum().backward()

    assert x.grad is mine
    assert mine.tolist() == [103.0, 203.0]


def test_an_expanded_tensor_is_no_grad_to_add_to():
    """After `x.grad = torch.ones(1).expand(3)` on `x = torch.ones(3, requires_grad=True)`,
    `(x * 2).sum().backward()` raises RuntimeError, "unsupported operation: more than one
    element of the written-to tensor".

    Because the elements of an expanded tensor share one element of the storage. Assign
    `torch.ones(1).expand(3).clone()`.
    """
    x = torch.ones(3, requires_grad=True)
    x.grad = torch.ones(1).expand(3)

    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        (x * 2).sum().backward()

    x.grad = torch.ones(1).expand(3).clone()
    (x * 2).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0, 3.0]


def test_an_assigned_grad_has_its_tensors_shape():
    """Assigning to `x.grad` a tensor of another shape than that of `x` raises RuntimeError, even
    if the shapes broadcast; assign a tensor of the same shape, dtype and device.

    Because a gradient has one number for each element of `x`.
    """
    x = torch.ones(2, requires_grad=True)

    with pytest.raises(RuntimeError, match=r"data of a different size|a gradient of size"):
        x.grad = torch.ones(3)
    with pytest.raises(RuntimeError, match=r"data of a different size|a gradient of size"):
        x.grad = torch.ones(1)
    x.grad = torch.ones(2)

    assert x.grad.tolist() == [1.0, 1.0]


def test_an_assigned_grad_has_its_tensors_dtype():
    """Assigning a float64 tensor to `x.grad` of a float32 leaf `x` whose `grad_dtype` was
    not set raises RuntimeError; cast the tensor first, with `.to(x.dtype)`.

    Since PyTorch 2.10 `x.grad_dtype = torch.float64`, set while `x.grad` is None, lets `x.grad` be
    a float64 tensor.
    """
    x = torch.ones(2, requires_grad=True)

    with pytest.raises(RuntimeError, match=r"data of a different type|a gradient with dtype"):
        x.grad = torch.ones(2, dtype=torch.float64)
    x.grad = torch.ones(2, dtype=torch.float32)

    assert x.grad.dtype == torch.float32


def test_an_assigned_grad_is_a_tensor():
    """Assigning a list to `x.grad` of a tensor `x` raises TypeError, and assigning `x` itself
    raises RuntimeError; assign another tensor of the same shape, dtype and device, or None.
    """
    x = torch.ones(2, requires_grad=True)

    with pytest.raises(TypeError, match="expected to be a Tensor or None"):
        x.grad = [1.0, 1.0]
    with pytest.raises(RuntimeError, match="can't assign Variable as its own grad"):
        x.grad = x


def test_leaves_of_one_sum_do_not_share_a_gradient():
    """After `(a + b).sum().backward()`, for two float32 leaves of the same shape that require grad
    and had no `.grad`, `a.grad` and `b.grad` are equal in value but separate in memory:
    `a.grad.zero_()` leaves `b.grad` alone.
    """
    a = torch.ones(2, requires_grad=True)
    b = torch.ones(2, requires_grad=True)
    (a + b).sum().backward()

    a.grad.zero_()

    assert b.grad.tolist() == [1.0, 1.0]
