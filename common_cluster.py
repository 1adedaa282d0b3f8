"""The Dask cluster of the distributed scripts: one that stands, or a small one here."""

import asyncio
import contextlib
import logging
import multiprocessing.resource_tracker
import platform
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common_signals import hold_interrupts

SCRIPT = Path(sys.argv[0]).name

try:
    import dask
    import distributed
    from distributed.diagnostics.plugin import ForwardLoggingPlugin
except ImportError:
    print(
        f"{SCRIPT} needs the package distributed: "
        f"python3 -m pip install distributed, or uv run {SCRIPT}",
        file=sys.stderr,
    )
    raise SystemExit(2) from None

__all__ = ["dask", "distributed", "open_client"]

PATIENCE_SECONDS = 10


@contextlib.contextmanager
def open_client(
    logger: logging.Logger, workers: int, threads: int, address: str | None = None
) -> Iterator[distributed.Client]:
    """Connect to a cluster; what its tasks log to that logger is logged here.

    It is the cluster at that address, such as tcp://host:8786. Without an address one
    is started here, which listens to this machine only and ends with the `with`
    statement: so many workers, which are processes, with so many threads each. Exits
    with status 2 and one line on standard error if the cluster there can't be used.
    """
    with contextlib.ExitStack() as stack:
        if address:
            client = stack.enter_context(find_cluster(address))
        else:
            client = stack.enter_context(start_cluster(workers, threads))
        stack.enter_context(bring_home_logs(client, logger))
        yield client


@contextlib.contextmanager
def find_cluster(address: str) -> Iterator[distributed.Client]:
    """Connect to a cluster that stands elsewhere; exits if that is not possible."""
    with contextlib.ExitStack() as stack:
        try:
            asyncio.run(ask_workers(address))
            client = distributed.Client(address, timeout=PATIENCE_SECONDS)
            stack.enter_context(client)
            client.wait_for_workers(1, timeout=PATIENCE_SECONDS)
        # For an address where something else answers, it can be any exception.
        except Exception as error:
            reason = " ".join(str(error).split()) or "it does not answer"
            print(f"{SCRIPT}: can't use {address}: {reason}", file=sys.stderr)
            raise SystemExit(2) from None
        yield client


async def ask_workers(address: str) -> None:
    """Ask workers for their Python: the code of another version could crash them.

    Raises ValueError if it is another, TimeoutError if there is no answer, and what
    else Dask may raise.
    """
    tls = distributed.Security().get_connection_args("client")
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        distributed.rpc(address, connection_args=tls) as scheduler,
    ):
        answers = await scheduler.broadcast(msg={"op": "versions"})
    here = platform.python_version_tuple()[:2]
    for answer in answers.values():
        there = tuple(answer["host"]["python"].split("."))[:2]
        if there != here:
            versions = ".".join(there), ".".join(here)
            raise ValueError("a worker has Python {}, but this is {}".format(*versions))


@contextlib.contextmanager
def start_cluster(workers: int, threads: int) -> Iterator[distributed.Client]:
    """Start a cluster on this machine, and end it after the `with` statement."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(dask.config.set({"temporary-directory": folder}))
        with hold_interrupts(), block_interrupts():
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=threads,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,
            )
            stack.callback(close, cluster)
            client = distributed.Client(cluster)
            stack.callback(close, client)
        yield client


def close(part: distributed.LocalCluster | distributed.Client) -> None:
    """End a part of a cluster that was started here, without being interrupted."""
    with hold_interrupts():
        part.close()


@contextlib.contextmanager
def block_interrupts() -> Iterator[None]:
    """Let processes take no notice of Ctrl-C that are started during the `with`.

    So do those that are started later, by threads that are started meanwhile. It does
    nothing on Windows.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Up to Python 3.13, it would end the blocking for the thread that starts it.
    multiprocessing.resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def bring_home_logs(
    client: distributed.Client, logger: logging.Logger
) -> Iterator[None]:
    """Let what this client's tasks log to a logger be logged here, and only here.

    `Client.forward_logging` alone would leave the level as it is in the workers, let
    those on this machine log as well, and bring the lines of all clients.
    """
    name = f"logs-{client.id}"

    # A class in a function is sent as a whole: workers elsewhere can't import it.
    class SendLogs(ForwardLoggingPlugin):
        """Sets up each worker, also those that come later."""

        def setup(self, worker: distributed.Worker) -> None:
            # As a filter, it sees each record before that is sent.
            def add_task(record: logging.LogRecord) -> bool:
                record.task = worker.active_threads.get(threading.get_ident())
                return True

            super().setup(worker)
            assert self.handler is not None
            self.handler.addFilter(add_task)
            remote_logger = logging.getLogger(self.logger_name)
            remote_logger.setLevel(logging.INFO)
            remote_logger.propagate = False

        def teardown(self, worker: distributed.Worker) -> None:
            super().teardown(worker)
            remote_logger = logging.getLogger(self.logger_name)
            if not remote_logger.handlers:
                remote_logger.setLevel(logging.NOTSET)
                remote_logger.propagate = True

    def log_here(event: tuple[float, dict[str, Any]]) -> None:
        """Log what a task has logged, unless it is another client's."""
        _, attributes = event
        task = attributes["task"]
        if task is None or task in client.futures:
            logger.handle(logging.makeLogRecord(attributes))

    client.subscribe_topic(name, log_here)
    client.register_plugin(SendLogs(logger.name, logging.NOTSET, name), name=name)
    try:
        yield
    finally:
        # A cluster that is gone has nothing left to clear away.
        with contextlib.suppress(OSError):
            client.unregister_worker_plugin(name)
