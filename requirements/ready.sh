#!/bin/sh
# Say what this machine lacks before anything is downloaded: all of it at once, each with a way out.
# Exit code 1 where something is missing. The Rust version is the one that Cargo.toml asks for.

here=$(dirname "$0")
missing=0

lacks() {
    echo "error: $1" >&2
    echo "hint: $2" >&2
    missing=1
}

system="$(uname -s) $(uname -m)"
case "$system" in
    "Linux x86_64") ;;
    Linux*) echo "note: Skerry is tried on Linux on x86-64 alone; this is $system." >&2 ;;
    *) lacks "Skerry runs on Linux, and this is $system." \
        "a virtual machine or a container with Linux on x86-64 will do." ;;
esac

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$here/../Cargo.toml" | head -n 1)
rustup="install it with rustup, https://rustup.rs, and open a new shell; or put its folder on PATH: ~/.cargo/bin"
if ! command -v cargo >/dev/null 2>&1 || ! command -v rustc >/dev/null 2>&1; then
    lacks "no Rust (cargo and rustc) is on the path; version $wanted or newer is needed." "$rustup."
elif ! told=$(rustc --version 2>&1); then
    lacks "rustc does not start: $(echo "$told" | head -n 1)" "rustup default stable"
else
    found=$(echo "$told" | cut -d ' ' -f 2)
    oldest=$(printf '%s\n%s\n' "$wanted" "${found%%-*}" | sort -V | head -n 1)
    [ "$oldest" = "$wanted" ] || lacks "Rust $found is too old; version $wanted or newer is needed." \
        "rustup update stable"
fi

if ! command -v cc >/dev/null 2>&1; then
    lacks "no C compiler is on the path as \`cc\`; Rust links with it." \
        "Debian: apt-get install gcc libc6-dev; Fedora: dnf install gcc"
elif ! told=$(printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | cc -x c -o /dev/null - 2>&1); then
    lacks "the C compiler makes no program: $(echo "$told" | grep -m 1 error)" \
        "Debian: apt-get install libc6-dev; Fedora: dnf install glibc-devel"
fi

if [ ! -x "$here/../.venv/bin/python" ]; then
    if ! told=$(sh "$here/python.sh" 2>&1 >/dev/null); then
        echo "$told" >&2
        missing=1
    elif [ -n "${SKERRY_PYTHON:-}" ] && ! command -v "$SKERRY_PYTHON" >/dev/null 2>&1; then
        lacks "SKERRY_PYTHON names $SKERRY_PYTHON, which is not there." \
            "name a Python of version 3.11 or newer, or none."
    fi
fi
exit $missing
