#!/bin/sh
# architecture.sh [FOLDER]: holds the engine (migrate/, or the folder given) to its rooms and floors. Fails, naming each line, on
#   an include that points up, or sideways to another room of the same floor;
#   an include of cli/ that is neither migrate.h nor base/ nor its own;
#   an include without its room, or of a file that is not there;
#   two files of one name.
# With --self-test it plants one of each in a copy, and fails unless each is found.
set -eu

floor() { # ROOM
    case $1 in
    base) echo 1 ;;
    plan) echo 2 ;;
    config | script | database | git) echo 3 ;;
    apply) echo 4 ;;
    command) echo 5 ;;
    cli) echo 6 ;;
    *) echo 0 ;;
    esac
}

# Prints what is wrong with one include. FILE is relative to the engine's folder.
judge() { # FILE LINE INCLUDED
    case $3 in
    migrate.h | embedded.h) return ;; # the public header is everybody's; embedded.h is generated
    */*) ;;
    *) echo "$1:$2: \"$3\" is included without its room" && return ;;
    esac
    [ -f "$3" ] || { echo "$1:$2: \"$3\" is not there" && return; }
    from=${1%%/*} to=${3%%/*}
    [ "$from" != "$to" ] || return 0
    if [ "$(floor "$from")" = 0 ] || [ "$(floor "$to")" = 0 ]; then
        echo "$1:$2: \"$3\": $from or $to is a room on no floor; say where it belongs in tests/architecture.sh"
    elif [ "$(floor "$to")" -ge "$(floor "$from")" ]; then
        echo "$1:$2: \"$3\": $from/ is on floor $(floor "$from") and may not see $to/ on floor $(floor "$to")"
    elif [ "$from" = cli ] && [ "$to" != base ]; then
        echo "$1:$2: \"$3\": cli/ sees migrate.h and base/ alone, so that it proves the library"
    fi
}

inspect() { # FOLDER
    cd "$1"
    find . -name '*.[ch]' | sed 's|^\./||' | sort >"$scratch/files"
    xargs grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' <"$scratch/files" /dev/null |
        sed 's/^\([^:]*\):\([0-9]*\):[^"]*"\([^"]*\)".*/\1 \2 \3/' |
        while read -r file line included; do
            judge "$file" "$line" "$included"
        done
    sed 's|.*/||' "$scratch/files" | sort | uniq -d | while read -r name; do
        echo "two files are named $name: $(grep -E "(^|/)$name\$" "$scratch/files" | tr '\n' ' ')"
    done
}

# Adds LINE to FILE in a copy of the tree that has one more header in each room, and expects a complaint that says SAYS.
plant() { # FILE LINE SAYS
    rm -rf "$scratch/copy"
    cp -R "$engine" "$scratch/copy"
    for room in base plan config script database git apply command cli; do
        mkdir -p "$scratch/copy/$room"
        : >"$scratch/copy/$room/of_$room.h"
    done
    mkdir -p "$(dirname "$scratch/copy/$1")"
    printf '%s\n' "$2" >>"$scratch/copy/$1"
    (inspect "$scratch/copy") >"$scratch/said"
    if [ -z "$3" ] && [ ! -s "$scratch/said" ]; then
        return
    elif [ -z "$3" ] || ! grep -qF "$3" "$scratch/said"; then
        printf 'planted %s in %s: expected %s, got:\n' "$2" "$1" "${3:-no complaint}"
        cat "$scratch/said"
        exit 1
    fi
}

self_test() {
    plant plan/planted.c '#include "base/of_base.h"' ''
    plant cli/planted.c '#include "migrate.h"' ''
    plant plan/planted.c '// #include "apply/of_apply.h"' ''
    plant plan/planted.c '#include "apply/of_apply.h"' 'plan/ is on floor 2 and may not see apply/ on floor 4'
    plant command/planted.h '#include "cli/of_cli.h"' 'command/ is on floor 5 and may not see cli/ on floor 6'
    plant script/planted.c ' # include  "database/of_database.h" // sideways' 'script/ is on floor 3 and may not see'
    plant cli/planted.c '#include "command/of_command.h"' 'cli/ sees migrate.h and base/ alone'
    plant plan/planted.c '#include "text.h"' 'included without its room'
    plant plan/planted.c '#include "base/nowhere.h"' 'is not there'
    plant attic/planted.c '#include "base/of_base.h"' 'a room on no floor'
    plant plan/of_base.h '' 'two files are named of_base.h: base/of_base.h plan/of_base.h'
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [ "${1:-}" = --self-test ]; then
    engine=$(cd "$(dirname "$0")/../migrate" && pwd)
    self_test
else
    (inspect "${1:-$(dirname "$0")/../migrate}") >"$scratch/wrong"
    cat "$scratch/wrong"
    [ ! -s "$scratch/wrong" ]
fi
