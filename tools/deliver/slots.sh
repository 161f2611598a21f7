#!/bin/sh
# Blue and green in a cluster without a rollout controller: two Deployments, and one Service that selects one of them.
#   slots.sh status | promote | rollback      NAME (gateway) and NAMESPACE (gateway) say which
# A promotion waits until the idle slot is there, with as many pods as serve, then changes the Service's selector; a rollback changes it back.
set -eu

name="${NAME:-gateway}"
namespace="${NAMESPACE:-gateway}"
say() { echo "$*" >&2; }
refuse() { say "slots: $*"; exit 1; }
kube() { kubectl --namespace "$namespace" "$@"; }

other() {
    case "$1" in
    blue) echo green ;;
    green) echo blue ;;
    *) refuse "service/$name selects no slot ('$1'); is it installed with rollout.strategy: slots?" ;;
    esac
}

image() { kube get "deployment/$name-$1" -o 'jsonpath={.spec.template.spec.containers[0].image}'; }

present() {  # a slot without a pod that is ready would take every request and answer none
    kube rollout status "deployment/$name-$1" --timeout="$2" >/dev/null ||
        refuse "deployment/$name-$1 is not ready; nothing was changed"
    ready=$(kube get "deployment/$name-$1" -o 'jsonpath={.status.availableReplicas}')
    [ "${ready:-0}" -ge 1 ] || refuse "deployment/$name-$1 has no pod that is available; nothing was changed"
}

enough() {  # an autoscaler keeps the slot that has no requests at its least, and all of them come at once
    wanted=$(kube get "deployment/$name-$active" -o 'jsonpath={.spec.replicas}')
    there=$(kube get "deployment/$name-$idle" -o 'jsonpath={.spec.replicas}')
    [ "${there:-1}" -ge "${wanted:-1}" ] || kube scale "deployment/$name-$idle" --replicas="$wanted" >/dev/null
}

choose() {  # choose SLOT PREVIOUS-AS-JSON: both in one patch, so that no reader sees half of it
    kube patch "service/$name" --type=merge \
        -p "{\"metadata\":{\"annotations\":{\"previous-slot\":$2}},\"spec\":{\"selector\":{\"slot\":\"$1\"}}}" >/dev/null
}

active=$(kube get "service/$name" -o 'jsonpath={.spec.selector.slot}')
idle=$(other "$active")
case "${1:-}" in
status)
    say "active $active $(image "$active")"
    say "idle   $idle $(image "$idle")"
    ;;
promote)
    present "$idle" "${TIMEOUT:-180s}"
    enough
    present "$idle" "${TIMEOUT:-180s}"
    choose "$idle" "\"$active\""
    say "service/$name selects $idle ($(image "$idle")); back to $active: make rollback"
    ;;
rollback)
    previous=$(kube get "service/$name" -o 'jsonpath={.metadata.annotations.previous-slot}')
    [ -n "$previous" ] || refuse "service/$name was not promoted since it was rolled back; nothing was changed"
    [ "$previous" = "$idle" ] || refuse "service/$name selects $active already; nothing was changed"
    present "$previous" "${TIMEOUT:-10s}"
    enough
    choose "$previous" null
    say "service/$name selects $previous ($(image "$previous"))"
    ;;
*)
    refuse "say status, promote or rollback"
    ;;
esac
