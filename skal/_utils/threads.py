"""Threads for work in blocks: as many as BLAS would use, with BLAS on one thread."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread", "run"]

# Only one caller at a time uses the threads.
_BUSY = threading.Lock()


@cache
def _controller():
    # Finding the libraries takes milliseconds, so do it once.
    return ThreadpoolController().select(user_api="blas")


class _Limit:
    """Limits BLAS threads, a setting of the process; the last user restores it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.inside = 0
        self.limiter = None
        self.n_threads = 1

    def enter(self):
        with self.lock:
            if self.inside == 0:
                blas = _controller()
                self.n_threads = max((found["num_threads"] for found in blas.info()), default=1)
                self.limiter = blas.limit(limits=1)
            self.inside += 1
            return self.n_threads

    def leave(self):
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                self.limiter.restore_original_limits()
                self.limiter = None


_LIMIT = _Limit()


@contextlib.contextmanager
def one_blas_thread():
    """Run BLAS on one thread; calls from several threads may overlap. Yield the former number."""
    n_threads = _LIMIT.enter()
    try:
        yield n_threads
    finally:
        _LIMIT.leave()


def run(work, tasks):
    """Call a function for each task, on as many threads as BLAS may use, in order."""
    # BLAS runs on one thread in the meantime, so that the steps around matrix products are
    # parallel too. Nested calls run on the caller's thread.
    if len(tasks) < 2 or not _BUSY.acquire(blocking=False):
        return [work(task) for task in tasks]
    try:
        with one_blas_thread() as n_threads, ThreadPoolExecutor(n_threads) as pool:
            return list(pool.map(work, tasks))
    finally:
        _BUSY.release()
