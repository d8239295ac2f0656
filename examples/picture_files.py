"""Read pictures from files as tensors, values from 0 to 1 as (1, 3, size, size), and back."""

import numpy as np
import torch
from PIL import Image
from workbench import InputError, first_line


def read_picture(path, size):
    """Read a picture, cut to its middle square, as (1, 3, size, size)."""
    try:
        with Image.open(path) as image:
            image = image.convert("RGB")
    except FileNotFoundError as error:
        raise InputError(f"no picture {path}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no picture that can be read: {first_line(error)}") from error
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    return to_tensor(image.resize((size, size), Image.Resampling.LANCZOS))


def to_tensor(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


def to_image(picture):
    pixels = (picture.detach().cpu()[0].clamp(0, 1) * 255).round().byte()
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())
