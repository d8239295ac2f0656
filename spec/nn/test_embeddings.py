"""Embedding: a table looked up by number.

Words, users or products have no arithmetic, only a number in a list. `nn.Embedding` keeps one row
of learned values for each such number and hands out the rows that are asked for. It is the same
as multiplying one-hot vectors with a matrix, without building them.

Its input is unlike that of other layers: whole numbers, any shape, each below the table's length.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_an_embedding_hands_out_rows(device):
    """The numbers of the input choose rows of the weight, in any order and as often as asked."""
    table = torch.tensor([[0.0, 0.5], [1.0, 1.5], [2.0, 2.5]], device=device)
    layer = nn.Embedding.from_pretrained(table)

    rows = layer(torch.tensor([2, 0, 2], device=device))

    assert rows.tolist() == [[2.0, 2.5], [0.0, 0.5], [2.0, 2.5]]


def test_an_embedding_adds_one_axis():
    """The output has the input's shape and one more axis, the length of a row."""
    layer = nn.Embedding(10, 3)
    word = torch.tensor(7)

    assert layer(word).shape == (3,)
    assert layer(torch.zeros(4, 5, dtype=torch.int64)).shape == (4, 5, 3)


def test_an_embedding_is_a_product_with_one_hot_vectors(device):
    """Looking up row 1 is multiplying `[0, 1, 0]` with the table."""
    table = torch.tensor([[0.0, 0.5], [1.0, 1.5], [2.0, 2.5]], device=device)
    index = torch.tensor([1], device=device)

    assert F.embedding(index, table).tolist() == [[1.0, 1.5]]
    assert (F.one_hot(index, 3).float() @ table).tolist() == [[1.0, 1.5]]


def test_only_rows_that_were_used_get_a_gradient(device):
    """A row's gradient counts how often it was looked up; the others get zero."""
    layer = nn.Embedding(3, 2, device=device)

    layer(torch.tensor([2, 0, 2], device=device)).sum().backward()

    assert layer.weight.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]


def test_the_row_of_the_padding_does_not_learn(device):
    """The row named by `padding_idx` is handed out as it is, but its gradient stays zero."""
    layer = nn.Embedding(3, 1, padding_idx=0, device=device)

    rows = layer(torch.tensor([1, 0, 0], device=device))
    rows.sum().backward()

    assert rows[1:].tolist() == [[0.0], [0.0]]
    assert layer.weight.grad.tolist() == [[0.0], [1.0], [0.0]]


def test_a_pretrained_table_is_frozen_unless_asked():
    """`from_pretrained` keeps the tensor itself, and freezes it; `freeze=False` lets it learn."""
    table = torch.zeros(3, 2)
    frozen = nn.Embedding.from_pretrained(table)
    learning = nn.Embedding.from_pretrained(table, freeze=False)

    assert frozen.weight.requires_grad is False
    assert learning.weight.requires_grad is True
    assert frozen.weight.data_ptr() == table.data_ptr()


def test_a_number_outside_the_table_is_refused():
    """A table of 3 rows knows 0, 1 and 2; no number counts from the end, as it does in indexing."""
    layer = nn.Embedding(3, 2)
    too_large, negative = torch.tensor([3]), torch.tensor([-1])
    all_rows = layer(torch.tensor([0, 1, 2]))

    with pytest.raises(IndexError, match="index out of range in self"):
        layer(too_large)
    with pytest.raises(IndexError, match="index out of range in self"):
        layer(negative)
    assert all_rows.tolist() == layer.weight.tolist()


def test_an_embedding_takes_whole_numbers_only():
    """Floats are no row numbers, even if they are whole; int64 and int32 are."""
    layer = nn.Embedding(3, 2)
    floats = torch.tensor([1.0])

    with pytest.raises(RuntimeError, match=r"scalar types: Long, Int; but got torch\.FloatTensor"):
        layer(floats)
    assert layer(floats.long()).shape == (1, 2)
    assert layer(floats.int()).shape == (1, 2)


def test_max_norm_shortens_the_table_itself():
    """With `max_norm` a row that is too long is cut, in the weight, when it is looked up."""
    layer = nn.Embedding.from_pretrained(torch.tensor([[3.0, 4.0], [6.0, 8.0]]), max_norm=5.0)

    row = layer(torch.tensor([1]))

    assert row.flatten().tolist() == pytest.approx([3.0, 4.0])
    assert layer.weight.flatten().tolist() == pytest.approx([3.0, 4.0, 3.0, 4.0])


@pytest.mark.parametrize(
    ("mode", "bag"), [("sum", [3.0, 8.0]), ("mean", [1.5, 4.0]), ("max", [2.0, 7.0])]
)
def test_an_embedding_bag_joins_the_rows_it_looks_up(mode, bag):
    """`nn.EmbeddingBag` makes one row of many: their sum, mean or largest values."""
    table = torch.tensor([[9.0, 9.0], [1.0, 7.0], [2.0, 1.0]])
    layer = nn.EmbeddingBag.from_pretrained(table, mode=mode)

    assert layer(torch.tensor([[1, 2]])).tolist() == [bag]
