"""Read pictures with their captions, in the files of COCO, and measure captions."""

import json
import tempfile
import textwrap
from collections import Counter, defaultdict
from pathlib import Path

import torch
from drawn.scenes import PARTS, write_scenes
from figures import BLUE, ORANGE, figure, pictures
from picture_files import read_picture
from torch.utils.data import Dataset
from workbench import InputError, make_folder, read_checkpoint


class CocoCaptions(Dataset):
    """Pictures of a folder with their captions in one JSON file: (picture, [caption, ...]).

    A picture is a tensor of bytes, 3 x size x size; a caption is a list of words.
    """

    def __init__(self, folder, annotations, size):
        try:
            content = json.loads(Path(annotations).read_text(encoding="utf-8"))
            captions = defaultdict(list)
            for annotation in content["annotations"]:
                captions[annotation["image_id"]].append(annotation["caption"].lower().split())
            self.items = [
                (Path(folder) / image["file_name"], captions[image["id"]])
                for image in content["images"]
                if captions[image["id"]]
            ]
        except OSError as error:
            told = "draw scenes by python examples/drawn/scenes.py, or leave --data out"
            raise InputError(f"no captions in {annotations}: {told}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{annotations} has no captions as COCO has them") from error
        if not self.items:
            raise InputError(f"{annotations} has no picture with a caption")
        self.size = size

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        path, captions = self.items[number]
        return read_bytes(path, self.size), captions


def read_bytes(path, size):
    """Return a picture as a tensor of bytes, 3 x size x size."""
    return (255 * read_picture(path, size)[0]).round().byte()


def open_parts(args, size):
    """Return pictures and captions by the name of their part: train, test, and novel if there.

    They are those of `--data`, or of scenes that are drawn for this run.
    """
    with tempfile.TemporaryDirectory() as folder:
        data = args.data or (Path(folder) if args.dry_run else args.out / "scenes")
        if args.resume:
            read_checkpoint(args.out / "checkpoint.pt", args.script)  # none is told at once
        elif args.data is None:
            counts = dict.fromkeys(PARTS, 64) if args.dry_run else {**PARTS, "train": args.pictures}
            if not args.dry_run:
                make_folder(args.out)
            write_scenes(data, counts, args.seed)
        parts = {}
        for name in ("train", "test", "novel"):
            file = data / "annotations" / f"captions_{name}.json"
            if name != "novel" or file.exists():
                images, captions = zip(*CocoCaptions(data / name, file, size), strict=True)
                parts[name] = torch.stack(images), captions
        return parts


def measure(found, captions):
    """Return the share of right captions, of words in place, and how many captions differ.

    Words are compared with the caption of the picture that is nearest.
    """
    both = list(zip(found, captions, strict=True))
    nearest = [
        max(
            sum(a == b for a, b in zip(words, own, strict=False)) / max(len(words), len(own))
            for own in captions
        )
        for words, captions in both
    ]
    return {
        "right": sum(words in captions for words, captions in both) / len(both),
        "words": sum(nearest) / len(nearest),
        "different": len({tuple(words) for words in found}),
    }


def baselines(learned, captions):
    """Measure the most frequent caption, and that of each place's most frequent word."""
    own = [caption for captions in learned for caption in captions]
    caption = list(Counter(map(tuple, own)).most_common(1)[0][0])
    length = Counter(map(len, own)).most_common(1)[0][0]
    long = [words for words in own if len(words) == length]
    places = [Counter(place).most_common(1)[0][0] for place in zip(*long, strict=True)]
    return {
        "most_frequent_caption": measure([caption] * len(captions), captions),
        "most_frequent_words": measure([places] * len(captions), captions),
    }


def judge(found, parts):
    """Print and return, by the name of a part, how good its captions are, and two baselines."""
    print(f"\n{'unseen pictures':32}  right  words in place  different captions")
    results = {}
    for name, captions in found.items():
        own = parts[name][1]
        results[name] = {"net": measure(captions, own)} | baselines(parts["train"][1], own)
        for row, shares in results[name].items():
            told = f"{shares['right']:7.1%}{shares['words']:16.1%}{shares['different']:20}"
            print(f"{name + ', ' + row.replace('_', ' '):32}{told}")
    return results


def draw_captions(path, parts, found, results):
    """Draw eight pictures of each part, with captions that are blue where they are right."""
    images, texts, colours = [], [], []
    for name, captions in found.items():
        eight = list(zip(parts[name][0], captions, parts[name][1], strict=True))[:8]
        images += [image.permute(1, 2, 0) for image, _, _ in eight]
        texts += [textwrap.fill(" ".join(words), 20) for _, words, _ in eight]
        colours += [BLUE if words in own else ORANGE for _, words, own in eight]
    told = {"test": "unseen pictures", "novel": "what was never seen together (last two rows)"}
    shares = [f"{results[name]['net']['right']:.0%} of {told[name]}" for name in found]
    title = "Captions that are right (blue): " + ",\n".join(shares)
    with figure(path, title, 2 * len(found), 4, size=(8, 5 * len(found))) as grid:
        pictures(grid, images, texts, colours)
