"""Every command: its name, the module whose `command` (a click command) runs it, and one line of help."""

from __future__ import annotations

# in the order in which a person meets them; help shows them so
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("skerry.cli.up", "run the project on this machine"),
    "down": ("skerry.cli.down", "stop it"),
    "reset": ("skerry.cli.reset", "forget its state on this machine"),
    "status": ("skerry.cli.status", "what runs, hit ratios, origins, functions"),
    "explain": ("skerry.cli.explain", "why: of a URL, a request id or a code"),
    "logs": ("skerry.cli.logs", "requests and functions' output of all PoPs"),
    "purge": ("skerry.cli.purge", "forget cached objects on every PoP"),
    "doctor": ("skerry.cli.doctor", "check this machine and the run"),
    "trust": ("skerry.cli.trust", "let this machine believe certificates of `skerry up`"),
    "untrust": ("skerry.cli.untrust", "take that back and remove the local CA"),
    "init": ("skerry.cli.init", "write skerry.toml from what is found"),
    "check": ("skerry.cli.check", "find what is wrong in a project's files"),
    "diff": ("skerry.cli.diff", "compare the files with what runs"),
}

# Words that others have for the same: whoever types one means ours.
OTHERS: dict[str, str] = {
    "start": "up",
    "serve": "up",
    "dev": "up",
    "stop": "down",
    "kill": "down",
    "clean": "reset",
    "ps": "status",
    "stats": "status",
    "why": "explain",
    "log": "logs",
    "tail": "logs",
    "invalidate": "purge",
    "flush": "purge",
    "validate": "check",
    "lint": "check",
}

# Words that the vocabulary knows and whose time has not come. They are answered by name, so that
# nobody takes them for a misspelling. A word leaves this table when its command enters the other.
LATER: dict[str, str] = {
    "deploy": "sending a project to a hub",
    "rollback": "going back to an earlier deployment",
    "history": "listing deployments",
    "run": "running a program with the clouds' clients pointed at Skerry",
    "aws": "the AWS command line against Skerry",
    "wrangler": "wrangler against Skerry",
    "node": "running PoPs on machines",
    "hub": "many machines under one hub",
    "cache": "looking into a PoP's cache",
    "function": "invoking and testing a function by itself",
    "worker": "Cloudflare Workers",
    "kv": "the key-value store",
    "object": "object storage",
    "table": "DynamoDB-shaped tables",
    "sync": "data synchronisation",
    "thing": "devices and their shadows",
    "component": "software on gateways",
    "model": "models at the edge",
    "plan": "the planner",
}
