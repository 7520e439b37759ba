"""Random images of every kind: exact machine and circuit leave the same bits everywhere."""

import numpy as np
import pytest

from sordino.golden.machine import Golden
from sordino.isa.operations import Input
from sordino.isa.registers import Error
from sordino.tools.trials import KINDS, MACHINES, make_trial, run_trial

SEEDS = {"programs": 8, "matrices": 10, "layers": 8, "models": 5}
LEAST_WORDS = 3000
"""Words compared in the smallest trial: all memories at the end alone are more."""


@pytest.mark.parametrize(
    ("machine", "kind", "seed"),
    [
        pytest.param(machine, kind, seed, id=f"{machine}-{kind}-{seed}")
        for machine in MACHINES
        for kind in KINDS
        for seed in range(SEEDS[kind])
    ],
)
def test_golden_and_circuit_are_identical(machine: str, kind: str, seed: int) -> None:
    trial = make_trial(kind, machine, seed)
    outcome = run_trial(trial)
    assert outcome.first_difference is None
    golden, circuit = outcome.results
    assert golden.error is Error.NONE
    assert outcome.records_compared == golden.counters["instructions"] > 5
    assert outcome.words_compared > LEAST_WORDS
    if not trial.feature_gap:
        assert circuit.counters["wait_input"] == 0
    elif trial.feature_gap > 64 and trial.features.size > 30:
        assert circuit.counters["wait_input"] > 0, "gaps reach the machine"


@pytest.mark.parametrize("kind", KINDS)
def test_a_trial_depends_on_its_name_alone(kind: str) -> None:
    one, same, other = (make_trial(kind, "g2", seed) for seed in (3, 3, 4))
    assert one.image.to_bytes() == same.image.to_bytes() != other.image.to_bytes()
    np.testing.assert_array_equal(one.features, same.features)
    gaps = {(trial.feature_gap, trial.token_gap) for trial in (one, same)}
    assert len(gaps) == 1


def test_trials_have_gaps_in_either_stream_and_in_none() -> None:
    trials = [make_trial("matrices", "g1", seed) for seed in range(24)]
    kinds = {(trial.feature_gap > 0, trial.token_gap > 0) for trial in trials}
    assert len(kinds) == 4


def test_programs_that_serve_requests_are_asked_for_some() -> None:
    trials = [make_trial("programs", "g1", seed) for seed in range(24)]
    asked = [trial for trial in trials if trial.requests]
    assert len(asked) > 5
    served = 0
    for trial in asked:
        run = Golden(trial.image).run(trial.features, record=True, requests=trial.requests)
        served += sum(
            isinstance(trial.image.program[one.pc], Input)
            and list(one.values) == [trial.image.program[one.pc].fields["request"]]
            for one in run.records or ()
        )
    assert served > 5
    assert not any(make_trial("models", "g1", seed).requests for seed in range(3))
