"""A tour through the storefront: starts it on this machine, visits it, and checks every word it says.

    make demo

It stays up until Ctrl-C. Where nobody watches (no terminal, or CI is set) it stops by itself. Exit code: 0, 1 where a
step did not hold, 2 where the shop could not be started. Standard library only; everything it starts it stops.
"""

import contextlib
import http.client
import os
import sys
import threading

from tour import screen, shell
from tour.stage import Failed, Stage, interruptible
from tour.steps import STEPS, Tour
from tour.viewer import Viewer

LOOK_S = 0.5
# what makes a step one that did not hold: its own checks, a command that failed, a connection that broke
BROKEN = (AssertionError, Failed, OSError, http.client.HTTPException)


def main():
    """The whole tour; its exit code."""
    interruptible()
    stage = None
    try:
        stage = Stage()
        return tour(stage)
    except Failed as failure:
        screen.say(f"\n{screen.paint('The shop could not be started.', 'red')}\n{failure}")
        return 2
    except KeyboardInterrupt:
        with contextlib.suppress(KeyboardInterrupt):  # nobody may be there any more to read it
            screen.say("\nstopped")
        return 130
    finally:
        if stage is not None:
            stage.close()  # a signal may come in the instant before `with` takes hold


def tour(stage):
    """Start it, walk through it, stay where somebody watches; the exit code."""
    with stage:
        welcome(stage)
        failed = walk(stage)
        if not failed:
            screen.say(f"\n{screen.paint(f'All {len(STEPS)} steps held.', 'bold')}")
        else:
            screen.say(
                f"\n{screen.paint(f'{len(failed)} of {len(STEPS)} steps did not hold:', 'red')} {', '.join(failed)}"
            )
        if sys.stdout.isatty() and not os.environ.get("CI"):
            goodbye(stage)
            stay(stage)
        return 1 if failed else 0


def welcome(stage):
    """What runs now, in skerry's own words."""
    at = shell.near(stage.root)
    screen.typed(shell.skerry("up", at))
    for line in stage.greeting:
        if not line or line == "try":
            if line:
                break
            continue
        screen.say(f"    {line}")
    if notes := stage.state["findings"]:
        codes = ", ".join(sorted({note["code"] for note in notes}))
        screen.quote([f"{len(notes)} notes ({codes}): {shell.skerry('check', at)} tells them"])
    if stage.moved:
        screen.quote([moved(stage)])


def moved(stage):
    """That ports were taken, and which are used instead."""
    told = ", ".join(
        f"{name} from {port} on" if name.startswith("http") else f"{name} on {port}"
        for name, port in stage.moved.items()
    )
    return f"{screen.paint('ports of the example are taken', 'yellow')}; a copy of it runs in {stage.root}: {told}"


def walk(stage):
    """Every step; the titles of those that did not hold."""
    failed = []
    ports = {pop["name"]: int(pop["https"].rpartition(":")[2]) for pop in stage.state["pops"]}
    shop = Tour(stage, Viewer(ports, stage.ca))
    for number, step in enumerate(STEPS, 1):
        title = step.__doc__
        screen.title(number, title)
        try:
            step(shop)
        except BROKEN as failure:
            screen.bad(f"{failure}" or type(failure).__name__)
            failed.append(title)
    return failed


def goodbye(stage):
    """Where to look, and what to try."""
    first = stage.state["pops"][0]
    at = shell.near(stage.root)
    screen.say(f"\n{screen.paint('It stays up until Ctrl-C.', 'bold')} Look at it:\n")
    for pop in stage.state["pops"]:
        screen.say(f"    {pop['https']}/   {pop['name']}")
    screen.say("\nand in another terminal\n")
    curl = f"curl -i --cacert {shell.near(stage.ca)} {first['https']}/"
    for command, why in (
        (curl, "twice, and read X-Cache"),
        (shell.skerry("status", at), "hit ratio, latency, functions, processes"),
        (shell.skerry("logs", "-f", at), "requests and what functions print"),
        (
            f"$EDITOR {shell.near(stage.root / 'lambda' / 'response.py')}",
            "a save is served within half a second; a bad one is not taken",
        ),
        (
            shell.skerry("trust"),
            "let browsers believe the local CA; `skerry untrust` takes it back",
        ),
        (shell.skerry("up", "YOUR/TERRAFORM"), "your own distribution"),
    ):
        screen.say(f"    {screen.paint(command, 'cyan')}\n        {why}")


def stay(stage):
    """Until Ctrl-C, or until something that was started has ended by itself. What `skerry up` says is shown."""
    never = threading.Event()
    stage.news()  # its first findings; the greeting has been shown above
    with contextlib.suppress(KeyboardInterrupt):
        screen.say()
        while not never.wait(LOOK_S):
            if news := stage.news():
                screen.say(news.rstrip("\n"))
            if not stage.alive():
                raise Failed("something that the tour had started has ended by itself")
    screen.say("\nstopping")


if __name__ == "__main__":
    sys.exit(main())
