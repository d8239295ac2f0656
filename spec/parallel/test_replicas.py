"""The four steps of DataParallel, one at a time.

`scatter` cuts the inputs, `replicate` copies the model, `parallel_apply` calls the copies in
threads, and `gather` joins the results. All four live in `nn.parallel` and can be called by hand,
here with one GPU named several times. What a replica is explains the rest: it has the weights of
the model, connected to them in the graph, but it lives for one call only.
"""

import pytest
import torch
from torch import nn

pytestmark = pytest.mark.cuda


def test_scatter_cuts_a_tensor_into_a_piece_for_each_gpu():
    """`scatter` is `chunk` and a move: each piece lies on its GPU."""
    pieces = nn.parallel.scatter(torch.arange(5), [0, 0])

    assert [piece.tolist() for piece in pieces] == [[0, 1, 2], [3, 4]]
    assert [str(piece.device) for piece in pieces] == ["cuda:0", "cuda:0"]


def test_scatter_reaches_into_tuples_and_dicts():
    """Tensors in tuples, lists and dicts are cut where they are; the nesting stays."""
    inputs = ({"left": torch.arange(2)}, [torch.arange(4)])

    first, second = nn.parallel.scatter(inputs, [0, 0])

    assert [first[0]["left"].tolist(), first[1][0].tolist()] == [[0], [0, 1]]
    assert [second[0]["left"].tolist(), second[1][0].tolist()] == [[1], [2, 3]]


def test_scatter_repeats_what_is_no_tensor():
    """Numbers, strings and other objects go to every GPU as they are."""
    pieces = nn.parallel.scatter((torch.arange(4), "mode", 7), [0, 0])

    assert [piece[1:] for piece in pieces] == [("mode", 7), ("mode", 7)]


def test_keyword_arguments_are_scattered_too():
    """A keyword argument is cut like a positional one."""

    class Add(nn.Module):
        def forward(self, x, *, y):
            return x + y

    parallel = nn.DataParallel(Add(), device_ids=[0, 0])

    total = parallel(torch.tensor([1.0, 2.0, 3.0]), y=torch.tensor([10.0, 20.0, 30.0]))

    assert total.tolist() == [11.0, 22.0, 33.0]


def test_replicas_have_the_weights_but_no_parameters():
    """A replica's `weight` is a result of the model's, not a leaf: `parameters()` is empty."""
    model = nn.Linear(2, 1, device="cuda:0")

    first, second = nn.parallel.replicate(model, [0, 0])

    assert first.weight.tolist() == model.weight.tolist()
    assert [second.weight.is_leaf, second.weight.requires_grad] == [False, True]
    assert len(list(second.parameters())) == 0


def test_gradients_are_those_of_the_single_model():
    """The replicas' gradients are added up in the model's own parameters."""
    model = nn.Linear(1, 1, bias=False, device="cuda:0")
    parallel = nn.DataParallel(model, device_ids=[0, 0, 0])
    x = torch.tensor([[1.0], [2.0], [4.0]], device="cuda:0")

    model(x).sum().backward()
    alone = model.weight.grad.tolist()
    model.weight.grad = None
    parallel(x).sum().backward()

    assert alone == [[7.0]]
    assert model.weight.grad.tolist() == [[7.0]]


def test_parallel_apply_pairs_replicas_with_inputs():
    """`parallel_apply` calls each module with its own input and keeps their order."""
    double, negate = nn.Identity(), nn.ReLU()
    inputs = [(torch.tensor([-1.0], device="cuda:0"),), (torch.tensor([-2.0], device="cuda:0"),)]

    outputs = nn.parallel.parallel_apply([double, negate], inputs)

    assert [output.tolist() for output in outputs] == [[-1.0], [0.0]]


def test_gather_joins_along_dimension_0():
    """`gather` is `cat` on the device it is given."""
    pieces = [torch.tensor([1, 2], device="cuda:0"), torch.tensor([3], device="cuda:0")]

    whole = nn.parallel.gather(pieces, 0)

    assert whole.tolist() == [1, 2, 3]
    assert str(whole.device) == "cuda:0"


def test_gather_joins_the_fields_of_a_dict():
    """Where the model returns a dict, each of its tensors is joined on its own."""
    pieces = [
        {"loss": torch.tensor([1.0], device="cuda:0"), "rows": torch.tensor([4], device="cuda:0")},
        {"loss": torch.tensor([2.0], device="cuda:0"), "rows": torch.tensor([3], device="cuda:0")},
    ]

    whole = nn.parallel.gather(pieces, 0)

    assert {name: field.tolist() for name, field in whole.items()} == {
        "loss": [1.0, 2.0],
        "rows": [4, 3],
    }


def test_a_loss_from_each_replica_becomes_a_vector():
    """Scalars can't be joined as they are: a warning says so, and a vector comes out."""
    losses = [torch.tensor(0.5, device="cuda:0"), torch.tensor(1.5, device="cuda:0")]

    with pytest.warns(UserWarning, match="all input tensors were scalars"):
        vector = nn.parallel.gather(losses, 0)

    assert vector.tolist() == [0.5, 1.5]


@pytest.mark.claim("blitz-dp-outside-gathered")
@pytest.mark.parametrize(
    ("batch", "shape"), [(30, (30, 2)), (10, (10, 2)), (3, (3, 2)), (1, (1, 2))]
)
def test_outside_the_model_the_batch_is_whole_again(batch, shape):
    """The results of eight replicas, or of fewer, are joined to one of as many rows as went in."""
    parallel = nn.DataParallel(nn.Linear(5, 2), device_ids=[0] * 8).to("cuda:0")

    output = parallel(torch.zeros(batch, 5))

    assert output.shape == shape


def test_an_attribute_that_a_replica_sets_is_lost():
    """Counting calls in `forward` counts on replicas that are thrown away: it stays 0."""

    class Counting(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return x

    model = Counting()

    nn.DataParallel(model, device_ids=[0, 0])(torch.zeros(4))

    assert model.calls == 0


def test_buffers_change_on_the_first_replica_only():
    """The first replica shares its buffers with the model; what the others write is lost."""

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("rows", torch.zeros(1, device="cuda:0"))

        def forward(self, x):
            self.rows.add_(len(x))
            return x

    model = Counting()

    nn.DataParallel(model, device_ids=[0, 0])(torch.zeros(10))

    assert model.rows.tolist() == [5.0]


def test_batch_norm_learns_from_the_first_share_only():
    """The running mean becomes that of the first replica's rows, not of the batch."""
    alone = nn.BatchNorm1d(1, momentum=1.0, device="cuda:0")
    shared = nn.BatchNorm1d(1, momentum=1.0, device="cuda:0")
    rows = torch.tensor([[0.0], [2.0], [10.0], [30.0]], device="cuda:0")

    alone(rows)
    nn.DataParallel(shared, device_ids=[0, 0])(rows)

    assert alone.running_mean.tolist() == [10.5]
    assert shared.running_mean.tolist() == [1.0]


def test_an_exception_names_its_replica():
    """What a replica raises comes out with the replica's number, as the same type."""

    class Picky(nn.Module):
        def forward(self, x):
            if x[0] == 3:
                raise ValueError("no threes")
            return x

    parallel = nn.DataParallel(Picky(), device_ids=[0, 0])

    with pytest.raises(ValueError, match="Caught ValueError in replica 1 on device 0"):
        parallel(torch.tensor([1, 2, 3, 4]))

    assert parallel(torch.tensor([1, 2, 4, 3])).tolist() == [1, 2, 4, 3]


def test_without_gradients_nothing_is_tracked():
    """Under `no_grad` the results of the replicas carry no graph."""
    parallel = nn.DataParallel(nn.Linear(1, 1, device="cuda:0"), device_ids=[0, 0])
    x = torch.zeros(4, 1)

    with torch.no_grad():
        untracked = parallel(x)

    assert untracked.requires_grad is False
    assert parallel(x).requires_grad is True
