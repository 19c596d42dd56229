"""Many independent tasks over processes, GPUs or a cluster; every result is written once, and a run goes on.

    spread      the one entry point: a function, tasks, a store, and where to run
    store       a folder of results: one file a task, whole and written once
    ledger      what a run tells the store, the progress line and the reader
    task        one task on a worker: a function by name, JSON in, JSON out
    dispatch    who gets which task, and what a lost worker means; workers are Dask's
    cluster     where workers come from: embedded ones, or those of an address

``docs/engines.md`` says why Dask, and how a cluster is used.
"""

from benchmarks.engine.cluster import NoCluster
from benchmarks.engine.spread import Outcome, spread
from benchmarks.engine.store import Store, key_of

__all__ = ["NoCluster", "Outcome", "Store", "key_of", "spread"]
