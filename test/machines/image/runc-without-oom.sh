#!/bin/bash
# Stands before runc where the host lacks CAP_SYS_RESOURCE: a container that asks for a lower oom_score_adj than its
# parent's could not be started, so its wish is raised to what is allowed. All else goes to runc unchanged.
for real in /usr/local/bin/runc /usr/bin/runc /usr/sbin/runc; do
  [ -x "$real" ] && break
done
bundle=''
creates=false
previous=''
for argument in "$@"; do
  case $argument in create | run) creates=true ;; esac
  case $argument in --bundle=*) bundle=${argument#--bundle=} ;; esac
  case $previous in --bundle | -b) bundle=$argument ;; esac
  previous=$argument
done
config=${bundle:-.}/config.json
if $creates && [ -f "$config" ]; then
  least=$(cat /proc/self/oom_score_adj)
  changed=$(jq -c --argjson least "$least" \
    'if (.process.oomScoreAdj // $least) < $least then .process.oomScoreAdj = $least else . end' "$config") &&
    printf '%s' "$changed" >"$config"
fi
exec "$real" "$@"
