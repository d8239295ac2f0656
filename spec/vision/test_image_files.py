"""Reading and writing image files as tensors.

`torchvision.io` reads an image file straight into a tensor, without Pillow: `decode_image(path)`
gives (channels, height, width) of uint8, in RGB. It reads JPEG and PNG, in newer releases GIF and
WebP too; the kind is told by the content, not by the name. `write_png` and `write_jpeg` go the
other way.

What surprises: the tensor has bytes from 0 to 255, and has to be scaled for a network; a grey PNG
file has one channel and a colour one with transparency four, unless the mode "RGB" is asked for,
and one whose palette has 8-bit indices gives these; `decode_image` took the bytes of a file only,
and no path, before torchvision 0.20 (PyTorch 2.5); videos were removed; and since torchvision 0.29
(PyTorch 2.14) image reading is deprecated too, for `torchcodec`. Pillow's pictures are on
`spec/data/test_transforms.py`.
"""

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torchvision import io
from torchvision.io import ImageReadMode

pytestmark = pytest.mark.filterwarnings(
    "ignore:The image decoding and encoding capabilities:DeprecationWarning"
)


def save(path, pixels):
    Image.fromarray(np.array(pixels, dtype=np.uint8)).save(path)
    return str(path)


def test_an_image_file_becomes_bytes_with_channels_first(tmp_path):
    """`torchvision.io.read_image("photo.png")` of an 8-bit RGB PNG file (no palette, no alpha)
    returns a uint8 tensor (C, H, W): a file 2 wide and 1 high gives the shape (3, 1, 2).

    Divide by 255 for a network: `image / 255`. A colour file with alpha gives 4 channels;
    `mode=io.ImageReadMode.RGB` drops the alpha.
    """
    path = save(tmp_path / "0.png", [[[255, 0, 7], [1, 2, 3]]])

    image = io.read_image(path)

    assert image.dtype == torch.uint8
    assert image.shape == (3, 1, 2)
    assert image.tolist() == [[[255, 1]], [[0, 2]], [[7, 3]]]


@pytest.mark.torch(">=2.5")
def test_decode_image_takes_a_path(tmp_path):
    """Since torchvision 0.20 (PyTorch 2.5) `torchvision.io.decode_image` takes a path, and a
    mode by its name, "RGB"; `torchvision.io.read_image`, the older name, gives the same tensor
    for a path.
    """
    path = save(tmp_path / "0.png", [[9, 8]])

    assert io.decode_image(path).tolist() == io.read_image(path).tolist() == [[[9, 8]]]
    assert io.decode_image(path, mode="RGB").tolist() == [[[9, 8]], [[9, 8]], [[9, 8]]]


@pytest.mark.torch("<2.5")
def test_decode_image_took_no_path(tmp_path):
    """Before torchvision 0.20 (PyTorch 2.5) `io.decode_image(path)` of a string `path` raised
    RuntimeError, "Expected a value of type 'Tensor' for argument"; `io.read_image(path)` read the
    file.
    """
    path = save(tmp_path / "0.png", [[9, 8]])

    with pytest.raises(RuntimeError, match="Expected a value of type 'Tensor' for argument"):
        io.decode_image(path)
    assert io.read_image(path).tolist() == [[[9, 8]]]


def test_bytes_are_decoded_from_a_tensor(tmp_path):
    """`torchvision.io.decode_image` takes the content of a JPEG or 8-bit PNG file as a contiguous
    1-D uint8 tensor: for `data`, this content as Python `bytes`, pass
    `torch.frombuffer(bytearray(data), dtype=torch.uint8)`.

    Python's `bytes` themselves are refused, or taken for a path. Of a tensor that isn't contiguous
    the wrong bytes are read: RuntimeError, "Unsupported image file".
    """
    path = save(tmp_path / "0.png", [[9, 8]])
    data = (tmp_path / "0.png").read_bytes()
    content = torch.frombuffer(bytearray(data), dtype=torch.uint8)

    assert io.decode_image(content).tolist() == [[[9, 8]]]
    assert io.decode_image(io.read_file(path)).tolist() == [[[9, 8]]]
    with pytest.raises(RuntimeError, match=r"No such file or directory|Expected a value of type"):
        io.decode_image(data)
    with pytest.raises(RuntimeError, match="Unsupported image file"):
        io.decode_image(content.repeat_interleave(2)[::2])


def test_the_file_decides_the_channels_unless_the_mode_does(tmp_path):
    """`torchvision.io.read_image("a.png")` of an 8-bit PNG file without a palette has 1
    channel for grey and 3 for colour, both without alpha, and 4 for colour with alpha;
    `read_image("a.png", ImageReadMode.RGB)` has 3 each time.

    A data set with a few grey or transparent files fails in the loader's stack otherwise: "stack
    expects each tensor to be equal size". A PNG file with a palette gives 1 channel of indices; if
    an index takes fewer than 8 bits, as for up to 16 colours in a file by Pillow, the values are
    wrong. `ImageReadMode.RGB` reads the colours of both.
    """
    paths = [
        save(tmp_path / "grey.png", [[9]]),
        save(tmp_path / "colour.png", [[[9, 8, 7]]]),
        save(tmp_path / "clear.png", [[[9, 8, 7, 128]]]),
    ]

    assert [len(io.read_image(path)) for path in paths] == [1, 3, 4]
    Image.open(paths[1]).convert("P").save(tmp_path / "palette.png")
    assert len(io.read_image(str(tmp_path / "palette.png"))) == 1
    assert [len(io.read_image(path, ImageReadMode.RGB)) for path in paths] == [3, 3, 3]


def test_a_missing_file_is_a_runtime_error(tmp_path):
    """`torchvision.io.read_image("no.png")`, where no such file exists, raises
    RuntimeError, "[Errno 2] No such file or directory", and not Python's FileNotFoundError.

    So `except FileNotFoundError` doesn't catch it. Pillow's `Image.open` raises
    FileNotFoundError.
    """
    with pytest.raises(RuntimeError, match="No such file or directory"):
        io.read_image(str(tmp_path / "no.png"))
    with pytest.raises(FileNotFoundError):
        Image.open(tmp_path / "no.png")


def test_other_kinds_of_files_are_refused(tmp_path):
    """`torchvision.io.read_image` raises RuntimeError, "Unsupported image file. Only jpeg",
    for a BMP file and for a file `0.png` with the text "hello"; Pillow reads BMP, TIFF and
    more.

    `v2.functional.pil_to_tensor(Image.open(path))` of `torchvision.transforms` gives a uint8
    tensor (C, H, W) of a BMP file that Pillow opens in mode "RGB" or "L" (grey); a black-and-white
    file opens in mode "1" and gives a bool tensor.
    """
    path = save(tmp_path / "0.bmp", [[9]])
    (tmp_path / "0.png").write_text("hello")

    with pytest.raises(RuntimeError, match=r"Unsupported image file. Only"):
        io.read_image(path)
    with pytest.raises(RuntimeError, match=r"Unsupported image file. Only"):
        io.read_image(str(tmp_path / "0.png"))
    assert Image.open(path).getpixel((0, 0)) == 9


def test_a_truncated_file_is_refused(tmp_path):
    """`io.read_image` of a PNG file that ends before its pixels, after 40 bytes, raises
    RuntimeError, "Probably, the input image is corrupted"; an empty file raises "Expected a non
    empty file".
    """
    save(tmp_path / "0.png", [[9, 8]])
    (tmp_path / "cut.png").write_bytes((tmp_path / "0.png").read_bytes()[:40])
    (tmp_path / "empty.png").write_bytes(b"")

    with pytest.raises(RuntimeError, match="Probably, the input image is corrupted"):
        io.read_image(str(tmp_path / "cut.png"))
    with pytest.raises(RuntimeError, match="Expected a non empty file"):
        io.read_image(str(tmp_path / "empty.png"))


def test_png_keeps_the_bytes(tmp_path):
    """`torchvision.io.write_png(image, path)` of a uint8 tensor of shape (1, 1, 4) and a `str` as
    path, then `torchvision.io.read_image(path)`, gives an equal tensor;
    `torchvision.io.write_jpeg` is lossy, so the tensor read back may differ.
    """
    image = torch.tensor([[[0, 255, 0, 255]]], dtype=torch.uint8)

    io.write_png(image, str(tmp_path / "0.png"))
    io.write_jpeg(image, str(tmp_path / "0.jpg"), quality=1)

    assert io.read_image(str(tmp_path / "0.png")).tolist() == [[[0, 255, 0, 255]]]
    assert io.read_image(str(tmp_path / "0.jpg")).equal(image) is False


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (torch.rand(3, 2, 2), "Input tensor dtype should be uint8"),
        (torch.zeros(2, 2, dtype=torch.uint8), "Input data should be a 3-dimensional tensor"),
        (torch.zeros(5, 5, 3, dtype=torch.uint8), "The number of channels should be 1 or 3, got"),
    ],
)
def test_writing_wants_bytes_with_channels_first(image, words, tmp_path):
    """`torchvision.io.write_png(image, path)` wants a uint8 `image` (C, H, W) with 1 or 3
    channels: float32 (3, 2, 2), uint8 (2, 2) and uint8 (5, 5, 3) raise RuntimeError. For float32
    from 0 to 1, `torchvision.utils.save_image` converts.

    By hand: `(image * 255).round().to(torch.uint8)`. Channels last with a height of 1 or 3 raise
    nothing, and give a wrong picture.
    """
    with pytest.raises(RuntimeError, match=words):
        io.write_png(image, str(tmp_path / "0.png"))
    torchvision.utils.save_image(torch.ones(3, 2, 2), tmp_path / "1.png")
    assert io.read_image(str(tmp_path / "1.png")).max().item() == 255


@pytest.mark.torch(">=2.5")
def test_sixteen_bits_stay_sixteen_bits(tmp_path):
    """Since torchvision 0.20 (PyTorch 2.5) `torchvision.io.decode_image` reads a grey PNG file of
    16 bits, such as a depth map, as uint16 with its values as they are; before, it raised
    RuntimeError for such a file.

    Many operations lack uint16 (`spec/tensors/test_special_dtypes.py`): write `.float()`.
    torchvision 0.29 warns that decoding images is deprecated. With `mode="RGB"` too the values
    keep their 16 bits.
    """
    Image.fromarray(np.array([[40000, 7]], dtype=np.uint16)).save(tmp_path / "0.png")

    image = io.decode_image(str(tmp_path / "0.png"))

    assert image.dtype == torch.uint16
    assert image.float().tolist() == [[[40000.0, 7.0]]]


@pytest.mark.torch("<2.4.2")
def test_sixteen_bits_were_refused(tmp_path):
    """Up to torchvision 0.19 `torchvision.io.read_image` of a grayscale PNG file of 16 bits
    raised RuntimeError, "At most 8-bit PNG images are supported currently"; Pillow reads
    it.
    """
    path = tmp_path / "0.png"
    Image.fromarray(np.array([[40000, 7]], dtype=np.uint16)).save(path)

    with pytest.raises(RuntimeError, match="At most 8-bit PNG images are supported"):
        io.read_image(str(path))
    assert np.asarray(Image.open(path)).tolist() == [[40000, 7]]


@pytest.mark.torch(">=2.14")
def test_image_reading_is_deprecated(tmp_path):
    """Since torchvision 0.29 (PyTorch 2.14) `torchvision.io.decode_image` issues a
    DeprecationWarning: the package `torchcodec` is to take its place.

    So do `read_image` and `write_png`. A script does not show it: by default Python hides a
    DeprecationWarning raised in a library.
    """
    path = save(tmp_path / "0.png", [[9]])

    with pytest.warns(
        DeprecationWarning, match="The image decoding and encoding capabilities of T"
    ):
        image = io.decode_image(path)
    assert image.tolist() == [[[9]]]


@pytest.mark.torch(">=2.11")
def test_video_reading_is_gone():
    """Since torchvision 0.26 there is no `io.read_video`: importing it raises ImportError,
    "cannot import name 'read_video' from 'torchvision.io'"; `torchcodec.decoders.VideoDecoder`
    reads videos.

    It was deprecated in 0.22.
    """
    with pytest.raises(ImportError, match=r"cannot import name 'read_video' from 'torchvision.io'"):
        from torchvision.io import read_video  # noqa: F401
    assert hasattr(io, "decode_image")
