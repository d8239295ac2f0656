"""Networks of torchvision: built by name, made narrower, their last layer replaced or cut off."""

import contextlib
import copy

import torch
from torch import nn
from torchvision.models import get_model_builder, get_model_weights, list_models
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names
from workbench import InputError, first_line, read_checkpoint, write_checkpoint

SHOWN = [name for name in list_models() if name.startswith(("resne", "inception", "mobilenet"))]


def build(arch, classes, shrink=1, weights=None):
    """Return torchvision's `arch` with a last layer for `classes` and channels divided by `shrink`.

    `weights` is what `get_model` takes: None, or the name of weights to fetch, such as "DEFAULT".
    """
    try:
        make = get_model_builder(arch)
    except ValueError as error:
        raise InputError(
            f"--arch {arch}: no such model; there are {' '.join(SHOWN)} ..."
        ) from error
    if weights:
        with fetching(arch, weights):
            net = make(weights=weights)
    elif arch in ("inception_v3", "googlenet"):
        net = make(weights=None, init_weights=False, aux_logits=False)
    else:
        net = make(weights=None)
    if shrink > 1:
        narrow(net, shrink)
    replace_head(net, classes)
    return net


@contextlib.contextmanager
def fetching(arch, weights):
    """Refuse torchvision's weights of `arch` that can't be fetched or read, and say what to do."""
    try:
        yield
    except Exception as error:  # whatever lies in the folder can fail in any way
        file = get_model_weights(arch)[weights].url.rpartition("/")[2]
        raise InputError(
            f"the weights of {arch} cannot be fetched or read: {first_line(error)}; put "
            f"{file} into {torch.hub.get_dir()}/checkpoints, or leave --weights away"
        ) from error


def fits(net, size):
    """Refuse pictures that are too small, or not of the one size, that the network takes."""
    try:
        with torch.inference_mode():
            net.eval()(torch.zeros(1, 3, size, size))
    except (AssertionError, RuntimeError) as error:
        raise InputError(
            f"--size {size} does not suit this network: {first_line(error)}"
        ) from error
    return net


def narrow(net, divisor):
    """Divide the channels of every layer, but for the three colours, by `divisor`."""

    def part(channels):
        if channels % divisor:
            raise InputError(
                f"--shrink {divisor} does not divide the {channels} channels of a layer"
            )
        return channels // divisor

    for parent in list(net.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.Conv2d):
                groups = 1 if layer.groups == 1 else part(layer.groups)
                new = nn.Conv2d(
                    layer.in_channels if layer.in_channels == 3 else part(layer.in_channels),
                    part(layer.out_channels),
                    layer.kernel_size,
                    layer.stride,
                    layer.padding,
                    layer.dilation,
                    groups,
                    bias=layer.bias is not None,
                )
                nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(layer, nn.BatchNorm2d):
                new = nn.BatchNorm2d(part(layer.num_features), layer.eps, layer.momentum)
            elif isinstance(layer, nn.Linear):
                new = nn.Linear(part(layer.in_features), part(layer.out_features))
            elif any(True for _ in layer.parameters(recurse=False)):
                raise InputError(f"--shrink knows no narrower {type(layer).__name__}")
            else:
                continue
            setattr(parent, name, new)


def head_name(net):
    """Return the name of the last linear layer: `fc` in a ResNet, `classifier.3` in a MobileNet."""
    names = [name for name, layer in net.named_modules() if isinstance(layer, nn.Linear)]
    if not names:
        raise InputError(f"a {type(net).__name__} has no linear layer at its end to replace")
    return names[-1]


def replace_head(net, classes):
    """Put a new last layer for `classes` in place of the one that is there, and return it."""
    path, _, name = head_name(net).rpartition(".")
    parent = net.get_submodule(path)
    features = getattr(parent, name).in_features
    setattr(parent, name, nn.Linear(features, classes) if classes else nn.Identity())
    return getattr(parent, name)


def scores(net, images):
    """Return the scores of a batch; an Inception in training returns further ones beside them."""
    output = net(images)
    return getattr(output, "logits", output)


def features_by_hook(net, images):
    """Let the whole network run, and keep what its last layer is given."""
    kept = []
    head = net.get_submodule(head_name(net))
    handle = head.register_forward_pre_hook(lambda module, inputs: kept.append(inputs[0]))
    net(images)
    handle.remove()
    return kept[0]


def cut_off(net):
    """Return a copy of the network whose last layer hands on what it is given."""
    body = copy.deepcopy(net)
    replace_head(body, 0)
    return body


def feature_extractor(net):
    """Return the graph of the network up to what goes into its last layer, as torchvision does."""
    _, nodes = get_graph_node_names(net)  # of training, and of evaluation
    before_head = nodes[nodes.index(head_name(net)) - 1]
    return create_feature_extractor(net.eval(), {before_head: "features"})


def first_maps(net, images, count):
    """Return the `count` strongest maps that a net's first layer makes of pictures.

    With its BatchNorm, if it has one. They are (count, pictures, height, width), on the CPU.
    """
    layers, kept = list(net.modules()), []
    first = next(n for n, layer in enumerate(layers) if isinstance(layer, nn.Conv2d))
    layer = layers[first + isinstance(layers[first + 1], nn.BatchNorm2d)]
    handle = layer.register_forward_hook(lambda module, inputs, output: kept.append(output))
    with torch.inference_mode():
        net.eval()(images)
    handle.remove()
    maps = kept[0].relu().cpu()
    strongest = maps.std((0, 2, 3)).argsort(descending=True)[:count]
    return maps[:, strongest].transpose(0, 1)


def save_weights(net, path, args, classes, accuracy):
    """Write the weights by name, with what is needed to build the network around them."""
    told = {name: getattr(args, name) for name in ("arch", "shrink", "size")}
    told |= {"script": "finetune", "classes": list(classes), "accuracy": accuracy}
    write_checkpoint(path, told | {"model": net.state_dict()})


def load_weights(path, args):
    """Return the network whose weights `path` holds, and what else was written with them."""
    saved = read_checkpoint(path, "finetune", "--pretrain writes one")
    for name in ("arch", "shrink", "size"):
        setattr(args, name, saved[name])
    net = build(args.arch, len(saved["classes"]), args.shrink)
    net.load_state_dict(saved["model"])
    return net, saved
