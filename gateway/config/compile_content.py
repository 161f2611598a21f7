"""From `compress` and the like to steps: the part of `compile` about what answers hold."""

from __future__ import annotations

from gateway.config.model_compress import Compress
from gateway.contracts import Step
from gateway.policies import compress


def compressing(spec: Compress) -> Step:
    """The step that compresses."""
    rules = compress.Rules(spec.algorithms, spec.min_size, spec.types)
    return Step("compress", spec.where, compress.compile(rules))
