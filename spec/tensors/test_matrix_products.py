"""Products of matrices and vectors.

`@`, also called `torch.matmul`, does what fits the dimensions: two vectors give a number, two
matrices a matrix, two stacks of matrices a stack. `dot`, `mv`, `mm` and `bmm` each do one of these
and refuse the rest.

What surprises: `@` broadcasts the stack but never the matrices; and it refuses to mix dtypes, which
`+` and `*` do without asking.
"""

import pytest
import torch


def test_a_matrix_product_sums_rows_times_columns(device):
    """Each element of `x @ y` is a row of `x` times a column of `y`, summed."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    y = torch.tensor([[5.0, 6.0], [7.0, 8.0]], device=device)

    assert (x @ y).tolist() == [[19.0, 22.0], [43.0, 50.0]]
    assert (y @ x).tolist() == [[23.0, 34.0], [31.0, 46.0]]


@pytest.mark.parametrize("name", ["matmul", "mm"])
def test_matmul_and_mm_are_the_at_sign_for_matrices(name, device):
    """For two matrices `torch.matmul` and `torch.mm` are `@`, as functions and as methods."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    y = torch.tensor([[5.0], [6.0]], device=device)

    assert getattr(torch, name)(x, y).tolist() == [[17.0], [39.0]]
    assert getattr(x, name)(y).tolist() == [[17.0], [39.0]]


def test_two_vectors_give_a_number(device):
    """Two vectors give a tensor without dimensions: `x @ y` is `torch.dot(x, y)`."""
    x = torch.tensor([1.0, 2.0, 3.0], device=device)
    y = torch.tensor([4.0, 5.0, 6.0], device=device)

    assert (x @ y).shape == ()
    assert (x @ y).item() == 32.0
    assert torch.dot(x, y).item() == 32.0


def test_a_vector_stands_for_a_column_on_the_right_and_a_row_on_the_left(device):
    """A vector is a column right of a matrix and a row left of it; the result is a vector."""
    matrix = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    vector = torch.tensor([1.0, 10.0], device=device)

    assert (matrix @ vector).tolist() == [21.0, 43.0]
    assert torch.mv(matrix, vector).tolist() == [21.0, 43.0]
    assert (vector @ matrix).tolist() == [31.0, 42.0]


def test_stacks_are_multiplied_matrix_by_matrix(device):
    """Two stacks of matrices are multiplied matrix by matrix; `torch.bmm` does only that."""
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
    """The last two dimensions are multiplied as matrices, those before them broadcast."""
    x = torch.ones(left, device=device)
    y = torch.ones(right, device=device)

    assert (x @ y).shape == result
    assert (x @ y).unique().tolist() == [3.0]


def test_inner_sizes_have_to_agree(device):
    """The columns of the left matrix have to be as many as the rows of the right one."""
    x = torch.ones(2, 3, device=device)

    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(2x3 and 2x3\)"):
        x @ x

    assert (x @ x.T).tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert (x.T @ x).shape == (3, 3)


def test_inner_sizes_of_one_are_not_repeated(device):
    """A 1 doesn't broadcast here: a (2, 1) matrix can't be multiplied by a (3, 2) one."""
    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(2x1 and 3x2\)"):
        torch.ones(2, 1, device=device) @ torch.ones(3, 2, device=device)


def test_stacks_of_different_length_are_refused():
    """Stacks of different length are refused, by `@` as shapes that don't broadcast."""
    x, y = torch.ones(2, 2, 3), torch.ones(5, 3, 2)

    with pytest.raises(RuntimeError, match=r"size of tensor a \(2\) must match .* b \(5\)"):
        x @ y
    with pytest.raises(RuntimeError, match="Expected size for first two dimensions of batch2 ten"):
        torch.bmm(x, y)


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
    """`mm`, `dot`, `bmm` and `outer` refuse what `@` multiplies, and say what they take."""
    matrix, vector = torch.ones(2, 3), torch.ones(3)

    with pytest.raises(RuntimeError, match=words):
        multiply(matrix, vector)

    assert (matrix @ vector).tolist() == [3.0, 3.0]


def test_a_number_is_no_factor_of_a_matrix_product():
    """`@` doesn't take a number, nor a tensor without dimensions: that product is `*`."""
    x = torch.tensor([[1.0, 2.0]])

    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for @: 'Tensor' and 'int'"):
        x @ 3
    with pytest.raises(RuntimeError, match="both arguments to matmul need to be at least 1D"):
        x @ torch.tensor(3.0)

    assert (x * 3).tolist() == [[3.0, 6.0]]


def test_a_matrix_product_does_not_mix_dtypes():
    """`@` refuses two dtypes, which `*` would have mixed."""
    floats = torch.tensor([[1.0, 2.0]])
    integers = torch.tensor([[3], [4]])

    with pytest.raises(
        RuntimeError, match=r"expected m1 and m2 to have the same dtype|scalar type"
    ):
        floats @ integers

    assert (floats @ integers.float()).tolist() == [[11.0]]
    assert (floats * integers.T).tolist() == [[3.0, 8.0]]


def test_vectors_of_two_dtypes_have_no_dot_product():
    """`dot` refuses two dtypes too, and vectors of two lengths."""
    x = torch.tensor([1.0, 2.0])

    with pytest.raises(RuntimeError, match="expected both vectors to have same dtype"):
        x @ torch.tensor([1, 2])
    with pytest.raises(RuntimeError, match=r"expected tensor \[2\] and src \[3\] to have the same"):
        x @ torch.ones(3)


def test_integers_are_multiplied_as_integers():
    """Integer matrices are multiplied as integers, and overflow in their own dtype."""
    x = torch.tensor([[1, 2], [3, 4]])
    narrow = torch.tensor([100], dtype=torch.int8)

    assert (x @ x).dtype == torch.int64
    assert (x @ x).tolist() == [[7, 10], [15, 22]]
    assert (narrow @ narrow).item() == 16


def test_an_empty_inner_dimension_gives_zeros(device):
    """A sum of nothing is 0: (2, 0) times (0, 3) is a matrix of zeros."""
    x = torch.ones(2, 0, device=device) @ torch.ones(0, 3, device=device)

    assert x.tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_addmm_adds_a_product_to_a_matrix(device):
    """`torch.addmm(m, x, y)` is `beta * m + alpha * (x @ y)`; `m` may broadcast, as a bias does."""
    m = torch.tensor([100.0, 200.0], device=device)
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)

    assert torch.addmm(m, x, x).tolist() == [[107.0, 210.0], [115.0, 222.0]]
    assert torch.addmm(m, x, x, beta=0.5, alpha=2).tolist() == [[64.0, 120.0], [80.0, 144.0]]


def test_baddbmm_and_addmv_are_addmm_for_stacks_and_vectors(device):
    """`baddbmm` does what `addmm` does for stacks of matrices, `addmv` for a vector."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    v = torch.tensor([1.0, 10.0], device=device)
    stack = x.reshape(1, 2, 2)

    assert torch.addmv(v, x, v).tolist() == [22.0, 53.0]
    assert torch.baddbmm(stack, stack, stack).tolist() == [[[8.0, 12.0], [18.0, 26.0]]]


def test_a_matrix_power_multiplies_the_matrix_by_itself(device):
    """`matrix_power(n)` multiplies a matrix by itself, where `**` takes powers of the elements."""
    x = torch.tensor([[1.0, 2.0], [0.0, 1.0]], device=device)

    assert x.matrix_power(3).tolist() == [[1.0, 6.0], [0.0, 1.0]]
    assert x.matrix_power(0).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert (x**3).tolist() == [[1.0, 8.0], [0.0, 1.0]]


def test_multi_dot_chains_products(device):
    """`torch.linalg.multi_dot` multiplies a chain of matrices in the cheapest order."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    v = torch.tensor([1.0, 10.0], device=device)

    assert torch.linalg.multi_dot([x, x, v]).tolist() == [107.0, 235.0]
