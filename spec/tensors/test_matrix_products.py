"""Products of matrices and vectors.

`x @ y`, also spelled `torch.matmul(x, y)`, chooses by the number of dimensions: two vectors give a
number, two matrices a matrix, two batches of matrices a batch. `dot`, `mv`, `mm` and `bmm` each do
one of these and refuse the rest. Sums of products in general are told in
`spec/tensors/test_einsum.py`.

What surprises: `@` broadcasts the batch dimensions but not the last two, and it refuses operands of
two dtypes, such as float32 and int64, which `+` and `*` would promote.
"""

import pytest
import torch


def test_a_matrix_product_sums_rows_times_columns(device):
    """Element (i, j) of `x @ y` of two dense float32 matrices is, up to rounding and
    overflow, row i of `x` times column j of `y`, summed.

    So the order matters: `y @ x` is in general another matrix.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    y = torch.tensor([[5.0, 6.0], [7.0, 8.0]], device=device)

    assert (x @ y).tolist() == [[19.0, 22.0], [43.0, 50.0]]
    assert (y @ x).tolist() == [[23.0, 34.0], [31.0, 46.0]]


@pytest.mark.parametrize("name", ["matmul", "mm"])
def test_matmul_and_mm_are_the_at_sign_for_matrices(name, device):
    """For two float32 matrices `x` of shape (n, k) and `y` of shape (k, m), `x @ y`,
    `torch.matmul(x, y)`, `torch.mm(x, y)`, `x.matmul(y)` and `x.mm(y)` give the same product.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    y = torch.tensor([[5.0], [6.0]], device=device)

    assert getattr(torch, name)(x, y).tolist() == [[17.0], [39.0]]
    assert getattr(x, name)(y).tolist() == [[17.0], [39.0]]


def test_two_vectors_give_a_number(device):
    """`x @ y` of two dense float32 vectors of equal length is their dot product, a 0-d
    tensor, as `torch.dot(x, y)` gives it.
    """
    x = torch.tensor([1.0, 2.0, 3.0], device=device)
    y = torch.tensor([4.0, 5.0, 6.0], device=device)

    assert (x @ y).shape == ()
    assert (x @ y).item() == 32.0
    assert torch.dot(x, y).item() == 32.0


def test_a_vector_stands_for_a_column_on_the_right_and_a_row_on_the_left(device):
    """In float32 `matrix @ vector` takes the vector as a column, `vector @ matrix` as a row;
    the result is a vector. `torch.mv(matrix, vector)` is `matrix @ vector`.
    """
    matrix = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    vector = torch.tensor([1.0, 10.0], device=device)

    assert (matrix @ vector).tolist() == [21.0, 43.0]
    assert torch.mv(matrix, vector).tolist() == [21.0, 43.0]
    assert (vector @ matrix).tolist() == [31.0, 42.0]


def test_stacks_are_multiplied_matrix_by_matrix(device):
    """`x @ y` of float32 tensors of shapes (b, n, m) and (b, m, p) multiplies, up to
    rounding and overflow, matrix i of `x` by matrix i of `y`, as `torch.bmm(x, y)` does.
    """
    x = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]], device=device)
    y = torch.tensor([[[1.0], [1.0]], [[10.0], [10.0]]], device=device)

    assert (x @ y).tolist() == [[[3.0]], [[70.0]]]
    assert torch.bmm(x, y).tolist() == [[[3.0]], [[70.0]]]


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        ((2, 3), (3, 4), (2, 4)),
        ((3,), (3, 4), (4,)),
        ((2, 3), (3,), (2,)),
        ((5, 2, 3), (3, 4), (5, 2, 4)),
        ((2, 3), (5, 3, 4), (5, 2, 4)),
        ((5, 2, 3), (3,), (5, 2)),
        ((5, 1, 2, 3), (6, 3, 4), (5, 6, 2, 4)),
    ],
)
def test_the_dimensions_before_the_last_two_broadcast(left, right, result, device):
    """`x @ y` of dense float32 tensors of at least two dimensions multiplies the last two
    as matrices and broadcasts the dimensions before them: (5, 2, 3) @ (3, 4) has the shape
    (5, 2, 4).
    """
    x = torch.ones(left, device=device)
    y = torch.ones(right, device=device)

    assert (x @ y).shape == result
    assert (x @ y).unique().tolist() == [3.0]


def test_inner_sizes_have_to_agree(device):
    """`x @ y` of two dense float32 matrices on the CPU raises a RuntimeError, "mat1 and mat2
    shapes cannot be multiplied", unless `x` has as many columns as `y` has rows; even size 1 is
    not broadcast.

    The message names both shapes. Often one operand has to be transposed: `x @ x.T`.
    """
    x = torch.ones(2, 3, device=device)
    column = torch.ones(2, 1, device=device)

    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(2x3 and 2x3\)"):
        x @ x
    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(2x1 and 2x3\)"):
        column @ x

    assert (x @ x.T).tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_stacks_of_different_length_are_refused():
    """`x @ y` of a batch of 2 and a batch of 5 float32 matrices raises a RuntimeError,
    since 2 and 5 do not broadcast; `torch.bmm` refuses a batch of 1 beside a batch of 5 as
    well.

    `bmm` doesn't broadcast: write `@` where one batch has size 1.
    """
    x, y = torch.ones(2, 2, 3), torch.ones(5, 3, 2)

    with pytest.raises(RuntimeError, match=r"tensor a \(2\) must match the size of tensor b \(5\)"):
        x @ y
    with pytest.raises(RuntimeError, match="Expected size for first two dimensions of batch2 ten"):
        torch.bmm(x, y)
    with pytest.raises(RuntimeError, match="Expected size for first two dimensions of batch2 ten"):
        torch.bmm(x[:1], y)

    assert (x[:1] @ y).shape == (5, 2, 2)


@pytest.mark.parametrize(
    ("multiply", "words"),
    [
        (torch.mm, "mat2 must be a matrix"),
        (torch.dot, "1D tensors expected, but got 2D and 1D tensors"),
        (torch.bmm, "batch1 must be a 3D tensor"),
        (torch.outer, "Expected 1-D argument self, but got 2-D"),
    ],
)
def test_each_function_says_which_dimensions_it_takes(multiply, words):
    """`torch.mm`, `torch.dot`, `torch.bmm` and `torch.outer` raise a RuntimeError for a
    dense float32 matrix of shape (2, 3) and a dense float32 vector of 3 elements, which
    `matrix @ vector` multiplies.

    Each takes one number of dimensions: `mm` 2-D, `dot` and `outer` 1-D, `bmm` 3-D.
    """
    matrix, vector = torch.ones(2, 3), torch.ones(3)

    with pytest.raises(RuntimeError, match=words):
        multiply(matrix, vector)

    assert (matrix @ vector).tolist() == [3.0, 3.0]


def test_a_number_is_no_factor_of_a_matrix_product():
    """`x @ 3` of a float32 matrix `x` raises a TypeError, and `x @ torch.tensor(3.0)` a
    RuntimeError, "both arguments to matmul need to be at least 1D".

    Because `@` takes tensors of at least one dimension. To scale a matrix write `x * 3`.
    """
    x = torch.tensor([[1.0, 2.0]])

    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for @: 'Tensor' and 'int'"):
        x @ 3
    with pytest.raises(RuntimeError, match="both arguments to matmul need to be at least 1D"):
        x @ torch.tensor(3.0)

    assert (x * 3).tolist() == [[3.0, 6.0]]


def test_a_matrix_product_does_not_mix_dtypes():
    """`x @ y` of a (1, 2) float32 matrix and a (2, 1) int64 matrix on the CPU raises a
    RuntimeError, and so does `@` of a float32 and an int64 vector: `@` does not promote
    dtypes as `+` and `*` do.

    Convert one operand: `x @ y.float()`. Typical for features loaded as integers or as float64.
    """
    floats = torch.tensor([[1.0, 2.0]])
    integers = torch.tensor([[3], [4]])

    words = "expected m1 and m2 to have the same dtype|expected scalar type Float but found Long"
    with pytest.raises(RuntimeError, match=words):
        floats @ integers
    with pytest.raises(RuntimeError, match="expected both vectors to have same dtype"):
        floats[0] @ integers[:, 0]

    assert (floats @ integers.float()).tolist() == [[11.0]]
    assert (floats * integers.T).tolist() == [[3.0, 8.0]]


def test_vectors_of_two_lengths_have_no_dot_product():
    """For `x = torch.tensor([1.0, 2.0])` and `one = torch.tensor([3.0])`, `x @ one` and
    `torch.dot(x, one)` raise RuntimeError, "expected tensor [2] and src [1] to have the same
    number of elements": `one` is not broadcast.

    Write `(x * one).sum()` where broadcasting is wanted.
    """
    x = torch.tensor([1.0, 2.0])
    one = torch.tensor([3.0])

    with pytest.raises(RuntimeError, match=r"expected tensor \[2\] and src \[1\] to have the same"):
        x @ one
    with pytest.raises(RuntimeError, match=r"expected tensor \[2\] and src \[1\] to have the same"):
        torch.dot(x, one)

    assert (x * one).sum().item() == 9.0


def test_integers_are_multiplied_as_integers():
    """On the CPU `x @ y` of two int64 matrices is int64, and of two int8 vectors it is
    int8. A result that doesn't fit wraps around: 100 * 100 in int8 is 16.

    Products of two non-empty bool matrices are refused. On CUDA, integer matrix products are not
    implemented; convert to float.
    """
    x = torch.tensor([[1, 2], [3, 4]])
    narrow = torch.tensor([100], dtype=torch.int8)

    assert (x @ x).dtype == torch.int64
    assert (x @ x).tolist() == [[7, 10], [15, 22]]
    assert (narrow @ narrow).item() == 16
    with pytest.raises(RuntimeError, match="not implemented for 'Bool'"):
        (x > 1) @ (x > 1)


def test_an_empty_inner_dimension_gives_zeros(device):
    """`x @ y` of a (2, 0) and a (0, 3) matrix of float32 is a (2, 3) matrix of zeros.

    Because each element is a sum over nothing.
    """
    x = torch.ones(2, 0, device=device) @ torch.ones(0, 3, device=device)

    assert x.tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_addmm_adds_a_product_to_a_matrix(device):
    """`torch.addmm(m, x, y, beta=0.5, alpha=2)` of finite float32 matrices is, up to rounding
    and overflow, `0.5 * m + 2 * (x @ y)`; `m` may be a vector, which is broadcast to each
    row, as the bias of `nn.Linear` is.

    With `beta=0` it ignores `m`, even NaN in it.
    """
    m = torch.tensor([100.0, 200.0], device=device)
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)

    assert torch.addmm(m, x, x).tolist() == [[107.0, 210.0], [115.0, 222.0]]
    assert torch.addmm(m, x, x, beta=0.5, alpha=2).tolist() == [[64.0, 120.0], [80.0, 144.0]]
    assert torch.addmm(m * torch.nan, x, x, beta=0).tolist() == [[7.0, 10.0], [15.0, 22.0]]


def test_baddbmm_and_addmv_are_addmm_for_stacks_and_vectors(device):
    """`torch.baddbmm(m, x, y)` of dense float32 tensors is `m + torch.bmm(x, y)`, and
    `torch.addmv(v, x, w)` is `v + x @ w`, up to rounding and overflow, where `m` and `v`
    have the shape of the product.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    v = torch.tensor([1.0, 10.0], device=device)
    stack = x.reshape(1, 2, 2)

    assert torch.addmv(v, x, v).tolist() == [22.0, 53.0]
    assert torch.baddbmm(stack, stack, stack).tolist() == [[[8.0, 12.0], [18.0, 26.0]]]


def test_a_matrix_power_multiplies_the_matrix_by_itself(device):
    """`x.matrix_power(3)` of a square float32 matrix is, up to rounding and overflow, the
    matrix product `x @ x @ x`, and `x.matrix_power(0)` is the identity; `x ** 3` instead
    takes the third power of each element.
    """
    x = torch.tensor([[1.0, 2.0], [0.0, 1.0]], device=device)

    assert x.matrix_power(3).tolist() == [[1.0, 6.0], [0.0, 1.0]]
    assert x.matrix_power(0).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert (x**3).tolist() == [[1.0, 8.0], [0.0, 1.0]]


def test_multi_dot_chains_products(device):
    """`torch.linalg.multi_dot([x, x, v])` of a float32 (2, 2) matrix `x` and a float32 vector `v`
    of two elements, all finite, is, up to rounding, overflow and underflow, `x @ x @ v`, computed
    in the order with the fewest multiplications.

    Here `x @ (x @ v)`, since a matrix times a vector costs less than a matrix times a matrix.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    v = torch.tensor([1.0, 10.0], device=device)

    assert torch.linalg.multi_dot([x, x, v]).tolist() == [107.0, 235.0]
