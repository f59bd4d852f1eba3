"""Threads for work in blocks: as many as BLAS would use, BLAS itself on one."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from threadpoolctl import ThreadpoolController

__all__ = ["run"]

# Threads of BLAS are a setting of the process: only one caller at a time may change it.
_BUSY = threading.Lock()


@cache
def _controller():
    return ThreadpoolController().select(user_api="blas")


def run(work, tasks):
    """Call a function for each task, on as many threads as BLAS may use.

    BLAS itself runs on one thread meanwhile, so that the steps around the matrix products are
    parallel too. A call inside another runs on the thread that it is on.

    Parameters
    ----------
    work : callable
        Takes a task.
    tasks : sequence
        The tasks.

    Returns
    -------
    list
        The results, in the order of the tasks.
    """
    if len(tasks) < 2 or not _BUSY.acquire(blocking=False):
        return [work(task) for task in tasks]
    try:
        blas = _controller()
        n_threads = max((library["num_threads"] for library in blas.info()), default=1)
        with blas.limit(limits=1), ThreadPoolExecutor(n_threads) as pool:
            return list(pool.map(work, tasks))
    finally:
        _BUSY.release()
