"""``python -m fewbit``: the command ``fewbit``."""

from fewbit.flow.commands.cli import main

if __name__ == "__main__":
    main()
