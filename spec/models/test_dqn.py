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


def test_random_play_keeps_the_pole_up_for_about_22_moments(dqn, env):
    """With random pushes, by `play_at_random` of `examples/dqn.py` with seed 0, a game of
    CartPole-v1 lasts 19 to 25 moments on average over 300 games.

    This is the baseline that the trained net has to beat.
    """
    points = dqn.play_at_random(env, 300, seed=0)

    assert sum(points) / 300 == pytest.approx(22, abs=3)


def test_the_net_learns_to_play_five_times_as_long_as_chance(learned):
    """`examples/dqn.py --steps 3500 --enough 250` with seed 0 trains a net for at most 3500
    moments: it gets more than 150 points on average in other games, more than five times as
    many as random play in them.
    """
    metrics, _ = learned

    assert metrics["random"] == pytest.approx(22, abs=7)
    assert metrics["mean"] > 150
    assert metrics["mean"] / metrics["random"] > 5


def test_games_get_longer_while_it_learns(learned):
    """In the training of `examples/dqn.py --steps 3500 --enough 250` with seed 0 the first 20
    games last about 22 moments on average, as with random play; the last five last more than
    four times as long as the first five.
    """
    returns = learned[0]["returns"]

    assert sum(returns[:20]) / 20 == pytest.approx(22, abs=8)
    assert sum(returns[-5:]) / sum(returns[:5]) > 4


def test_the_best_net_is_kept(dqn, learned, env):
    """The checkpoint of `examples/dqn.py` holds as "best" the net with the highest mean of its
    evaluations: played again in the same ten games, it gets that mean.

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
    """`Memory` of `examples/dqn.py`, the replay memory, is a ring: with a capacity of 3, the
    fourth moment takes the place of the first.
    """
    memory = dqn.Memory(3, env)
    for points in [1.0, 2.0, 3.0, 4.0]:
        memory.add(before=[0] * 4, action=1, points=points, after=[0] * 4, over=False)

    assert len(memory) == 3
    assert memory.columns["points"].tolist() == [4.0, 2.0, 3.0]
    assert memory.columns["action"].tolist() == [1, 1, 1]


@pytest.fixture
def lesson(dqn, env):
    """A training whose memory holds a single moment, to take one step of learning from."""

    def prepare(over, *options):
        args = dqn.read_arguments(["--batch-size", "1", "--lr", "0.01", *options])
        training = dqn.Training(env, args, torch.device("cpu"))
        training.memory.add(before=[0.5] * 4, action=0, points=1.0, after=[0.25] * 4, over=over)
        return training

    return prepare


@pytest.mark.parametrize(("over", "share"), [(True, 0.0), (False, 0.9)])
def test_the_target_is_the_point_and_what_is_still_to_come(lesson, monkeypatch, over, share):
    """The training target of a moment in `examples/dqn.py` is its point plus gamma times the
    target network's value of the action that the net would choose next; if the game is over,
    the point alone.

    That one network chooses and the other values is double DQN: it overestimates less.
    """
    training = lesson(over, "--gamma", "0.9")
    nn.init.constant_(training.target[4].bias, 2.0)
    with torch.no_grad():
        after = torch.full((1, 4), 0.25)
        worth = training.target(after)[0, training.net(after).argmax()].item()
    seen = []
    huber = torch.nn.functional.smooth_l1_loss
    monkeypatch.setattr(
        torch.nn.functional, "smooth_l1_loss", lambda *pair: seen.append(pair) or huber(*pair)
    )

    training.learn()

    assert worth == pytest.approx(2.0, abs=0.5)
    assert seen[0][1].tolist() == pytest.approx([1.0 + share * worth])


def test_the_target_network_follows_slowly(lesson):
    """With `--tau 0.01` each parameter of the target network of `examples/dqn.py` moves, in a
    step of learning, by a hundredth of its distance to the net.

    A target that jumped with every step would make the net chase its own estimates.
    """
    training = lesson(False, "--tau", "0.01")
    start = [parameter.clone() for parameter in training.target.parameters()]

    training.learn()

    after = zip(training.target.parameters(), training.net.parameters(), start, strict=True)
    moved, whole = zip(*((ours - old, net.detach() - old) for ours, net, old in after), strict=True)
    assert len(moved) == 6
    assert max(each.abs().max().item() for each in whole) == pytest.approx(0.01, abs=0.001)
    torch.testing.assert_close(moved, [0.01 * each for each in whole], rtol=0, atol=1e-6)


def test_chance_gives_way_to_the_net(lesson):
    """With `--explore 1000` the share of random actions in `examples/dqn.py` falls linearly
    from 1 to 0.05 in the first 1000 steps and stays there.

    A net that never tries anything else can't find better actions.
    """
    training = lesson(False, "--explore", "1000")
    shares = []
    for training.steps in (0, 500, 1000, 2000):
        shares.append(training.epsilon())

    assert shares == pytest.approx([1.0, 0.525, 0.05, 0.05])


@pytest.mark.spare("200", reason="any step between two checkpoints will do")
@pytest.mark.spare("2", reason="any checkpoint but the first will do")
@pytest.mark.parametrize(
    ("function", "call", "left"),
    [
        ("torch.nn.functional.smooth_l1_loss", 200, ["checkpoint.pt"]),
        ("os.fsync", 2, ["checkpoint.partial", "checkpoint.pt"]),
    ],
)
def test_a_run_killed_and_resumed_ends_with_the_same_weights(
    dqn, tiny, tmp_path, function, call, left
):
    """`examples/dqn.py --resume`, after a run was killed between two checkpoints or while one
    was written, ends with bit-for-bit the weights and the replay memory of an uninterrupted run
    with as many threads on the same CPU.

    Because the checkpoint holds the replay memory and the state of the random generator, and is
    first written to checkpoint.partial and then renamed.
    """
    run = [*TINY, "--out", str(tmp_path)]
    run_until_killed(dqn, function, call, run)
    assert sorted(os.listdir(tmp_path)) == left

    metrics = dqn.main([*run, "--resume"])

    whole_metrics, whole = tiny(0)
    resumed = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    for part in ("net", "target", "best", "memory"):
        pairs = zip(whole[part].values(), resumed[part].values(), strict=True)
        assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
    assert metrics["returns"] == whole_metrics["returns"]


def test_a_run_repeats_by_its_seed(dqn, tiny, tmp_path):
    """Two runs of `examples/dqn.py` with the same options and number of threads get the same
    points in each game on one CPU; with `--seed 1` instead of 0 the points are others.
    """
    again = dqn.main([*TINY, "--out", str(tmp_path)])

    assert again["returns"] == tiny(0)[0]["returns"]
    assert again["returns"] != tiny(1)[0]["returns"]
    assert again["mean"] == tiny(0)[0]["mean"]


def test_a_checkpoint_plays_and_draws_its_game(dqn, learned, tmp_path):
    """`examples/dqn.py --play CHECKPOINT` without `--dry-run` measures the saved best net
    again, finds the same mean as the run that saved it, and writes the first game as play.gif
    and play.png.
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


def test_the_drawn_pole_leans_as_it_is_seen(dqn):
    """`draw_pole` of `examples/dqn.py` draws a pole at an angle of +0.5, on a cart at position
    0, at least 90 % to the right of the cart's middle, in a picture of 300 x 200 pixels.
    """
    import numpy as np

    leans = np.asarray(dqn.draw_pole([0.0, 0.0, 0.5, 0.0]))
    brown = (leans == (205, 133, 63)).all(2)

    assert leans.shape == (200, 300, 3)
    assert brown[:, 156:].sum() / brown.sum() == pytest.approx(0.95, abs=0.05)


def test_a_run_leaves_a_figure_and_a_checkpoint(learned):
    """A finished run of `examples/dqn.py` without `--play` and `--dry-run` leaves two files in
    the new folder `--out`: checkpoint.pt and returns.png.
    """
    from PIL import Image

    _, out = learned

    assert sorted(os.listdir(out)) == ["checkpoint.pt", "returns.png"]
    with Image.open(out / "returns.png") as figure:
        assert figure.size == (960, 540)
        assert len(figure.convert("RGB").getcolors(100000)) > 50


def test_a_dry_run_writes_nothing(dqn, tmp_path):
    """`examples/dqn.py --dry-run` plays about 300 moments, learns, evaluates and writes no
    file, not even the folder of `--out`.
    """
    metrics = dqn.main(["--dry-run", "--out", str(tmp_path / "out"), "--device", "cpu"])

    assert os.listdir(tmp_path) == []
    assert metrics["steps"] == pytest.approx(310, abs=60)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--env", "NoSuchGame-v1"], "--env NoSuchGame-v1: "),
        (["--env", "Pendulum-v1"], "--env Pendulum-v1: needs a row of numbers and a choice; "),
        (["--device", "abacus"], "--device abacus: "),
        (["--play", "nowhere.pt"], "no checkpoint at nowhere.pt: a run without --play writes one"),
        ([*TINY, "--lr", "1e30"], "the loss is "),
    ],
)
def test_what_it_cannot_do_is_said_in_one_line(dqn, tmp_path, capsys, arguments, reason):
    """Without `--dry-run`, `examples/dqn.py` ends with exit code 2 and one line that names the
    cause: an unknown `--env`, `--env Pendulum-v1`, which has no choice among actions, `--device
    abacus`, no checkpoint for `--play`, or `--lr 1e30`.
    """
    with pytest.raises(SystemExit) as stopped:
        dqn.main(["--out", str(tmp_path), *arguments])

    said = capsys.readouterr().err
    assert stopped.value.code == 2
    assert said.startswith(f"dqn.py: {reason}")
    assert said.count("\n") == 1


def test_a_checkpoint_of_another_run_is_refused(dqn, learned, capsys):
    """Without `--dry-run`, `examples/dqn.py --resume` refuses a checkpoint written with another
    `--seed`: exit code 2, and one line with both values of the setting.

    Because a run that goes on with other settings would not end as an uninterrupted one.
    """
    _, out = learned

    with pytest.raises(SystemExit, match="2"):
        dqn.main([*SHORT, "--out", str(out), "--resume", "--seed", "5"])

    assert "checkpoint.pt is of another run: seed is 0 there, 5 here" in capsys.readouterr().err
