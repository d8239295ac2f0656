"""torchvision beside torch.

torchvision is a package of its own, with compiled operators such as `nms` and `roi_align`, built
against one release of torch: 0.15 belongs to 2.0, 0.16 to 2.1, and so on up to 0.29, which
belongs to 2.14. The two are installed by one command, from one index. If they don't fit, `import
torchvision` stops with "operator torchvision::nms does not exist", or the operators are missing
when they are called.

What surprises: `pip install --upgrade torch` alone can break torchvision; the CUDA builds of the
two have to agree too; and old tutorials import names that torchvision has removed since.
"""

import importlib

import pytest
import torch
import torchvision
from torchvision import ops, transforms


@pytest.mark.torch(">=2.4")
def test_an_operator_that_was_not_loaded_does_not_exist():
    """Decorating a function by `torch.library.register_fake("torchvision::no_nms")`, with the
    name of an operator that is not registered, raises RuntimeError, "operator
    torchvision::no_nms does not exist".

    `import torchvision` does just that for `nms` in several releases, and fails with "operator
    torchvision::nms does not exist" if its compiled library does not fit this torch. Install
    both anew: `pip install --upgrade --force-reinstall torch torchvision`; `--upgrade` alone
    leaves two newest releases of different builds (CPU, CUDA) as they are.
    """
    with pytest.raises(RuntimeError, match="operator torchvision::no_nms does not exist"):
        torch.library.register_fake("torchvision::no_nms")(lambda boxes: boxes)
    keep = torch.ops.torchvision.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5)
    assert keep.tolist() == [0]


def test_operators_that_were_not_loaded_are_named_when_called(monkeypatch):
    """Where `torchvision.extension._has_ops()` returns False, `torchvision.ops.nms` raises
    RuntimeError, "Couldn't load custom C++ ops. This can happen if your PyTorch and torchvision
    versions are incompatible".

    In torchvision 0.15 and 0.16 `_has_ops()` is False if the compiled operators were not loaded;
    0.17, 0.20, 0.23 and 0.29 stop before that, at `import torchvision`, with "operator
    torchvision::nms does not exist". Install torch and torchvision by one command, so that the two
    fit.
    """
    boxes, scores = torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0])

    keep = ops.nms(boxes, scores, 0.5)
    assert keep.tolist() == [0]
    monkeypatch.setattr(torchvision.extension, "_has_ops", lambda: False)
    with pytest.raises(RuntimeError, match=r"Couldn't load custom C\+\+ ops. This can happen if"):
        ops.nms(boxes, scores, 0.5)


@pytest.mark.torch("<2.15")
def test_the_minor_releases_go_together():
    """The torchvision that belongs to torch 2.x, up to 2.14, is 0.(x + 15), to be read in
    `torchvision.__version__`: 0.15 for torch 2.0, 0.19 for 2.4, 0.29 for 2.14.

    Take both from the same index, so that their builds, such as `+cu121` after the version, agree
    as well.
    """
    minor = int(torch.__version__.split(".")[1])
    vision = int(torchvision.__version__.split(".")[1])

    assert vision - minor == 15


@pytest.mark.torch("==2.15.*")
def test_from_2_15_on_the_rule_fails():
    """The torchvision that belongs to torch 2.15.0 is 0.29.2, not 0.30:
    `torchvision.__version__` begins with 0.29.

    So look the pair up, or let pip choose both in one command.
    """
    assert torch.__version__.split(".")[:2] == ["2", "15"]
    assert torchvision.__version__.split(".")[:2] == ["0", "29"]


def test_an_operator_is_called_through_torch_ops():
    """After `import torchvision`, `torch.ops.torchvision.nms(boxes, scores, 0.5)` is the
    operator behind `torchvision.ops.nms`; `torch.ops.torchvision.no_nms`, an unknown name,
    raises AttributeError, "'torchvision' object has no attribute".
    """
    boxes, scores = torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0])

    keep = torch.ops.torchvision.nms(boxes, scores, 0.5)

    assert keep.tolist() == [0]
    with pytest.raises(AttributeError, match="'torchvision' object has no attribute 'no_nms'"):
        torch.ops.torchvision.no_nms  # noqa: B018


@pytest.mark.torch(">=2.2")
def test_functional_tensor_is_gone():
    """Since torchvision 0.17 (PyTorch 2.2) importing `torchvision.transforms.functional_tensor`
    raises ModuleNotFoundError; its `rgb_to_grayscale` is in
    `torchvision.transforms.functional`.

    The message is "No module named 'torchvision.transforms.functional_tensor'". Packages such
    as basicsr 1.4.2 import `rgb_to_grayscale` from it: change that import in them.
    """
    with pytest.raises(
        ModuleNotFoundError, match=r"No module named 'torchvision.transforms.functional_tensor'"
    ):
        importlib.import_module("torchvision.transforms.functional_tensor")
    from torchvision.transforms.functional import rgb_to_grayscale

    assert rgb_to_grayscale(torch.zeros(3, 2, 2)).shape == (1, 2, 2)


@pytest.mark.torch("<2.2")
@pytest.mark.filterwarnings("ignore:The torchvision.transforms.functional_tensor:UserWarning")
def test_functional_tensor_was_a_module():
    """Before torchvision 0.17 (PyTorch 2.2) `torchvision.transforms.functional_tensor` could be
    imported and had `rgb_to_grayscale`."""
    module = importlib.import_module("torchvision.transforms.functional_tensor")

    assert module.rgb_to_grayscale(torch.zeros(3, 2, 2)).shape == (1, 2, 2)


def test_load_state_dict_from_url_is_torchs():
    """`from torchvision.models.utils import load_state_dict_from_url` raises
    ModuleNotFoundError, "No module named 'torchvision.models.utils'": import it from
    `torch.hub`.
    """
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'torchvision.models.utils'"):
        importlib.import_module("torchvision.models.utils")
    assert callable(torch.hub.load_state_dict_from_url) is True


@pytest.mark.torch(">=2.1")
def test_datapoints_became_tv_tensors():
    """Since torchvision 0.16 (PyTorch 2.1) `import torchvision.datapoints` raises
    ModuleNotFoundError: `Image`, `Mask` and `Video` of 0.15 are in `torchvision.tv_tensors`
    now, and `BoundingBox` is called `BoundingBoxes` there.
    """
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'torchvision.datapoints'"):
        importlib.import_module("torchvision.datapoints")
    names = set(dir(importlib.import_module("torchvision.tv_tensors")))
    assert {"Image", "Mask", "BoundingBoxes", "Video"} <= names


def test_two_old_transforms_have_new_names():
    """`transforms.Scale` of torchvision raises AttributeError, "has no attribute 'Scale'":
    use `transforms.Resize`. `transforms.RandomSizedCrop` raises AttributeError too: use
    `transforms.RandomResizedCrop`.

    The old names were deprecated for years, and are still found in old tutorials.
    """
    with pytest.raises(AttributeError, match="has no attribute 'Scale'"):
        transforms.Scale(4)
    with pytest.raises(AttributeError, match="has no attribute 'RandomSizedCrop'"):
        transforms.RandomSizedCrop(4)
    assert {"Resize", "RandomResizedCrop"} <= set(dir(transforms))
