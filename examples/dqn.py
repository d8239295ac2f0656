"""Learn to balance a pole by playing: deep Q-learning.

Nobody tells the net what to do. It sees four numbers (where the cart is, how the pole leans, and
how fast both move), pushes left or right, and gets a point for each moment that the pole stands;
a game ends when it falls, or after 500 points. The net learns Q: the points still to come for each
push. Its target is made of its own words: the point it got, plus 0.99 times what it says of the
next moment. Three things keep that from running away: a replay memory mixes old moments with new,
a target network that follows slowly says what the next moment is worth, and Huber loss doesn't
shout at great errors. (The net chooses the next push, the target network values it: double DQN.)

The notes' closing list names it: "train a network to play a video game".

    python examples/dqn.py                                  learn
    python examples/dqn.py --play runs/dqn/checkpoint.pt    play, and draw the game as a GIF

With seeds 0, 1 and 2 the best net keeps the pole up for 341, 479 and 306 points on average over 20
games that it has not learned from; chance gets 21 to 23 on the same games. That takes about 10,000
moments, or 11 seconds of one core, with PyTorch 2.14.1 (2,000 with seed 1: 475 points are enough).
Nets get worse again on the way, so the one that plays best in an evaluation is kept.
"""

import math
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from arguments import Arguments, number, positive, threads
from figures import GRAY, curves, figure
from games import film, greedy, make_env, play, play_at_random, save_film
from torch import nn
from workbench import Run, log, make_folder, read_checkpoint, script

# Seeds of the games: far apart, so that no game is learned from and measured on.
LEARN, CHOOSE, MEASURE = 0, 1_000_000, 2_000_000


def seed_of(args, games):
    """Return the seed of the first of some games: to learn from, to choose by or to measure on."""
    return 10_000_000 * args.seed + games


class QNet(nn.Sequential):
    """From what is seen to the points still to come, for each action."""

    def __init__(self, env, width=128):
        super().__init__(
            nn.Linear(env.observation_space.shape[0], width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, env.action_space.n.item()),
        )


class Memory:
    """The last moments played, as a ring: a new one takes the place of the oldest."""

    def __init__(self, capacity, env):
        seen = env.observation_space.shape[0]
        self.columns = {
            "before": torch.zeros(capacity, seen),
            "action": torch.zeros(capacity, dtype=torch.int64),
            "points": torch.zeros(capacity),
            "after": torch.zeros(capacity, seen),
            "over": torch.zeros(capacity),
        }
        self.added = 0

    def __len__(self):
        return min(self.added, len(self.columns["points"]))

    def add(self, **moment):
        place = self.added % len(self.columns["points"])
        for name, value in moment.items():
            self.columns[name][place] = torch.as_tensor(value)
        self.added += 1

    def sample(self, count, generator, device):
        chosen = torch.randint(len(self), (count,), generator=generator)
        return [column[chosen].to(device) for column in self.columns.values()]

    def state_dict(self):
        return {"columns": self.columns, "added": self.added}

    def load_state_dict(self, state):
        self.columns, self.added = state["columns"], state["added"]


def share_of_chance(step, args):
    """Return how often to try an action at random: from always down to now and then."""
    return 1.0 + min(1.0, step / args.explore) * (args.epsilon - 1.0)


def said_and_wanted(net, target, batch, gamma):
    """Return what the net says of the actions taken, and what it should have said."""
    before, action, points, after, over = batch
    with torch.no_grad():
        chosen = net(after).argmax(1, keepdim=True)
        worth = target(after).gather(1, chosen).squeeze(1)
        wanted = points + gamma * (1 - over) * worth
    return net(before).gather(1, action.unsqueeze(1)).squeeze(1), wanted


@torch.no_grad()
def follow(target, net, tau):
    """Move the target network a small step after the net."""
    for slow, fast in zip(target.parameters(), net.parameters(), strict=True):
        slow.lerp_(fast, tau)


def draw_returns(run, title, random_mean, path):
    """Draw the points of each game learned from, those of each evaluation, and what chance gets."""
    with figure(path, title) as axes:
        axes.plot(
            *zip(*run.scalars["points"], strict=True), ".", color=GRAY, label="a game to learn from"
        )
        lines = {"10 other games, no push by chance": run.scalars["mean"]}
        curves(axes, lines, "moments played", "points", references={"chance": random_mean}, ylim=0)


def learn(args):
    """Learn to play, draw how it went, and measure the best net on games of its own."""
    env = make_env(args.env)
    if args.enough is None:
        threshold = env.spec.reward_threshold
        args.enough = math.inf if threshold is None else threshold
    if args.dry_run:
        args.steps, args.warm_up, args.evaluate_every = 300, 100, 100
    args.epochs = math.ceil(args.steps / args.evaluate_every)

    torch.manual_seed(args.seed)
    net = QNet(env).to(args.device)
    target, best = deepcopy(net).requires_grad_(False), deepcopy(net)
    optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
    memory, generator = Memory(args.memory, env), torch.Generator().manual_seed(args.seed)
    nets = {"model": net, "target": target, "best": best, "optimizer": optimizer}
    run = Run(args, free=("play", "games"), **nets, memory=memory, generator=generator)
    points, means = (run.scalars.setdefault(name, []) for name in ("points", "mean"))

    for epoch in run.epochs():  # each ends with an evaluation
        began, best_mean = run.step, max((mean for _, mean in means), default=-math.inf)
        while run.step < min(epoch * args.evaluate_every, args.steps) and best_mean < args.enough:
            seed = seed_of(args, LEARN) + len(points)
            gained, over, out_of_time = 0.0, False, False
            env.action_space.seed(seed)
            seen, _ = env.reset(seed=seed)
            while not (over or out_of_time):
                if torch.rand((), generator=generator).item() < share_of_chance(run.step, args):
                    action = int(env.action_space.sample())
                else:
                    (action,) = greedy(net, [seen], args.device)
                after, point, over, out_of_time, _ = env.step(action)
                # A game that ran out of time could have gone on: only `over` ends what is to come.
                memory.add(before=seen, action=action, points=point, after=after, over=over)
                seen, gained, run.step = after, gained + float(point), run.step + 1
                if memory.added < args.warm_up or run.step % args.learn_every:
                    continue
                # Smaller steps towards the end, where one net after another plays about as well.
                optimizer.param_groups[0]["lr"] = args.lr * max(0.1, 1 - run.step / args.steps)
                batch = memory.sample(args.batch_size, generator, args.device)
                said, wanted = said_and_wanted(net, target, batch, args.gamma)
                optimizer.zero_grad()
                loss = F.smooth_l1_loss(said, wanted)
                loss.backward()
                nn.utils.clip_grad_norm_(net.parameters(), 10.0)
                optimizer.step()
                follow(target, net, args.tau)
                run.watch(loss)
            run.add("points", gained)
        if run.step > began:
            mean = float(np.mean(play(net, args.env, 10, seed_of(args, CHOOSE), args.device)))
            if mean > best_mean:
                best.load_state_dict(net.state_dict())
            run.note(mean=mean, **({"loss": run.mean_loss()} if run.watched else {}))
    env.close()

    metrics = measure(best, args)
    if not args.dry_run:
        told = f"the best net gets {metrics['mean']:.0f} points, chance {metrics['random']:.0f}"
        title = f"After {len(points)} games of {args.env} {told}"
        draw_returns(run, title, metrics["random"], args.out / "returns.png")
    return metrics | {
        "steps": run.step,
        "returns": [gained for _, gained in points],
        "evaluations": [{"step": step, "mean": mean} for step, mean in means],
        "seconds": run.seconds,
    }


def measure(net, args):
    """Return the points of a net and of chance in games that nothing was learned from."""
    seed = seed_of(args, MEASURE)
    points = play(net, args.env, args.games, seed, args.device)
    random_mean = float(np.mean(play_at_random(args.env, args.games, seed)))
    mean, worst = float(np.mean(points)), min(points)
    print(f"{args.games} games: mean {mean:.1f}, worst {worst:.0f}; random {random_mean:.1f}")
    played = {"mean": mean, "worst": worst, "random": random_mean, "points": points}
    return played | {"device": str(args.device)}


def show(args):
    """Play with the best net of a checkpoint, and draw the first game."""
    saved = read_checkpoint(args.play, args.script)
    args.env = saved["settings"]["env"]
    net = QNet(make_env(args.env)).to(args.device)
    net.load_state_dict(saved["best"])
    metrics = measure(net, args)
    if not args.dry_run:
        frames = film(net, args.env, seed_of(args, MEASURE), args.device)
        save_film(frames, make_folder(args.out))
        log.info("the first game is in %s and play.png", args.out / "play.gif")
    return metrics


@script
def main(argv=None):
    """Learn or play, as the arguments say, and return the metrics."""
    share = number(float, lambda value: 0 <= value <= 1, "share")
    parser = Arguments(__file__, __doc__, batch_size=64, lr=0.001)
    add = parser.add_argument
    add("--env", default="CartPole-v1", help="the game, by its name in gymnasium")
    add("--steps", type=positive, default=10_000, help="moments to play at most")
    add("--enough", type=float, help="mean points to stop at; by default the game's own goal")
    add("--gamma", type=share, default=0.99, help="what a point a moment later is worth")
    add("--tau", type=share, default=0.01, help="share of the way the target network follows")
    add("--memory", type=positive, default=20_000, help="moments remembered")
    add("--warm-up", type=positive, default=500, help="moments before the learning begins")
    add("--learn-every", type=positive, default=2, help="moments between two steps of learning")
    add("--explore", type=positive, default=3000, help="moments until --epsilon is reached")
    add("--epsilon", type=share, default=0.05, help="share of random actions in the end")
    add("--evaluate-every", type=positive, default=1000, help="moments between evaluations")
    add("--games", type=positive, default=20, help="games to measure on in the end")
    add("--play", type=Path, metavar="FILE", help="only play, with the net of a checkpoint")
    add("--resume", action="store_true", help="go on from the checkpoint in --out")
    args = parser.read(argv)
    with threads(1):  # with nets so small more only wait for each other
        return show(args) if args.play else learn(args)


if __name__ == "__main__":
    main()
