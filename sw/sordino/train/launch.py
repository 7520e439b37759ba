"""How a training may be launched: as one process."""

from collections.abc import Mapping

from sordino.errors import InputError, warn

__all__ = ["check_launch"]

_SIZES = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
"""What torchrun, Open MPI and MPICH tell each process of the number of processes."""
_RANKS = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK")


def check_launch(environment: Mapping[str, str]) -> None:
    """Raise InputError where a launcher has started several processes for one training."""
    for names, most in ((_SIZES, 1), (_RANKS, 0)):
        for name in names:
            if _number(environment.get(name, "")) > most:
                raise InputError(
                    f"wanted one process, since a training is one, got {name}="
                    f"{environment[name]}; start `sordino train` without torchrun or mpirun, and "
                    "give it cores with --threads"
                )
    if "RANK" in environment and "WORLD_SIZE" not in environment:
        warn(
            f"training is one process, RANK={environment['RANK']} changes nothing; give cores "
            "with --threads"
        )


def _number(text: str) -> int:
    return int(text) if text.strip().isdecimal() else 0
