import { readFileSync } from 'node:fs';

/** What a container gets to behave like a machine: all that --privileged gives, save what this host can't give. */
export function machineRights(): string[] {
  return [
    '--cap-add=ALL',
    ...(hasSysResource() ? [] : ['--cap-drop=SYS_RESOURCE']),
    '--security-opt=seccomp=unconfined',
    '--security-opt=apparmor=unconfined',
    '--security-opt=systempaths=unconfined',
    '--device-cgroup-rule=a *:* rwm',
    '--cgroupns=private',
    '--tmpfs=/run:exec,mode=755',
    '--tmpfs=/run/lock',
    '--tmpfs=/tmp:exec,mode=1777',
    '--env=container=docker',
    '--stop-signal=SIGRTMIN+3',
    // A program inside that says "reboot" ends the container as a failure; a kill from outside is not undone.
    '--restart=on-failure',
  ];
}

/** Where the host itself may not raise limits, a container that asks for it can't be started. */
function hasSysResource(): boolean {
  if (process.platform !== 'linux') return true;
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return bounding === undefined || ((BigInt(`0x${bounding}`) >> 24n) & 1n) === 1n;
}
