"""Sparse tensors: COO and CSR.

A matrix that is nearly all zeros, such as the adjacency matrix of a graph or a bag of words, need
not store its zeros. In the COO layout a sparse tensor holds the coordinates (`indices`) and the
`values` of the elements that are stored; in the CSR layout the column of each value and, for each
row, where its values begin. Products with dense matrices are what both are for.

What surprises: `indices()` of a COO tensor made by hand is refused until `coalesce()` has made
another, in which coordinates that occur twice are added up; nothing can be assigned to an element;
a sparse tensor plus a number is refused, since the result would be dense; most functions that are
not written for a layout say so by a long NotImplementedError, "Could not run 'aten::...'"; and
unless most elements are zero, a sparse tensor takes more memory and time than a dense one. Sparse
gradients of embeddings are told in `spec/autograd/test_gradients.py`, what optimizers do with them
in `spec/optim/test_further_rules.py`.
"""

import io
import math

import pytest
import torch
from torch import nn

# CSR is told to be in beta, and unchecked indices to be dangerous, once per process.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Sparse CS[RC] tensor support is in beta state"),
    pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled"),
]


def test_a_coo_tensor_is_made_of_coordinates_and_values(device):
    """`torch.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 4.0, 5.0], (2, 3))` is a 2 x 3
    matrix with 3.0 at row 0, column 2, 4.0 at (1, 0) and 5.0 at (1, 2); all other elements
    are zero.
    """
    indices = [[0, 1, 1], [2, 0, 2]]

    x = torch.sparse_coo_tensor(indices, [3.0, 4.0, 5.0], (2, 3), device=device)

    assert x.to_dense().tolist() == [[0.0, 0.0, 3.0], [4.0, 0.0, 5.0]]
    assert x.layout is torch.sparse_coo
    assert x.shape == (2, 3)


def test_to_sparse_and_to_dense_convert(device):
    """For a dense float32 matrix `x`, `x.to_sparse()` makes a COO tensor of the nonzero elements,
    and `x.to_sparse().to_dense()` is a dense matrix again.
    """
    x = torch.tensor([[0.0, 0.0, 3.0], [4.0, 0.0, 5.0]], device=device)

    sparse = x.to_sparse()

    assert sparse.indices().tolist() == [[0, 1, 1], [2, 0, 2]]
    assert sparse.values().tolist() == [3.0, 4.0, 5.0]
    assert torch.equal(sparse.to_dense(), x)


def test_coordinates_are_columns_and_not_rows():
    """`torch.sparse_coo_tensor` wants (row, column) pairs as columns of its indices: with size (2,
    3), three pairs as rows raise a RuntimeError about "sparse_dim"; the pairs (0, 1) and (0, 2) as
    rows are misread as (0, 0) and (1, 2).
    """
    pairs = torch.tensor([[0, 2], [1, 0], [1, 2]])
    values = torch.tensor([3.0, 4.0, 5.0])

    with pytest.raises(RuntimeError, match=r"must be sparse_dim \(3\)|== sparse_dim \+ dense_dim"):
        torch.sparse_coo_tensor(pairs, values, (2, 3))
    two = torch.tensor([[0, 1], [0, 2]])
    misread = torch.sparse_coo_tensor(two, values[:2], (2, 3))
    assert misread.to_dense().tolist() == [[3.0, 0.0, 0.0], [0.0, 0.0, 4.0]]

    x = torch.sparse_coo_tensor(pairs.T, values, (2, 3))
    assert x.to_dense().tolist() == [[0.0, 0.0, 3.0], [4.0, 0.0, 5.0]]


def test_indices_want_a_coalesced_tensor():
    """With `x = torch.sparse_coo_tensor([[1, 0], [2, 1]], [5.0, 4.0], (2, 3))`,
    `x.indices()` raises RuntimeError, "Cannot get indices on an uncoalesced tensor, please
    call .coalesce() first", and `x.values()` raises one too, "Cannot get values".

    `x.coalesce()` returns a new tensor, sorted; `to_sparse()` of a dense tensor gives a coalesced
    one.
    """
    x = torch.sparse_coo_tensor([[1, 0], [2, 1]], [5.0, 4.0], (2, 3))

    with pytest.raises(RuntimeError, match="Cannot get indices on an uncoalesced tensor, please"):
        x.indices()
    with pytest.raises(RuntimeError, match="Cannot get values on an uncoalesced tensor, please"):
        x.values()

    assert x.is_coalesced() is False
    assert x.coalesce().indices().tolist() == [[0, 1], [1, 2]]
    assert x.coalesce().values().tolist() == [4.0, 5.0]
    assert torch.eye(2).to_sparse().indices().tolist() == [[0, 1], [0, 1]]


def test_values_at_one_coordinate_are_added(device):
    """In `x = torch.sparse_coo_tensor([[0, 0], [1, 1]], [1.0, 2.0], (2, 2))` the coordinate
    (0, 1) occurs twice: `x.to_dense()` and `x.coalesce()` hold the sum 3.0 there, the
    second value doesn't overwrite the first.
    """
    x = torch.sparse_coo_tensor([[0, 0], [1, 1]], [1.0, 2.0], (2, 2), device=device)

    assert x.to_dense().tolist() == [[0.0, 3.0], [0.0, 0.0]]
    assert x.coalesce().values().tolist() == [3.0]


def test_without_a_size_it_is_guessed():
    """`torch.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0])`, without `size`, has the shape (2,
    3), one more than the largest index in each sparse dimension: empty rows and columns at the end
    are lost.

    Give the size to keep them: `torch.sparse_coo_tensor(indices, values, (9, 9))`. Without any
    index, the inferred size of each sparse dimension is 0.
    """
    indices, values = [[0, 1], [2, 0]], [3.0, 4.0]
    no_indices = torch.empty(2, 0, dtype=torch.int64)

    assert torch.sparse_coo_tensor(indices, values).shape == (2, 3)
    assert torch.sparse_coo_tensor(indices, values, (9, 9)).shape == (9, 9)
    assert torch.sparse_coo_tensor(no_indices, torch.empty(0)).shape == (0, 0)


@pytest.mark.torch(">=2.0")
def test_coordinates_beyond_the_size_are_looked_for_on_request():
    """`torch.sparse_coo_tensor([[0, 5]], [1.0, 2.0], (3,), check_invariants=True)` raises
    RuntimeError, "size is inconsistent with indices", because the coordinate 5 is not below the
    size 3.

    By default such a tensor may be made without an error. Operations on it can lose the value 2 or
    use memory that isn't theirs: PyTorch 2.14 warns of "Memory errors (e.g. SEGFAULT)".
    """
    inside = torch.sparse_coo_tensor([[0, 2]], [1.0, 2.0], (3,), check_invariants=True)

    assert inside.to_dense().tolist() == [1.0, 0.0, 2.0]
    with pytest.raises(RuntimeError, match="size is inconsistent with indices: for dim 0, size is"):
        torch.sparse_coo_tensor([[0, 5]], [1.0, 2.0], (3,), check_invariants=True)


def test_nelement_counts_zeros_too():
    """For `x = dense.to_sparse()`, `x.numel()` counts the zeros that are not stored, too;
    `len(x.values())` and `x._nnz()` count the elements stored. There is no `x.nnz()`.
    """
    x = torch.tensor([[0.0, 0.0, 3.0], [4.0, 0.0, 5.0]]).to_sparse()

    assert x.numel() == 6
    assert len(x.values()) == 3
    assert x._nnz() == 3
    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'nnz'"):
        x.nnz()


def test_a_coo_matrix_takes_20_bytes_per_stored_float():
    """`x.to_sparse()` of a dense float32 matrix takes 20 bytes per stored element, two int64
    coordinates and the value: less than the dense matrix only if fewer than one element in five
    is stored.
    """
    x = torch.eye(100)

    sparse = x.to_sparse()

    assert sparse.values().nelement() * sparse.values().element_size() == 400
    assert sparse.indices().nelement() * sparse.indices().element_size() == 1600
    assert x.nelement() * x.element_size() == 40000


def test_a_sparse_matrix_times_a_dense_one_is_dense(device):
    """For `sparse = x.to_sparse()` of a dense float32 matrix `x`, `sparse @ dense` with a dense
    float32 matrix is a dense matrix, as `torch.sparse.mm(sparse, dense)` is, and
    `sparse @ vector` with a dense float32 vector is a dense vector.
    """
    x = torch.tensor([[0.0, 0.0, 3.0], [4.0, 0.0, 5.0]], device=device).to_sparse()

    product = x @ torch.ones(3, 2, device=device)

    assert product.layout is torch.strided
    assert product.tolist() == [[3.0, 3.0], [9.0, 9.0]]
    assert torch.sparse.mm(x, torch.ones(3, 1, device=device)).tolist() == [[3.0], [9.0]]
    assert (x @ torch.ones(3, device=device)).tolist() == [3.0, 9.0]


def test_a_product_of_two_sparse_matrices_is_sparse(device):
    """For `a = x.to_sparse()` and `b = y.to_sparse()` of two dense float32 matrices, `a @ b` is a
    COO matrix.
    """
    a = torch.tensor([[0.0, 2.0], [0.0, 0.0]], device=device).to_sparse()
    b = torch.tensor([[0.0, 0.0], [5.0, 0.0]], device=device).to_sparse()

    product = a @ b

    assert product.layout is torch.sparse_coo
    assert product.to_dense().tolist() == [[10.0, 0.0], [0.0, 0.0]]


def test_sparse_plus_dense_is_refused_and_dense_plus_sparse_is_dense():
    """For a float32 COO matrix `x`, `x + dense` and `x + 1` raise RuntimeError, "add(sparse,
    dense) is not supported. Use add(dense, sparse) instead"; `dense + x` of a dense matrix of
    the same shape is dense.
    """
    x = torch.tensor([[0.0, 3.0]]).to_sparse()
    dense = torch.tensor([[1.0, 1.0]])

    with pytest.raises(
        RuntimeError, match=r"add\(sparse, dense\) is not supported. Use add\(dense"
    ):
        x + dense
    with pytest.raises(
        RuntimeError, match=r"add\(sparse, dense\) is not supported. Use add\(dense"
    ):
        x + 1

    assert (dense + x).tolist() == [[1.0, 4.0]]
    assert (x + x).to_dense().tolist() == [[0.0, 6.0]]


def test_products_with_numbers_keep_the_zeros(device):
    """For a float32 COO tensor `x`, `x * 2`, `x / 2` and `x * x` are COO tensors again.

    The elements that `x` does not store stay 0, also in `x / 0`, where a dense tensor would have
    NaN.
    """
    x = torch.tensor([[0.0, 3.0], [4.0, 0.0]], device=device).to_sparse()

    doubled = x * 2
    assert doubled.layout is torch.sparse_coo
    assert doubled.values().tolist() == [6.0, 8.0]
    halved, squared = x / 2, x * x
    assert (halved.layout, squared.layout) == (torch.sparse_coo, torch.sparse_coo)
    assert halved.values().tolist() == [1.5, 2.0]
    assert squared.to_dense().tolist() == [[0.0, 9.0], [16.0, 0.0]]
    assert (x / 0).to_dense().tolist() == [[0.0, math.inf], [math.inf, 0.0]]


def test_functions_that_are_not_written_for_sparse_tensors_are_refused():
    """`x.exp()`, `x > 0`, `x.max()` and `x.view(4)` of a (2, 2) COO tensor on the CPU raise
    NotImplementedError, such as "Could not run 'aten::exp' with arguments from the 'SparseCPU'
    backend".

    Call them on `x.to_dense()`. An elementwise function that maps 0 to 0 may be applied to
    `x.coalesce().values()` instead. `x.values()` raises RuntimeError if `x.is_coalesced()` is
    False.
    """
    x = torch.tensor([[0.0, 3.0], [4.0, 0.0]]).to_sparse()

    with pytest.raises(NotImplementedError, match="with arguments from the 'SparseCPU' backend"):
        x.exp()
    with pytest.raises(NotImplementedError, match=r"Could not run 'aten::gt.Scalar' with argument"):
        (x > 0).any()
    with pytest.raises(NotImplementedError, match="Could not run 'aten::max' with arguments from"):
        x.max()
    with pytest.raises(NotImplementedError, match="Could not run 'aten::view' with arguments from"):
        x.view(4)

    assert x.to_dense().max().item() == 4.0
    squares = torch.sparse_coo_tensor(x.indices(), x.values().square(), x.shape)
    assert squares.to_dense().tolist() == [[0.0, 9.0], [16.0, 0.0]]


@pytest.mark.torch(">=2.0")
def test_sums_over_a_dimension_are_sparse_and_the_whole_sum_is_a_number(device):
    """For `x = dense.to_sparse()` of a float32 matrix, `x.sum()` is a dense 0-d tensor, and
    `torch.sparse.sum(x, dim=1)` a COO tensor of the row sums.
    """
    x = torch.tensor([[0.0, 3.0], [4.0, 5.0]], device=device).to_sparse()

    assert x.sum().layout is torch.strided
    assert x.sum().item() == 12.0
    assert torch.sparse.sum(x, dim=1).layout is torch.sparse_coo
    assert torch.sparse.sum(x, dim=1).to_dense().tolist() == [3.0, 9.0]


def test_a_row_can_be_read_and_no_element_written():
    """For `x = dense.to_sparse()` of a non-empty float32 CPU matrix, `x[0]` is row 0 as a COO
    tensor; reading the slice `x[0:1]` raises NotImplementedError, and `x[0, 0] = 1` TypeError,
    "Cannot assign to a sparse tensor".

    Make a new tensor of new indices and values, or pick rows by `index_select`.
    """
    x = torch.tensor([[0.0, 3.0], [4.0, 5.0]]).to_sparse()

    with pytest.raises(TypeError, match="Cannot assign to a sparse tensor"):
        x[0, 0] = 1
    with pytest.raises(NotImplementedError, match="Could not run 'aten::as_strided' with argument"):
        x[0:1]

    assert x[0].to_dense().tolist() == [0.0, 3.0]
    assert x.index_select(0, torch.tensor([1, 0])).to_dense().tolist() == [[4.0, 5.0], [0.0, 3.0]]


def test_csr_stores_where_each_row_begins(device):
    """With `x = torch.tensor([[0.0, 0.0, 3.0], [4.0, 0.0, 5.0]])`, `c = x.to_sparse_csr()`
    has `c.values()` 3, 4, 5, their columns `c.col_indices()` 2, 0, 2, and
    `c.crow_indices()` 0, 1, 3, so that row 1 has the values `c.values()[1:3]`.
    """
    x = torch.tensor([[0.0, 0.0, 3.0], [4.0, 0.0, 5.0]], device=device).to_sparse_csr()

    assert x.crow_indices().tolist() == [0, 1, 3]
    assert x.col_indices().tolist() == [2, 0, 2]
    assert x.values().tolist() == [3.0, 4.0, 5.0]
    assert x.layout is torch.sparse_csr


def test_a_csr_tensor_is_made_of_three_lists(device):
    """`torch.sparse_csr_tensor(crow_indices, col_indices, values, size)` makes a CSR matrix of
    three one-dimensional lists or tensors, which SciPy's `csr_matrix` calls `indptr`, `indices`
    and `data`.
    """
    x = torch.sparse_csr_tensor([0, 1, 3], [2, 0, 2], [3.0, 4.0, 5.0], (2, 3), device=device)

    assert x.to_dense().tolist() == [[0.0, 0.0, 3.0], [4.0, 0.0, 5.0]]
    assert (x @ torch.ones(3, device=device)).tolist() == [3.0, 9.0]


def test_is_sparse_means_coo():
    """`is_sparse` of `torch.eye(2).to_sparse()`, a COO tensor, is True; of
    `torch.eye(2).to_sparse_csr()` it is False, but `is_sparse_csr` is True and `layout` is
    `torch.sparse_csr`.
    """
    x = torch.eye(2)

    assert (x.is_sparse, x.to_sparse().is_sparse, x.to_sparse_csr().is_sparse) == (
        False,
        True,
        False,
    )
    assert x.to_sparse_csr().is_sparse_csr is True
    assert x.to_sparse_csr().layout is torch.sparse_csr


@pytest.mark.torch(">=2.0")
def test_each_layout_has_accessors_of_its_own():
    """`torch.eye(2).to_sparse_csr().indices()` raises RuntimeError, "expected sparse
    coordinate tensor layout", and `torch.eye(2).to_sparse().crow_indices()` raises one,
    "expected sparse row compressed tensor layout".
    """
    coo, csr = torch.eye(2).to_sparse(), torch.eye(2).to_sparse_csr()

    with pytest.raises(
        RuntimeError, match="expected sparse coordinate tensor layout but got Spars"
    ):
        csr.indices()
    with pytest.raises(
        RuntimeError, match="expected sparse row compressed tensor layout but got S"
    ):
        coo.crow_indices()

    assert csr.to_sparse_coo().indices().tolist() == [[0, 1], [0, 1]]
    assert coo.to_sparse_csr().crow_indices().tolist() == [0, 1, 2]


def test_a_csr_tensor_warns_of_its_beta_state():
    """`x.to_sparse_csr()` of a dense float32 matrix issues a UserWarning, "Sparse CSR
    tensor support is in beta state", by default once per process.
    """
    with pytest.warns(UserWarning, match="Sparse CSR tensor support is in beta state"):
        x = torch.eye(2).to_sparse_csr()

    assert x.values().tolist() == [1.0, 1.0]


def test_gradients_reach_the_values(device):
    """For a 2-D `sparse = torch.sparse_coo_tensor(indices, values, size)`,
    `torch.sparse.mm(sparse, dense).sum().backward()` fills `values.grad` and `dense.grad`, if the
    1-D `values` and the 2-D `dense` are float32 leaves that require grad.
    """
    values = torch.tensor([3.0, 4.0], device=device, requires_grad=True)
    dense = torch.ones(3, 2, device=device, requires_grad=True)
    x = torch.sparse_coo_tensor([[0, 1], [2, 0]], values, (2, 3), device=device)

    torch.sparse.mm(x, dense).sum().backward()

    assert values.grad.tolist() == [2.0, 2.0]
    assert dense.grad.tolist() == [[4.0, 4.0], [0.0, 0.0], [3.0, 3.0]]


def test_a_sparse_matrix_goes_through_a_linear_layer():
    """For `layer = nn.Linear(3, 2)` and a dense (2, 3) float32 matrix `x`,
    `layer(x.to_sparse())` is a dense matrix, equal to `layer(x)` up to rounding.
    """
    x = torch.tensor([[0.0, 0.0, 3.0], [4.0, 0.0, 5.0]])
    layer = nn.Linear(3, 2)

    answer = layer(x.to_sparse())

    assert answer.layout is torch.strided
    assert answer.shape == (2, 2)
    torch.testing.assert_close(answer, layer(x))


@pytest.mark.filterwarnings("ignore:Validating sparse tensor invariants")
@pytest.mark.filterwarnings("ignore:You are using `torch.load` with `weights_only=False`")
def test_sparse_tensors_can_be_saved():
    """For a file that `torch.save(torch.eye(2).to_sparse(), file)` wrote, `torch.load(file)`
    returns a sparse COO tensor again, with the same elements.
    """
    file = io.BytesIO()
    torch.save(torch.eye(2).to_sparse(), file)
    file.seek(0)

    loaded = torch.load(file)

    assert loaded.layout is torch.sparse_coo
    assert loaded.to_dense().tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_softmax_over_stored_elements_has_a_function_of_its_own():
    """For `x = dense.to_sparse()` of a float32 CPU matrix, `torch.sparse.softmax(x, dim=1)`
    takes each row's softmax over the elements that are stored; `torch.softmax(x, dim=1)`
    raises NotImplementedError.

    An element that is not stored stays zero; a stored zero counts as exp(0) = 1.
    """
    x = torch.tensor([[0.0, 0.0, 3.0], [4.0, 0.0, 4.0]]).to_sparse()

    with pytest.raises(NotImplementedError, match="Could not run 'aten::_softmax' with arguments"):
        torch.softmax(x, dim=1)

    assert torch.sparse.softmax(x, dim=1).to_dense().tolist() == [[0.0, 0.0, 1.0], [0.5, 0.0, 0.5]]
