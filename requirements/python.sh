#!/bin/sh
# Print the Python that the checkout's environment is made from: 3.11 or newer, able to make one.
# As root a Python that other users can read comes first: functions run under uids of their own, and
# an interpreter below a folder of mode 0700 (a version manager in /root) is out of their reach.
# SKERRY_PYTHON names another one and is taken as it is.

fits() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

readable_by_others() {
    "$1" -c '
import os, pathlib, sys
places = [pathlib.Path(sys.executable).resolve(), pathlib.Path(os.__file__).resolve()]
ways = {folder for place in places for folder in place.parents}
sys.exit(not all(folder.stat().st_mode & 0o001 for folder in ways))'
}

if [ -n "${SKERRY_PYTHON:-}" ]; then
    echo "$SKERRY_PYTHON"
    exit 0
fi

found=""
for name in python3 python3.14 python3.13 python3.12 python3.11 \
    /usr/bin/python3 /usr/bin/python3.11 /usr/local/bin/python3; do
    fits "$name" || continue
    path=$(command -v "$name")
    [ -n "$found" ] || found="$path"
    if [ "$(id -u)" -ne 0 ] || readable_by_others "$path"; then
        echo "$path"
        exit 0
    fi
done

if [ -n "$found" ]; then
    echo "note: $found cannot be read by other users, so functions will run as this user, without" >&2
    echo "      uids of their own. Install a system Python 3.11+ (Debian: apt-get install python3-venv)" >&2
    echo "      and remove .venv to change that." >&2
    echo "$found"
    exit 0
fi

echo "error: no Python 3.11 or newer with venv and ensurepip was found." >&2
echo "hint: Debian: apt-get install python3 python3-venv; or name one: SKERRY_PYTHON=/path make …" >&2
exit 1
