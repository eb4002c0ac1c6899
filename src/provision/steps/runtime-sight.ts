import type { Machine, StepContext } from '../engine/executor.ts';
import { runScript } from './run-script.ts';

/** What can be seen of containerd on a machine now; facts were read before it was there. */
export interface ContainerdSight {
  /** 0: not there. */
  readonly majorVersion: number;
  readonly hasUnit: boolean;
  readonly isActive: boolean;
  /** The configuration file is newer than the running process. */
  readonly isOutdated: boolean;
  /** containerd answers, and its part for kubelet is well. */
  readonly isReady: boolean;
  /** Programs of it that are nowhere to be found. */
  readonly missing: readonly string[];
  /** Configuration in force after a restart, defaults included. */
  readonly dump: string;
}

export const containerdPrograms = ['containerd', 'containerd-shim-runc-v2', 'ctr', 'runc'] as const;

export async function lookAtContainerd(context: StepContext, machine: Machine): Promise<ContainerdSight> {
  const said = await runScript(context, machine, {
    script: lookScript,
    args: [...containerdPrograms],
    reason: 'RuntimeUnknown',
    mend: 'the container runtime could not be looked at: apply again',
  });
  const [head = '', dump = ''] = said.split('--- dump\n');
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(head)?.[1]?.trim() ?? '';
  return {
    majorVersion: Number(/\bv?(\d+)\.\d+\.\d+/.exec(value('version'))?.[1] ?? 0),
    hasUnit: value('unit') === 'yes',
    isActive: value('active') === 'active',
    isOutdated: value('outdated') === 'yes',
    isReady: value('ready') === 'yes',
    missing: value('missing')
      .split(' ')
      .filter((name) => name !== ''),
    dump,
  };
}

/** Whether the machine's services may lower the score by which the kernel chooses whom to kill (CAP_SYS_RESOURCE, bit 24). */
export async function mayLowerOomScore(context: StepContext, machine: Machine): Promise<boolean> {
  const said = await runScript(context, machine, {
    script: `bounding=$(awk '/^CapBnd/ {print $2}' /proc/1/status)
[ $((0x\${bounding:-0} >> 24 & 1)) = 1 ] && echo yes || echo no`,
    reason: 'RuntimeUnknown',
    mend: 'its rights could not be looked at: apply again',
  });
  return said.trim() === 'yes';
}

const lookScript = `
echo "version=$(containerd --version 2>/dev/null)"
missing=
for name in "$@"; do command -v "$name" >/dev/null 2>&1 || missing="$missing $name"; done
echo "missing=$missing"
systemctl cat containerd.service >/dev/null 2>&1 && echo unit=yes || echo unit=no
echo "active=$(systemctl is-active containerd.service 2>/dev/null)"
started=$(date -d "$(systemctl show -p ActiveEnterTimestamp --value containerd.service 2>/dev/null)" +%s 2>/dev/null) || started=0
changed=$(stat -c %Y /etc/containerd/config.toml 2>/dev/null) || changed=0
[ "$changed" -ge "\${started:-0}" ] && [ "$changed" -gt 0 ] && echo outdated=yes || echo outdated=no
# Without a socket ctr waits ten seconds for one.
if [ -S /run/containerd/containerd.sock ] && ctr version >/dev/null 2>&1 && ctr plugins ls 2>/dev/null | awk '$2 == "cri" && $NF != "ok" {bad = 1} $2 == "cri" {seen = 1} END {exit !(seen && !bad)}'; then
  echo ready=yes
else
  echo ready=no
fi
echo '--- dump'
containerd config dump 2>/dev/null || :
`;
