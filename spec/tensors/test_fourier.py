"""Fourier transforms: `torch.fft`, `torch.stft`.

The discrete Fourier transform writes n samples as a sum of n waves: `torch.fft.fft(x)` gives their
complex amplitudes, frequency 0 first. `rfft` is the half that suffices for real samples, `ifft` and
`irfft` go back, `fft2` transforms images. `torch.stft` takes the transforms of short windows one
after another: the spectrogram of sound.

What surprises: `torch.fft` is a module and no function any more; `irfft` needs the length where it
is odd; frequencies above the middle are the negative ones; and `torch.stft` must be told
`return_complex=True`, and warns without a window.
"""

import pytest
import torch


def test_fft_gives_the_amplitude_of_each_frequency(device):
    """`torch.fft.fft(x)` is a complex tensor as long as `x`: element k is the amplitude of the wave
    with k periods, element 0 the sum.
    """
    x = torch.tensor([1.0, 0.0, -1.0, 0.0], device=device)

    assert torch.fft.fft(x).dtype is torch.complex64
    assert torch.fft.fft(x).tolist() == [0, 2, 0, 2]
    assert torch.fft.fft(x + 1)[0].item() == 4.0


def test_ifft_goes_back_and_is_complex(device):
    """`torch.fft.ifft(torch.fft.fft(x))` is `x` again up to rounding, as a complex tensor: take
    `.real`.
    """
    x = torch.tensor([1.0, 2.0, 3.0], device=device)

    back = torch.fft.ifft(torch.fft.fft(x))

    assert back.dtype is torch.complex64
    assert back.real.tolist() == pytest.approx([1.0, 2.0, 3.0])


@pytest.mark.spare("RuntimeError", reason="older releases raise it")
def test_rfft_is_the_half_that_real_samples_need(device):
    """`torch.fft.rfft(x)` of n real samples has n // 2 + 1 elements, the first half of `fft`: the
    others are their conjugates. A complex input raises an error.
    """
    x = torch.tensor([1.0, 5.0, 2.0, 0.0, 3.0, 1.0], device=device)

    half = torch.fft.rfft(x)

    assert half.shape == (4,)
    torch.testing.assert_close(half, torch.fft.fft(x)[:4])
    with pytest.raises(
        (RuntimeError, TypeError), match="rfft expects a real input tensor, but got"
    ):
        torch.fft.rfft(x + 0j)


def test_irfft_needs_an_odd_length(device):
    """`torch.fft.irfft(half)` assumes an even length, 2 * (len(half) - 1): of five samples it gives
    back four wrong ones. Write `irfft(half, n=5)`.
    """
    x = torch.tensor([1.0, 5.0, 2.0, 0.0, 3.0], device=device)

    half = torch.fft.rfft(x)

    assert torch.fft.irfft(half).shape == (4,)
    assert torch.fft.irfft(half, n=5).tolist() == pytest.approx(x.tolist(), abs=1e-5)


def test_fftfreq_names_the_frequencies():
    """`torch.fft.fftfreq(n, d)` gives the frequency of each element of `fft` for samples `d` apart:
    from 0 upwards, then the negative ones. `fftshift` puts frequency 0 in the middle.
    """
    frequencies = torch.fft.fftfreq(4, d=0.5)

    assert frequencies.tolist() == [0.0, 0.5, -1.0, -0.5]
    assert torch.fft.fftshift(frequencies).tolist() == [-1.0, -0.5, 0.0, 0.5]
    assert torch.fft.rfftfreq(4, d=0.5).tolist() == [0.0, 0.5, 1.0]


def test_norm_says_where_the_factor_goes(device):
    """By default `fft` has no factor and `ifft` divides by n; `norm="ortho"` divides both by the
    root of n, which keeps the length of the vector, `norm="forward"` divides in `fft`.
    """
    x = torch.ones(4, device=device)

    assert torch.fft.fft(x)[0].item() == 4.0
    assert torch.fft.fft(x, norm="ortho")[0].item() == 2.0
    assert torch.fft.fft(x, norm="forward")[0].item() == 1.0


def test_fft2_transforms_the_last_two_dimensions(device):
    """`torch.fft.fft2(images)` transforms height and width, the last two dimensions, and leaves
    batch and channels; `fftn(x, dim=...)` transforms the dimensions named.
    """
    images = torch.ones(2, 3, 4, 4, device=device)

    assert torch.fft.fft2(images).shape == (2, 3, 4, 4)
    assert torch.fft.fft2(images)[..., 0, 0].flatten().tolist() == [16.0] * 6
    torch.testing.assert_close(torch.fft.fftn(images, dim=(-2, -1)), torch.fft.fft2(images))


def test_torch_fft_is_a_module():
    """`torch.fft(x)` raises TypeError, "'module' object is not callable", since PyTorch 1.8: write
    `torch.fft.fft(x)`. `torch.rfft` and `torch.irfft` moved into the module too.
    """
    x = torch.ones(2)

    with pytest.raises(TypeError, match="'module' object is not callable"):
        torch.fft(x)
    with pytest.raises(AttributeError, match="module 'torch' has no attribute 'rfft'"):
        torch.rfft(x)

    assert torch.fft.rfft(x).tolist() == [2, 0]


def test_a_product_of_transforms_is_a_convolution(device):
    """`irfft(rfft(x, n) * rfft(k, n), n)` is the convolution of `x` and `k` if `n` is at least
    `len(x) + len(k) - 1`; with a smaller `n` the end wraps round to the beginning.
    """
    x, k = torch.tensor([1.0, 2.0, 3.0], device=device), torch.tensor([1.0, 10.0], device=device)

    def product(n):
        return torch.fft.irfft(torch.fft.rfft(x, n) * torch.fft.rfft(k, n), n)

    assert product(4).tolist() == pytest.approx([1.0, 12.0, 23.0, 30.0], abs=1e-4)
    assert product(3).tolist() == pytest.approx([31.0, 12.0, 23.0], abs=1e-4)


def test_stft_wants_return_complex():
    """`torch.stft(x, n_fft, window=window)` of real samples raises RuntimeError, "stft requires the
    return_complex parameter be given for real inputs": pass `return_complex=True`.
    """
    x, window = torch.ones(16), torch.hann_window(4)

    with pytest.raises(
        RuntimeError, match="stft requires the return_complex parameter be given for"
    ):
        torch.stft(x, 4, window=window)

    assert torch.stft(x, 4, window=window, return_complex=True).dtype is torch.complex64


def test_stft_gives_frequencies_by_windows():
    """`torch.stft(x, n_fft=4, hop_length=2, ...)` of 16 samples is (n_fft // 2 + 1) frequencies by
    1 + 16 // 2 windows; `hop_length` is n_fft // 4 by default, and the ends are padded.

    `abs()` of it is the spectrogram; `torch.istft` with the same settings goes back.
    """
    x, window = torch.arange(16.0), torch.hann_window(4)

    spectrum = torch.stft(x, 4, hop_length=2, window=window, return_complex=True)
    back = torch.istft(spectrum, 4, hop_length=2, window=window)

    assert spectrum.shape == (3, 9)
    assert back.tolist() == pytest.approx(x.tolist(), abs=1e-4)


def test_the_gradient_goes_through_a_transform(device):
    """A loss on `torch.fft.rfft(x).abs()` has a gradient for real `x`, so a network can be trained
    on a spectrum.
    """
    x = torch.tensor([1.0, 2.0], device=device, requires_grad=True)

    torch.fft.rfft(x).abs().sum().backward()

    assert x.grad.tolist() == [0.0, 2.0]
