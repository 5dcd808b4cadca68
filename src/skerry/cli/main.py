"""The front door: find the command, run it, and turn whatever goes wrong into one readable message.

A command's module is imported when the command is named and not before, so that `skerry --version`
does not pay for Terraform parsing. Exit codes: see `skerry.base.errors`.
"""

from __future__ import annotations

import difflib
import errno
import importlib
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

import click

from skerry import __version__
from skerry.base import ids
from skerry.base.errors import BugError, ConfigError, SkerryError
from skerry.cli import render
from skerry.cli.tree import COMMANDS, LATER, OTHERS

EXIT_USAGE = 2
EXIT_BUG = 70
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells count


class Tree(click.Group):
    """A group that knows its commands by table and imports one only when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command = importlib.import_module(module).command
        if not isinstance(command, click.Command):
            raise BugError("bug.unexpected", f"{module}.command is no click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with our words for a name that is not there."""
        name = args[0]
        if name == "help":  # as git and others have it
            words = [word for word in args[1:2] if word in COMMANDS or not word.startswith("-")]
            return self.resolve_command(ctx, [*words, "--help"]) if words else self.overview(ctx)
        if name not in COMMANDS and not name.startswith("-"):
            raise unknown(name)
        return super().resolve_command(ctx, args)

    def overview(self, ctx: click.Context) -> tuple[str, click.Command, list[str]]:
        """What `skerry --help` shows, as a command."""
        return "help", click.Command("help", callback=lambda: click.echo(ctx.get_help())), []

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Where to begin."""
        with formatter.section("Begin with"):
            formatter.write_dl(
                [
                    ("skerry check FOLDER", "what is wrong with a folder of Terraform"),
                    ("skerry up FOLDER", "run it; it says what to try"),
                    ("skerry COMMAND --help", "more about one command"),
                ]
            )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table, so that help imports no command either."""
        rows = [(name, summary) for name, (_, summary) in COMMANDS.items()]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def unknown(name: str) -> ConfigError:
    """What to say to a word that is no command."""
    if name in LATER:
        return ConfigError(
            "cli.later",
            f"`skerry {name}` ({LATER[name]}) comes with a later version",
            hint="`skerry --help` lists what this one can do",
        )
    meant = OTHERS.get(name)
    near = [meant] if meant else difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean `skerry {near[0]}`?" if near else "`skerry --help` lists the commands"
    return ConfigError("cli.unknown_command", f"there is no command `{name}`", hint=hint)


@click.group(
    cls=Tree,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="skerry", message="%(prog)s %(version)s")
@click.pass_context
def skerry(ctx: click.Context) -> None:
    """Points of presence with a cache, edge functions and your own CloudFront configuration."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code of the process.

    A command whose function returns an int has chosen that code; one that returns nothing was good.
    """
    furnish()
    try:
        code = skerry.main(
            args=None if arguments is None else list(arguments),
            prog_name="skerry",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except SkerryError as error:
        render.error(error, sys.stderr)
        return error.exit_code
    except click.Abort:  # click's name for Ctrl-C and Ctrl-D at a prompt
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        render.error(usage(error, sys.argv[1:] if arguments is None else arguments), sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        return hush()
    except SystemExit:
        # click has met the broken pipe before us, and put a wrapper around stdout (private to it, under two names)
        if type(sys.stdout).__name__.endswith("PacifyFlushWrapper"):
            return hush()
        raise
    except OSError as error:
        render.error(outside(error), sys.stderr)
        return ConfigError.exit_code
    # the last stop: whatever comes here is a bug of ours, and says so
    except Exception as error:
        return bug(error)
    return code if isinstance(code, int) else 0


def usage(error: click.ClickException, arguments: Sequence[str]) -> ConfigError:
    """click's complaint about options and arguments, in our shape. It does not always know the command."""
    context = getattr(error, "ctx", None)
    command = [word for word in arguments[:1] if word in COMMANDS]
    path = context.command_path if context is not None else " ".join(["skerry", *command])
    message = re.sub(r"'\[(\w+)\]'", r"\1", error.format_message().rstrip("."))
    return ConfigError("cli.usage", message, hint=f"`{path} --help` shows how it is called")


def furnish() -> None:
    """A closed stdout or stderr (`>&-`) is None in Python: what is said there goes nowhere, and breaks nothing."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - open as long as we live


def hush() -> int:
    """Our reader has left (`skerry logs | head`): no complaint, not even from the interpreter's exit."""
    mute()
    return 0


def mute() -> None:
    """Whatever stdout still holds goes nowhere, so that the interpreter's last flush cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def outside(error: OSError) -> ConfigError:
    """The machine said no: no bug of ours, and rarely one of anybody. A named file is one, stdout has no name."""
    reason = error.strerror or str(error)
    if error.filename is None and error.errno in (
        errno.ENOSPC,
        errno.EIO,
        errno.EBADF,
        errno.EDQUOT,
    ):
        mute()
        return ConfigError(
            "machine.output",
            f"the output could not be written: {reason}",
            hint="see where it is sent",
        )
    about = str(error.filename or "")
    return ConfigError(
        "machine.file",
        f"{about or 'a file'} cannot be used: {reason[:1].lower()}{reason[1:]}",
        hint="look at its permissions and its kind; `skerry doctor` checks the machine",
        about=about,
    )


def bug(error: Exception) -> int:
    """Write the traceback to a file and say where it is."""
    bug_id = ids.short(SystemRandom())
    own = Path(".skerry")
    folder = own if own.is_dir() else Path(tempfile.gettempdir())
    report = folder / f"bug-{bug_id}.txt"
    said = BugError(
        "bug.unexpected",
        f"{type(error).__name__}: {error}",
        hint=f"this is a bug of ours, number {bug_id}; please report it with {report}",
    )
    try:
        report.write_text(
            f"skerry {__version__}, python {sys.version}\n{sys.argv}\n\n"
            + "".join(traceback.format_exception(error))
        )
    except OSError as refused:  # a full disk must not hide the bug itself
        said.hint = f"this is a bug of ours; {report} could not be written: {refused}"
        traceback.print_exception(error, file=sys.stderr)
    render.error(said, sys.stderr)
    return EXIT_BUG


if __name__ == "__main__":
    sys.exit(main())
