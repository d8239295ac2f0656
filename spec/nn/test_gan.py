"""Two networks against each other: GAN and WGAN.

A generator makes samples from random noise; a discriminator says how likely a sample is real.
They learn in turns: the discriminator to tell the two apart, the generator to be taken for real.
In PyTorch this is two modules, two optimizers, and care about which parameters a `backward()` and
a `step()` reach. A WGAN replaces the discriminator by a critic, whose scores are no
probabilities: no sigmoid, no logarithm, weights clipped after each step, and several steps of the
critic for one of the generator.

What surprises: the loss of one network leaves gradients in the other as well, because the graph
goes through both; `detach()` and `zero_grad()` keep them apart.
"""

import inspect

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_noise_goes_in_and_samples_come_out():
    """In a GAN (generative adversarial network) the generator may be an `nn.Sequential` that maps
    noise [5, 8] to samples [5, 3]; a discriminator that ends in `nn.Linear(16, 1), nn.Sigmoid()`
    maps these to [5, 1], a number from 0 to 1 for each.
    """
    generator = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    discriminator = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
    fake = generator(torch.randn(5, 8))
    verdict = discriminator(fake)
    is_probability = ((verdict > 0) & (verdict < 1)).all().item()

    assert fake.shape == (5, 3)
    assert verdict.shape == (5, 1)
    assert is_probability is True


def test_an_undecided_discriminator_loses_log_two_on_either_label():
    """`F.binary_cross_entropy` of the output 0.5 is ln 2 = 0.6931 for a real sample (label 1.0)
    and for a fake one (label 0.0); 0.875 costs 0.1335 for a real and 2.0794 for a fake one.
    """
    undecided, sure = torch.tensor([0.5]), torch.tensor([0.875])
    real, fake = torch.ones(1), torch.zeros(1)

    assert F.binary_cross_entropy(undecided, real).item() == pytest.approx(0.6931, abs=1e-4)
    assert F.binary_cross_entropy(undecided, fake).item() == pytest.approx(0.6931, abs=1e-4)
    assert F.binary_cross_entropy(sure, real).item() == pytest.approx(0.1335, abs=1e-4)
    assert F.binary_cross_entropy(sure, fake).item() == pytest.approx(2.0794, abs=1e-4)


def test_labels_have_the_shape_of_the_verdicts():
    """`F.binary_cross_entropy(outputs, labels)` with `outputs` of shape (5, 1) and `labels` of
    shape (5,) raises ValueError, "Using a target size": `labels` need the shape of `outputs`, as
    `torch.ones_like(outputs)` has.
    """
    verdicts = torch.full((5, 1), 0.5)

    with pytest.raises(
        ValueError, match=r"Using a target size .* that is different to the input size"
    ):
        F.binary_cross_entropy(verdicts, torch.ones(5))
    assert F.binary_cross_entropy(verdicts, torch.ones_like(verdicts)).shape == ()


def test_detach_keeps_the_discriminators_loss_from_the_generator(device):
    """For `fake = generator(noise)`, `backward()` of a loss of
    `discriminator(fake.detach())` gives gradients to the discriminator and none to the
    generator.
    """
    generator = nn.Linear(1, 1, device=device)
    discriminator = nn.Linear(1, 1, device=device)
    fake = generator(torch.ones(4, 1, device=device))
    discriminator(fake.detach()).mean().backward()

    assert generator.weight.grad is None
    assert discriminator.bias.grad.tolist() == [1.0]


def test_without_detach_the_generator_is_taught_to_lose():
    """After `fake = generator(noise)`, `backward()` of a discriminator loss computed from
    `discriminator(fake)`, without `detach()`, leaves gradients in the generator too; the
    generator's next step uses them unless they are cleared.

    These gradients would teach the generator to have its samples recognised as fake, the opposite
    of its task.
    """
    generator, discriminator = nn.Linear(1, 1), nn.Linear(1, 1)
    discriminator.weight.data.fill_(3.0)
    fake = generator(torch.ones(4, 1))
    discriminator(fake).mean().backward()

    assert generator.bias.grad.tolist() == [3.0]


def test_the_generators_loss_fills_the_gradients_of_both():
    """`backward()` of the generator's loss, which is computed through the discriminator, leaves
    gradients in both networks, unless `discriminator.requires_grad_(False)` has frozen it; clear
    its gradients with `discriminator.zero_grad()`.
    """
    generator, discriminator = nn.Linear(1, 1), nn.Linear(1, 1)
    generator.bias.data.fill_(0.0)
    generator.weight.data.fill_(5.0)
    discriminator.weight.data.fill_(3.0)
    discriminator(generator(torch.ones(4, 1))).mean().backward()

    assert generator.weight.grad.tolist() == [[3.0]]
    assert discriminator.weight.grad.tolist() == [[5.0]]

    discriminator.zero_grad(set_to_none=True)

    assert generator.weight.grad.tolist() == [[3.0]]
    assert discriminator.weight.grad is None


def test_a_frozen_discriminator_still_lets_the_gradient_through():
    """After `discriminator.requires_grad_(False)`, `backward()` of a loss of
    `discriminator(generator(noise))` computes the gradients of the generator and leaves
    those of the discriminator as they were.

    This saves the computation of gradients that nobody uses; call
    `discriminator.requires_grad_(True)` before its own turn.
    """
    generator, discriminator = nn.Linear(1, 1), nn.Linear(1, 1)
    discriminator.weight.data.fill_(3.0)
    discriminator.requires_grad_(False)
    discriminator(generator(torch.ones(4, 1))).mean().backward()

    assert generator.bias.grad.tolist() == [3.0]
    assert discriminator.weight.grad is None


def test_one_backward_for_both_losses_needs_the_graph_twice():
    """For a trainable generator of `nn.Linear` and `nn.Sigmoid`, a second `backward()` through the
    same `fake = generator(noise)`, after a first one without arguments, raises RuntimeError,
    "Trying to backward through the graph a second time".

    Use `fake.detach()` for the discriminator, or make a new `fake` for the generator.
    """
    generator, discriminator = nn.Sequential(nn.Linear(1, 1), nn.Sigmoid()), nn.Linear(1, 1)
    fake = generator(torch.ones(4, 1))
    discriminator(fake).mean().backward()

    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        (-discriminator(fake).mean()).backward()


def test_a_step_over_one_networks_parameters_leaves_the_other_alone():
    """`step()` of `torch.optim.SGD(generator.parameters(), lr=0.5)` changes parameters of
    the generator only; the discriminator keeps its values, and its gradients until they are
    cleared.
    """
    generator, discriminator = nn.Linear(1, 1), nn.Linear(1, 1)
    generator.bias.data.fill_(0.0)
    discriminator.bias.data.fill_(0.0)
    discriminator.weight.data.fill_(3.0)
    discriminator(generator(torch.ones(4, 1))).mean().backward()
    torch.optim.SGD(generator.parameters(), lr=0.5).step()

    assert generator.bias.tolist() == [-1.5]
    assert discriminator.bias.tolist() == [0.0]
    assert discriminator.bias.grad.tolist() == [1.0]


@pytest.mark.slow
@pytest.mark.claim("path-gan-fifty-lines")
def test_a_gan_fits_into_fifty_lines():
    """A GAN of two networks, each `nn.Linear(1, 16)`, `nn.ReLU` and `nn.Linear(16, 1)` with its
    own `torch.optim.Adam`, fits into a function of 23 lines; the mean of its samples can come
    within 0.5 of the mean 4 of a normal distribution.

    Here it is trained for 800 steps, each with 128 real and 128 generated samples, at `lr=0.005`
    and `betas=(0.5, 0.9)`. The mean is that of 1000 new samples of the generator.
    """

    def train():
        torch.manual_seed(2)
        generator = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1))
        discriminator = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1))
        g_optimizer = torch.optim.Adam(generator.parameters(), lr=0.005, betas=(0.5, 0.9))
        d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.005, betas=(0.5, 0.9))
        bce = nn.BCEWithLogitsLoss()
        ones, zeros = torch.ones(128, 1), torch.zeros(128, 1)

        for _ in range(800):
            real = 4 + 1.25 * torch.randn(128, 1)
            fake = generator(torch.randn(128, 1))

            d_loss = bce(discriminator(real), ones) + bce(discriminator(fake.detach()), zeros)
            d_optimizer.zero_grad()
            d_loss.backward()
            d_optimizer.step()

            g_loss = bce(discriminator(fake), ones)
            g_optimizer.zero_grad()
            g_loss.backward()
            g_optimizer.step()
        return generator

    fake = train()(torch.randn(1000, 1))

    assert fake.mean().item() == pytest.approx(4.0, abs=0.5)
    assert len(inspect.getsource(train).splitlines()) == 23


@pytest.mark.claim("path-dcgan-to-wgan")
def test_a_critic_is_the_discriminator_without_its_sigmoid():
    """If a DCGAN's `discriminator` is an `nn.Sequential` that ends in `nn.Sigmoid`,
    `discriminator[:-1]` can serve as the critic of a WGAN: without the sigmoid it gives
    scores instead of probabilities.
    """
    discriminator = nn.Sequential(nn.Conv2d(1, 1, 2, bias=False), nn.Flatten(), nn.Sigmoid())
    discriminator[0].weight.data.fill_(1.0)
    critic = discriminator[:-1]
    images = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]], [[[-1.0, -2.0], [-3.0, -4.0]]]])

    assert critic(images).tolist() == [[10.0], [-10.0]]
    assert discriminator(images).flatten().tolist() == pytest.approx([1.0, 0.0], abs=1e-4)


@pytest.mark.claim("path-dcgan-to-wgan")
def test_the_critics_loss_is_a_difference_of_means():
    """A WGAN's critic is trained to minimise `critic(fake).mean() - critic(real).mean()`, a loss
    without a logarithm, unlike that of a DCGAN's discriminator: outputs 8 and 12 for real and 2
    and 0 for fake samples give -9.
    """
    critic = nn.Linear(1, 1, bias=False)
    critic.weight.data.fill_(2.0)
    real, fake = torch.tensor([[4.0], [6.0]]), torch.tensor([[1.0], [0.0]])
    loss = critic(fake).mean() - critic(real).mean()
    loss.backward()

    assert loss.item() == -9.0
    assert critic.weight.grad.tolist() == [[-4.5]]


@pytest.mark.claim("path-dcgan-to-wgan")
def test_the_critics_weights_are_clipped_after_each_step(device):
    """WGAN, unlike DCGAN, clips the critic's parameters after each step: with 0.5 as the
    bound, `parameter.clamp_(-0.5, 0.5)` under `torch.no_grad()` turns the weight [-2, 0.25,
    3] into [-0.5, 0.25, 0.5].
    """
    critic = nn.Linear(3, 1, device=device)
    critic.weight.data = torch.tensor([[-2.0, 0.25, 3.0]], device=device)
    critic.bias.data = torch.tensor([-0.75], device=device)
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.clamp_(-0.5, 0.5)

    assert critic.weight.tolist() == [[-0.5, 0.25, 0.5]]
    assert critic.bias.tolist() == [-0.5]
    assert critic.weight.requires_grad is True


@pytest.mark.claim("path-dcgan-to-wgan")
def test_the_critic_steps_five_times_for_each_step_of_the_generator():
    """WGAN adds an inner loop to the training of a DCGAN: for each step of the generator the
    critic (WGAN's discriminator) takes several steps, five in the paper, with the loss
    `critic(generator(noise).detach()).mean() - critic(real).mean()`.

    Because of `detach()` this loss gives the generator no gradient.
    """
    generator, critic = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    generator.weight.data.fill_(0.0)
    critic.weight.data.fill_(0.0)
    noise, real = torch.ones(4, 1), torch.ones(4, 1)
    for _ in range(5):
        loss = critic(generator(noise).detach()).mean() - critic(real).mean()
        critic.zero_grad()
        loss.backward()
        with torch.no_grad():
            critic.weight -= 0.25 * critic.weight.grad
            critic.weight.clamp_(-1.0, 1.0)
    loss = -critic(generator(noise)).mean()
    loss.backward()
    with torch.no_grad():
        generator.weight -= 0.25 * generator.weight.grad

    assert critic.weight.tolist() == [[1.0]]
    assert generator.weight.tolist() == [[0.25]]


def test_a_sure_discriminator_teaches_nothing_where_a_critic_does():
    """With `x = torch.tensor([-20.0], requires_grad=True)`, the logit of a discriminator
    that is certain of a fake, `torch.log(1 - torch.sigmoid(x)).backward()` makes `x.grad`
    nearly 0; a new `x` and the loss `-x`, as with a critic, make it -1.

    A generator trained by that first loss learns almost nothing from such a fake, one reason for
    the WGAN; with the loss `-F.logsigmoid(x)` the gradient is about -1 here.
    """
    fake = torch.tensor([-20.0], requires_grad=True)
    other = torch.tensor([-20.0], requires_grad=True)
    torch.log(1 - torch.sigmoid(fake)).backward()
    (-other).backward()

    assert fake.grad.item() == pytest.approx(0.0, abs=1e-6)
    assert other.grad.item() == -1.0


@pytest.mark.claim("path-dcgan-to-wgan")
def test_a_wgan_learns_where_the_data_are():
    """A WGAN whose critic `nn.Linear(1, 1, bias=False)` takes five steps, each followed by
    `clamp_` of its weight to [-0.5, 0.5], for each step of its generator's bias, moves this
    bias from 0 to within 0.2 of real samples, all 2, in 50 rounds.

    The steps are `weight -= 0.25 * weight.grad` of the critic and `bias -= 0.125 * bias.grad`
    of the generator, whose weight stays 0.
    """
    generator, critic = nn.Linear(1, 1), nn.Linear(1, 1, bias=False)
    nn.init.zeros_(generator.weight)
    nn.init.zeros_(generator.bias)
    noise, real = torch.randn(8, 1), torch.full((8, 1), 2.0)
    for _ in range(50):
        for _ in range(5):
            loss = critic(generator(noise).detach()).mean() - critic(real).mean()
            critic.zero_grad()
            loss.backward()
            with torch.no_grad():
                critic.weight -= 0.25 * critic.weight.grad
                critic.weight.clamp_(-0.5, 0.5)
        loss = -critic(generator(noise)).mean()
        generator.zero_grad()
        loss.backward()
        with torch.no_grad():
            generator.bias -= 0.125 * generator.bias.grad

    assert generator.bias.item() == pytest.approx(2.0, abs=0.2)
    assert generator(noise).flatten().tolist() == pytest.approx([2.0] * 8, abs=0.2)
