"""Sizes that meta states, against those that the tensors have."""

from collections.abc import Iterator, Mapping

from sordino.errors import InputError
from sordino.meta.table import Meta
from sordino.schema.kinds import shown

__all__ = ["check_sizes"]


def check_sizes(meta: Meta, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise InputError where a meta that has been read contradicts tensors or itself.

    shapes  of tensors that fit each other, by their canonical names
    """
    tokens, blank = len(meta.tokens), meta.blank
    if blank >= tokens:
        raise InputError(
            f"wanted meta blank as a whole number from 0 to {tokens - 1}, got {blank}; correct it"
        )
    for part, name, size in _sizes(shapes):
        stated = getattr(getattr(meta, part), name)
        if stated not in (None, size):
            raise InputError(
                f"wanted meta {part}.{name} {size}, as the tensors have it, got {stated}; correct "
                "it or leave it out"
            )
    activation = meta.joint.activation
    if activation != "relu" and meta.joint.states("relu_fraction"):
        raise InputError(
            f"wanted meta joint.relu_fraction with a relu joint alone, got {activation}; leave it "
            "out"
        )
    spelt = sorted({one for one in (meta.licence, meta.license) if one is not None})
    if len(spelt) > 1:
        raise InputError(
            f"wanted one licence in meta, got {' and '.join(map(shown, spelt))}; leave one out"
        )


def _sizes(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[str, str, int]]:
    """Sizes that meta may state: part, name, and what the tensors have."""
    yield "encoder", "inputs", shapes["encoder.0.weight_ih"][1]
    yield "prediction", "embedding", shapes["prediction.embedding.weight"][1]
    yield "joint", "dim", shapes["joint.encoder.weight"][0]
    for part in ("encoder", "prediction"):
        layers = 0
        while f"{part}.{layers}.weight_hh" in shapes:
            yield part, "hidden", shapes[f"{part}.{layers}.weight_hh"][1]
            layers += 1
        yield part, "layers", layers
