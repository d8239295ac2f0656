"""Attention by hand and by kernels.

`F.scaled_dot_product_attention` is one function over several kernels: a plain one ("math"),
which writes down the matrix of scores, and fused ones, which never do and so need less memory:
flash attention, memory-efficient attention and cuDNN's. PyTorch chooses one that can do what is
asked for; `torch.nn.attention.sdpa_kernel` narrows the choice.

The page also shows what language models build around it: heads, fewer heads for keys and values
(grouped queries), and a cache of keys and values for generating token after token.

What surprises: the error "No available kernel" says that the choice was narrowed to kernels that
refuse these inputs, and the warnings before it say why; `dropout_p` drops in evaluation mode too;
and a cache gives, up to rounding, the same numbers as one pass over the whole sequence. Masks are
on `spec/nn/test_attention_masks.py`.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

pytestmark = pytest.mark.torch(">=2.0")


def test_heads_are_a_dimension_before_the_steps():
    """For attention with several heads `x.unflatten(-1, (heads, d)).transpose(1, 2)` turns
    (batch, steps, heads * d) into (batch, heads, steps, d), and `transpose(1, 2).flatten(2)`
    turns that back.

    `x.view(batch, heads, steps, d)` of a contiguous `x` of two or more steps, without the
    transpose, raises nothing and mixes steps and heads.
    """
    x = torch.arange(12.0).view(1, 3, 4)

    heads = x.unflatten(-1, (2, 2)).transpose(1, 2)

    assert heads.shape == (1, 2, 3, 2)
    assert heads[0, 0].tolist() == [[0.0, 1.0], [4.0, 5.0], [8.0, 9.0]]
    assert heads.transpose(1, 2).flatten(2).equal(x) is True
    assert x.view(1, 2, 3, 2)[0, 0].tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]


def test_multihead_attention_by_hand():
    """The output of `nn.MultiheadAttention(4, 2)` without masks is, up to rounding, that of a
    linear layer with `in_proj_weight`, stacked for q, k and v, and `in_proj_bias`,
    `F.scaled_dot_product_attention` per head, and the layer `out_proj`.
    """
    layer, x = nn.MultiheadAttention(4, 2, batch_first=True), torch.randn(2, 3, 4)

    q, k, v = F.linear(x, layer.in_proj_weight, layer.in_proj_bias).chunk(3, dim=-1)
    q, k, v = (each.unflatten(-1, (2, 2)).transpose(1, 2) for each in (q, k, v))
    by_hand = layer.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    assert layer.in_proj_weight.shape == (12, 4)
    assert torch.allclose(layer(x, x, x)[0], by_hand, atol=1e-6) is True


def test_keys_and_values_may_have_other_widths():
    """`nn.MultiheadAttention(8, 2, kdim=4, vdim=6)` takes queries of 8, keys of 4 and values of
    6 features, with three weights instead of `in_proj_weight`, which is None.
    """
    layer = nn.MultiheadAttention(8, 2, kdim=4, vdim=6, batch_first=True)

    y, _ = layer(torch.zeros(3, 5, 8), torch.zeros(3, 7, 4), torch.zeros(3, 7, 6))

    assert y.shape == (3, 5, 8)
    assert layer.in_proj_weight is None
    assert [layer.k_proj_weight.shape, layer.v_proj_weight.shape] == [(8, 4), (8, 6)]


def test_another_width_is_refused():
    """In training mode `nn.MultiheadAttention(8, 2)`, called as `layer(x, x, x)`, and
    `nn.TransformerEncoderLayer(8, 2, 16)` raise AssertionError for an `x` of shape (5, 3,
    9), "was expecting embedding dimension of 8, but got 9".
    """
    layer, encoder = nn.MultiheadAttention(8, 2), nn.TransformerEncoderLayer(8, 2, 16)
    x = torch.zeros(5, 3, 9)

    with pytest.raises(AssertionError, match="was expecting embedding dimension of 8, but got 9"):
        layer(x, x, x)
    with pytest.raises(AssertionError, match="was expecting embedding dimension of 8, but got 9"):
        encoder(x)
    assert encoder(x[..., :8]).shape == (5, 3, 8)


def test_dropout_of_attention_drops_in_evaluation_too():
    """`F.scaled_dot_product_attention(..., dropout_p=0.5)` drops attention weights at
    random at each call, also in evaluation mode: the function knows no mode. Write
    `dropout_p=0.5 if self.training else 0.0`.

    `nn.MultiheadAttention(4, 1, dropout=0.5)` needs no such care: it drops in training mode only.
    """
    q = torch.ones(1, 1, 64, 2)
    layer = nn.MultiheadAttention(4, 1, dropout=0.5).eval()
    x = torch.ones(3, 4)

    dropped = F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)

    assert q.equal(dropped) is False
    assert F.scaled_dot_product_attention(q, q, q, dropout_p=0.0).allclose(q) is True
    assert layer(x, x, x)[0].equal(layer(x, x, x)[0]) is True


def test_inputs_of_attention_are_of_one_dtype():
    """Outside `torch.autocast`, `F.scaled_dot_product_attention` raises RuntimeError for a
    float32 query and float16 keys, "Expected query, key, and value to have the same dtype";
    convert them alike.

    It happens with a cache of keys in half precision. Inside `torch.autocast("cpu")` CPU inputs
    are cast alike since PyTorch 2.2; 2.0 and 2.1 raise there too.
    """
    q, k = torch.zeros(1, 2, 4), torch.zeros(1, 3, 4, dtype=torch.float16)

    with pytest.raises(RuntimeError, match="Expected query, key, and value to have the same dtype"):
        F.scaled_dot_product_attention(q, k, k)
    assert F.scaled_dot_product_attention(q, k.float(), k.float()).shape == (1, 2, 4)


@pytest.mark.torch(">=2.5")
def test_fewer_heads_of_keys_serve_more_heads_of_queries():
    """With `enable_gqa=True`, since PyTorch 2.5, 2 heads of keys and values (batch, 2,
    steps, d) serve 4 heads of queries in `F.scaled_dot_product_attention`: up to rounding
    as if both were repeated by `repeat_interleave(2, dim=1)`.
    """
    q, k, v = torch.randn(1, 4, 3, 8), torch.randn(1, 2, 5, 8), torch.randn(1, 2, 5, 8)

    grouped = F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    k, v = k.repeat_interleave(2, dim=1), v.repeat_interleave(2, dim=1)
    repeated = F.scaled_dot_product_attention(q, k, v)

    assert grouped.shape == (1, 4, 3, 8)
    assert torch.allclose(grouped, repeated, atol=1e-6) is True


def test_heads_are_not_broadcast():
    """Without `enable_gqa`, `F.scaled_dot_product_attention` of float32 queries (1, 4, 3, 8) and
    keys (1, 2, 5, 8), 4 heads and 2, raises RuntimeError, "The size of tensor a (4) must match the
    size of tensor b (2) at non-singleton dimension 1".

    One head of keys and values broadcasts. Before PyTorch 2.5, which brought `enable_gqa`, 2 heads
    had to be repeated, `k.repeat_interleave(2, dim=1)`, and those of the values too.
    """
    q, k = torch.zeros(1, 4, 3, 8), torch.zeros(1, 2, 5, 8)

    with pytest.raises(
        RuntimeError, match=r"The size of tensor a \(4\) must match the size of tenso"
    ):
        F.scaled_dot_product_attention(q, k, k)
    one = k[:, :1]
    assert F.scaled_dot_product_attention(q, one, one).shape == (1, 4, 3, 8)
    k = k.repeat_interleave(2, dim=1)
    assert F.scaled_dot_product_attention(q, k, k).shape == (1, 4, 3, 8)


@pytest.mark.torch(">=2.5")
def test_the_heads_of_keys_divide_those_of_queries():
    """For `q = torch.zeros(1, 4, 3, 8)` and `k = torch.zeros(1, 3, 5, 8)`, 4 and 3 heads,
    `F.scaled_dot_product_attention(q, k, k, enable_gqa=True)` raises RuntimeError, "Number of
    heads in key and value must divide the number of heads in".
    """
    q, k = torch.zeros(1, 4, 3, 8), torch.zeros(1, 3, 5, 8)

    with pytest.raises(
        RuntimeError, match="Number of heads in key and value must divide the number"
    ):
        F.scaled_dot_product_attention(q, k, k, enable_gqa=True)
    k = k[:, :2]
    assert F.scaled_dot_product_attention(q, k, k, enable_gqa=True).shape == (1, 4, 3, 8)


@pytest.mark.torch(">=2.3")
def test_sdpa_kernel_narrows_the_choice():
    """`with sdpa_kernel(SDPBackend.MATH):` allows `F.scaled_dot_product_attention` one
    kernel, `with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):` two. For
    `q, k, v = torch.randn(3, 1, 2, 5, 8)` both results agree up to rounding.

    Import both names with `from torch.nn.attention import SDPBackend, sdpa_kernel`.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel

    q, k, v = torch.randn(3, 1, 2, 5, 8)

    with sdpa_kernel(SDPBackend.MATH):
        plain = F.scaled_dot_product_attention(q, k, v)
        one = torch.backends.cuda.math_sdp_enabled(), torch.backends.cuda.flash_sdp_enabled()
    with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):
        either = F.scaled_dot_product_attention(q, k, v)
        two = torch.backends.cuda.math_sdp_enabled(), torch.backends.cuda.flash_sdp_enabled()

    assert one == (True, False)
    assert two == (True, True)
    assert torch.allclose(plain, either, atol=1e-6) is True
    assert torch.allclose(plain, (q @ k.mT / 8**0.5).softmax(-1) @ v, atol=1e-6) is True


@pytest.mark.torch(">=2.3")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_available_kernel_means_that_the_allowed_ones_refuse():
    """On the CPU, under `torch.nn.attention.sdpa_kernel(SDPBackend.FLASH_ATTENTION)`,
    `F.scaled_dot_product_attention` of `torch.ones(1, 1, 3, 8)` with `dropout_p=0.5` and of the
    2-D `torch.ones(3, 8)` raises RuntimeError, "No available kernel".

    The warnings before it name the reason. Inside
    `with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):` both are computed.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel

    q = torch.ones(1, 1, 3, 8)

    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        assert F.scaled_dot_product_attention(q, q, q).shape == (1, 1, 3, 8)
        with pytest.raises(RuntimeError, match=r"No available kernel\.\s+Aborting execution\."):
            F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)
        with pytest.raises(RuntimeError, match=r"No available kernel\.\s+Aborting execution\."):
            F.scaled_dot_product_attention(q[0, 0], q[0, 0], q[0, 0])
    with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):
        dropped = F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)
        y = F.scaled_dot_product_attention(q[0, 0], q[0, 0], q[0, 0])
    assert dropped.shape == (1, 1, 3, 8)
    assert y.shape == (3, 8)


@pytest.mark.torch(">=2.3")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_refused_kernel_says_why():
    """`F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)` of `q = torch.ones(1, 1, 3, 8)`
    under `sdpa_kernel(SDPBackend.FLASH_ATTENTION)` warns "Flash attention kernel not used
    because", then raises RuntimeError, "No available kernel".

    A second warning names the reason, "do not support non-zero dropout". `sdpa_kernel` and
    `SDPBackend` are in `torch.nn.attention`.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel

    q = torch.ones(1, 1, 3, 8)

    with (
        sdpa_kernel(SDPBackend.FLASH_ATTENTION),
        pytest.warns(UserWarning, match="Flash attention kernel not used because") as warned,
        pytest.raises(RuntimeError, match="No available kernel"),
    ):
        F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)
    reasons = " ".join(str(warning.message) for warning in warned)
    assert "do not support non-zero dropout" in reasons


@pytest.mark.torch(">=2.3")
def test_kernels_for_a_gpu_are_not_viable_on_the_cpu():
    """On the CPU, inside `with torch.nn.attention.sdpa_kernel(SDPBackend.EFFICIENT_ATTENTION):`,
    `F.scaled_dot_product_attention(q, q, q)` of a non-empty 4-D `q` raises RuntimeError, "No
    viable backend for scaled_dot_product_attention was found".

    The CPU has kernels for `SDPBackend.MATH` and `SDPBackend.FLASH_ATTENTION`.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel

    q = torch.ones(1, 1, 3, 8, device="cpu")

    with (
        sdpa_kernel(SDPBackend.EFFICIENT_ATTENTION),
        pytest.raises(RuntimeError, match="No viable backend for scaled_dot_product_attention was"),
    ):
        F.scaled_dot_product_attention(q, q, q)
    assert F.scaled_dot_product_attention(q, q, q).shape == (1, 1, 3, 8)


@pytest.mark.torch(">=2.4")
def test_the_old_context_manager_is_deprecated():
    """`torch.backends.cuda.sdp_kernel(enable_flash=False)` warns, "is deprecated. In the
    future, this context manager will be removed"; `torch.nn.attention.sdpa_kernel` took its
    place in PyTorch 2.3.
    """
    with pytest.warns(FutureWarning, match="In the future, this context manager will be removed"):
        manager = torch.backends.cuda.sdp_kernel(enable_flash=False)
    assert hasattr(manager, "__enter__") is True


@pytest.mark.cuda
@pytest.mark.torch(">=2.3")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_flash_attention_on_a_gpu_wants_half_precision():
    """On CUDA without autocast, `F.scaled_dot_product_attention` of float32 inputs inside
    `with torch.nn.attention.sdpa_kernel(SDPBackend.FLASH_ATTENTION):` raises RuntimeError, "No
    available kernel".

    By default this kernel takes float16 and bfloat16 (autocast casts float32 inputs to one of
    them), and no `attn_mask`, only `is_causal`.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel

    q = torch.ones(1, 1, 16, 64, device="cuda")

    with (
        sdpa_kernel(SDPBackend.FLASH_ATTENTION),
        pytest.raises(RuntimeError, match=r"No available kernel\.\s+Aborting execution\."),
    ):
        F.scaled_dot_product_attention(q, q, q)
    assert F.scaled_dot_product_attention(q, q, q).shape == (1, 1, 16, 64)


@pytest.mark.torch(">=2.1")
def test_the_fused_kernel_does_not_keep_the_scores():
    """For contiguous float32 q, k, v of shape (1, 1, 256, 4) that require grad,
    `(q @ k.mT / 2).softmax(-1) @ v` saves 256 x 256 matrices for backward; by default
    `F.scaled_dot_product_attention(q, k, v)` on the CPU saves none of that size.

    With dropout, for 2-D inputs, where the last stride is not 1, or within
    `sdpa_kernel(SDPBackend.MATH)` of `torch.nn.attention`, the CPU takes the plain kernel, which
    saves them.
    """
    q, k, v = (torch.randn(1, 1, 256, 4, device="cpu", requires_grad=True) for _ in range(3))

    def saved(attention):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: sizes.append(x.numel()) or x, lambda x: x
        ):
            attention()
        return max(sizes)

    plain = saved(lambda: (q @ k.mT / 2).softmax(-1) @ v)
    fused = saved(lambda: F.scaled_dot_product_attention(q, k, v))

    dropping = saved(lambda: F.scaled_dot_product_attention(q, k, v, dropout_p=0.5))

    assert plain == 65536
    assert fused == 1024
    assert dropping == 65536


def test_a_cache_of_keys_and_values_gives_the_same_numbers():
    """`F.scaled_dot_product_attention` of the newest query alone with all keys and values
    so far, kept in a cache, gives the row that `is_causal=True` over the whole sequence
    gives for this query, up to rounding.

    The new query sees all keys, so it needs no mask: `is_causal=True` would hide all but the first.
    """
    q, k, v = torch.randn(3, 1, 2, 5, 4)
    whole = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    keys, values, rows = k[:, :, :0], v[:, :, :0], []

    for step in range(5):
        new = slice(step, step + 1)
        keys = torch.cat([keys, k[:, :, new]], dim=2)
        values = torch.cat([values, v[:, :, new]], dim=2)
        rows.append(F.scaled_dot_product_attention(q[:, :, new], keys, values))

    assert torch.allclose(torch.cat(rows, dim=2), whole, atol=1e-6) is True
    assert keys.shape == (1, 2, 5, 4)


def test_a_cache_may_be_allocated_at_once():
    """A cache of keys, `cache = torch.zeros(1, 2, 5, 4)` for 5 steps, is written by
    `cache[:, :, step] = new` with a `new` of shape (1, 2, 4) and read by the view
    `cache[:, :, : step + 1]`; the storage of `cache` stays the same.

    `torch.cat` at each step copies all earlier keys instead.
    """
    cache = torch.zeros(1, 2, 5, 4)
    address = cache.data_ptr()

    for step in range(3):
        new = torch.full((1, 2, 4), step + 1.0)
        cache[:, :, step] = new
    keys = cache[:, :, :3]

    assert (keys.data_ptr() == address) is True
    assert keys.sum((0, 1, 3)).tolist() == [8.0, 16.0, 24.0]


@pytest.mark.slow
@pytest.mark.torch(">=2.6")
@pytest.mark.filterwarnings("ignore:flex_attention called without:UserWarning")
def test_flex_attention_takes_a_function_of_scores():
    """For `q, k, v = torch.randn(3, 1, 1, 4, 16)`,
    `flex_attention(q, k, v, score_mod=lambda score, b, h, i, j: score - (i - j).abs())` lowers the
    score of query i and key j by the distance of i and j; b and h number batch and head.

    It is meant for `torch.compile`: without it an unfused form runs that stores all scores.
    PyTorch 2.14 warns of this form, and on the CPU refuses inputs that require grad.
    """
    from torch.nn.attention.flex_attention import flex_attention

    q, k, v = torch.randn(3, 1, 1, 4, 16)
    steps = torch.arange(4)

    flexible = flex_attention(q, k, v, score_mod=lambda score, b, h, i, j: score - (i - j).abs())
    masked = F.scaled_dot_product_attention(
        q, k, v, attn_mask=-(steps[:, None] - steps).abs().float()
    )

    assert torch.allclose(flexible, masked, atol=1e-5) is True
