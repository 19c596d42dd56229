"""The pages of the site: one row of :data:`PAGES` each, in the order of the menu.

To add a page, write a module ``reports/<name>/sections.py`` with a tuple of sections, and a row here::

    Page("history", "History", "Did the last change make it worse?", HISTORY_SECTIONS, once)

With :func:`once`, each section's ``fill`` gets the :class:`~reports.sections.Site` (``site.inputs.loaded``,
``site.inputs.history``, ``site.machines``, ``site.palette``) and returns a
:class:`~reports.sections.Content`, or None to be left out. The file is ``history.html``. A figure made with
``reports.svg.drawing(..., data=Data(columns, rows))`` is offered as SVG, CSV and JSON by itself. Links to
another page's file: :func:`~reports.sections.file_of`, to a machine's page ``machine.page``.

What is neither page nor figure (a feed, a badge) is a row of :data:`FILES`; a stored file of a kind of its
own is a row of :data:`reports.kinds.KINDS`, and arrives as ``site.inputs.loaded.of(KIND)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reports.badges import badge_files
from reports.blocks.sections import LAYERS_SECTIONS, each_layers
from reports.compare.sections import COMPARE_SECTIONS
from reports.error.sections import ERROR_SECTIONS, each_environment
from reports.flow.sections import GRADIENTS_SECTIONS, each_gradients
from reports.here import each_machine
from reports.history.feed import history_files
from reports.history.sections import HISTORY_SECTIONS
from reports.latency_sections import LATENCY_SECTIONS
from reports.machines_sections import MACHINES_SECTIONS
from reports.memory_sections import MEMORY_SECTIONS
from reports.method_sections import METHOD_SECTIONS
from reports.overview_sections import OVERVIEW_SECTIONS
from reports.performance.sections import PERFORMANCE_SECTIONS, each_bench
from reports.sections import Page, Site, once
from reports.shape.sections import SHAPE_SECTIONS
from reports.store_sections import STORE_SECTIONS, stored_files
from reports.train.sections import TRAIN_SECTIONS, each_training
from reports.worth.evidence import each_sitting
from reports.worth.sections import WORTH_SECTIONS

PAGES: tuple[Page[Any], ...] = (
    Page("index", "Overview", "What does it cost, in a sentence?", OVERVIEW_SECTIONS, once),
    Page("worth", "Should you use it?", "Is it worth it, and how sure are we?", WORTH_SECTIONS, each_sitting),
    Page("latency", "Latency", "How long does a call take, and beside what?", LATENCY_SECTIONS, each_machine),
    Page("memory", "Memory", "How much memory does a call take and keep?", MEMORY_SECTIONS, each_machine),
    Page(
        "performance",
        "Performance",
        "Is it as fast as promised, and where does time go?",
        PERFORMANCE_SECTIONS,
        each_bench,
    ),
    Page("error", "Error", "How far from the exact result, and where?", ERROR_SECTIONS, each_environment),
    Page("layers", "Layers", "How much of a real layer is the activation?", LAYERS_SECTIONS, each_layers),
    Page("shape", "Shape", "How far from ReLU, how smooth, how to initialise?", SHAPE_SECTIONS, once),
    Page(
        "gradients",
        "Gradients",
        "Do gradients survive depth, and do neurons die?",
        GRADIENTS_SECTIONS,
        each_gradients,
    ),
    Page("training", "Training", "Did it train better?", TRAIN_SECTIONS, each_training),
    Page("history", "History", "Did the last change make it worse?", HISTORY_SECTIONS, once),
    Page("compare", "Compare", "What differs between two commits?", COMPARE_SECTIONS, once, ("compare.js",)),
    Page("machines", "Machines", "What does it cost on other machines?", MACHINES_SECTIONS, once),
    Page("method", "Method", "What was measured, and how?", METHOD_SECTIONS, once),
    Page("data", "Data", "What is stored, and what could not be read?", STORE_SECTIONS, once),
)
"""The first is where a reader starts."""

FILES: tuple[Callable[[Site], Mapping[str, bytes]], ...] = (stored_files, history_files, badge_files)
"""What else the site holds: each gives files by name."""
