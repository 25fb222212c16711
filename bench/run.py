"""``python -m bench.run`` measures every section of ``docs/benchmarks.md``, each in a process of its own, then
``docs/scale.md``.

``python -m bench.run MODEL [--cycles N]`` is `bench.sections.steps` for that model, and ``--page`` only assembles the
page.
"""

import subprocess
import sys

from bench.sections import steps

from . import page

SCALE = "bench.scale.run"


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] == ["--page"]:
        page.write()
    elif sys.argv[1:]:
        steps.main()
    else:
        failed = [
            m for m in (*page.SECTIONS, SCALE) if subprocess.run([sys.executable, "-m", m], check=False).returncode
        ]
        if failed:
            raise SystemExit(f"bench: failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
