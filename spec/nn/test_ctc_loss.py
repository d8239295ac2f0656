"""CTC loss: labels without an alignment.

In speech or handwriting the label is a short sequence, the network's output a long one, and nobody
says which step belongs to which letter. `F.ctc_loss` (Connectionist Temporal Classification) adds
the probabilities of all paths that spell the label, where repetitions are merged and a "blank"
class, 0 by default, is dropped: `__aa_b` and `a_bb` both spell "ab".

What surprises: the scores are (time, batch, classes), time first, and must be *log*-probabilities,
or the loss may be negative; a label that is too long for the input has an infinite loss, and its
gradient NaN, unless `zero_infinity=True`; a repeated letter needs a blank in between, so one step
more; and class 0 is the blank unless `blank=` names another.
"""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.fixture
def log_probs():
    """Uniform log-probabilities of 5 steps, 2 samples and 4 classes."""
    return torch.zeros(5, 2, 4).log_softmax(-1)


def test_ctc_loss_wants_time_first_and_two_lengths(log_probs):
    """`F.ctc_loss(log_probs, targets, input_lengths, target_lengths)` of N samples takes float32
    log-probabilities of shape (T, N, C) for T steps and C classes, int64 labels of shape (N, S),
    and both lengths as int64 tensors of N elements.

    N, T and C are at least 1, an input length is at most T, and S is at least the longest label
    sequence; a shorter one is padded, and its length tells how much counts. Labels below 0 or from
    C on are not checked: their loss is meaningless.
    """
    targets = torch.tensor([[1, 2], [3, 3]])
    input_lengths, target_lengths = torch.tensor([5, 5]), torch.tensor([2, 2])

    loss = F.ctc_loss(log_probs, targets, input_lengths, target_lengths, reduction="none")

    assert loss.tolist() == pytest.approx([3.3761, 4.2234], abs=1e-4)
    with pytest.raises(RuntimeError, match="input_lengths to have value at most 5"):
        F.ctc_loss(log_probs, targets, torch.tensor([5, 6]), target_lengths)


def test_batch_first_scores_are_refused_by_their_lengths(log_probs):
    """`F.ctc_loss` raises RuntimeError, "input_lengths must be of size batch_size", for non-empty
    float32 `log_probs` of shape (N, T, C) with N input lengths, where T is not N: write
    `log_probs.transpose(0, 1)`.

    Because `F.ctc_loss` takes the second dimension for the batch; where T equals N nothing is
    noticed.
    """
    targets, lengths = torch.tensor([[1, 2], [3, 3]]), torch.tensor([2, 2])

    with pytest.raises(RuntimeError, match="input_lengths must be of size batch_size"):
        F.ctc_loss(log_probs.transpose(0, 1), targets, torch.tensor([5, 5]), lengths)


def test_the_loss_is_the_probability_of_all_paths_that_spell_the_label(log_probs):
    """`F.ctc_loss` with `reduction="none"`, of float32 log-probabilities, is up to rounding `-log`
    of the summed probability of all paths that spell the label, if any does. A path has one class
    per step: merge repetitions, then drop blanks.

    If no path spells the label, the loss is inf, or 0 with `zero_infinity=True`.
    """
    paths = itertools.product(range(4), repeat=5)
    merged = ([key for key, _ in itertools.groupby(path) if key != 0] for path in paths)
    count = sum(label == [1, 2] for label in merged)

    loss = F.ctc_loss(log_probs[:, :1], torch.tensor([[1, 2]]), (5,), (2,), reduction="none")

    assert count == 35
    assert loss.item() == pytest.approx(-math.log(35 / 4**5))


def test_labels_may_be_written_in_a_row(log_probs):
    """For float32 log-probabilities, the labels of a batch may be given to `F.ctc_loss` as one
    contiguous 1-D tensor, one label after the other without padding; its size is the sum of
    `target_lengths`.

    Of a slice with a step, such as `labels[::2]`, wrong labels may be read, without an error:
    write `labels[::2].contiguous()`.
    """
    padded = torch.tensor([[1, 2, 0], [3, 0, 0]])
    lengths = torch.tensor([5, 5]), torch.tensor([2, 1])

    in_a_row = F.ctc_loss(log_probs, torch.tensor([1, 2, 3]), *lengths, reduction="none")

    assert in_a_row.tolist() == pytest.approx([3.3761, 4.2234], abs=1e-4)
    assert torch.equal(F.ctc_loss(log_probs, padded, *lengths, reduction="none"), in_a_row)


def test_softmax_is_applied_before_the_loss():
    """`F.ctc_loss` takes `log_softmax(scores, dim=-1)` of nonempty float32 `scores` of shape (T,
    N, C); for the raw `scores` it raises no error and can return a negative loss.
    """
    scores = torch.zeros(5, 1, 4)
    target = torch.tensor([[1, 2]])

    raw = F.ctc_loss(scores, target, (5,), (2,), reduction="none")
    right = F.ctc_loss(scores.log_softmax(-1), target, (5,), (2,), reduction="none")

    assert raw.item() == pytest.approx(-math.log(35))
    assert right.item() == pytest.approx(3.3761, abs=1e-4)


def test_a_label_too_long_for_its_input_has_an_infinite_loss(log_probs):
    """`F.ctc_loss` of the label [3, 3] and float32 log-probabilities of only two steps is inf, or
    0 with `zero_infinity=True`: the label needs three steps, since a blank has to stand between
    the two 3s.

    A label of S letters, R of them equal to the letter before, needs S + R steps; [1, 2]
    fits into two.
    """
    targets = torch.tensor([[1, 2], [3, 3]])
    lengths = torch.tensor([2, 2]), torch.tensor([2, 2])

    loss = F.ctc_loss(log_probs, targets, *lengths, reduction="none")
    zeroed = F.ctc_loss(log_probs, targets, *lengths, reduction="none", zero_infinity=True)

    assert loss.tolist() == pytest.approx([math.log(16), math.inf])
    assert zeroed.tolist() == pytest.approx([math.log(16), 0.0])


def test_an_infinite_loss_makes_the_gradient_nan():
    """`F.ctc_loss(scores.log_softmax(-1), torch.tensor([[1, 2]]), (1,), (2,))` of
    `scores = torch.zeros(1, 1, 4, requires_grad=True)` is inf, and `backward()` puts NaN
    into `scores.grad`; with `zero_infinity=True` the gradient is 0.

    So `nn.CTCLoss(zero_infinity=True)` is a usual choice. Infinite losses mostly mean labels
    that are too long for the network's output.
    """
    scores = torch.zeros(1, 1, 4, requires_grad=True)
    target = torch.tensor([[1, 2]])

    loss = F.ctc_loss(scores.log_softmax(-1), target, (1,), (2,))
    loss.backward()
    assert loss.item() == math.inf
    assert scores.grad.isnan().any().item() is True

    scores.grad = None
    nn.CTCLoss(zero_infinity=True)(scores.log_softmax(-1), target, (1,), (2,)).backward()
    assert scores.grad.tolist() == [[[0.0, 0.0, 0.0, 0.0]]]


def test_the_mean_divides_each_loss_by_the_length_of_its_label(log_probs):
    """`F.ctc_loss` of float32 log-probabilities by default (`reduction="mean"`) divides the
    loss of each sample by the length of its label, an empty label counting as length 1, and
    then averages over the batch.
    """
    targets = torch.tensor([[1, 2], [3, 3]])
    lengths = torch.tensor([5, 5]), torch.tensor([2, 2])

    loss = F.ctc_loss(log_probs, targets, *lengths)

    with_an_empty_one = F.ctc_loss(log_probs, targets, lengths[0], torch.tensor([2, 0]))
    assert loss.item() == pytest.approx((3.3761 / 2 + 4.2234 / 2) / 2, abs=1e-4)
    assert with_an_empty_one.item() == pytest.approx((3.3761 / 2 + 5 * math.log(4)) / 2, abs=1e-4)


def test_the_blank_is_a_class_of_its_own(log_probs):
    """The C classes of non-empty float32 `log_probs` of shape (T, N, C) for `F.ctc_loss` are the
    labels plus one for the blank: class 0, or the class that `blank=` names. A `blank` equal to C
    raises RuntimeError, "blank must be in label range".
    """
    target, lengths = torch.tensor([[0, 1]]), ((5,), (2,))

    loss = F.ctc_loss(log_probs[:, :1], target, *lengths, blank=3, reduction="none")

    assert loss.item() == pytest.approx(3.3761, abs=1e-4)
    with pytest.raises(RuntimeError, match="blank must be in label range"):
        F.ctc_loss(log_probs[:, :1], target, *lengths, blank=4)


def test_lengths_beyond_the_tensors_are_refused(log_probs):
    """For a float32 `x` of 5 steps, `F.ctc_loss(x, targets, lengths, torch.tensor([2, 2]))` raises
    RuntimeError for int64 `lengths` [5, 6], "Expected input_lengths to have value at most", and
    for float32 ones, "input_lengths must be integral".

    Write both lengths as int64 tensors or both as tuples of ints; an input length counts the
    steps of the network's output, which may be fewer than those of its input.
    """
    targets, two = torch.tensor([[1, 2], [3, 3]]), torch.tensor([2, 2])

    with pytest.raises(
        RuntimeError, match="Expected input_lengths to have value at most 5, but got"
    ):
        F.ctc_loss(log_probs, targets, torch.tensor([5, 6]), two)
    with pytest.raises(RuntimeError, match="input_lengths must be integral"):
        F.ctc_loss(log_probs, targets, torch.tensor([5.0, 5.0]), two)


def test_greedy_decoding_merges_repetitions_and_drops_blanks():
    """Greedy CTC decoding of one sequence takes the most probable class of each step: with
    `best = scores.argmax(-1)` of shape (T,), first `torch.unique_consecutive(best)`, then drop the
    blanks.

    Because dropping the blanks first would merge a doubled letter. For a batch call
    `unique_consecutive` once per sequence: without `dim` it flattens.
    """
    classes = torch.tensor([0, 1, 1, 0, 1, 2, 2])
    scores = F.one_hot(classes, num_classes=3).float()
    best = scores.argmax(-1)

    merged = torch.unique_consecutive(best)

    assert merged[merged != 0].tolist() == [1, 1, 2]
