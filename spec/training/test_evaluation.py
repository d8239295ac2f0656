"""Evaluation: counting what is right.

A classifier answers with a score for each class. The place of the largest score is the predicted
class; comparing it with the label gives a boolean, and booleans add up to a count. Around that
count lie small traps: a position that is not there, a dimension that is squeezed away, a percentage
that is cut off rather than rounded.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@pytest.mark.claim("blitz-predict-argmax")
def test_the_second_value_of_max_is_the_predicted_class(device):
    """`torch.max(scores, 1)` gives the largest score of each row and, second, its place."""
    scores = torch.tensor([[1.0, 5.0, 2.0], [9.0, 3.0, 4.0]], device=device)
    values, predicted = torch.max(scores, 1)

    assert values.tolist() == [5.0, 9.0]
    assert predicted.tolist() == [1, 0]
    assert predicted.dtype == torch.int64


def test_argmax_is_the_second_value_alone(device):
    """`scores.argmax(1)` is the same prediction without the scores."""
    scores = torch.tensor([[1.0, 5.0, 2.0], [9.0, 3.0, 4.0]], device=device)

    assert scores.argmax(1).tolist() == [1, 0]


def test_the_wrong_dimension_compares_samples():
    """Along dimension 0 the question is another: which image scores highest for each class."""
    scores = torch.tensor([[1.0, 5.0, 2.0], [9.0, 3.0, 4.0]])

    assert scores.argmax(0).tolist() == [1, 0, 1]


def test_without_a_dimension_argmax_counts_through_the_whole_batch():
    """`scores.argmax()` is one place in the flattened batch, no class; `max()` is one score."""
    scores = torch.tensor([[1.0, 5.0, 2.0], [9.0, 3.0, 4.0]])

    assert scores.argmax().item() == 3
    assert scores.max().item() == 9.0


def test_softmax_does_not_change_the_prediction():
    """Softmax keeps the order of scores: the prediction is the same with and without it."""
    scores = torch.tensor([[1.0, 5.0, 2.0], [9.0, 3.0, 4.0]])

    assert scores.softmax(1).argmax(1).tolist() == [1, 0]


def test_two_classes_from_one_score_are_told_apart_at_zero():
    """With one score an image `argmax` is always 0; the class is whether the score is over 0."""
    scores = torch.tensor([[-2.0], [3.0], [0.5]])

    assert scores.argmax(1).tolist() == [0, 0, 0]
    assert (scores > 0).squeeze(1).long().tolist() == [0, 1, 1]
    assert (scores.sigmoid() > 0.5).squeeze(1).long().tolist() == [0, 1, 1]


def test_topk_gives_the_best_few():
    """An answer is right among the top two if the label is one of the two best places."""
    scores = torch.tensor([[1.0, 5.0, 2.0], [9.0, 3.0, 4.0], [1.0, 2.0, 3.0]])
    labels = torch.tensor([2, 1, 1])
    best = scores.topk(2, dim=1).indices

    assert best.tolist() == [[1, 2], [0, 2], [2, 1]]
    assert (best == labels[:, None]).any(1).tolist() == [True, False, True]


@pytest.mark.claim("blitz-eq-gives-one-zero")
def test_comparing_with_the_labels_gives_booleans(device):
    """Predictions compared with labels are True or False; up to 1.1 they were 1 or 0."""
    right = torch.tensor([3, 8, 8], device=device) == torch.tensor([3, 8, 0], device=device)

    assert right.tolist() == [True, True, False]
    assert right.dtype == torch.bool


@pytest.mark.claim("blitz-eq-adds-as-count")
def test_comparisons_add_up_to_the_number_right(device):
    """True counts as 1: their `sum()`, or adding `item()` by `item()`, is the number right."""
    right = torch.tensor([3, 8, 8], device=device) == torch.tensor([3, 8, 0], device=device)
    count = 0.0
    count += right[0].item()
    count += right[1].item()
    count += right[2].item()

    assert right.sum().item() == 2
    assert right.sum().dtype == torch.int64
    assert count == 2.0


def test_two_boolean_tensors_do_not_add_up_to_two():
    """`True + True` of tensors is True, an "or": take `sum()` or `item()` to count."""
    first, second = torch.tensor(True), torch.tensor(True)

    assert (first + second).item() is True
    assert first.item() + second.item() == 2


def test_booleans_have_no_mean():
    """A share needs numbers: `float()` first, for booleans have no mean."""
    right = torch.tensor([True, True, False, True])

    with pytest.raises(RuntimeError, match="Input dtype must be either a floating point or"):
        right.mean()
    assert right.float().mean().item() == 0.75


@pytest.mark.claim("blitz-count-correct")
def test_counts_over_the_loader_make_the_accuracy():
    """Matches and batch sizes, summed over all batches, the short last one too, give the share."""
    scores = torch.eye(3)[[0, 1, 2, 0, 1]]
    labels = torch.tensor([0, 1, 2, 1, 1])

    correct, total = 0, 0
    for outputs, wanted in DataLoader(TensorDataset(scores, labels), batch_size=4):
        total += wanted.size(0)
        correct += (outputs.argmax(1) == wanted).sum().item()

    assert (correct, total) == (4, 5)


def test_the_mean_of_batch_accuracies_is_another_number():
    """Three of four right and one of one right is 4 of 5; the mean of the two shares is more."""
    right = torch.tensor([True, True, True, False, True])
    shares = [batch.float().mean().item() for batch in right.split(4)]

    assert sum(shares) / 2 == 0.875
    assert right.double().mean().item() == 0.8


def test_labels_with_a_dimension_too_many_compare_all_with_all():
    """Labels of shape (3, 1) broadcast: nine comparisons, and more right than there are images."""
    predicted = torch.tensor([1, 1, 1])
    labels = torch.tensor([[1], [1], [0]])

    assert (predicted == labels).shape == (3, 3)
    assert (predicted == labels).sum().item() == 6
    assert (predicted == labels.squeeze(1)).sum().item() == 2


@pytest.mark.claim("blitz-eval-no-grad")
def test_evaluation_needs_no_gradients(device):
    """Inside `no_grad` the same scores come out, without graph; no parameter gets a gradient."""
    net = nn.Linear(2, 2, bias=False, device=device)
    nn.init.eye_(net.weight)
    with torch.no_grad():
        outputs = net(torch.tensor([[3.0, 4.0]], device=device))

    assert outputs.tolist() == [[3.0, 4.0]]
    assert outputs.requires_grad is False
    assert net.weight.grad is None
    assert net.weight.requires_grad is True


@pytest.mark.claim("blitz-percent-truncates")
@pytest.mark.parametrize(("correct", "printed"), [(5500, "55 %"), (5599, "55 %"), (5600, "56 %")])
@pytest.mark.spare("5500", reason="5501 of 10,000 is cut off to 55 as well")
@pytest.mark.spare("5600", reason="5601 of 10,000 is cut off to 56 as well")
def test_d_prints_a_whole_percentage_cut_off(correct, printed):
    """`%d` prints a whole percentage and cuts the rest off: 55.99 % reads 55 %."""
    assert "%d %%" % (100 * correct / 10000) == printed  # noqa: UP031


def test_a_rounded_percentage_is_another():
    """`:.0f` rounds where `%d` cuts off, and `:.0%` multiplies by a hundred itself."""
    assert "%d" % 55.99 == "55"  # noqa: UP031
    assert f"{55.99:.0f}" == "56"
    assert f"{0.5599:.0%}" == "56%"


@pytest.mark.claim("blitz-chance-ten-percent")
def test_a_net_that_prefers_nothing_is_right_in_a_tenth_of_ten_classes():
    """With equal scores the prediction is one class for all: 1 in 10 right, and a loss of ln 10."""
    labels = torch.arange(10).repeat(4)
    scores = torch.zeros(40, 10)

    assert (scores.argmax(1) == labels).sum().item() == 4
    assert F.cross_entropy(scores, labels).item() == pytest.approx(math.log(10))


def test_chance_depends_on_how_many_there_are_of_each_class():
    """Where nine in ten belong to one class, a net that has learned nothing can reach 90 %."""
    labels = torch.tensor([0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    always_0 = torch.zeros(10, dtype=torch.long)

    assert (always_0 == labels).sum().item() == 9


@pytest.mark.claim("blitz-squeeze-noop")
def test_squeeze_does_nothing_to_a_batch_of_several():
    """A comparison has one dimension already: `squeeze()` leaves it, image by image."""
    right = torch.tensor([3, 8, 8, 0]) == torch.tensor([3, 8, 8, 8])
    squeezed = right.squeeze()

    assert squeezed.shape == (4,)
    assert [squeezed[i].item() for i in range(4)] == [True, True, True, False]


def test_squeeze_takes_the_only_dimension_of_a_batch_of_one():
    """A batch of one is squeezed to no dimension at all, and then has no image 0."""
    right = torch.tensor([3]) == torch.tensor([3])

    with pytest.raises(IndexError, match="invalid index of a 0-dim tensor"):
        right.squeeze()[0]
    assert right[0].item() is True


@pytest.mark.claim("blitz-per-class-range-four")
def test_four_positions_a_batch_visit_all_of_10000_images():
    """10,000 images in fours leave no rest: positions 0 to 3 of each batch are all there are."""
    visited = [i for batch in DataLoader(range(10000), batch_size=4) for i in batch.tolist()[:4]]

    assert len(visited) == 10000
    assert len(DataLoader(range(10000), batch_size=4)) == 2500


def test_four_positions_fail_where_the_last_batch_is_short():
    """With ten images the third batch has two: position 2 is out of bounds."""
    *_, last = DataLoader(torch.arange(10), batch_size=4)

    assert last.tolist() == [8, 9]
    with pytest.raises(IndexError, match="index 2 is out of bounds for dimension 0 with size 2"):
        [last[i] for i in range(4)]


def test_four_positions_pass_over_the_rest_of_larger_batches():
    """With batches of five each fifth image is never looked at, and nothing says so."""
    visited = [batch[i].item() for batch in torch.arange(10).split(5) for i in range(4)]

    assert visited == [0, 1, 2, 3, 5, 6, 7, 8]


def test_accuracy_per_class_by_bincount():
    """`bincount` of all labels and of the labels answered right: their quotient is per class."""
    labels = torch.tensor([0, 0, 1, 1, 1, 1, 2])
    predicted = torch.tensor([0, 1, 1, 1, 1, 0, 2])
    of_class = labels.bincount(minlength=4)
    right = labels[predicted == labels].bincount(minlength=4)

    assert of_class.tolist() == [2, 4, 1, 0]
    assert right.tolist() == [1, 3, 1, 0]
    assert (right / of_class)[:3].tolist() == [0.5, 0.75, 1.0]


def test_a_class_without_images_has_no_accuracy():
    """Zero of zero is NaN in a tensor; in plain Python it is an error."""
    assert math.isnan((torch.tensor([0]) / torch.tensor([0])).item()) is True
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        _ = torch.tensor(0).item() / torch.tensor(0).item()


def test_a_confusion_matrix_by_bincount():
    """`label * classes + predicted` numbers the pairs; counted and folded, rows are the labels."""
    labels = torch.tensor([0, 0, 1, 1, 1, 2])
    predicted = torch.tensor([0, 1, 1, 1, 2, 0])
    matrix = (labels * 3 + predicted).bincount(minlength=9).reshape(3, 3)

    assert matrix.tolist() == [[1, 1, 0], [0, 2, 1], [1, 0, 0]]
    assert matrix.diagonal().tolist() == [1, 2, 0]
    assert matrix.sum(1).tolist() == [2, 3, 1]


def test_a_confusion_matrix_by_index_put():
    """Plain indexing adds each pair once however often it occurs; `accumulate=True` counts all."""
    labels, predicted = torch.tensor([0, 0, 0]), torch.tensor([1, 1, 0])
    plain, counted = torch.zeros(2, 2), torch.zeros(2, 2)
    plain[labels, predicted] += 1
    counted.index_put_((labels, predicted), torch.tensor(1.0), accumulate=True)

    assert plain.tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert counted.tolist() == [[1.0, 2.0], [0.0, 0.0]]


def test_precision_and_recall_are_the_two_ways_to_read_the_matrix():
    """The diagonal by row sums is the share found; by column sums the share rightly named."""
    matrix = torch.tensor([[3, 1], [5, 15]])

    assert (matrix.diagonal() / matrix.sum(1)).tolist() == [0.75, 0.75]
    assert (matrix.diagonal() / matrix.sum(0)).tolist() == [0.375, 0.9375]


@pytest.mark.claim("blitz-per-class-ranking")
def test_the_notes_table_ranks_cat_last_and_truck_first():
    """In the notes' table cat, deer and bird are the worst of ten, ship and truck the best."""
    names = "plane car bird cat deer dog frog horse ship truck".split()
    table = torch.tensor([58, 59, 40, 33, 39, 60, 54, 66, 70, 72])
    order = [names[i] for i in table.argsort()]

    assert order[:3] == ["cat", "deer", "bird"]
    assert order[-2:] == ["ship", "truck"]


@pytest.mark.claim("blitz-per-class-mean")
def test_the_notes_table_averages_to_55_percent():
    """The ten printed figures, each cut off, average to 55.1: the 55 % printed for the whole."""
    table = torch.tensor([58, 59, 40, 33, 39, 60, 54, 66, 70, 72])

    assert table.sum().item() == 551
    assert "%d" % (table.sum().item() / 10) == "55"  # noqa: UP031
