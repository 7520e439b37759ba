"""A GRU in the machine's integers beside the same GRU in floats, over many frames.

The integer one computes as the machine does: int8 weights, input and hidden state in the products,
sums of one scale for all gates, then `sordino.golden.cells.gru`. The float one has the same
weights and inputs and nothing else in common: its hidden state is never rounded. What is compared
is the error of the machine's formats alone, as it grows over the frames.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino import arith
from sordino.golden import cells

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FRAMES, INPUTS, UNITS = 1500, 24, 64
MULTIPLIER, SHIFT, X_SHIFT = 40000, 19, 2
"""Requantisation of all sums, and the shift of the input's products (`shift` of MATVEC)."""
SCALE = MULTIPLIER / 2**SHIFT / 2**arith.PREACTIVATION.fraction
"""One unit of a sum."""
U_SCALE = SCALE * 2**arith.HIDDEN.fraction
W_SCALE = SCALE * 2**X_SHIFT * 2**arith.FEATURE.fraction
SLOW = slice(UNITS // 2, UNITS)
"""Units whose z is near 1: its bias is 4 to 6."""


@dataclass(frozen=True)
class Network:
    """Weights int8 (3, units, columns) in PyTorch's order r z n, biases in units of a sum."""

    w: Ints
    u: Ints
    b_w: Ints
    b_u: Ints
    x: Ints


def network() -> Network:
    rng = np.random.default_rng(13)
    w = rng.integers(-127, 128, (3, UNITS, INPUTS))
    u = rng.integers(-127, 128, (3, UNITS, UNITS))
    b_w, b_u = (np.rint(rng.normal(0, 0.3, (3, UNITS)) / SCALE).astype(np.int64) for _ in "wu")
    b_w[1] = np.rint(np.linspace(0, 1, UNITS) / SCALE)
    b_w[1, SLOW] = np.rint(np.linspace(4, 6, UNITS // 2) / SCALE)
    b_u[1] = 0
    w[1, SLOW] //= 4
    u[1, SLOW] //= 4
    # Features that change slowly, as speech does, and leave their range now and then.
    x = np.zeros((FRAMES, INPUTS))
    for t in range(1, FRAMES):
        x[t] = 0.9 * x[t - 1] + rng.normal(0, 0.6, INPUTS)
    return Network(
        w, u, b_w, b_u, np.clip(np.rint(x * 2**arith.FEATURE.fraction), -128, 127).astype(np.int64)
    )


def machine(net: Network, carried_bits: int = 16) -> tuple[Ints, Floats]:
    """h (frames, units) Q0.15, and the mean of each unit's z."""
    # Sums n_h r n_x z: what is not of the input or not of the hidden state is 0 there.
    w, u = np.zeros((4, UNITS, INPUTS), np.int64), np.zeros((4, UNITS, UNITS), np.int64)
    w[[1, 3, 2]], u[[1, 3, 0]] = net.w, net.u
    biases = np.stack([net.b_u[2], net.b_w[0] + net.b_u[0], net.b_w[2], net.b_w[1] + net.b_u[1]])
    state, hidden = np.zeros(UNITS, np.int64), np.zeros(UNITS, np.int64)
    found, gates = [], []
    for x in net.x:
        sums = ((w @ x) << X_SHIFT) + u @ hidden
        assert np.abs(sums).max() < 1 << 23, "a bank of 24 bits holds them"
        gates.append(arith.gate_preactivation(sums[3], biases[3], MULTIPLIER, SHIFT))
        state, hidden = cells.gru(sums, biases, state, multiplier=MULTIPLIER, shift=SHIFT)
        found.append(state)
        if carried_bits == 8:
            state = hidden << (arith.GRU_STATE.fraction - arith.HIDDEN.fraction)
    z = 1 / (1 + np.exp(-np.array(gates) / 2**arith.PREACTIVATION.fraction))
    return np.array(found), z.mean(axis=0)


def logistic(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


def floats(net: Network) -> Floats:
    """h (frames, units): the equations of `torch.nn.GRU`."""
    w, u = net.w * W_SCALE, net.u * U_SCALE
    b_w, b_u = net.b_w * SCALE, net.b_u * SCALE
    h, found = np.zeros(UNITS), []
    for x in net.x / 2**arith.FEATURE.fraction:
        of_x, of_h = w @ x + b_w, u @ h + b_u
        r, z = logistic(of_x[:2] + of_h[:2])
        n = np.tanh(of_x[2] + r * of_h[2])
        h = (1 - z) * n + z * h
        found.append(h)
    return np.array(found)


def errors_of(h: Ints, exact: Floats) -> Floats:
    return np.asarray(np.abs(h / 2**arith.GRU_STATE.fraction - exact))


def test_the_integer_gru_stays_near_the_float_one() -> None:
    """Largest errors of h, which is within -1 to 1: 0.0085 of all units, 0.0006 of slow ones.

    Most of it is what int8 leaves of h in the recurrent products.
    """
    net = network()
    h, z = machine(net)
    errors = errors_of(h, floats(net))
    assert 0.98 < z[SLOW].min() < 0.985
    assert 0.9975 < z.max() < 0.998
    assert np.abs(h[:, SLOW]).max() / 2**15 > 0.5, "slow units move"
    assert 0.005 < errors.max() < 0.01
    assert errors.mean() < 0.0004
    assert 0.0004 < errors[:, SLOW].max() < 0.0008
    assert errors[-500:, SLOW].max() < 0.0008, "nothing adds up over the frames"


def test_a_state_of_8_bits_would_stand_still() -> None:
    """Why h is carried in 16 bits: in 8 bits a slow unit is off by 0.1 and more."""
    net = network()
    h, _ = machine(net, carried_bits=8)
    assert errors_of(h, floats(net))[:, SLOW].max() > 0.1


def test_the_float_gru_is_pytorchs() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    net = network()
    gru = torch.nn.GRU(INPUTS, UNITS).double()
    scaled = {
        "weight_ih_l0": net.w * W_SCALE,
        "weight_hh_l0": net.u * U_SCALE,
        "bias_ih_l0": net.b_w * SCALE,
        "bias_hh_l0": net.b_u * SCALE,
    }
    with torch.no_grad():
        for name, values in scaled.items():
            parameter = getattr(gru, name)
            parameter.copy_(torch.from_numpy(values.reshape(parameter.shape)))
        found = gru(torch.from_numpy(net.x / 2**arith.FEATURE.fraction))[0].numpy()
    np.testing.assert_allclose(floats(net), found, rtol=0, atol=1e-12)
    assert errors_of(machine(net)[0], found).max() < 0.01
