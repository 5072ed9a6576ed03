"""Complex secrets inside a program: pairs of real ones, and Fourier transforms without any product of secrets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc

RNG = np.random.default_rng(5)
X, Y = (RNG.normal(size=(3, 8)).astype(np.float32) for _ in range(2))
EVEN, ODD, FULL = X, X[:, :7], X.reshape(2, 3, 4)


def Z(real, imag):
    return lax.complex(real, jnp.broadcast_to(jnp.float32(imag), real.shape))


LOCAL = {
    "fft": (lambda x: jnp.real(jnp.fft.fft(x)), EVEN),
    "ifft, of an odd length": (lambda x: jnp.imag(jnp.fft.ifft(x)), ODD),
    "rfft, padded": (lambda x: jnp.imag(jnp.fft.rfft(x, 12)), EVEN),
    "rfft and back, even": (lambda x: jnp.fft.irfft(jnp.fft.rfft(x)), EVEN),
    "rfft and back, odd": (lambda x: jnp.fft.irfft(jnp.fft.rfft(x), 7), ODD),
    "hermitian": (lambda x: jnp.fft.irfft(lax.complex(x[:, :5], x[:, 3:]), 8), EVEN),
    "two axes": (lambda x: jnp.real(jnp.fft.fft2(x) * (1 + 2j)), EVEN),
    "three axes, real": (lambda x: jnp.fft.irfftn(jnp.fft.rfftn(x)[..., ::-1]), FULL),
    "along the first axis": (lambda x: jnp.real(jnp.fft.fft(x, axis=0)), EVEN),
    "moved about": (lambda x: jnp.imag(jnp.fft.fftshift(jnp.fft.fft(x))[1:, ::2].T.reshape(-1)), EVEN),
    "a derivative": (lambda x: jax.grad(lambda x: jnp.sum(jnp.imag(jnp.fft.fft(x))))(x), EVEN),
}

SECRET = {
    "amplitudes": (lambda x, y: jnp.abs(jnp.fft.rfft(x)), X, Y),
    "a convolution": (lambda x, y: jnp.fft.irfft(jnp.fft.rfft(x) * jnp.fft.rfft(y)), X, Y),
    "a correlation": (lambda x, y: jnp.fft.irfft2(jnp.fft.rfft2(x) * jnp.conj(jnp.fft.rfft2(y))), X, Y),
    "a quotient": (lambda x, y: jnp.real(Z(x, y) / Z(y, 2)), X, Y),
    "a cube": (lambda x, y: jnp.imag(Z(x, y) ** 3), X, Y),
    "a negative power": (lambda x, y: jnp.real(Z(x, y + 3) ** -2), X, Y),
    "a matrix product": (lambda x, y: jnp.real(Z(x, y) @ jnp.conj(Z(x, -y)).T), X, Y),
    "a choice": (lambda x, y: jnp.imag(jnp.where(x > 0, Z(x, y), 2j)), X, Y),
    "a wave": (lambda x, y: jnp.real(jnp.exp(Z(y / 4, x))), X, Y),
    "a norm": (lambda x, y: jnp.linalg.norm(jnp.fft.fft(x)), X, Y),
    "equality": (lambda x, y: Z(x, y) == Z(x, jnp.abs(y)), X, Y),
    "power spectrum's derivative": (
        lambda x, y: jax.grad(lambda x: jnp.sum(jnp.abs(jnp.fft.rfft(x)) ** 2))(x),
        X,
        Y,
    ),
}


@pytest.mark.parametrize("engine", ["reals", "ring"])
@pytest.mark.parametrize("name", LOCAL)
def test_transforms_send_nothing_but_truncations(name, engine):
    f, x = LOCAL[name]
    secured = tc.secure(f, protocol="exact", engine=engine)
    np.testing.assert_allclose(secured(x), f(x), atol=1e-3 if engine == "ring" else 1e-5)
    assert {site.kind for site in secured.surface(x)} <= {"truncation"}


@pytest.mark.parametrize("engine", ["reals", "ring"])
@pytest.mark.parametrize("name", SECRET)
def test_complex_secrets_meet(name, engine):
    f, x, y = SECRET[name]
    secured = tc.secure(f, protocol="exact", engine=engine)
    np.testing.assert_allclose(secured(x, y), f(x, y), atol=3e-3 if engine == "ring" else 3e-5, rtol=1e-4)


def test_an_error_in_a_spectrum_is_one_wave():
    """The product of two spectra is real products: an error in one of them is a cosine in the convolution."""

    def convolved(x, y):
        return jnp.fft.irfft(jnp.fft.rfft(x) * jnp.fft.rfft(y))

    secured = tc.secure(convolved, protocol="exact")
    sites = list(secured.surface(X, Y))
    assert [site.kind for site in sites] == ["product"] * 4
    error = np.zeros((3, 5), np.float32)
    error[1, 2] = 4.0
    moved = secured(X, Y, errors={sites[0].name: error}) - secured(X, Y)
    wave = np.zeros((3, 8))
    wave[1] = 2 * 4.0 / 8 * np.cos(2 * np.pi * 2 * np.arange(8) / 8)
    np.testing.assert_allclose(np.abs(moved), np.abs(wave), atol=1e-5)


def test_shares_of_three_parties():
    f, x, y = SECRET["a convolution"]
    np.testing.assert_allclose(tc.secure(f, protocol="exact", engine="replicated")(x, y), f(x, y), atol=3e-3)


def test_what_is_returned_is_real():
    with pytest.raises(tc.Refusal, match="give its real and its imaginary part"):
        tc.secure(jnp.fft.fft)(X)
