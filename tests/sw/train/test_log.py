"""Curves: each point once, in files that nothing half-written spoils."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("tensorboard", reason="needs the extra `train`")

from sordino.errors import InputError, InputWarning
from sordino.train.log import STEP_LOSS, WORD_ERRORS, Log


def points(folder: Path) -> list[tuple[str, int, float]]:
    """As TensorBoard reads them, with nothing taken away."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(
        str(folder / "tensorboard"), size_guidance={"scalars": 0}, purge_orphaned_data=False
    )
    found.Reload()
    names = sorted(found.Tags()["scalars"])
    return [(name, p.step, p.value) for name in names for p in found.Scalars(name)]


def events(folder: Path) -> Path:
    """The one file with anything in it."""
    (file,) = (p for p in (folder / "tensorboard").iterdir() if p.stat().st_size)
    return file


def write(folder: Path, after: int, *steps: int) -> None:
    with Log(folder, after) as log:
        for step in steps:
            log.add(STEP_LOSS, step / 2, step)


def steps(folder: Path) -> list[int]:
    return [step for _, step, _ in points(folder)]


def test_points_after_the_checkpoint_are_taken_again(tmp_path: Path) -> None:
    write(tmp_path, 0, 1, 2, 3)
    assert steps(tmp_path) == [1, 2, 3]
    write(tmp_path, 2, 3, 4)
    assert steps(tmp_path) == [1, 2, 3, 4]
    write(tmp_path, 4)
    assert steps(tmp_path) == [1, 2, 3, 4]
    write(tmp_path, 0, 1)  # killed before a checkpoint
    assert points(tmp_path) == [(STEP_LOSS, 1, 0.5)]
    assert events(tmp_path)
    assert len(list((tmp_path / "tensorboard").iterdir())) == 2, "the one before is empty"


def test_a_tensorboard_that_is_running_sees_it_go_on(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write(tmp_path, 0, 1, 2, 3)
    running = EventAccumulator(str(tmp_path / "tensorboard"))

    def shown() -> list[int]:
        running.Reload()
        return [point.step for point in running.Scalars(STEP_LOSS)]

    assert shown() == [1, 2, 3]
    for after, expected in ((2, [1, 2, 3, 4]), (1, [1, 2, 3]), (0, [1, 2])):
        write(tmp_path, after, after + 1, after + 2)
        assert shown() == expected


def test_a_point_that_is_there_is_not_doubled(tmp_path: Path) -> None:
    write(tmp_path, 0, 1, 2)
    with Log(tmp_path, 2) as log:
        assert log.has(STEP_LOSS, 2)
        assert not log.has(STEP_LOSS, 1)
        log.add(WORD_ERRORS, 0.25, 2)
    with Log(tmp_path, 2) as log:
        assert log.has(WORD_ERRORS, 2)
        log.add(WORD_ERRORS, 0.25, 2)
    assert points(tmp_path)[-1] == (WORD_ERRORS, 2, 0.25)
    with Log(tmp_path, 2) as log:
        log.add(WORD_ERRORS, 0.5, 2)  # with other threads
        log.add(STEP_LOSS, 1.5, 3)
    expected = [(STEP_LOSS, 1, 0.5), (STEP_LOSS, 2, 1), (STEP_LOSS, 3, 1.5), (WORD_ERRORS, 2, 0.5)]
    assert points(tmp_path) == expected


def test_wherever_a_file_ends_the_points_before_are_kept(tmp_path: Path) -> None:
    write(tmp_path, 0, 1, 2, 3)
    contents = events(tmp_path).read_bytes()
    for end in range(len(contents) - 40, len(contents)):  # in the last point, and before it
        events(tmp_path).write_bytes(contents[:end])
        write(tmp_path, 1, 2)
        assert steps(tmp_path) == [1, 2]


def test_lost_points_are_said(tmp_path: Path) -> None:
    write(tmp_path, 0, 1, 2, 3)
    file = events(tmp_path)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.warns(InputWarning, match="have 2 of the 3 steps that the checkpoint has"):
        write(tmp_path, 3, 4)
    assert steps(tmp_path) == [1, 2, 4]


def test_files_of_earlier_versions_become_one(tmp_path: Path) -> None:
    """Doubled points, and a folder with a file for every start of the training."""
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    for again in range(2):
        with tensorboard.SummaryWriter(tmp_path / "tensorboard") as writer:
            for step in (1, 2, 3):
                writer.add_scalar(STEP_LOSS, step / 2, step + again)
    assert len(list((tmp_path / "tensorboard").iterdir())) == 2
    write(tmp_path, 3, 4)
    assert [step for _, step, _ in points(tmp_path)] == [1, 2, 3, 4]
    assert events(tmp_path)


def test_curves_of_something_else_are_left_alone(tmp_path: Path) -> None:
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(tmp_path / "tensorboard") as writer:
        writer.add_scalar("accuracy", 1.0, 1)
    before = {p.name: p.read_bytes() for p in (tmp_path / "tensorboard").iterdir()}
    with pytest.raises(InputError, match=r"wanted the curves of a training .* has 'accuracy'; cho"):
        Log(tmp_path, 0)
    assert {p.name: p.read_bytes() for p in (tmp_path / "tensorboard").iterdir()} == before


def test_curves_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("a file")
    with pytest.raises(InputError, match=r"cannot write TensorBoard's curves in .*: File exists"):
        Log(tmp_path, 0)
    if Path("/dev/full").exists():
        (tmp_path / "tensorboard").unlink()
        (tmp_path / "tensorboard").mkdir()
        (tmp_path / "tensorboard" / ".sordino-events").symlink_to("/dev/full")
        with pytest.raises(InputError, match="No space left on device; mend that"):
            Log(tmp_path, 0)
