"""A net that plays: deep Q-learning.

`examples/dqn.py` balances a pole on a cart (Gymnasium's CartPole-v1). The net sees four numbers
and estimates, for each of the two pushes, the points still to come: Q. It gets a point for each
moment of a game, which ends when the pole leans by more than 12 degrees, when the cart leaves its
track, or after 500 points. The target of the training is the point just got plus 0.99 times what a
target network says of the next moment.

Three things help to keep that from diverging: a replay memory mixes old moments with new ones, the
target network follows the net slowly, and the Huber loss (`F.smooth_l1_loss`) bounds the gradient
of large errors. The net chooses the next action and the target network values it: double DQN.

What surprises is how little it takes: a few dozen games, most of them lost after some twenty
moments, and a net of 17,410 parameters plays five times as long as chance and more. Figures are
those of seed 0 on the CPU.
"""

import argparse
import functools
import os

import pytest
import torch
from torch import nn

from spec.models.scripts import import_example, run_until_killed

pytestmark = [pytest.mark.slow]

SHORT = ["--steps", "3500", "--enough", "250", "--device", "cpu"]
TINY = ["--steps", "700", "--warm-up", "100", "--evaluate-every", "200", "--device", "cpu"]


@pytest.fixture(scope="module")
def dqn():
    """The example as a module."""
    return import_example("dqn")


@pytest.fixture(scope="module")
def learned(dqn, tmp_path_factory):
    """The metrics and the folder of a run that learns to play."""
    out = tmp_path_factory.mktemp("learned")
    return dqn.main([*SHORT, "--out", str(out)]), out


@pytest.fixture(scope="module")
def tiny(dqn, tmp_path_factory):
    """Runs for a moment, once for each seed; the metrics and the last checkpoint."""

    @functools.cache
    def run(seed):
        out = tmp_path_factory.mktemp("tiny")
        metrics = dqn.main([*TINY, "--out", str(out), "--seed", str(seed)])
        return metrics, torch.load(out / "checkpoint.pt", weights_only=True)

    return run


@pytest.fixture
def env(dqn):
    """The game."""
    env = dqn.make_env("CartPole-v1")
    yield env
    env.close()


@pytest.mark.spare("300", reason="as many games as the sentence says")
@pytest.mark.spare("22", reason="within 3 of it")
def test_random_play_keeps_the_pole_up_for_about_22_moments(dqn):
    """With random pushes, by `play_at_random` of `examples/games.py` with seed 0, a game of
    CartPole-v1 lasts 19 to 25 time steps on average over 300 games.

    This is the baseline that the trained net has to beat.
    """
    points = dqn.play_at_random("CartPole-v1", 300, seed=0)

    assert sum(points) / 300 == pytest.approx(22, abs=3)


@pytest.mark.spare("22", reason="within 7 of it")
@pytest.mark.spare("5", reason="it is more than ten times as long here")
def test_the_net_learns_to_play_five_times_as_long_as_chance(learned):
    """`examples/dqn.py --steps 3500 --enough 250` with seed 0 begins no training game after
    3500 time steps; the best net gets a return of more than 150 on average in other games,
    more than five times that of random play in them.
    """
    metrics, _ = learned

    assert metrics["steps"] - metrics["returns"][-1] < 3500
    assert metrics["random"] == pytest.approx(22, abs=7)
    assert metrics["mean"] > 150
    assert metrics["mean"] / metrics["random"] > 5


@pytest.mark.spare("20", reason="any number of early games will do")
@pytest.mark.spare("22", reason="within 8 of it")
@pytest.mark.spare("4", reason="it is more than eight times as long here")
@pytest.mark.spare("-5", reason="any number of late games will do")
@pytest.mark.spare("5", reason="any number of early games will do")
def test_games_get_longer_while_it_learns(learned):
    """In the training of `examples/dqn.py --steps 3500 --enough 250 --device cpu` with seed 0 the
    first 20 games take 14 to 30 time steps on average (random play: about 22); the last five take
    more than four times as many as the first five.
    """
    returns = learned[0]["returns"]

    assert sum(returns[:20]) / 20 == pytest.approx(22, abs=8)
    assert sum(returns[-5:]) / sum(returns[:5]) > 4


def test_the_best_net_is_kept(dqn, learned, env):
    """The checkpoint of a finished training by `examples/dqn.py` holds as "best" the net
    with the highest mean return of all evaluations: played again in the same ten games on
    the same CPU, it gets that mean.

    Because in Q-learning a net may play worse again after it has played well.
    """
    metrics, out = learned
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    best = dqn.QNet(env)
    best.load_state_dict(state["best"])

    again = dqn.play(best, "CartPole-v1", 10, dqn.CHOOSE, "cpu")

    assert sum(again) / 10 == max(each["mean"] for each in metrics["evaluations"])
    assert sum(p.numel() for p in best.parameters()) == 17410


def test_the_memory_forgets_the_oldest(dqn, env):
    """`Memory` of `examples/dqn.py`, the replay memory, is a ring: with a capacity of 3,
    the fourth transition (state, action, reward, next state) takes the place of the first.
    """
    memory = dqn.Memory(3, env)
    for points in [1.0, 2.0, 3.0, 4.0]:
        memory.add(before=[0] * 4, action=1, points=points, after=[0] * 4, over=False)

    assert len(memory) == 3
    assert memory.columns["points"].tolist() == [4.0, 2.0, 3.0]
    assert memory.columns["action"].tolist() == [1, 1, 1]


@pytest.fixture
def nets(dqn, env):
    """A net and its target network, and two moments, the second of which ended a game."""
    torch.manual_seed(0)
    net, target = dqn.QNet(env), dqn.QNet(env)
    memory = dqn.Memory(2, env)
    for over in (False, True):
        memory.add(before=[0.5] * 4, action=0, points=1.0, after=[0.25] * 4, over=over)
    return net, target, list(memory.columns.values())


def test_the_target_is_the_point_and_what_is_still_to_come(dqn, nets):
    """The training target of a transition in `examples/dqn.py` is its reward plus gamma
    times the target network's value of the action that the net would choose next; if the
    game is then over (terminated, not out of time), the reward alone.

    The net chooses the action and the target network gives its value: this is double DQN, which
    overestimates less than DQN, where the target network does both.
    """
    net, target, moments = nets
    nn.init.constant_(target[4].bias, 2.0)

    said, wanted = dqn.said_and_wanted(net, target, moments, gamma=0.9)

    after = torch.full((1, 4), 0.25)
    worth = target(after)[0, net(after).argmax()].item()
    assert worth == pytest.approx(2.0, abs=0.5)
    assert wanted.tolist() == pytest.approx([1.0 + 0.9 * worth, 1.0])
    assert said.tolist() == pytest.approx([net(torch.full((4,), 0.5))[0].item()] * 2)
    assert (said.requires_grad, wanted.requires_grad) == (True, False)


def test_the_target_network_follows_slowly(dqn, nets):
    """`follow(target, net, 0.01)` of `examples/dqn.py`, called after each training step,
    moves each parameter of the target network by a hundredth of its distance to the net's
    parameter.

    A target that jumped with every step would make the net chase its own estimates.
    """
    net, target, _ = nets
    start = [parameter.clone() for parameter in target.parameters()]

    dqn.follow(target, net, 0.01)

    after = list(zip(target.parameters(), net.parameters(), start, strict=True))
    assert len(after) == 6
    for slow, fast, old in after:
        torch.testing.assert_close(slow - old, 0.01 * (fast - old), rtol=0, atol=1e-6)


def test_chance_gives_way_to_the_net(dqn):
    """With `--explore 1000 --epsilon 0.05` the probability of a random action in training,
    `share_of_chance(step, args)` of `examples/dqn.py`, falls linearly from 1 to 0.05 in the first
    1000 steps and stays there.

    A random action is how the net tries what it wouldn't choose by itself.
    """
    args = argparse.Namespace(explore=1000, epsilon=0.05)

    shares = [dqn.share_of_chance(step, args) for step in (0, 500, 1000, 2000)]

    assert shares == pytest.approx([1.0, 0.525, 0.05, 0.05])


@pytest.mark.spare("200", reason="any step between two checkpoints will do")
def test_a_killed_run_resumed_remembers_the_same(dqn, tiny, tmp_path):
    """`examples/dqn.py` with `--resume` and otherwise the same options goes on after a run was
    killed between two checkpoints, and ends with the replay memory, target network and returns of
    an uninterrupted run on the same CPU, bit for bit.

    Because the checkpoint holds, besides the nets and the state of Adam, the replay memory and the
    state of the random generator.
    """
    fingerprint = import_example("workbench").fingerprint
    run = [*TINY, "--out", str(tmp_path)]
    run_until_killed(dqn, "torch.nn.functional.smooth_l1_loss", 200, run)

    metrics = dqn.main([*run, "--resume"])

    whole_metrics, whole = tiny(0)
    resumed = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    kept = [part for part in whole if fingerprint(whole[part]) == fingerprint(resumed[part])]
    assert [part for part in whole if part not in kept] == ["checksum", "seconds"]
    assert resumed["memory"]["columns"]["before"].shape == (20_000, 4)
    assert metrics["returns"] == whole_metrics["returns"]


@pytest.mark.spare("0", reason="the games are about as long")
def test_a_checkpoint_plays_and_draws_its_game(dqn, learned, tmp_path):
    """Without `--dry-run`, `examples/dqn.py --play CHECKPOINT` evaluates the saved best net
    again, prints the mean return that the training printed at its end, if `--seed`, `--games`
    and the CPU are the same, and writes play.gif and play.png.
    """
    from PIL import Image

    metrics, out = learned

    played = dqn.main(["--play", str(out / "checkpoint.pt"), "--out", str(tmp_path)])

    assert played["mean"] == metrics["mean"]
    assert played["random"] == metrics["random"]
    assert sorted(os.listdir(tmp_path)) == ["play.gif", "play.png"]
    with Image.open(tmp_path / "play.gif") as film:
        # Every other moment, less those that look like the one before.
        assert film.n_frames / played["points"][0] == pytest.approx(0.4, abs=0.12)


@pytest.mark.spare("156", reason="a column beside it is as good")
def test_the_drawn_pole_leans_as_it_is_seen():
    """`draw_pole([0.0, 0.0, 0.5, 0.0])` of `examples/games.py` draws a pole that leans to the
    right, at an angle of +0.5 radians: at least 90 % of its pixels lie to the right of the cart's
    middle. The picture is 300 pixels wide and 200 high.
    """
    import numpy as np

    leans = np.asarray(import_example("games").draw_pole([0.0, 0.0, 0.5, 0.0]))
    brown = (leans == (205, 133, 63)).all(2)

    assert leans.shape == (200, 300, 3)
    assert brown[:, 156:].sum() / brown.sum() == pytest.approx(0.95, abs=0.05)


def test_a_run_leaves_a_figure_and_a_checkpoint(learned):
    """A finished run of `examples/dqn.py` without `--play` or `--dry-run` leaves three
    files in the new folder `--out`: checkpoint.pt, log.txt and returns.png.
    """
    from PIL import Image

    _, out = learned

    assert sorted(os.listdir(out)) == ["checkpoint.pt", "log.txt", "returns.png"]
    with Image.open(out / "returns.png") as figure:
        assert figure.size == (800, 450)
        assert figure.convert("L").getextrema() == (0, 255)


@pytest.mark.spare("310", reason="within 60 of it")
def test_a_dry_run_plays_300_moments(dqn, tmp_path):
    """`examples/dqn.py --dry-run`, without any other option, plays 300 time steps of
    CartPole-v1 and on to the end of that game, learns and evaluates.
    """
    metrics = dqn.main(["--dry-run", "--out", str(tmp_path / "out"), "--device", "cpu"])

    assert metrics["steps"] == pytest.approx(310, abs=60)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("--env NoSuchGame-v1", "--env NoSuchGame-v1: Environment `NoSuchGame` doesn't exist."),
        ("--env Pendulum-v1", "--env Pendulum-v1: needs a row of numbers and a choice; it has Box"),
        ("--play nowhere.pt", "no checkpoint nowhere.pt: a training without --resume writes one"),
    ],
)
def test_what_it_cannot_do_is_said_in_one_line(dqn, tmp_path, refusal, arguments, reason):
    """`examples/dqn.py --env NoSuchGame-v1`, `--env Pendulum-v1` (its action space isn't
    `Discrete`) and `--play nowhere.pt` (no such file) each end with exit code 2 and one line that
    names the cause.
    """
    code, said = refusal(dqn, "--out", tmp_path, *arguments.split())

    assert code == 2
    assert said.startswith(f"dqn.py: {reason}")
    assert said.count("\n") == 1
