"""Fourier transforms: `torch.fft`, `torch.stft`.

The discrete Fourier transform writes n samples as a sum of n waves: `torch.fft.fft(x)` gives their
complex amplitudes, times n, frequency 0 first. `rfft` is the half that suffices for real samples,
`ifft` and `irfft` go back, `fft2` transforms images. `torch.stft` takes the transforms of short
windows one after another: the spectrogram of sound.

What surprises: `torch.fft` is a module and no function any more; `irfft` needs the length where it
is odd; frequencies above the middle are the negative ones; and `torch.stft` must be told
`return_complex=True`, and in newer releases warns without a window.
"""

import pytest
import torch


def test_fft_gives_the_amplitude_of_each_frequency(device):
    """`torch.fft.fft(x)` of n >= 1 float32 numbers between -1e6 and 1e6 is a complex64
    vector of n elements, not divided by n: element 0 is the sum of `x`, up to rounding. Of
    [1, 0, -1, 0], one period of a cosine, it is [0, 2, 0, 2].

    A cosine with one period in n samples, n being 3 or more, gives n / 2 at element 1, and the
    same at element n - 1, which belongs to the negative frequency.
    """
    x = torch.tensor([1.0, 0.0, -1.0, 0.0], device=device)

    assert torch.fft.fft(x).dtype is torch.complex64
    assert torch.fft.fft(x).tolist() == [0, 2, 0, 2]
    assert torch.fft.fft(x + 1)[0].item() == 4.0


def test_ifft_goes_back_and_is_complex(device):
    """`torch.fft.ifft(torch.fft.fft(x))` of `x = torch.tensor([1.0, 2.0, 3.0])` is a complex64
    tensor whose `.real` is `x`, up to rounding.
    """
    x = torch.tensor([1.0, 2.0, 3.0], device=device)

    back = torch.fft.ifft(torch.fft.fft(x))

    assert back.dtype is torch.complex64
    assert back.real.tolist() == pytest.approx([1.0, 2.0, 3.0])


@pytest.mark.spare("RuntimeError", reason="older releases raise it")
def test_rfft_is_the_half_that_real_samples_need(device):
    """With `x = torch.tensor([1.0, 5.0, 2.0, 0.0, 3.0, 1.0])`, `torch.fft.rfft(x)` is, up
    to rounding, the first 4 of the 6 elements of `torch.fft.fft(x)`, in general n // 2 + 1
    of n. A complex `x` is refused, "rfft expects a real input tensor".
    """
    x = torch.tensor([1.0, 5.0, 2.0, 0.0, 3.0, 1.0], device=device)

    half = torch.fft.rfft(x)

    assert half.shape == (4,)
    torch.testing.assert_close(half, torch.fft.fft(x)[:4])
    torch.testing.assert_close(half[1:3].conj().flip(0), torch.fft.fft(x)[4:])
    with pytest.raises(
        (RuntimeError, TypeError), match="rfft expects a real input tensor, but got"
    ):
        torch.fft.rfft(x + 0j)


def test_irfft_needs_an_odd_length(device):
    """`torch.fft.irfft(half)` of a complex64 vector of two or more elements returns an even number
    of samples, 2 * (len(half) - 1): the `rfft` of the five samples [1, 5, 2, 0, 3] becomes four
    other samples. Write `torch.fft.irfft(half, n=5)`.
    """
    x = torch.tensor([1.0, 5.0, 2.0, 0.0, 3.0], device=device)

    half = torch.fft.rfft(x)

    assert torch.fft.irfft(half).tolist() == pytest.approx([2.46, 5.50, 0.61, 2.42], abs=0.01)
    assert torch.fft.irfft(half, n=5).tolist() == pytest.approx(x.tolist(), abs=1e-5)


def test_fftfreq_names_the_frequencies():
    """`torch.fft.fftfreq(n, d)` with positive n and `d` gives the frequency of each element of
    `torch.fft.fft` for n samples `d` apart: from 0 upwards, then the negative ones.
    `torch.fft.fftshift` of this vector moves frequency 0 to index n // 2.
    """
    frequencies = torch.fft.fftfreq(4, d=0.5)

    assert frequencies.tolist() == [0.0, 0.5, -1.0, -0.5]
    assert torch.fft.fftshift(frequencies).tolist() == [-1.0, -0.5, 0.0, 0.5]
    assert torch.fft.rfftfreq(4, d=0.5).tolist() == [0.0, 0.5, 1.0]


def test_norm_says_where_the_factor_goes(device):
    """By default `torch.fft.fft` of a float32 vector of n >= 1 elements has no factor and
    `torch.fft.ifft` divides by n; `norm="ortho"` divides both by the square root of n;
    `norm="forward"` divides `fft` by n and leaves `ifft` without a factor.

    With `norm="ortho"` the transform keeps the norm of the vector,
    `torch.linalg.vector_norm(x)`, up to rounding.
    """
    x = torch.ones(4, device=device)

    assert torch.fft.fft(x)[0].item() == 4.0
    assert torch.fft.fft(x, norm="ortho")[0].item() == 2.0
    assert torch.fft.fft(x, norm="forward")[0].item() == 1.0
    assert torch.fft.ifft(x)[0].item() == 1.0
    assert torch.fft.ifft(x, norm="ortho")[0].item() == 2.0
    assert torch.fft.ifft(x, norm="forward")[0].item() == 4.0


def test_fft2_transforms_the_last_two_dimensions(device):
    """`torch.fft.fft2(images)` of float32 images of shape (2, 3, 4, 4) transforms the last two
    dimensions, height and width, of each channel by itself; `torch.fft.fftn(images, dim=(-2, -1))`
    does the same.
    """
    images = torch.ones(2, 3, 4, 4, device=device)

    assert torch.fft.fft2(images).shape == (2, 3, 4, 4)
    assert torch.fft.fft2(images)[..., 0, 0].flatten().tolist() == [16.0] * 6
    torch.testing.assert_close(torch.fft.fftn(images, dim=(-2, -1)), torch.fft.fft2(images))


def test_torch_fft_is_a_module():
    """Since PyTorch 1.8 `torch.fft` is a module: `torch.fft(x)` raises TypeError, "'module'
    object is not callable", and `torch.rfft(x)` AttributeError. Write `torch.fft.fft(x)` and
    `torch.fft.rfft(x)`.
    """
    x = torch.ones(2)

    with pytest.raises(TypeError, match="'module' object is not callable"):
        torch.fft(x)
    with pytest.raises(AttributeError, match="module 'torch' has no attribute 'rfft'"):
        torch.rfft(x)

    assert torch.fft.rfft(x).tolist() == [2, 0]


def test_a_product_of_transforms_is_a_convolution(device):
    """For the float32 vectors `x` [1, 2, 3] and `k` [1, 10] and `n = len(x) + len(k) - 1`,
    `torch.fft.irfft(torch.fft.rfft(x, n) * torch.fft.rfft(k, n), n)` is their convolution
    [1, 12, 23, 30], up to rounding; a larger `n` appends zeros.

    With the smaller `n = 3` the end of the convolution wraps round and is added to the beginning:
    the result is [31, 12, 23].
    """
    x, k = torch.tensor([1.0, 2.0, 3.0], device=device), torch.tensor([1.0, 10.0], device=device)

    def product(n):
        return torch.fft.irfft(torch.fft.rfft(x, n) * torch.fft.rfft(k, n), n)

    assert product(4).tolist() == pytest.approx([1.0, 12.0, 23.0, 30.0], abs=1e-4)
    assert product(3).tolist() == pytest.approx([31.0, 12.0, 23.0], abs=1e-4)
    assert product(6).tolist() == pytest.approx([1.0, 12.0, 23.0, 30.0, 0.0, 0.0], abs=1e-4)


@pytest.mark.torch(">=2.0")
def test_stft_wants_return_complex():
    """`torch.stft(torch.ones(16), 4, window=torch.hann_window(4))` raises RuntimeError,
    "stft requires the return_complex parameter be given for real inputs": pass
    `return_complex=True`.
    """
    x, window = torch.ones(16), torch.hann_window(4)

    with pytest.raises(
        RuntimeError, match="stft requires the return_complex parameter be given for"
    ):
        torch.stft(x, 4, window=window)

    assert torch.stft(x, 4, window=window, return_complex=True).dtype is torch.complex64


def test_stft_gives_frequencies_by_windows():
    """`torch.stft(x, 4, hop_length=2, window=torch.hann_window(4), return_complex=True)` of 16
    float32 samples has the shape (3, 9): 4 // 2 + 1 frequencies by 1 + 16 // 2 windows.
    `hop_length` is `n_fft // 4` by default; `n_fft` is the 4.

    The ends are padded (`center=True`), so one window more than 16 // 2. `abs()` of it is the
    spectrogram; `torch.istft` with the same `n_fft`, `hop_length` and `window` goes back, and
    needs `length=15` for 15 samples.
    """
    x, window = torch.arange(16.0), torch.hann_window(4)

    spectrum = torch.stft(x, 4, hop_length=2, window=window, return_complex=True)
    back = torch.istft(spectrum, 4, hop_length=2, window=window)

    assert spectrum.shape == (3, 9)
    assert torch.stft(x, 4, window=window, return_complex=True).shape == (3, 17)
    assert back.tolist() == pytest.approx(x.tolist(), abs=1e-4)


def test_the_gradient_goes_through_a_transform(device):
    """With `x = torch.tensor([1.0, 2.0], requires_grad=True)`,
    `torch.fft.rfft(x).abs().sum().backward()` sets `x.grad` to [0, 2]: autograd goes
    through the transform, so a network can be trained on a spectrum.
    """
    x = torch.tensor([1.0, 2.0], device=device, requires_grad=True)

    torch.fft.rfft(x).abs().sum().backward()

    assert x.grad.tolist() == [0.0, 2.0]
