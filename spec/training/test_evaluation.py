"""Evaluation: counting correct predictions.

A classifier gives one score per class, also called a logit. The index of the largest score is the
predicted class; comparing it with the label gives a bool, and the sum of bools is the number of
correct predictions. Divided by the number of samples it is the accuracy; counted per pair of label
and prediction it is the confusion matrix.

What surprises: labels of shape (N, 1) compare every prediction with every label and raise nothing;
`mean()` of a bool tensor raises, and `+` of two of them is a bool and no count
(`spec/tensors/test_arithmetic.py`); and the mean of the accuracies of batches may differ from the
accuracy when the last batch is shorter. An evaluation runs in `net.eval()` and under `no_grad`:
`spec/nn/test_modes.py` and `spec/autograd/test_no_grad.py`; what happens without them is told in
`spec/training/test_wrong_orders.py`.
"""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@pytest.mark.claim("blitz-predict-argmax")
def test_the_second_value_of_max_is_the_predicted_class(device):
    """`torch.max(scores, 1)` of non-empty, finite float32 scores of shape (samples, classes)
    returns the largest score of each row and, second, its index in the row: the predicted class,
    an int64.
    """
    scores = torch.tensor([[1.0, 5.0, 2.0], [9.0, 3.0, 4.0]], device=device)
    values, predicted = torch.max(scores, 1)

    assert values.tolist() == [5.0, 9.0]
    assert predicted.tolist() == [1, 0]
    assert predicted.dtype == torch.int64


def test_argmax_is_the_second_value_alone(device):
    """For `scores = torch.tensor([[1.0, 5.0, 2.0], [9.0, 3.0, 4.0]])`, `scores.argmax(1)`, the
    predicted class of each row, is [1, 0]. It is equal to `torch.max(scores, 1).indices`, the
    second of the two tensors that `torch.max` returns.

    With no class, as in `torch.zeros(3, 0)`, both raise an IndexError.
    """
    scores = torch.tensor([[1.0, 5.0, 2.0], [9.0, 3.0, 4.0]], device=device)

    assert scores.argmax(1).tolist() == [1, 0]
    assert torch.equal(scores.argmax(1), torch.max(scores, 1).indices) is True
    with pytest.raises(IndexError, match="Expected reduction dim 1 to have non-zero size"):
        torch.zeros(3, 0, device=device).argmax(1)
    with pytest.raises(IndexError, match="Expected reduction dim 1 to have non-zero size"):
        torch.max(torch.zeros(3, 0, device=device), 1)


def test_the_wrong_dimension_compares_samples():
    """For `scores = torch.tensor([[1.0, 5.0, 2.0], [9.0, 3.0, 4.0]])`, a row per sample,
    `argmax(1)` is [1, 0], each sample's best class; `argmax(0)` is [1, 0, 1], each class's best
    sample; `argmax()` is 3, an index into the flattened tensor.

    Write `argmax(-1)` where the classes are the last dimension of more than two.
    """
    scores = torch.tensor([[1.0, 5.0, 2.0], [9.0, 3.0, 4.0]])

    assert scores.argmax(1).tolist() == [1, 0]
    assert scores.argmax(0).tolist() == [1, 0, 1]
    assert scores.argmax().item() == 3
    assert scores.argmax(-1).tolist() == [1, 0]


def test_softmax_does_not_change_the_prediction():
    """`scores.softmax(1).argmax(1)` of finite float32 scores of shape (samples, classes) gives the
    same classes as `scores.argmax(1)`, unless the largest probabilities of a sample become equal
    by rounding.

    Because within a sample a larger score never gets a smaller probability. The scores 1e-9 and
    2e-9 have equal probabilities in float32, and then the first index wins; with a score of `inf`
    all probabilities of the sample are NaN. Take `argmax` of the scores.
    """
    scores = torch.tensor([[1.0, 5.0, 2.0], [9.0, 3.0, 4.0]])

    nearly_equal = torch.tensor([[1e-9, 2e-9]])

    assert scores.softmax(1).argmax(1).tolist() == [1, 0]
    assert nearly_equal.argmax(1).tolist() == [1]
    assert nearly_equal.softmax(1).argmax(1).tolist() == [0]
    assert (scores / 0).softmax(1).isnan().all().item() is True


def test_two_classes_from_one_score_are_told_apart_at_zero():
    """With one float32 logit per sample, shape (N, 1), `scores.argmax(1)` is 0 for each sample;
    the class of a sample is 1 where `scores > 0`, which is, up to rounding, where
    `scores.sigmoid()` is above one half.

    Because `argmax` chooses among the columns, and there is only one. In float32 a score of 1e-9
    is above 0, while its sigmoid rounds to 0.5: compare the scores.
    """
    scores = torch.tensor([[-2.0], [3.0], [0.5]])

    assert scores.argmax(1).tolist() == [0, 0, 0]
    assert (scores > 0).squeeze(1).long().tolist() == [0, 1, 1]
    assert torch.tensor(1e-9).sigmoid().item() == 0.5
    assert (scores.sigmoid() > 0.5).squeeze(1).long().tolist() == [0, 1, 1]


def test_topk_gives_the_best_few():
    """`scores.topk(2, dim=1).indices` of finite float32 scores of shape (samples, classes), with
    two classes or more, has the two best classes of each sample, best first; a sample counts for
    the top-2 accuracy if its label equals one of them.
    """
    scores = torch.tensor([[1.0, 5.0, 2.0], [9.0, 3.0, 4.0], [1.0, 2.0, 3.0]])
    labels = torch.tensor([2, 1, 1])
    best = scores.topk(2, dim=1).indices

    assert best.tolist() == [[1, 2], [0, 2], [2, 1]]
    assert (best == labels[:, None]).any(1).tolist() == [True, False, True]


@pytest.mark.claim("blitz-eq-gives-one-zero")
def test_comparing_with_the_labels_gives_booleans(device):
    """`predicted == labels` of two int64 tensors of the same shape is a bool tensor of
    that shape. Before PyTorch 1.2 it was uint8 with 1 and 0.

    So `1 - (predicted == labels)`, which gave 1 for each error then, is refused today,
    "Subtraction, the `-` operator, with a bool tensor": write `predicted != labels`.
    """
    right = torch.tensor([3, 8, 8], device=device) == torch.tensor([3, 8, 0], device=device)

    assert right.tolist() == [True, True, False]
    assert right.dtype == torch.bool
    with pytest.raises(RuntimeError, match="Subtraction, the `-` operator, with a bool tensor"):
        1 - right


@pytest.mark.claim("blitz-eq-adds-as-count")
def test_comparisons_add_up_to_the_number_right(device):
    """`right = predicted == labels` of two 1-D tensors of the same length:
    `right.sum()` is the number of correct predictions, an int64; adding `item()` of
    each element of `right` to a Python number counts them too.

    Because `item()` of a bool tensor is a Python bool, which counts as 0 or 1.
    """
    right = torch.tensor([3, 8, 8], device=device) == torch.tensor([3, 8, 0], device=device)
    count = 0.0
    count += right[0].item()
    count += right[1].item()
    count += right[2].item()

    assert right.sum().item() == 2
    assert right.sum().dtype == torch.int64
    assert count == 2.0


def test_booleans_have_no_mean():
    """`torch.tensor([True, True, False, True]).mean()` raises RuntimeError, "could not infer
    output dtype"; with `.float().mean()` in its place the mean is 0.75, the share of True.

    Because a mean needs a floating-point or complex dtype, and `mean` doesn't choose one for bool
    or integers. `mean(dtype=torch.float32)` works too. Since PyTorch 2.15 the error is
    NotImplementedError, which is a RuntimeError as well.
    """
    right = torch.tensor([True, True, False, True])

    with pytest.raises(
        RuntimeError, match=r"could not infer output dtype\. Input dtype must be either a floating"
    ):
        right.mean()
    assert right.float().mean().item() == 0.75
    assert right.mean(dtype=torch.float32).item() == 0.75


@pytest.mark.claim("blitz-count-correct")
def test_counts_over_the_loader_make_the_accuracy():
    """The accuracy over a `DataLoader` is the sum of correct predictions divided by the sum
    of batch sizes: 0.8 where 3 of 4 predictions of the first batch and 1 of 1 of the second
    are correct.

    The mean of the accuracies per batch, 0.75 and 1, would be 0.875: a short last batch
    counts too much in it.
    """
    scores = torch.eye(3)[[0, 1, 2, 0, 1]]
    labels = torch.tensor([0, 1, 2, 1, 1])

    correct, total, shares = 0, 0, []
    for outputs, wanted in DataLoader(TensorDataset(scores, labels), batch_size=4):
        right = outputs.argmax(1) == wanted
        total += wanted.size(0)
        correct += right.sum().item()
        shares.append(right.float().mean().item())

    assert (correct, total) == (4, 5)
    assert shares == [0.75, 1.0]


def test_labels_with_a_dimension_too_many_compare_all_with_all():
    """`torch.tensor([1, 1, 1]) == torch.tensor([[1], [1], [0]])`, predictions and labels,
    broadcasts from the shapes (3,) and (3, 1) to (3, 3): nine comparisons, whose sum of 6 cannot
    be the number of correct predictions among 3 samples.

    Nothing raises. Remove the extra dimension by `labels.squeeze(1)`: the sum is then 2.
    """
    predicted = torch.tensor([1, 1, 1])
    labels = torch.tensor([[1], [1], [0]])

    assert (predicted == labels).shape == (3, 3)
    assert (predicted == labels).sum().item() == 6
    assert (predicted == labels.squeeze(1)).sum().item() == 2


@pytest.mark.claim("blitz-eval-no-grad")
def test_evaluation_needs_no_gradients(device):
    """Under `torch.no_grad()` the output of a new `nn.Linear` doesn't require grad; its
    weight still does, and the `.grad` of the weight stays None.

    So no graph and none of the tensors that `backward()` would need are kept.
    """
    net = nn.Linear(2, 2, bias=False, device=device)
    nn.init.eye_(net.weight)
    with torch.no_grad():
        outputs = net(torch.tensor([[3.0, 4.0]], device=device))

    assert outputs.tolist() == [[3.0, 4.0]]
    assert outputs.requires_grad is False
    assert net.weight.grad is None
    assert net.weight.requires_grad is True


@pytest.mark.claim("blitz-percent-truncates")
@pytest.mark.parametrize(
    ("correct", "cut_off", "rounded"),
    [(5500, "55 %", "55%"), (5599, "55 %", "56%"), (5600, "56 %", "56%")],
)
@pytest.mark.spare("5500", reason="5501 of 10,000 is cut off to 55 as well")
@pytest.mark.spare("10000", reason="one image more moves no percentage across a limit")
@pytest.mark.spare("5600", reason="5601 of 10,000 is cut off to 56 as well")
def test_d_prints_a_whole_percentage_cut_off(correct, cut_off, rounded):
    """`"%d %%" % (100 * correct / total)` of positive Python ints below a million prints the
    percentage rounded down: 5599 of 10,000 prints as 55 %. `f"{correct / total:.0%}"` rounds it to
    the nearest whole one, 56%.
    """
    assert "%d %%" % (100 * correct / 10000) == cut_off  # noqa: UP031
    assert f"{correct / 10000:.0%}" == rounded


@pytest.mark.claim("blitz-chance-ten-percent")
def test_a_net_that_prefers_nothing_is_right_in_a_tenth_of_ten_classes():
    """`argmax(1)` of `torch.zeros(40, 10)` is class 0 for each sample, so where ten classes are
    equally frequent 4 of 40 predictions are correct: 10 %.

    The cross-entropy of such equal scores is ln 10, about 2.30:
    `spec/nn/test_classification_losses.py`.
    """
    labels = torch.arange(10).repeat(4)
    scores = torch.zeros(40, 10)

    assert scores.argmax(1).unique().tolist() == [0]
    assert (scores.argmax(1) == labels).sum().item() == 4


def test_chance_depends_on_how_many_there_are_of_each_class():
    """For `labels = torch.tensor([0] * 9 + [1])`, predicting 0 for each sample has an
    accuracy of 0.9, the share of the most frequent label,
    `labels.bincount().max() / len(labels)`: compare the accuracy of a net with it.
    """
    labels = torch.tensor([0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    always_0 = torch.zeros(10, dtype=torch.long)

    assert (always_0 == labels).sum().item() == 9
    assert (labels.bincount().max() / len(labels)).item() == pytest.approx(0.9)


@pytest.mark.claim("blitz-squeeze-noop")
def test_squeeze_does_nothing_to_a_batch_of_several():
    """With `predicted = torch.tensor([3, 8, 8, 0])` and
    `labels = torch.tensor([3, 8, 8, 8])`, `predicted == labels` has shape (4,) already:
    `.squeeze()` changes nothing, and element `i` says whether prediction `i` is right.
    """
    right = torch.tensor([3, 8, 8, 0]) == torch.tensor([3, 8, 8, 8])
    squeezed = right.squeeze()

    assert squeezed.shape == (4,)
    assert [squeezed[i].item() for i in range(4)] == [True, True, True, False]


def test_squeeze_takes_the_only_dimension_of_a_batch_of_one():
    """For `right = torch.tensor([3]) == torch.tensor([3])`, of shape (1,),
    `right.squeeze()` is 0-d, so `right.squeeze()[0]` raises IndexError, "invalid index of a
    0-dim tensor".

    It happens when the last batch has only one sample, as with 5 samples and `batch_size=2`. Leave
    out the `squeeze()`.
    """
    right = torch.tensor([3]) == torch.tensor([3])

    with pytest.raises(IndexError, match="invalid index of a 0-dim tensor"):
        right.squeeze()[0]
    assert right[0].item() is True


@pytest.mark.claim("blitz-per-class-range-four")
def test_four_positions_a_batch_visit_all_of_10000_images():
    """`DataLoader(range(10000), batch_size=4)` makes 2500 full batches, so a loop over the
    positions 0 to 3 of each batch reaches each sample.

    Because 4 divides 10,000.
    """
    visited = [i for batch in DataLoader(range(10000), batch_size=4) for i in batch.tolist()[:4]]

    assert len(visited) == 10000
    assert len(DataLoader(range(10000), batch_size=4)) == 2500


def test_four_positions_fail_where_the_last_batch_is_short():
    """Reading `batch[i]` for each `i` in `range(4)` from the batches of
    `DataLoader(torch.arange(10), batch_size=4)` raises IndexError at the last one, which has 2
    samples.

    Loop over `range(len(batch))`, or count the correct predictions of each class without a
    loop, by `torch.bincount`.
    """
    *_, last = DataLoader(torch.arange(10), batch_size=4)

    assert last.tolist() == [8, 9]
    with pytest.raises(IndexError, match="index 2 is out of bounds for dimension 0 with size 2"):
        [last[i] for i in range(4)]


def test_four_positions_pass_over_the_rest_of_larger_batches():
    """Reading `batch[i]` for each `i` in `range(4)` from the batches of 5 samples in
    `torch.arange(10).split(5)` leaves out the fifth sample of each batch, and nothing
    raises.
    """
    visited = [batch[i].item() for batch in torch.arange(10).split(5) for i in range(4)]

    assert visited == [0, 1, 2, 3, 5, 6, 7, 8]


def test_accuracy_per_class_by_bincount():
    """For 1-D int64 `labels` and `predicted` of equal length, from 0 to n - 1,
    `right = labels[predicted == labels].bincount(minlength=n)` counts each class's correct
    predictions; `right / labels.bincount(minlength=n)` is the accuracy per class.

    A class that does not occur has 0 / 0, NaN. `minlength=n` makes both results n long, even where
    the last class does not occur; a label of -100 makes `bincount` raise RuntimeError.
    """
    labels = torch.tensor([0, 0, 1, 1, 1, 1, 2])
    predicted = torch.tensor([0, 1, 1, 1, 1, 0, 2])
    of_class = labels.bincount(minlength=4)
    right = labels[predicted == labels].bincount(minlength=4)

    assert of_class.tolist() == [2, 4, 1, 0]
    assert right.tolist() == [1, 3, 1, 0]
    assert (right / of_class)[:3].tolist() == [0.5, 0.75, 1.0]
    assert (right / of_class).isnan().tolist() == [False, False, False, True]


def test_a_class_without_images_has_no_accuracy():
    """`torch.tensor([3, 0]) / torch.tensor([4, 0])`, the right answers in two classes divided by
    the samples, is [0.75, nan]: a class without samples has the accuracy NaN. `mean()` of this
    tensor is NaN too; its `nanmean()`, 0.75, leaves NaN out.
    """
    right, of_class = torch.tensor([3, 0]), torch.tensor([4, 0])

    assert (right / of_class).isnan().tolist() == [False, True]
    assert (right / of_class).mean().isnan().item() is True
    assert (right / of_class).nanmean().item() == 0.75


def test_a_confusion_matrix_by_bincount():
    """`(labels * n + predicted).bincount(minlength=n * n).reshape(n, n)` of 1-D int64
    labels and predictions, 0 to n - 1, is the confusion matrix: entry [i, j] counts the
    samples of class i that were predicted as j.

    Because `label * n + predicted` numbers the pairs from 0 to n * n - 1. In uint8 the product can
    overflow: 20 * 25 is 244. Convert such labels by `long()`.
    """
    labels = torch.tensor([0, 0, 1, 1, 1, 2])
    predicted = torch.tensor([0, 1, 1, 1, 2, 0])
    matrix = (labels * 3 + predicted).bincount(minlength=9).reshape(3, 3)

    assert matrix.tolist() == [[1, 1, 0], [0, 2, 1], [1, 0, 0]]
    assert matrix.diagonal().tolist() == [1, 2, 0]
    assert matrix.sum(1).tolist() == [2, 3, 1]
    assert (torch.tensor([20], dtype=torch.uint8) * 25).tolist() == [244]


def test_precision_and_recall_are_the_two_ways_to_read_the_matrix():
    """Of a confusion matrix whose rows are the labels and whose columns are the predictions,
    `matrix.diagonal() / matrix.sum(1)` is the recall per class and
    `matrix.diagonal() / matrix.sum(0)` the precision.

    Recall is the share of a class that was found, precision the share of its predictions
    that were correct. A class that has no sample has no recall, and one that was never
    predicted no precision: the quotient is NaN.
    """
    matrix = torch.tensor([[3, 1], [5, 15]])

    assert (matrix.diagonal() / matrix.sum(1)).tolist() == [0.75, 0.75]
    assert (matrix.diagonal() / matrix.sum(0)).tolist() == [0.375, 0.9375]
    never_predicted = torch.tensor([[3, 0], [1, 0]])
    precision = never_predicted.diagonal() / never_predicted.sum(0)
    assert precision.isnan().tolist() == [False, True]


@pytest.mark.claim("blitz-per-class-ranking", "blitz-per-class-mean")
def test_the_notes_table_is_ranked_and_averaged():
    """`table.argsort()` of a float32 `table` of the accuracies of ten classes gives their
    indices from the worst to the best class; `table.mean()` is the mean over the classes,
    nearly 55.1 for 58, 59, 40, 33, 39, 60, 54, 66, 70 and 72.

    Because the ten classes of the test images of CIFAR-10 are equally frequent, the mean of
    their exact accuracies is the accuracy over all images. These ten numbers are whole per
    cents, so their mean is only near it.
    """
    names = "plane car bird cat deer dog frog horse ship truck".split()
    table = torch.tensor([58.0, 59.0, 40.0, 33.0, 39.0, 60.0, 54.0, 66.0, 70.0, 72.0])
    order = [names[i] for i in table.argsort()]

    assert order[:3] == ["cat", "deer", "bird"]
    assert order[-2:] == ["ship", "truck"]
    assert table.mean().item() == pytest.approx(55.1)
