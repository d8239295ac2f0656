"""What ends up in `.grad`.

After `backward()` each leaf that requires grad and took part in the result holds its gradient in
`.grad`: a tensor of the leaf's own shape, device and, by default, dtype, which itself doesn't
require grad unless `create_graph=True` was given. Its element i says how much the result would
grow per unit if element i of the leaf grew by a little.

Operations that only move, repeat or select elements have simple gradients, and these explain most
of what one sees: an element that was used twice gets the sum of both gradients, one that was not
used gets 0.

What surprises: a leaf on which the result doesn't depend has `.grad` None, not zeros, while a
leaf that was multiplied by 0 has zeros. `SGD` and `Adam` skip the first and step with the second.
And a result in the middle of the computation gets no `.grad` at all: see
`spec/autograd/test_leaves.py`.
"""

import torch


def test_a_gradient_has_the_shape_of_its_leaf(device):
    """After `(matrix @ vector).sum().backward()` with float32 leaves of the shapes (2, 3) and (3,)
    that require grad, the `.grad` of each has the shape of its leaf, not of the result.
    """
    matrix = torch.ones(2, 3, requires_grad=True, device=device)
    vector = torch.tensor([1.0, 10.0, 100.0], requires_grad=True, device=device)

    (matrix @ vector).sum().backward()

    assert (matrix.grad.shape, vector.grad.shape) == ((2, 3), (3,))
    assert matrix.grad.tolist() == [[1.0, 10.0, 100.0], [1.0, 10.0, 100.0]]
    assert vector.grad.tolist() == [2.0, 2.0, 2.0]


def test_a_gradient_has_the_dtype_of_its_leaf(device):
    """The product of a float32 and a float64 leaf, both 0-d and requiring grad, is float64, and
    after its `backward()` the `.grad` of each leaf has the dtype of that leaf.

    Because autograd by default casts each gradient to the dtype of its tensor.
    """
    single = torch.tensor(2.0, dtype=torch.float32, requires_grad=True, device=device)
    double = torch.tensor(5.0, dtype=torch.float64, requires_grad=True, device=device)

    product = single * double
    product.backward()

    assert product.dtype == torch.float64
    assert (single.grad.item(), single.grad.dtype) == (5.0, torch.float32)
    assert (double.grad.item(), double.grad.dtype) == (2.0, torch.float64)


def test_a_gradient_is_itself_not_tracked():
    """For `x = torch.tensor(3.0, requires_grad=True)`, `(x**3).backward()` without
    `create_graph=True` gives an `x.grad` whose `requires_grad` is False and whose `grad_fn` is
    None.

    Because the backward computation is not recorded. With `create_graph=True` it is:
    `spec/autograd/test_higher_derivatives.py`.
    """
    x = torch.tensor(3.0, requires_grad=True)

    (x**3).backward()

    assert x.grad.item() == 27.0
    assert x.grad.requires_grad is False
    assert x.grad.grad_fn is None


def test_a_leaf_that_took_no_part_keeps_none():
    """A leaf that requires grad and takes no part in the computation of the result `y` keeps
    `.grad` None after `y.backward()`.

    `SGD` and `Adam` skip parameters whose `.grad` is None. None is often the first sign that a
    layer was defined and never called. `b` in `torch.stack([a, b])[0]` takes part, though its
    value is dropped: its `.grad` is 0.
    """
    x = torch.tensor(3.0, requires_grad=True)
    unused = torch.tensor(5.0, requires_grad=True)

    (x * x).backward()

    assert x.grad.item() == 6.0
    assert unused.grad is None

    torch.stack([x, unused])[0].backward()

    assert unused.grad.item() == 0.0


def test_a_leaf_times_zero_gets_zero_not_none(device):
    """After `(x * 0).sum().backward()` a float32 leaf `x` that requires grad and had no `.grad`
    before has a `.grad` of zeros, not None.

    Because autograd follows the recorded operations and doesn't look for products that vanish.
    An infinite derivative on the way makes it NaN, as in `(x * 0).sqrt()`.
    """
    x = torch.tensor([3.0, 4.0], requires_grad=True, device=device)

    (x * 0).sum().backward()
    (beyond_a_root,) = torch.autograd.grad((x * 0).sqrt().sum(), x)

    assert x.grad.tolist() == [0.0, 0.0]
    assert beyond_a_root.isnan().tolist() == [True, True]


def test_elements_left_out_by_indexing_get_zeros(device):
    """After `(x[1] * x[3]).backward()` with a 1-D float32 leaf `x` of four elements that
    requires grad and had no `.grad`, `x.grad` is 0 at the two elements that were not used.
    """
    x = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True, device=device)

    (x[1] * x[3]).backward()

    assert x.grad.tolist() == [0.0, 4.0, 0.0, 2.0]


def test_an_element_picked_twice_gets_both_gradients(device):
    """With `table = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)`,
    `table[torch.tensor([0, 0, 2])]` picks the first element twice, and its gradient is the sum
    over both uses.

    With its default arguments `nn.Embedding` sums the gradients of a row that occurs several
    times in a batch in this way.
    """
    table = torch.tensor([1.0, 2.0, 3.0], requires_grad=True, device=device)
    picked = table[torch.tensor([0, 0, 2], device=device)]

    (picked * torch.tensor([1.0, 10.0, 100.0], device=device)).sum().backward()

    assert table.grad.tolist() == [11.0, 0.0, 100.0]


def test_a_broadcast_operand_gets_the_sum_of_its_copies(device):
    """In `(rows * scale + offset).sum().backward()` with float32 `rows` of shape (3, 2) the
    gradient of a float32 leaf `scale`, broadcast from (2,) to (3, 2), is summed over the rows, and
    that of a 0-d float32 leaf `offset` over all elements.

    That is how one bias gathers its gradient from all rows of a batch.
    """
    rows = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], device=device)
    scale = torch.ones(2, requires_grad=True, device=device)
    offset = torch.tensor(0.0, requires_grad=True, device=device)

    (rows * scale + offset).sum().backward()

    assert scale.grad.tolist() == [9.0, 12.0]
    assert offset.grad.item() == 6.0


def test_reshaping_sends_each_gradient_home():
    """After `(x.t().reshape(6) * weights).sum().backward()`, with
    `weights = torch.arange(1.0, 7.0)` and `x = torch.ones(2, 3, requires_grad=True)`, `x.grad` has
    the shape of `x`, (2, 3), and holds [[1, 3, 5], [2, 4, 6]].
    """
    x = torch.ones(2, 3, requires_grad=True)
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])

    (x.t().reshape(6) * weights).sum().backward()

    assert x.grad.tolist() == [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]


def test_the_gradient_of_a_sparse_embedding_is_sparse():
    """After `layer(torch.tensor([1, 1])).sum().backward()` a new
    `layer = nn.Embedding(4, 2, sparse=True)` has a sparse `layer.weight.grad`, which holds one row
    per index that was looked up, repeats included.

    So the layout of a gradient need not be that of its leaf. With their default arguments
    `SGD`, `Adagrad` and `SparseAdam` take sparse gradients; `Adam` refuses them.
    """
    layer = torch.nn.Embedding(4, 2, sparse=True)
    layer(torch.tensor([1, 1])).sum().backward()

    assert layer.weight.grad.layout is torch.sparse_coo
    assert layer.weight.grad._indices().tolist() == [[1, 1]]
    assert layer.weight.grad.to_dense().tolist() == [[0, 0], [2, 2], [0, 0], [0, 0]]
