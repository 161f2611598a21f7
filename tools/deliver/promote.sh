#!/bin/sh
# A promotion is a commit that changes one value of one environment; a rollback is the commit that reverts it.
#   ENV=prod VERSION=1.2.3 promote.sh promote    what prod runs; with slots.yaml in its folder, what its idle slot runs
#   ENV=prod promote.sh promote                  with slots.yaml: the idle slot becomes the active one
#   ENV=prod promote.sh rollback                 as before the last promotion
# PUSH=1 pushes the commit.  FORCE=1 takes a version that the environment before does not run.
set -eu

say() { echo "$*" >&2; }
refuse() { say "promote: $*"; exit 1; }

verb="${1:-}"
env="${ENV:-}"
version="${VERSION:-}"
order="dev staging prod"

cd "$(git rev-parse --show-toplevel)"
known=$(ls k8s/environments)
case " $(echo $known) " in
*" $env "*) [ -n "$env" ] || refuse "say which environment: ENV=prod; there are: $(echo $known)" ;;
*) refuse "there is no environment '$env'; there are: $(echo $known)" ;;
esac
folder="k8s/environments/$env"
file="$folder/version.yaml"
slots="$folder/slots.yaml"
[ ! -e "$slots" ] || file="$slots"

value() {  # value KEY FILE
    sed -n "s/^ *$1: *\"\{0,1\}\([^\"# ]*\).*/\1/p" "$2"
}

put() {  # put KEY VALUE: rewrites one line of $file, and no other
    [ "$(grep -c "^ *$1:" "$file")" = 1 ] || refuse "$file must have one line '$1:'"
    sed "s/^\( *$1: *\).*/\1\"$2\"/" "$file" >"$file.new"
    # A file that is written anew would lose its mode.
    cat "$file.new" >"$file"
    rm "$file.new"
}

commit() {  # commit MESSAGE
    git commit --quiet --only -m "$1" -- "$file"
    say "$(git log -1 --format='%h %s')"
    push
}

push() {
    if [ -n "${PUSH:-}" ]; then git push --quiet origin "HEAD:${BRANCH:-$(git branch --show-current)}"; fi
}

before() {  # the environment before this one
    last=""
    for each in $order; do
        [ "$each" != "$env" ] || { echo "$last"; return; }
        last="$each"
    done
}

serves() {  # what an environment runs for its clients
    if [ -e "k8s/environments/$1/slots.yaml" ]; then
        value "$(value active "k8s/environments/$1/slots.yaml")" "k8s/environments/$1/slots.yaml"
    else
        value tag "k8s/environments/$1/version.yaml"
    fi
}

checked() {
    # What goes into an image's tag and into a commit's message is a version and nothing else.
    printf %s "$version" | tr '\n' '!' | grep -Eqx '[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z][0-9A-Za-z.-]*)?' ||
        refuse "'$version' is no version; write VERSION=1.2.3"
    earlier=$(before)
    if [ -n "$earlier" ] && [ -z "${FORCE:-}" ] && [ "$(serves "$earlier")" != "$version" ]; then
        refuse "$earlier runs $(serves "$earlier"), not $version; promote it there first, or say FORCE=1"
    fi
}

promote() {
    if [ ! -e "$slots" ]; then
        checked
        [ "$(value tag "$file")" != "$version" ] || refuse "$env runs $version already"
        put tag "$version"
        commit "Promote $env to $version"
        return
    fi
    active=$(value active "$file")
    idle=$(if [ "$active" = blue ]; then echo green; else echo blue; fi)
    if [ -n "$version" ]; then
        checked
        [ "$(value "$idle" "$file")" != "$version" ] || refuse "$env has $version in $idle already; make it active without VERSION"
        put "$idle" "$version"
        commit "Promote $env: $version into $idle"
    else
        put active "$idle"
        commit "Promote $env: $idle is active, $(value "$idle" "$file")"
    fi
}

rollback() {
    last=$(git log -1 --format=%H -- "$file")
    subject=$(git log -1 --format=%s "$last")
    case "$subject" in
    "Promote $env"*) ;;
    "Roll back $env"* | "Revert "*) refuse "$env was rolled back already and runs $(serves "$env"); promote a version instead" ;;
    *) refuse "the last change of $file is no promotion: $subject" ;;
    esac
    # The promotion is the last change of this file, so what it was before is what a revert makes of it.
    git show "$last^:$file" >"$file"
    commit "Roll back $env to $(serves "$env")

This reverts commit $last ($subject)."
}

git diff --quiet HEAD -- "$file" || refuse "$file has changes that are not committed"
case "$verb" in
promote) promote ;;
rollback) rollback ;;
*) refuse "say promote or rollback" ;;
esac
