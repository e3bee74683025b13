# Sourced by the programs beside it: prints the first Python ≥ 3.11 found. The plain name goes first, since it is
# the one that a version manager or an activated environment answers to; a candidate counts only if it runs.
find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
        if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    echo "$0: no Python 3.11 or newer found (set PYTHON to one)" >&2
    return 1
}
