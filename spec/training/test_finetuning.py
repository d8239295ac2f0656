"""Finetuning a pretrained net.

A net that has learnt one task is a better start for a similar one than random weights are. You load
its weights, replace the last layer, the head, by a new one, and train the head alone or all of the
net. Or you train nothing and take the features that an inner layer computes.

Weights are matched by name, so those of another net can be loaded only where names and shapes
agree. torchvision has the nets: `weights=None` builds one with random weights, and only naming
weights downloads any.

What surprises: freezing parameters does not stop BatchNorm from updating its running statistics
(`spec/nn/test_batch_norm.py`); freezing after the head was replaced freezes the new head too. How a
state dict is loaded is told in `spec/training/test_checkpoints.py`, features by hooks in
`spec/nn/test_features.py`.
"""

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names


@pytest.mark.claim("path-finetune")
def test_a_new_head_learns_on_a_frozen_body():
    """After `net.requires_grad_(False)` of an `nn.Sequential` of two new `nn.Linear`, set `net[1]`
    to a new one: `backward()` and a step of an `SGD(net.parameters(), lr=0.25)` built afterwards
    train `net[1]` only; `net[0].weight.grad` stays None.

    Because a new layer's parameters require grad, and an optimizer passes over parameters
    without a gradient. A gradient left from before the freezing would still move the layer
    (`spec/optim/test_zero_grad.py`).
    """
    net = nn.Sequential(nn.Linear(1, 2, bias=False), nn.Linear(2, 1, bias=False))
    net[0].weight.data = torch.tensor([[1.0], [2.0]])  # as learnt from an earlier task
    net.requires_grad_(False)
    net[1] = nn.Linear(2, 3, bias=False)
    net[1].weight.data.zero_()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.25)
    target = torch.tensor([[4.0, 0.0, -4.0]])

    (net(torch.ones(1, 1)) - target).square().sum().backward()
    optimizer.step()

    assert net[0].weight.tolist() == [[1.0], [2.0]]
    assert net[0].weight.grad is None
    assert net[1].weight.tolist() == [[2.0, 4.0], [0.0, 0.0], [-2.0, -4.0]]


@pytest.mark.claim("path-finetune")
def test_finetuning_starts_closer_than_learning_anew():
    """With `x = torch.rand(64, 2)`, `y = 3 * x.sum(1, keepdim=True)`, `SGD(lr=0.1)` and
    MSE: after 3 steps on the targets `y + 0.25`, an `nn.Linear(2, 1)` trained before for
    100 steps on `y` has a smaller loss than a new one.
    """
    x = torch.rand(64, 2)

    def train(net, target, steps):
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(steps):
            optimizer.zero_grad()
            loss = (net(x) - target).square().mean()
            loss.backward()
            optimizer.step()
        return loss.item()

    old_task, new_task = 3 * x.sum(1, keepdim=True), 3 * x.sum(1, keepdim=True) + 0.25
    pretrained, anew = nn.Linear(2, 1), nn.Linear(2, 1)
    train(pretrained, old_task, steps=100)

    finetuned = train(pretrained, new_task, steps=3)
    from_nothing = train(anew, new_task, steps=3)

    assert (finetuned < from_nothing) is True


@pytest.mark.claim("summary-init-or-pretrained")
def test_training_starts_from_whatever_numbers_are_there():
    """`SGD(parameters, lr=0.5)` starts from the values that `nn.init` or `load_state_dict`
    gave the parameters before: with gradient 1, the first step takes a weight of 0 to -0.5
    and a weight of 6 to 5.5.
    """
    initialised, loaded = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.zeros_(initialised.weight)
    loaded.load_state_dict({"weight": torch.tensor([[6.0]])})
    optimizer = torch.optim.SGD([initialised.weight, loaded.weight], lr=0.5)

    initialised(torch.ones(1)).backward()
    loaded(torch.ones(1)).backward()
    optimizer.step()

    assert initialised.weight.tolist() == [[-0.5]]
    assert loaded.weight.tolist() == [[5.5]]


def test_freezing_after_the_head_was_replaced_freezes_the_head_too():
    """After `m = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1))` and
    `m[1] = nn.Linear(2, 3)`, `m.requires_grad_(False)` freezes both layers:
    `m(torch.ones(1)).sum().backward()` raises RuntimeError, "element 0 of tensors does not
    require grad".

    Because the call reaches the parameters that the net has at that moment, those of the
    new layer `m[1]` too: freeze first, then replace the layer.
    """
    net = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1))
    net[1] = nn.Linear(2, 3)
    net.requires_grad_(False)

    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad and"):
        net(torch.ones(1)).sum().backward()
    net[1].requires_grad_(True)
    net(torch.ones(1)).sum().backward()

    assert net[1].bias.grad.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.claim("path-load-other-weights")
def test_weights_of_another_net_do_not_fit_as_they_are():
    """By default `load_state_dict` of an `nn.ModuleDict` with linear layers `body` and `head`
    refuses the state dict of an `nn.Sequential` of two linear layers: RuntimeError, "Missing
    key(s) in state_dict" and "Unexpected key(s)" (0.weight).

    Rename the keys in a dict of your own. Leave out the tensors of another shape, which raise with
    `strict=False` as well, and load the others with `strict=False`.
    """
    donor = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1000))
    own = nn.ModuleDict({"body": nn.Linear(1, 2), "head": nn.Linear(2, 3)})

    with pytest.raises(
        RuntimeError, match=r'Missing key\(s\) in state_dict: "body.weight", "body.bias"'
    ) as error:
        own.load_state_dict(donor.state_dict())

    assert 'Unexpected key(s) in state_dict: "0.weight", "0.bias"' in str(error.value)

    renamed = {"body.weight": donor[0].weight, "head.weight": donor[1].weight}

    with pytest.raises(RuntimeError, match="size mismatch for head.weight"):
        own.load_state_dict(renamed, strict=False)


@pytest.mark.claim("path-load-other-weights")
def test_chosen_weights_are_renamed_and_picked_by_hand():
    """For `net = nn.ModuleDict({"body": nn.Linear(1, 2), "head": nn.Linear(2, 3)})` and a dict
    `chosen` of body.weight and body.bias, `net.load_state_dict(chosen, strict=False)` loads these
    two and returns the head's two as `missing_keys`.
    """
    donor = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1000))
    donor[0].weight.data = torch.tensor([[3.0], [5.0]])
    own = nn.ModuleDict({"body": nn.Linear(1, 2), "head": nn.Linear(2, 3)})

    chosen = {
        name.replace("0.", "body."): tensor
        for name, tensor in donor.state_dict().items()
        if name.startswith("0.")
    }
    answer = own.load_state_dict(chosen, strict=False)

    assert own["body"].weight.tolist() == [[3.0], [5.0]]
    assert answer.missing_keys == ["head.weight", "head.bias"]
    assert answer.unexpected_keys == []


def test_weights_are_picked_where_name_and_shape_agree():
    """For a `net` of linear layers and `own = net.state_dict()`, `net.load_state_dict({k: t for k,
    t in other.items() if k in own and t.shape == own[k].shape}, strict=False)` loads what fits;
    the result's `missing_keys` are the rest of `own`.

    Here `other` is a second state dict. The shape has to be compared because `strict=False` still
    refuses another shape. With a plain dict, as here, a missing `num_batches_tracked` of
    `nn.BatchNorm1d` is not listed.
    """
    donor = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1000))
    own = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 3))
    mine = own.state_dict()

    fitting = {
        name: tensor
        for name, tensor in donor.state_dict().items()
        if name in mine and tensor.shape == mine[name].shape
    }
    answer = own.load_state_dict(fitting, strict=False)

    assert list(fitting) == ["0.weight", "0.bias"]
    assert answer.missing_keys == ["1.weight", "1.bias"]
    assert torch.equal(own[0].weight, donor[0].weight) is True


# PyTorch 2.1 asks itself for names that it warns of.
@pytest.mark.filterwarnings("ignore:'has_:UserWarning")
@pytest.mark.claim("path-extract-layer")
def test_hook_cut_and_extractor_agree_on_the_features():
    """For `net = squeezenet1_1().eval()` and `x = torch.rand(1, 3, 32, 32)` a forward hook
    on `net.features[3]` sees the same output, bit for bit, as `net.features[:4](x)` and
    `create_feature_extractor(net, ["features.3"])(x)["features.3"]`.
    """
    net = models.squeezenet1_1(weights=None).eval()
    x = torch.rand(1, 3, 32, 32)

    hooked = []
    handle = net.features[3].register_forward_hook(lambda module, inputs, out: hooked.append(out))
    with torch.no_grad():
        net(x)
        handle.remove()
        cut = net.features[:4](x)
        extracted = create_feature_extractor(net, {"features.3": "squeezed"})(x)["squeezed"]

    assert hooked[0].shape == (1, 128, 7, 7)
    assert torch.equal(hooked[0], cut) is True
    assert torch.equal(hooked[0], extracted) is True


# PyTorch 2.1 asks itself for names that it warns of.
@pytest.mark.filterwarnings("ignore:'has_:UserWarning")
@pytest.mark.claim("path-extract-layer")
def test_the_extractor_finds_what_forward_computes_between_the_layers():
    """If `net.forward(x)` is `self.head(torch.relu(self.body(x)))` with two `nn.Linear`,
    torchvision's `get_graph_node_names(net)[0]` lists x, body, relu, head;
    `create_feature_extractor(net, {"relu": "a"})(x)["a"]` is `torch.relu`'s output.

    A hook needs a module; the function `torch.relu` is none. Where `forward` has an `if` on a
    value of its input, such as `if x.sum() > 0`, both functions raise `TraceError`.
    """

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(1, 2)
            self.head = nn.Linear(2, 1)

        def forward(self, x):
            return self.head(torch.relu(self.body(x)))

    net = Net()
    net.body.weight.data = torch.tensor([[1.0], [-1.0]])
    net.body.bias.data.zero_()

    names, _ = get_graph_node_names(net)
    features = create_feature_extractor(net, {"relu": "a"})(torch.tensor([3.0]))

    assert names == ["x", "body", "relu", "head"]
    assert list(features) == ["a"]
    assert features["a"].tolist() == [3.0, 0.0]


def test_the_extractor_refuses_a_layer_that_is_not_there():
    """`create_feature_extractor(net, ["layer4"])` of `net = nn.Sequential(nn.Linear(1, 1))`, which
    has no node of this name, raises ValueError, "node: 'layer4' is not present in model";
    `get_graph_node_names(net)` returns the names.

    It returns two lists of names, for train and for eval mode: here each is `["input", "0"]`. Both
    functions are in `torchvision.models.feature_extraction`.
    """
    net = nn.Sequential(nn.Linear(1, 1))

    with pytest.raises(ValueError, match="node: 'layer4' is not present in model"):
        create_feature_extractor(net, ["layer4"])
    assert get_graph_node_names(net) == (["input", "0"], ["input", "0"])


@pytest.mark.claim("path-pretrained-families")
@pytest.mark.parametrize(
    ("name", "classes", "parameters"),
    [
        ("inception_v3", 1000, 27161264),
        ("resnet18", 1000, 11689512),
        ("resnext50_32x4d", 1000, 25028904),
        ("vit_b_16", 1000, 86567656),
    ],
)
def test_the_families_come_with_weights(name, classes, parameters):
    """For the `name` "inception_v3", "resnet18", "resnext50_32x4d" or "vit_b_16",
    `meta = torchvision.models.get_model_weights(name).DEFAULT.meta` has 1000 classes in
    `meta["categories"]`; `meta["num_params"]` is 11689512 for "resnet18".
    """
    weights = models.get_model_weights(name).DEFAULT

    assert name in models.list_models()
    assert len(weights.meta["categories"]) == classes
    assert weights.meta["num_params"] == parameters


@pytest.mark.torch(">=2.0")
def test_a_net_of_torchvision_has_as_many_parameters_as_its_weights():
    """`torchvision.models.resnet18(weights=None)` has 11,689,512 parameters, counted by
    `numel()`, as many as `models.ResNet18_Weights.IMAGENET1K_V1.meta["num_params"]` says.

    Built inside `with torch.device("meta"):` the net takes no memory for them.
    """
    with torch.device("meta"):
        net = models.resnet18(weights=None)

    weights = models.ResNet18_Weights.IMAGENET1K_V1

    assert sum(parameter.numel() for parameter in net.parameters()) == 11689512
    assert weights.meta["num_params"] == 11689512
    assert {parameter.device.type for parameter in net.parameters()} == {"meta"}


@pytest.mark.claim("path-pretrained-families")
def test_the_head_of_a_ready_net_is_replaced_for_ones_own_classes():
    """After `net = torchvision.models.squeezenet1_1()` and
    `net.classifier[1] = nn.Conv2d(512, 3, kernel_size=1)`, `net(torch.rand(2, 3, 32, 32))`
    has the shape (2, 3): 3 scores per image in place of 1000.

    The head's name differs between families, such as `fc` in ResNet: `print(net)` shows it
    at the end.
    """
    net = models.squeezenet1_1(weights=None)
    before = net.classifier[1].out_channels
    net.classifier[1] = nn.Conv2d(net.classifier[1].in_channels, 3, kernel_size=1)

    with torch.no_grad():
        answer = net.eval()(torch.rand(2, 3, 32, 32))

    assert before == 1000
    assert answer.shape == (2, 3)


@pytest.mark.torch(">=2.0")
@pytest.mark.claim("path-pretrained-families")
@pytest.mark.parametrize(
    ("name", "head", "features"),
    [
        ("resnet18", "fc", 512),
        ("densenet121", "classifier", 1024),
        ("vgg11", "classifier.6", 4096),
        ("mobilenet_v3_small", "classifier.3", 1024),
        ("efficientnet_b0", "classifier.1", 1280),
        ("convnext_tiny", "classifier.2", 768),
        ("vit_b_16", "heads.head", 768),
        ("swin_t", "head", 768),
    ],
)
def test_the_last_layer_has_another_name_in_each_family(name, head, features):
    """The last layer of these nets of torchvision, the classifier, is an `nn.Linear` to
    1000 classes under different names: `fc` in `resnet18`, `classifier[6]` in `vgg11`,
    `heads.head` in `vit_b_16`, `head` in `swin_t`.

    So a ResNet is given two classes by `net.fc = nn.Linear(net.fc.in_features, 2)`; a new
    attribute of another name, such as `net.classifier` of a ResNet, is never called.
    """
    with torch.device("meta"):
        net = models.get_model(name, weights=None)
    last = net.get_submodule(head)

    assert (type(last), last.in_features, last.out_features) == (nn.Linear, features, 1000)
    assert list(net.modules())[-1] is last


@pytest.mark.claim("path-finetune")
def test_a_new_fc_of_a_resnet_gives_scores_for_ones_own_classes():
    """`net = torchvision.models.resnet18().eval()` gives 1000 scores per image; with
    `net.classifier = nn.Linear(512, 2)` it still does, with `net.fc = nn.Linear(512, 2)` it
    gives 2.

    Because `forward` of a ResNet calls `self.fc` as its last layer, and never `self.classifier`.
    """
    net = models.resnet18(weights=None).eval()
    net.classifier = nn.Linear(net.fc.in_features, 2)
    with torch.no_grad():
        ignored = net(torch.rand(3, 3, 32, 32))
        net.fc = nn.Linear(net.fc.in_features, 2)
        scores = net(torch.rand(3, 3, 32, 32))

    assert ignored.shape == (3, 1000)
    assert scores.shape == (3, 2)
    assert net.fc.in_features == 512


def test_named_weights_are_fetched_once_into_a_folder(tmp_path, monkeypatch):
    """`torchvision.models.squeezenet1_1(weights="IMAGENET1K_V1")` loads
    `hub/checkpoints/squeezenet1_1-b8a52dc0.pth` of the folder that the environment variable
    `TORCH_HOME` names, if it is there, and downloads nothing then.

    So a machine without network can be given the file.
    """
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    mine = models.squeezenet1_1(weights=None)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(mine.state_dict(), folder / "squeezenet1_1-b8a52dc0.pth")

    net = models.squeezenet1_1(weights="IMAGENET1K_V1")

    assert torch.equal(net.features[0].weight, mine.features[0].weight) is True


def test_weights_come_with_the_number_of_classes_they_were_trained_for():
    """`torchvision.models.squeezenet1_1(weights="DEFAULT", num_classes=3)` raises
    ValueError, "The parameter 'num_classes' expected value 1000 but got 3 instead": load
    first, then replace the head.
    """
    with pytest.raises(
        ValueError, match="The parameter 'num_classes' expected value 1000 but got 3 instead"
    ):
        models.squeezenet1_1(weights="DEFAULT", num_classes=3)


def test_unknown_weights_are_refused():
    """`torchvision.models.resnet50(weights=...)` takes the names in the enum
    `ResNet50_Weights`, `"IMAGENET1K_V1"` and `"IMAGENET1K_V2"`, and `"DEFAULT"` for the
    second of them; the name `"IMAGENET1K_V3"` raises KeyError.
    """
    names = [weights.name for weights in models.ResNet50_Weights]

    assert names == ["IMAGENET1K_V1", "IMAGENET1K_V2"]
    assert models.ResNet50_Weights["DEFAULT"].name == "IMAGENET1K_V2"
    with pytest.raises(KeyError, match="IMAGENET1K_V3"):
        models.resnet50(weights="IMAGENET1K_V3")


def test_pretrained_is_the_old_spelling():
    """`torchvision.models.squeezenet1_1(pretrained=False)` runs with a UserWarning, "The
    parameter 'pretrained' is deprecated since 0.13"; write `weights=None`, and
    `weights="IMAGENET1K_V1"` for `pretrained=True`.
    """
    with pytest.warns(
        UserWarning, match="deprecated since 0.13 and may be removed in the future"
    ) as warned:
        models.squeezenet1_1(pretrained=False)

    assert "The parameter 'pretrained' is deprecated" in str(warned[0].message)
    assert "equivalent to passing `weights=None`" in str(warned[1].message)


# Earlier torchvisions warn that their transforms are about to smooth what they shrink.
@pytest.mark.torch(">=2.2")
def test_weights_know_how_their_pictures_are_prepared():
    """`torchvision.models.ResNet18_Weights.IMAGENET1K_V1.transforms()` is the preprocessing
    of these weights: a uint8 image of 3 x 300 x 400 becomes 3 x 224 x 224 floats,
    normalised per channel.

    Because a pretrained net expects inputs with the means and standard deviations of its
    training.
    """
    prepare = models.ResNet18_Weights.IMAGENET1K_V1.transforms()

    picture = prepare(torch.zeros(3, 300, 400, dtype=torch.uint8))

    assert picture.shape == (3, 224, 224)
    assert prepare.mean == [0.485, 0.456, 0.406]
    # Black, as the net was used to see it in each of the three colours.
    assert picture.unique().tolist() == pytest.approx([-2.1179, -2.0357, -1.8044], abs=1e-4)
