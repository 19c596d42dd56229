"""Records of the shape study, quickly: their moments come from the package's own quadrature."""

import json
from dataclasses import asdict

from benchmarks.record import environment
from benchmarks.shape.curves import curve
from benchmarks.shape.entries import Failure, Moments
from benchmarks.shape.quantities import junctions, quantities
from benchmarks.shape.study import STUDY
from gem_impls import Spec
from gem_impls.initialisation import normal_moments

SPECS = (Spec("gem"), Spec("gem", 2), Spec("e-gem"), Spec("e-gem", 1, 10.0), Spec("se-gem", 1, 1e-4))
STDS = (1.0, 0.25, 4.0)
RELU = tuple(Moments("relu", s, s * 0.3989422804014327, s * s / 2, 0.5, 1.0, {}, None) for s in STDS)


def moments(spec, std):
    m = normal_moments(spec, std)
    return Moments(str(spec), std, m.mean, m.second, m.slope_second, m.growth, {}, None)


def entries():
    """Everything that a full run keeps, of a few functions."""
    found = [*RELU, *(moments(spec, std) for spec in SPECS for std in STDS)]
    for spec in SPECS:
        found += [*quantities(spec), *junctions(spec)]
    found += [curve(spec) for spec in (Spec("e-gem", 1, 1e-4), Spec("e-gem", 1, 1.0), Spec("e-gem", 2, 1.0))]
    return found


def document(found, **header):
    """A record as the command writes it; ``header`` changes what is at its top."""
    top = {
        "schema": 1, "complete": True, "whole": True, "length": "full", "busy": 0.1, "done": [],
        "started": "2026-11-24T03:00:00+00:00", "finished": "2026-11-24T03:00:20+00:00",
        "environment": environment(), "sources": "0" * 16, "command": "python -m benchmarks shape",
        **header,
    }  # fmt: skip
    listed = {kind: [asdict(e) for e in found if isinstance(e, cls)] for kind, cls in STUDY.kinds.items()}
    return {STUDY.mark: top, **listed}


def write(folder, found=None, name="shape.json", **header):
    """Put a record into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document(entries() if found is None else found, **header))
    (folder / name).write_text(text, encoding="utf-8")


def failure(text):
    return Failure(text, text, text)
