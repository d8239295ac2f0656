"""Play games of Gymnasium, by a net or by chance, and film one; nothing is learned here."""

import gymnasium
import numpy as np
import torch
from figures import figure, pictures
from PIL import Image, ImageDraw
from workbench import InputError, first_line


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


def play_at_random(name, games, seed):
    """Return the points of games in which chance alone plays."""
    env, points = make_env(name), []
    env.action_space.seed(seed)
    for number in range(games):
        env.reset(seed=seed + number)
        points.append(0.0)
        ended = False
        while not ended:
            _, gained, over, out_of_time, _ = env.step(env.action_space.sample())
            points[-1] += float(gained)
            ended = over or out_of_time
    env.close()
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


def save_film(frames, out):
    """Write a game as play.gif, every other picture, and eight of them as play.png."""
    first, *others = frames[::2]
    first.save(out / "play.gif", save_all=True, append_images=others, duration=40, loop=0)
    shown = np.linspace(0, len(frames) - 1, 8).astype(int)
    title = f"A game of {len(frames)} moments"
    with figure(out / "play.png", title, 2, 4, size=(8, 3.4)) as grid:
        pictures(grid, [frames[n] for n in shown], [f"moment {n + 1}" for n in shown])
