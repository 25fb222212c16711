"""Who does units of work, by the options of a command: this machine, or a cluster."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from .cluster import DaskCluster
from .jobs import Threads, Workers

__all__ = ["add_options", "workers_of"]


def workers_of(
    jobs: int | None,
    cluster: str | None,
    say: Callable[[str], object],
    usual: Callable[[int], Workers] = Threads,
    count: int = 1,
) -> AbstractContextManager[Workers]:
    """Return those who do the work that the options ``--jobs`` and ``--cluster`` ask for, as a context.

    Parameters
    ----------
    jobs : int or None
        How many units at a time on this machine; None for ``count``.
    cluster : str or None
        A cluster's address, as `flow.cluster.DaskCluster` takes it.
    say : callable
        Gets lines about the cluster, its dashboard's address among them.
    usual : callable
        Gives the workers of this machine, of their number.
    count : int
        How many they are if ``jobs`` does not say.

    Raises
    ------
    ValueError
        If both are given, or the cluster is no address.
    fewbit.extras.MissingPackage
        If the packages for clusters are not installed.
    fewbit.flow.cluster.ClusterError
        On entry, if the cluster is not there.
    """
    if cluster is None:
        return nullcontext(usual(count if jobs is None else jobs))
    if jobs is not None:
        raise ValueError("--jobs is of this machine and --cluster of others: give one of them")
    return DaskCluster(cluster, say)


def add_options(parser: ArgumentParser, usual: str) -> None:
    """Give a parser the options ``--jobs``, or ``--workers``, and ``--cluster``; ``usual`` says how many jobs are."""
    what = f"pieces of work at a time, on this machine (default: {usual})"
    parser.add_argument("--jobs", "--workers", type=_count, metavar="N", help=what)
    parser.add_argument("--cluster", metavar="ADDRESS", help="work on a cluster of Dask, local:N or tcp://HOST:PORT")


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)
