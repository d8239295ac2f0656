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
moments, or 20 seconds of one core (2,000 and 8 with seed 1: at 475 points a run stops early).
Nets get worse again on the way, so the one that plays best in an evaluation is kept.
"""

import argparse
import logging
import os
import sys
import time
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import gymnasium
import numpy as np
import torch
import torch.nn.functional as F
import workbench
from matplotlib.figure import Figure
from PIL import Image, ImageDraw
from torch import nn
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

log = logging.getLogger("dqn")

# Seeds of the games: far apart, so that no game is learned from and measured on.
LEARN, CHOOSE, MEASURE = 0, 1_000_000, 2_000_000


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


def make_env(name, **options):
    """Make a game that gives a row of numbers and takes one of a few actions."""
    try:
        env = gymnasium.make(name, **options)
    except gymnasium.error.Error as error:
        raise InputError(f"--env {name}: {first_line(error)}") from error
    box, actions = env.observation_space, env.action_space
    fits = isinstance(box, gymnasium.spaces.Box) and len(box.shape) == 1
    if not (fits and isinstance(actions, gymnasium.spaces.Discrete)):
        raise InputError(
            f"--env {name}: needs a row of numbers and a choice; it has {box} and {actions}"
        )
    return env


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


class Training:
    """A run that can be stopped at any moment and taken up again.

    A checkpoint is written between two games. Each game's seed is its number, so that it is enough
    to remember how many were played; the replay memory is in the checkpoint too (0.9 MB).
    """

    def __init__(self, env, args, device):
        self.env, self.args, self.device = env, args, device
        self.net = QNet(env).to(device)
        self.target = deepcopy(self.net).requires_grad_(False)
        self.best, self.best_mean = deepcopy(self.net), -float("inf")
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=args.lr)
        self.memory = Memory(args.memory, env)
        self.generator = torch.Generator().manual_seed(args.seed)
        self.steps = 0
        self.returns, self.lengths, self.evaluations = [], [], []
        self.seconds = 0.0

    def epsilon(self):
        """Return how often to try an action at random: from always down to now and then."""
        done = min(1.0, self.steps / self.args.explore)
        return 1.0 + done * (self.args.epsilon - 1.0)

    def left(self):
        """Return the share of the steps that are still to come, a tenth at least."""
        return max(0.1, 1 - self.steps / self.args.steps)

    def run(self, checkpoint=None):
        """Play and learn until the steps are used up or the games go well enough."""
        began = time.perf_counter() - self.seconds
        bar = tqdm(
            total=self.args.steps, initial=self.steps, leave=False, disable=None, unit="step"
        )
        with bar:
            while self.steps < self.args.steps and self.best_mean < self.args.enough:
                before = self.steps
                self.play_game()
                bar.update(self.steps - before)
                if self.steps // self.args.evaluate_every > before // self.args.evaluate_every:
                    self.evaluate()
                    self.seconds = time.perf_counter() - began
                    self.save(checkpoint)
        if not self.evaluations or self.evaluations[-1]["step"] != self.steps:
            self.evaluate()
        self.seconds = time.perf_counter() - began
        self.save(checkpoint)

    def play_game(self):
        """Play one game and learn from the memory as it goes on."""
        seed = 10_000_000 * self.args.seed + LEARN + len(self.returns)
        self.env.action_space.seed(seed)
        seen, _ = self.env.reset(seed=seed)
        points, length, over, out_of_time = 0.0, 0, False, False
        while not (over or out_of_time):
            if torch.rand((), generator=self.generator).item() < self.epsilon():
                action = int(self.env.action_space.sample())
            else:
                action = greedy(self.net, [seen], self.device)[0]
            after, gained, over, out_of_time, _ = self.env.step(action)
            # A game that ran out of time could have gone on: only `over` ends what is to come.
            self.memory.add(before=seen, action=action, points=gained, after=after, over=over)
            seen, points, length = after, points + float(gained), length + 1
            self.steps += 1
            if self.memory.added >= self.args.warm_up and self.steps % self.args.learn_every == 0:
                self.learn()
        self.returns.append(points)
        self.lengths.append(length)

    def learn(self):
        """Take one step towards the target, and the target network a small one after the net."""
        batch = self.memory.sample(self.args.batch_size, self.generator, self.device)
        before, action, points, after, over = batch
        with torch.no_grad():
            chosen = self.net(after).argmax(1, keepdim=True)
            worth = self.target(after).gather(1, chosen).squeeze(1)
            target = points + self.args.gamma * (1 - over) * worth
        said = self.net(before).gather(1, action.unsqueeze(1)).squeeze(1)
        # Smaller steps towards the end, where one net after another plays about as well.
        self.optimizer.param_groups[0]["lr"] = self.args.lr * self.left()
        self.optimizer.zero_grad()
        loss = F.smooth_l1_loss(said, target)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
        self.optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self.net.parameters(), strict=True):
                slow.lerp_(fast, self.args.tau)
        self.loss = loss.item()
        if not self.loss < float("inf"):
            raise InputError(f"the loss is {self.loss}: with --lr {self.args.lr} it went astray")

    def evaluate(self):
        """Play without chance; remember the net if it plays better than any before it."""
        seed = 10_000_000 * self.args.seed + CHOOSE
        mean = float(np.mean(play(self.net, self.args.env, 10, seed, self.device)))
        self.evaluations.append({"step": self.steps, "game": len(self.returns), "mean": mean})
        log.info("step %6d, game %4d: mean of 10 games %.1f", self.steps, len(self.returns), mean)
        if mean > self.best_mean:
            self.best_mean = mean
            self.best.load_state_dict(self.net.state_dict())

    def settings(self):
        """Return what a checkpoint must share with the run that goes on from it."""
        names = (
            "env steps seed batch_size lr gamma tau memory warm_up learn_every explore epsilon "
            "evaluate_every enough"
        )
        return {name: getattr(self.args, name) for name in names.split()}

    NETS = ("net", "target", "best", "optimizer")
    PLAIN = ("steps", "best_mean", "returns", "lengths", "evaluations", "seconds")

    def save(self, path):
        """Write a checkpoint: a kill at any moment leaves the one before or this one, whole."""
        if path is None:
            return
        state = {name: getattr(self, name).state_dict() for name in self.NETS}
        state |= {name: getattr(self, name) for name in self.PLAIN}
        state |= {"memory": self.memory.columns, "added": self.memory.added}
        state |= {"generator": self.generator.get_state(), "settings": self.settings()}
        partial = path.with_suffix(".partial")
        with open(partial, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)

    def load(self, path):
        """Go back to where a checkpoint was written."""
        state = read_checkpoint(path)
        for name, value in self.settings().items():
            if state["settings"].get(name) != value:
                theirs = state["settings"].get(name)
                raise InputError(
                    f"{path} is of another run: {name} is {theirs} there, {value} here"
                )
        for name in self.NETS:
            getattr(self, name).load_state_dict(state[name])
        for name in self.PLAIN:
            setattr(self, name, state[name])
        self.memory.columns, self.memory.added = state["memory"], state["added"]
        self.generator.set_state(state["generator"])


def read_checkpoint(path):
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        state["settings"]["env"], state["best"], state["memory"]
    except FileNotFoundError as error:
        raise InputError(f"no checkpoint at {path}: a run without --play writes one") from error
    except Exception as error:  # whatever else lies there can fail in any way
        raise InputError(f"{path} is no checkpoint of this script: {first_line(error)}") from error
    return state


# Playing.


def greedy(net, seen, device):
    """Return the action that the net thinks most of, for each thing seen."""
    with torch.inference_mode():
        return net(torch.from_numpy(np.stack(seen)).float().to(device)).argmax(1).tolist()


def play(net, name, games, seed, device):
    """Return the points of games played without chance, all games side by side."""
    envs = [make_env(name) for _ in range(games)]
    seen = {number: env.reset(seed=seed + number)[0] for number, env in enumerate(envs)}
    points = [0.0] * games
    while seen:
        actions = greedy(net, list(seen.values()), device)
        for number, action in zip(list(seen), actions, strict=True):
            seen[number], gained, over, out_of_time, _ = envs[number].step(action)
            points[number] += float(gained)
            if over or out_of_time:
                del seen[number]
    for env in envs:
        env.close()
    return points


def play_at_random(env, games, seed):
    """Return the points of games in which chance alone plays."""
    env.action_space.seed(seed)
    points = []
    for number in range(games):
        env.reset(seed=seed + number)
        points.append(0.0)
        ended = False
        while not ended:
            _, gained, over, out_of_time, _ = env.step(env.action_space.sample())
            points[-1] += float(gained)
            ended = over or out_of_time
    return points


def film(net, name, seed, device):
    """Return the pictures of one game: the game's own if it can draw, else a pole of ours."""
    env = make_env(name, render_mode="rgb_array")
    seen, _ = env.reset(seed=seed)
    frames, ended = [], False
    while not ended:
        try:
            frames.append(Image.fromarray(env.render()))
        except gymnasium.error.DependencyNotInstalled as error:
            if "CartPole" not in name:
                raise InputError(f"can't draw {name}: {first_line(error)}") from error
            frames.append(draw_pole(seen))
        seen, _, over, out_of_time, _ = env.step(greedy(net, [seen], device)[0])
        ended = over or out_of_time
    env.close()
    return frames


def draw_pole(seen, width=300, height=200):
    """Draw the cart and its pole as they stand; the track reaches from -2.4 to 2.4."""
    position, _, angle, _ = (float(value) for value in seen)
    picture = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(picture)
    x, y = width * (0.5 + position / 4.8), 0.75 * height
    pen.line((0, y + 12, width, y + 12), fill="gray", width=2)
    pen.rectangle((x - 25, y - 10, x + 25, y + 10), fill="black")
    tip = x + 100 * np.sin(angle), y - 100 * np.cos(angle)
    pen.line((x, y, *tip), fill="peru", width=8)
    pen.ellipse((x - 5, y - 5, x + 5, y + 5), fill="steelblue")
    return picture


def save_film(frames, out, shown=8):
    """Write a game as a GIF (every other picture) and as a strip of a few pictures."""
    frames[0].save(out / "play.gif", save_all=True, append_images=frames[2::2], duration=40, loop=0)
    width, height = frames[0].size
    strip = Image.new("RGB", (shown // 2 * width, 2 * height), "white")
    for place, moment in enumerate(np.linspace(0, len(frames) - 1, shown).astype(int)):
        corner = (place % (shown // 2) * width, place // (shown // 2) * height)
        strip.paste(frames[moment], corner)
        pen = ImageDraw.Draw(strip)
        pen.rectangle((*corner, corner[0] + width - 1, corner[1] + height - 1), outline="gray")
        pen.text((corner[0] + 8, corner[1] + 6), f"moment {moment}", fill="black")
    strip.save(out / "play.png")


def draw_returns(training, random_mean, path):
    """Draw the points of each game learned from, their moving average, and what chance gets."""
    returns = np.array(training.returns)
    window = min(20, len(returns))
    average = np.convolve(returns, np.ones(window) / window, "valid")
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(np.arange(1, len(returns) + 1), returns, ".", alpha=0.3, label="a game, with chance")
    axes.plot(np.arange(window, len(returns) + 1), average, label=f"mean of {window} games")
    axes.plot(
        [each["game"] for each in training.evaluations],
        [each["mean"] for each in training.evaluations],
        "o-",
        label="10 games without chance",
    )
    axes.axhline(random_mean, color="gray", ls="--", label=f"random play: {random_mean:.0f}")
    axes.set(title=f"Learning {training.args.env}", xlabel="games played", ylabel="points")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    figure.savefig(path, dpi=120)


# A run, from the command line or called.


def pick_device(name):
    """Return the device called `name`, or the accelerator that is here, or the CPU."""
    if name:
        try:
            return torch.empty(1, device=name).device
        except (AssertionError, RuntimeError) as error:
            raise InputError(f"--device {name}: {first_line(error)}") from error
    try:
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    except (AttributeError, TypeError):  # before PyTorch 2.7
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def first_line(error):
    return str(error).strip().partition("\n")[0]


@contextmanager
def one_thread():
    """Compute with one thread: with nets so small more only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def learn(args):
    """Learn to play, draw how it went, and measure the best net on games of its own."""
    device = pick_device(args.device)
    env = make_env(args.env)
    if args.enough is None:
        threshold = env.spec.reward_threshold
        args.enough = float("inf") if threshold is None else threshold
    if args.dry_run:
        args.steps, args.warm_up, args.evaluate_every = 300, 100, 100
    checkpoint = None if args.dry_run else args.out / "checkpoint.pt"
    measured = 10_000_000 * args.seed + MEASURE
    random_mean = float(np.mean(play_at_random(env, args.games, measured)))

    torch.manual_seed(args.seed)
    training = Training(env, args, device)
    if checkpoint and args.resume and checkpoint.exists():
        training.load(checkpoint)
        log.info("going on after step %d, game %d", training.steps, len(training.returns))
    elif checkpoint:
        checkpoint.unlink(missing_ok=True)  # a stopped run must not find an older one's
    training.run(checkpoint)
    env.close()

    points = play(training.best, args.env, args.games, measured, device)
    if not args.dry_run:
        draw_returns(training, random_mean, args.out / "returns.png")
    mean = float(np.mean(points))
    print(f"{args.games} games: mean {mean:.1f}, worst {min(points):.0f}; random {random_mean:.1f}")
    return {
        "device": str(device),
        "steps": training.steps,
        "returns": training.returns,
        "evaluations": training.evaluations,
        "mean": mean,
        "worst": min(points),
        "random": random_mean,
        "seconds": training.seconds,
    }


def show(args):
    """Play with the best net of a checkpoint, and draw the first game."""
    device, state = pick_device(args.device), read_checkpoint(args.play)
    name, seed = state["settings"]["env"], 10_000_000 * args.seed + MEASURE
    env = make_env(name)
    net = QNet(env).to(device)
    net.load_state_dict(state["best"])
    points = play(net, name, args.games, seed, device)
    random_mean = float(np.mean(play_at_random(env, args.games, seed)))
    env.close()
    if not args.dry_run:
        save_film(film(net, name, seed, device), args.out)
        log.info("the first game is in %s and play.png", args.out / "play.gif")
    mean = float(np.mean(points))
    print(f"{args.games} games: mean {mean:.1f}, worst {min(points):.0f}; random {random_mean:.1f}")
    return {"mean": mean, "worst": min(points), "random": random_mean, "points": points}


def read_arguments(argv):
    positive = workbench.number(int, lambda value: value > 0, "positive number")
    count = workbench.number(int, lambda value: value >= 0, "number")
    rate = workbench.number(float, lambda value: 0 < value < float("inf"), "learning rate")
    share = workbench.number(float, lambda value: 0 <= value <= 1, "share")
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--env", default="CartPole-v1", help="the game, by its name in gymnasium")
    add("--steps", type=positive, default=10_000, help="moments to play at most")
    add("--enough", type=float, help="mean points to stop at (none given: the game's own goal)")
    add("--batch-size", type=positive, default=64, help="moments in a step of learning")
    add("--lr", type=rate, default=0.001, help="learning rate")
    add("--gamma", type=share, default=0.99, help="what a point a moment later is worth")
    add("--tau", type=share, default=0.01, help="share of the way the target network follows")
    add("--memory", type=positive, default=20_000, help="moments remembered")
    add("--warm-up", type=positive, default=500, help="moments before the learning begins")
    add("--learn-every", type=positive, default=2, help="moments between two steps of learning")
    add("--explore", type=positive, default=3000, help="moments until --epsilon is reached")
    add("--epsilon", type=share, default=0.05, help="share of random actions in the end")
    add("--evaluate-every", type=positive, default=1000, help="moments between evaluations")
    add("--games", type=positive, default=20, help="games to measure on in the end")
    add(
        "--play", type=Path, metavar="FILE", help="play with the net of a checkpoint; learn nothing"
    )
    add("--seed", type=count, default=0, help="for weights, games and chance")
    add("--device", help="cpu, cuda, mps, ... (none given: the accelerator that is here, or cpu)")
    add("--out", type=Path, default=Path("runs/dqn"), metavar="DIR", help="figures and checkpoint")
    add("--resume", action="store_true", help="go on from the checkpoint in --out, if it is there")
    add("--dry-run", action="store_true", help="go all the way in 300 moments; write nothing")
    return parser.parse_args(argv)


def make_folder(path):
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path}: {error.strerror}") from error


def main(argv=None):
    """Learn or play, as the arguments say, and return the metrics."""
    args = read_arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        with logging_redirect_tqdm(), one_thread():
            if not args.dry_run:
                make_folder(args.out)
            return show(args) if args.play else learn(args)
    except InputError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        raise SystemExit(2) from error


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; --resume goes on from the last checkpoint")
