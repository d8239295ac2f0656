"""Pictures of some classes of a folder, each decoded once and held as bytes."""

import torch
import torch.nn.functional as F
from picture_files import read_rgb
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2
from workbench import InputError, progress

# What ImageNet's pictures have, and so what torchvision's weights expect.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Pictures:
    """Pictures of some classes of `folder`, at most `count` of each, in one tensor."""

    def __init__(self, folder, classes, count, size, device):
        transform = v2.Compose([v2.Resize(size), v2.CenterCrop(size), v2.PILToTensor()])
        found = ImageFolder(folder, transform, loader=read_rgb)
        wanted = []
        for name in classes:
            label = found.class_to_idx[name]
            wanted += [i for i, target in enumerate(found.targets) if target == label][:count]
        parts = [found[i] for i in progress(wanted, "decoding", len(wanted))]
        self.classes = list(classes)
        self.images = torch.stack([image for image, _ in parts]).to(device)
        labels = [classes.index(found.classes[label]) for _, label in parts]
        self.labels = torch.tensor(labels, device=device)

    def __len__(self):
        return len(self.labels)

    def batch(self, chosen):
        """Return the chosen pictures, normalised, with their labels."""
        images = self.images[chosen].float() / 255
        return v2.functional.normalize(images, MEAN, STD), self.labels[chosen]

    def batches(self, size):
        """Yield all pictures in order, normalised, with their labels."""
        for chosen in torch.arange(len(self), device=self.labels.device).split(size):
            yield self.batch(chosen)

    def rows(self, function=None):
        """Return what `function` makes of the pictures, or their values, a row for each."""
        with torch.no_grad():
            seen = [images for images, _ in self.batches(250)]
            return torch.cat([function(each) if function else each for each in seen]).flatten(1)

    def accuracy(self, net):
        """Return the share of pictures that a net puts into their class, in eval mode."""
        found = self.rows(net.eval()).argmax(1)
        return (found == self.labels).double().mean().item()

    def shuffled(self, batch_size, generator, margin=4):
        """Yield all in random order, every other mirrored, each batch shifted by a few pixels."""
        for chosen in torch.randperm(len(self), generator=generator).split(batch_size):
            mirrored = torch.rand(len(chosen), generator=generator) < 0.5
            top, left = torch.randint(2 * margin + 1, (2,), generator=generator).tolist()
            images, labels = self.batch(chosen.to(self.labels.device))
            images[mirrored] = images[mirrored].flip(3)
            height, width = images.shape[2:]
            images = F.pad(images, [margin] * 4)[:, :, top : top + height, left : left + width]
            yield images, labels


def split_classes(root, old, new):
    """Return the parts of the folder, the classes to pretrain on, and those of the new task."""
    validation = root / ("val" if (root / "val").is_dir() else "test")
    try:
        learn, measure = (ImageFolder(part).classes for part in (root / "train", validation))
    except FileNotFoundError as error:
        raise InputError(
            f"no pictures in {root}: put train/CLASS/*.jpg and val/CLASS/*.jpg there, "
            f"or draw some: python examples/drawn/shapes.py {root} --count 300 --val 100"
        ) from error
    rest = -max(2, len(learn) // 4)
    old, new = (
        old or [name for name in learn[:rest] if name not in (new or ())],
        new or [name for name in learn[rest:] if name not in (old or ())],
    )
    missing = sorted((set(old) | set(new)) - (set(learn) & set(measure)))
    if missing or min(len(old), len(new)) < 2:
        words = (
            f"{', '.join(missing)} is missing" if missing else "two tasks of two classes it takes"
        )
        raise InputError(f"{root}: {words}; in train are {', '.join(learn)}")
    return (root / "train", validation), list(old), list(new)


def open_both(folders, classes, counts, args):
    """Return pictures of these classes to learn from and to measure on, so many of each at most."""
    both = zip(folders, counts, strict=True)
    return [Pictures(folder, classes, count, args.size, args.device) for folder, count in both]
