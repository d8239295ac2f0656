"""KL divergence.

The Kullback-Leibler divergence of p from q says how much worse q codes what comes from p: the sum
of p * log(p / q). In distillation q is the student and p the teacher; in a variational autoencoder
it keeps the latent distribution near a standard normal one.

What surprises: `F.kl_div` takes the *logarithm* of q first and p second, the other way round than
it is written; with the default reduction it divides by the number of elements and warns; nothing
notices probabilities given for logarithms, and the loss then may be negative; and there is another
function for distributions, `torch.distributions.kl_divergence`. The formula itself is shown in
`spec/nn/test_classification_losses.py`.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import distributions, nn


def test_the_default_reduction_of_kl_div_warns():
    """`F.kl_div(log_q, p)` and `nn.KLDivLoss()(log_q, p)` issue a UserWarning about the default
    reduction, "reduction: 'mean' divides the total loss by both the batch size and the support
    size".

    For a 2-D `log_q`, write `reduction="batchmean"`, which divides by the batch size only.
    """
    log_q = torch.tensor([[0.5, 0.5]]).log()
    p = torch.tensor([[0.25, 0.75]])

    with pytest.warns(
        UserWarning, match="reduction: 'mean' divides the total loss by both the batch"
    ):
        mean = F.kl_div(log_q, p)
    with pytest.warns(
        UserWarning, match="reduction: 'mean' divides the total loss by both the batch"
    ):
        nn.KLDivLoss()(log_q, p)

    batchmean = F.kl_div(log_q, p, reduction="batchmean")
    assert (batchmean / mean).item() == pytest.approx(2.0)


def test_batchmean_divides_by_the_first_dimension():
    """For inputs of shape (batch, length, classes), `F.kl_div(log_q, p, reduction="batchmean")`
    divides the sum by the size of the first dimension of `log_q`, the batch: it sums over the
    length and does not average over it.
    """
    log_q = torch.full((2, 3, 2), 0.5).log()
    p = torch.tensor([0.25, 0.75]).expand(2, 3, 2)

    each = F.kl_div(log_q, p, reduction="none")

    assert F.kl_div(log_q, p, reduction="sum").item() == pytest.approx(6 * 0.1308, abs=1e-3)
    assert F.kl_div(log_q, p, reduction="batchmean").item() == pytest.approx(3 * 0.1308, abs=1e-3)
    assert each.sum(-1).flatten().tolist() == pytest.approx([0.1308] * 6, abs=1e-4)


def test_probabilities_given_for_logarithms_make_a_negative_loss():
    """`F.kl_div(q, p)` with probabilities `q` instead of log-probabilities raises no error, and
    the result may be negative, which no KL divergence is: pass `F.log_softmax(scores, dim=-1)`.
    """
    q = torch.tensor([[0.5, 0.5]])
    p = torch.tensor([[0.25, 0.75]])

    assert F.kl_div(q, p, reduction="batchmean").item() == pytest.approx(-1.0623, abs=1e-4)
    assert F.kl_div(q.log(), p, reduction="batchmean").item() == pytest.approx(0.1308, abs=1e-4)


def test_log_target_takes_logarithms_for_both():
    """With `log_target=True` the second argument of `F.kl_div` holds log-probabilities too, such
    as `F.log_softmax(logits, dim=-1)`; minus infinity there (probability 0) makes a float32 loss
    with `reduction="batchmean"` NaN.
    """
    log_q = torch.tensor([[0.5, 0.5]]).log()
    log_p = torch.tensor([[0.25, 0.75]]).log()
    certain = torch.tensor([[0.0, 1.0]])

    loss = F.kl_div(log_q, log_p, log_target=True, reduction="batchmean")
    of_zero = F.kl_div(log_q, certain.log(), log_target=True, reduction="batchmean")

    assert loss.item() == pytest.approx(0.1308, abs=1e-4)
    assert F.kl_div(log_q, certain, reduction="batchmean").item() == pytest.approx(0.6931, abs=1e-4)
    assert of_zero.isnan().item() is True


def test_the_divergence_has_a_direction():
    """For the tensors p = [[0.5, 0.5]] and q = [[0.9, 0.1]]
    `F.kl_div(q.log(), p, reduction="batchmean")` is 0.5108, and with p and q exchanged 0.3681: the
    KL divergence is not symmetric. From p to p it is 0.
    """
    p, q = torch.tensor([[0.5, 0.5]]), torch.tensor([[0.9, 0.1]])

    forward = F.kl_div(q.log(), p, reduction="batchmean")
    backward = F.kl_div(p.log(), q, reduction="batchmean")

    assert forward.item() == pytest.approx(0.5108, abs=1e-4)
    assert backward.item() == pytest.approx(0.3681, abs=1e-4)
    assert F.kl_div(p.log(), p, reduction="batchmean").item() == 0.0


def test_distillation_compares_softened_scores():
    """A distillation loss of logits `student` and `teacher` of shape (N, C) is
    `F.kl_div(F.log_softmax(student / T, -1), F.softmax(teacher / T, -1), reduction="batchmean") *
    T**2`; `T = 2` flattens a softmax output [0.12, 0.88] to [0.27, 0.73].

    The factor `T**2` is there because the gradient with respect to the logits `student` shrinks
    about as `1 / T**2` for large `T`. "batchmean" divides by the first size only: flatten logits
    of shape (N, L, C) to (N * L, C).
    """
    student = torch.tensor([[1.0, 0.0]], requires_grad=True)
    teacher = torch.tensor([[0.0, 2.0]])
    temperature = 2.0

    loss = temperature**2 * F.kl_div(
        F.log_softmax(student / temperature, dim=-1),
        F.softmax(teacher / temperature, dim=-1),
        reduction="batchmean",
    )
    loss.backward()
    hard, soft = F.softmax(teacher, dim=-1), F.softmax(teacher / temperature, dim=-1)

    assert loss.item() == pytest.approx(1.0296, abs=1e-3)
    assert student.grad.flatten().tolist() == pytest.approx([0.7070, -0.7070], abs=1e-3)
    assert hard.flatten().tolist() == pytest.approx([0.1192, 0.8808], abs=1e-3)
    assert soft.flatten().tolist() == pytest.approx([0.2689, 0.7311], abs=1e-3)


def test_distributions_have_a_divergence_by_formula():
    """`torch.distributions.kl_divergence(p, q)` of two `Categorical` objects with `probs` of equal
    shape uses a registered formula; for a `Cauchy` and a `Normal`, a pair without one, it raises
    NotImplementedError, "No KL(p || q) is implemented".

    Where the divergence is finite, the mean of `p.log_prob(x) - q.log_prob(x)` over samples `x`
    of p estimates it.
    """
    p = distributions.Categorical(torch.tensor([0.25, 0.75]))
    q = distributions.Categorical(torch.tensor([0.5, 0.5]))

    assert distributions.kl_divergence(p, q).item() == pytest.approx(0.1308, abs=1e-4)
    with pytest.raises(
        NotImplementedError, match=r"No KL\(p \|\| q\) is implemented for p type Cau"
    ):
        distributions.kl_divergence(distributions.Cauchy(0.0, 1.0), distributions.Normal(0.0, 1.0))


def test_the_divergence_of_a_variational_autoencoder():
    """For 2-D float32 `mu` and `logvar`, `-0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1)` is,
    up to rounding and overflow, the KL divergence per row of independent normals with mean `mu`
    and variance `exp(logvar)` from standard ones.

    For `logvar` from -80 to 80, `torch.distributions.kl_divergence(Normal(mu, (logvar / 2).exp()),
    Normal(0.0, 1.0)).sum(1)` gives the same up to rounding.
    """
    mu = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    logvar = torch.tensor([[0.0, 1.0], [0.0, 0.0]])

    by_hand = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1)
    p = distributions.Normal(mu, (0.5 * logvar).exp())
    q = distributions.Normal(0.0, 1.0)

    assert by_hand.tolist() == pytest.approx([0.8591, 0.0], abs=1e-4)
    torch.testing.assert_close(distributions.kl_divergence(p, q).sum(1), by_hand)
