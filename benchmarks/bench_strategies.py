"""All strategies against their peers, in one table: both sides on the same arrays, in one run.

    python benchmarks/bench_strategies.py
    python benchmarks/bench_strategies.py --quick

Needs scikit-activeml, modAL-python and small-text beside skal.
"""

import argparse
import sys

import bench_density
import bench_gradient


def main():
    """Print the table; exit with 1 where a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the data")
    quick = parser.parse_args().quick
    print(f"{'strategy':24}{'skal, s':>10}{'peer, s':>10}{'ratio':>8}{'goal':>7}  peer")
    missed = 0
    for module in (bench_gradient, bench_density):
        for name, ours, peer, theirs, required in module.rows(quick=quick):
            ratio = theirs / ours
            missed += ratio < required
            mark = "" if ratio >= required else "  missed"
            print(
                f"{name:24}{ours:10.4f}{theirs:10.4f}{ratio:8.1f}{required:7.1f}  {peer}{mark}",
                flush=True,
            )
    sys.exit(missed > 0 and not quick)


if __name__ == "__main__":
    main()
