"""Embedding: a table of vectors looked up by index.

Words, users or products have no arithmetic, only an index in a list. `nn.Embedding(n, d)` keeps a
learnt vector of d numbers for each of n indices and returns the rows that are asked for. For a
finite weight that is the product of one-hot vectors (`spec/tensors/test_one_hot.py`) and the
weight, without building them.

What surprises: its input is unlike that of other layers. Indices are int64 or int32, in any
shape, each from 0 to n - 1, and negative indices do not count from the end. `padding_idx` does
not return zeros by itself: it names a row that starts at zero and gets no gradient from look-ups.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_an_embedding_hands_out_rows(device):
    """`nn.Embedding(3, 2)`, called with a tensor of int64 indices from 0 to 2, returns the rows of
    its weight that the indices name, in their order and repeated where an index is repeated.
    """
    table = torch.tensor([[0.0, 0.5], [1.0, 1.5], [2.0, 2.5]], device=device)
    layer = nn.Embedding.from_pretrained(table)

    rows = layer(torch.tensor([2, 0, 2], device=device))

    assert rows.tolist() == [[2.0, 2.5], [0.0, 0.5], [2.0, 2.5]]


def test_an_embedding_adds_one_axis():
    """`nn.Embedding(10, 3)` gives an output of shape (3,) for a 0-d int64 index and of shape (4,
    5, 3) for int64 indices of shape (4, 5): the shape of the indices and one more dimension of
    size 3.
    """
    layer = nn.Embedding(10, 3)
    word = torch.tensor(7)

    assert layer(word).shape == (3,)
    assert layer(torch.zeros(4, 5, dtype=torch.int64)).shape == (4, 5, 3)


def test_an_embedding_is_a_product_with_one_hot_vectors(device):
    """For a finite float32 table of 3 rows and an int64 `index`, `F.embedding(index, table)`
    equals `F.one_hot(index, 3).float() @ table`.

    An infinite element of another row makes its column of the product NaN, as 0 times infinity is;
    the look-up does not read that row.
    """
    table = torch.tensor([[0.0, 0.5], [1.0, 1.5], [2.0, 2.5]], device=device)
    index = torch.tensor([1], device=device)

    assert F.embedding(index, table).tolist() == [[1.0, 1.5]]
    assert (F.one_hot(index, 3).float() @ table).tolist() == [[1.0, 1.5]]
    table[0, 0] = torch.inf
    assert F.embedding(index, table).tolist() == [[1.0, 1.5]]
    assert (F.one_hot(index, 3).float() @ table).isnan().tolist() == [[True, False]]


def test_an_embedding_starts_with_standard_normal_numbers():
    """`nn.Embedding(n, d)` draws its weight from a normal distribution with mean 0 and
    standard deviation 1, for d = 100 as for d = 10.

    Unlike in `nn.Linear`, the numbers don't shrink with the size:
    `spec/nn/test_initialisation.py`.
    """
    wide, narrow = nn.Embedding(100, 100).weight, nn.Embedding(1000, 10).weight

    assert wide.mean().item() == pytest.approx(0.0, abs=0.03)
    assert wide.std().item() == pytest.approx(1.0, abs=0.03)
    assert narrow.std().item() == pytest.approx(1.0, abs=0.03)


def test_only_rows_that_were_used_get_a_gradient(device):
    """If its `weight` is used for look-ups alone, a float32 `nn.Embedding` with default settings
    gives each row of `weight.grad`, up to rounding, the sum of the gradients of the look-ups of
    that row, and 0 to a row that was not looked up.

    With `sum()` as loss each look-up contributes 1, so that a row looked up twice has gradient 2.
    A `weight` shared with an output layer, as language models do, gets the gradients of that layer
    too, in every row.
    """
    layer = nn.Embedding(3, 2, device=device)

    layer(torch.tensor([2, 0, 2], device=device)).sum().backward()

    assert layer.weight.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]
    layer.weight.grad = None
    (layer(torch.tensor([2, 2], device=device)) * 10).sum().backward()
    assert layer.weight.grad.tolist() == [[0.0, 0.0], [0.0, 0.0], [20.0, 20.0]]
    layer.weight.grad = None
    output = nn.Linear(2, 3, bias=False, device=device)
    output.weight = layer.weight
    output(torch.ones(1, 2, device=device)).sum().backward()
    assert layer.weight.grad.tolist() == [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]


def test_the_row_of_the_padding_does_not_learn(device):
    """`layer = nn.Embedding(3, 1, padding_idx=0)` looks row 0 up like the other rows, but
    `layer(torch.tensor([1, 0, 0])).sum().backward()` gives row 0 of `layer.weight` a gradient of 0
    and row 1 a gradient of 1.

    So the padding that fills sequences up to one length does not train row 0, which is zero at
    first. Weight decay still changes row 0 if its values are not zero.
    """
    layer = nn.Embedding(3, 1, padding_idx=0, device=device)

    rows = layer(torch.tensor([1, 0, 0], device=device))
    rows.sum().backward()

    assert rows[1:].tolist() == [[0.0], [0.0]]
    assert layer.weight.grad.tolist() == [[0.0], [1.0], [0.0]]

    layer.weight.data.fill_(4.0)
    torch.optim.SGD(layer.parameters(), lr=0.5, weight_decay=0.5).step()
    assert layer.weight.tolist() == [[3.0], [2.5], [3.0]]


def test_the_row_of_the_padding_starts_as_zeros():
    """`nn.Embedding(3, 2, padding_idx=1)` starts with row 1 at zero; the other rows are random.

    A lookup adds nothing to the gradient of row 1, but the row can be overwritten:
    `from_pretrained` keeps the values of its table, and a later `nn.init.ones_(layer.weight)`
    fills row 1, too.
    """
    layer = nn.Embedding(3, 2, padding_idx=1)

    pretrained = nn.Embedding.from_pretrained(torch.ones(3, 2), padding_idx=1)

    assert layer.weight[1].tolist() == [0.0, 0.0]
    assert pretrained.weight.tolist() == [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    assert layer.weight.any(dim=1).tolist() == [True, False, True]
    assert nn.init.ones_(layer.weight).tolist() == [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]


def test_a_pretrained_table_is_frozen_unless_asked():
    """With `table = torch.zeros(3, 2)`, the weight of `nn.Embedding.from_pretrained(table)` shares
    the storage of `table` and does not require grad; with `freeze=False` it shares that storage
    too, but requires grad.
    """
    table = torch.zeros(3, 2)
    frozen = nn.Embedding.from_pretrained(table)
    learning = nn.Embedding.from_pretrained(table, freeze=False)

    assert frozen.weight.requires_grad is False
    assert learning.weight.requires_grad is True
    assert frozen.weight.data_ptr() == table.data_ptr()
    assert learning.weight.data_ptr() == table.data_ptr()


def test_a_number_outside_the_table_is_refused():
    """On the CPU `nn.Embedding(3, 2)`, without `max_norm=`, accepts the int64 indices 0, 1 and 2;
    3 and -1 raise IndexError, "index out of range in self".

    A negative index does not count from the end, as it does in `weight[-1]`. A table of 8 positions
    fails in this way at the ninth step of a sequence. On a CUDA GPU the error is a device-side
    assert.
    """
    layer = nn.Embedding(3, 2)
    too_large, negative = torch.tensor([3]), torch.tensor([-1])
    all_rows = layer(torch.tensor([0, 1, 2]))

    with pytest.raises(IndexError, match="index out of range in self"):
        layer(too_large)
    with pytest.raises(IndexError, match="index out of range in self"):
        layer(negative)
    assert all_rows.tolist() == layer.weight.tolist()


def test_an_embedding_takes_whole_numbers_only():
    """`nn.Embedding` takes indices of int64 or int32; float32 and uint8, for example, raise
    RuntimeError: write `index.long()`.
    """
    layer = nn.Embedding(3, 2)
    floats = torch.tensor([1.0])

    with pytest.raises(RuntimeError, match=r"scalar types: Long, Int; but got torch\.FloatTensor"):
        layer(floats)
    with pytest.raises(RuntimeError, match=r"scalar types: Long, Int; but got torch\.ByteTensor"):
        layer(floats.to(torch.uint8))
    assert layer(floats.long()).shape == (1, 2)
    assert layer(floats.int()).shape == (1, 2)


def test_max_norm_shortens_the_table_itself():
    """A float32 `nn.Embedding` with `max_norm=5.0` and the default `norm_type` that looks up its
    row [6, 8], whose 2-norm is 10, changes this row in place in the weight to [3, 4], up to
    rounding, with the 2-norm 5.

    If `weight * weight` is computed before the lookup, its backward pass raises RuntimeError,
    because the lookup counts as an in-place change of the saved weight, even where no row is too
    long. Look up first, or multiply `weight.clone()` by itself.
    """
    layer = nn.Embedding.from_pretrained(torch.tensor([[3.0, 4.0], [6.0, 8.0]]), max_norm=5.0)

    row = layer(torch.tensor([1]))

    assert row.flatten().tolist() == pytest.approx([3.0, 4.0])
    assert layer.weight.flatten().tolist() == pytest.approx([3.0, 4.0, 3.0, 4.0])

    learning = nn.Embedding.from_pretrained(torch.tensor([[6.0, 8.0]]), freeze=False, max_norm=5.0)
    squares = learning.weight * learning.weight
    learning(torch.tensor([0]))
    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        squares.sum().backward()

    squares = learning.weight * learning.weight
    learning(torch.tensor([0]))
    assert learning.weight.flatten().tolist() == pytest.approx([3.0, 4.0])
    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        squares.sum().backward()


@pytest.mark.parametrize(
    ("mode", "bag"), [("sum", [3.0, 8.0]), ("mean", [1.5, 4.0]), ("max", [2.0, 7.0])]
)
def test_an_embedding_bag_joins_the_rows_it_looks_up(mode, bag):
    """For [[1, 2]] and a float32 weight whose rows 1, 2 are [1, 7] and [2, 1], `nn.EmbeddingBag`
    and `F.embedding_bag` return the sum [[3, 8]] with `mode="sum"`, the mean [[1.5, 4]] by
    default, the maximum per column [[2, 7]] with `mode="max"`.

    Neither stores the single rows, which saves memory for texts taken as bags of words.
    """
    table = torch.tensor([[9.0, 9.0], [1.0, 7.0], [2.0, 1.0]])
    layer = nn.EmbeddingBag.from_pretrained(table, mode=mode)

    assert layer(torch.tensor([[1, 2]])).tolist() == [bag]
    assert F.embedding_bag(torch.tensor([[1, 2]]), table, mode=mode).tolist() == [bag]
    assert F.embedding_bag(torch.tensor([[1, 2]]), table).tolist() == [[1.5, 4.0]]
    by_default = nn.EmbeddingBag.from_pretrained(table)
    assert by_default(torch.tensor([[1, 2]])).tolist() == [[1.5, 4.0]]
