"""Every command: its name, the module whose `command` (a click command) runs it, and one line of help."""

COMMANDS: dict[str, tuple[str, str]] = {
}
