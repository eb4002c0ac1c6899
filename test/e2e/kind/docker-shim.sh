#!/bin/bash
# Stands before docker where the host lacks CAP_SYS_RESOURCE: a container that asks for --privileged could not be started
# there, so it gets all the rights that the host can give instead. All else goes to docker unchanged.
real=$HANSA_TEST_DOCKER
verb=${1:-}
arguments=()
is_privileged=false
previous=''
for argument in "$@"; do
  if [ "$argument" = --privileged ] && { [ "$verb" = run ] || [ "$verb" = exec ]; }; then
    is_privileged=true
    continue
  fi
  # A runtime inside runs programs from there.
  if [ "$previous" = --tmpfs ] && [ "$argument" = /run ]; then argument=/run:exec,mode=755; fi
  arguments+=("$argument")
  previous=$argument
done
if [ "$verb" = run ] && $is_privileged; then
  rights=(--cap-add=ALL --cap-drop=SYS_RESOURCE --security-opt=systempaths=unconfined
    '--device-cgroup-rule=a *:* rwm' --tmpfs=/run/lock)
  case " $* " in *' --cgroupns=private '*) ;; *) rights+=(--cgroupns=private) ;; esac
  exec "$real" run "${rights[@]}" "${arguments[@]:1}"
fi
exec "$real" "${arguments[@]}"
