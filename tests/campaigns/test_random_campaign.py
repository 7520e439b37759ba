"""The random campaign: every kind on every machine in turn, figures added up, differences shown."""

from dataclasses import replace
from itertools import count

from campaigns import random_programs
from campaigns.random_programs import Outcome, describe_machines, names, run_all, summary
from sordino.tools.trials import KINDS, MACHINES


def test_every_kind_runs_on_every_machine_before_the_next_seed() -> None:
    combinations = len(KINDS) * len(MACHINES)
    made = list(names(7, 2 * combinations + 1))
    assert len(set(made)) == len(made) == 2 * combinations + 1
    assert {seed for *_, seed in made[:combinations]} == {7}
    assert made[-1] == (*made[0][:2], 9)
    for _, machine, _ in made:
        assert machine in MACHINES


def test_one_trial_by_its_name() -> None:
    outcome = random_programs.run_one(("matrices", "g2", 1))
    assert outcome.difference is None
    assert (outcome.kind, outcome.machine, outcome.seed) == ("matrices", "g2", 1)
    instructions, words, cycles = outcome.figures
    assert 5 < instructions < words
    assert words > MACHINES["g2"].activation_words
    assert cycles > 2 * instructions


class Inline:
    """Instead of processes."""

    def __init__(self, jobs: int) -> None:
        assert jobs == 3

    def __enter__(self) -> "Inline":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    map = staticmethod(map)


def test_no_batch_begins_after_the_time_is_up(monkeypatch) -> None:
    clock = count(step=45)
    monkeypatch.setattr(random_programs, "ProcessPoolExecutor", Inline)
    monkeypatch.setattr(random_programs, "run_one", lambda name: name)
    monkeypatch.setattr(random_programs.time, "monotonic", lambda: float(next(clock)))
    batch = random_programs._BATCH
    assert len(list(run_all(0, 10 * batch, 2.0, 3))) == 2 * batch
    assert list(run_all(0, 5, 60.0, 3)) == list(names(0, 5))


def test_summary_adds_up() -> None:
    one = Outcome("layers", "g1", 0, (1, 20, 3000), None)
    results = [one, replace(one, seed=1, difference="state[3]: …"), replace(one, machine="g4")]
    rows = summary(results)
    assert len(rows) == len(KINDS) * len(MACHINES) + 1
    assert rows[-1] == ("all", "", "3", "3", "60", "9,000", 1)
    layers = next(row for row in rows if row[:2] == ("g1", "layers"))
    assert layers == ("g1", "layers", "2", "2", "40", "6,000", 1)
    for name in MACHINES:
        assert f"| {name} |" in describe_machines()
