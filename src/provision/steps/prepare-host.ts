import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { HansaError } from '../../base/index.ts';
import {
  hostSettings,
  modulesPath,
  renderModules,
  renderSysctls,
  sysctlPath,
} from '../plan/render/host-files.ts';
import { stampOf } from '../plan/render/stamps.ts';
import { type RenderedFile, renderProtectionDropIn, sshdUnits } from '../plan/render/units.ts';
import { differingFiles, originalsLibrary, placeFiles } from './originals.ts';
import { runScript } from './run-script.ts';
import { mayLowerOomScore } from './runtime-sight.ts';
import { readStamps, writeStamp } from './stamps.ts';
import { machineOf } from './step-machine.ts';

/** Makes a machine fit for kubelet: kernel modules, kernel settings, no swap, our directories. */
export const prepareHost: Executor = {
  async observe(context, step) {
    const machine = machineOf(context, step);
    const differing = await differingFiles(context, machine, await filesFor(context, machine));
    if (differing.length > 0) return { kind: 'todo', why: `${differing[0]} is not as it should be` };
    const complaints = await check(context, machine);
    if (complaints.length > 0) return { kind: 'todo', why: complaints.join(', ') };
    const stamps = await readStamps(machine, context.signal);
    return stamps['prepare-host'] === stamp(context, machine)
      ? { kind: 'done' }
      : { kind: 'todo', why: 'it was not prepared by this version of Hansa' };
  },

  async apply(context, step) {
    const machine = machineOf(context, step);
    await placeFiles(context, machine, await filesFor(context, machine));
    const { modules, sysctls } = hostSettings(context.cluster, machine.facts);
    context.update('setting up the kernel, switching swap off');
    await runScript(context, machine, {
      script: applyScript,
      args: [
        machine.facts.isContainer ? 'container' : 'machine',
        modules.join(' '),
        ...Object.entries(sysctls).map(([key, value]) => `${key}=${value}`),
      ],
      deadlineMs: 2 * 60_000,
      reason: 'HostNotPrepared',
      mend: 'see the message, mend it on the machine and apply again',
    });
  },

  async verify(context, step) {
    const machine = machineOf(context, step);
    const complaints = await check(context, machine);
    if (complaints.length > 0) {
      throw new HansaError(
        `${machine.spec.name} is not fit for kubelet: ${complaints.join(', ')}; its kernel or its administrator forbids it`,
        { reason: 'HostNotPrepared' },
      );
    }
    await writeStamp(machine, 'prepare-host', stamp(context, machine), context.signal);
  },
};

function stamp({ cluster }: StepContext, { spec }: Machine): string {
  return stampOf('prepare-host', { cluster, machine: spec, controlPlanes: [] });
}

async function filesFor(context: StepContext, machine: Machine): Promise<readonly RenderedFile[]> {
  const { cluster } = context;
  const settings = hostSettings(cluster, machine.facts);
  const means = { mayLowerOomScore: await mayLowerOomScore(context, machine) };
  return [
    // Whoever has to look what is wrong on a machine full of hogs comes in by it, and so does Hansa.
    ...sshdUnits.flatMap((unit) => renderProtectionDropIn(unit, cluster.protection, means) ?? []),
    { path: modulesPath, content: renderModules(settings), mode: 0o644 },
    { path: sysctlPath, content: renderSysctls(settings), mode: 0o644 },
  ];
}

async function check(context: StepContext, machine: Machine): Promise<readonly string[]> {
  const { sysctls } = hostSettings(context.cluster, machine.facts);
  const said = await runScript(context, machine, {
    script: checkScript,
    args: [
      machine.facts.isContainer ? 'container' : 'machine',
      ...Object.entries(sysctls).map(([key, value]) => `${key}=${value}`),
    ],
    reason: 'HostNotPrepared',
    mend: 'the machine could not be looked at: apply again',
  });
  return said.split('\n').filter((line) => line !== '');
}

/** Before a line of fstab that Hansa switched off; a reset takes it away again. */
export const fstabMark = '# hansa, kubelet wants no swap: ';

const applyScript = `${originalsLibrary}
kind=$1 modules=$2
shift 2
mkdir -p -m 755 /etc/hansa /var/lib/hansa /var/cache/hansa/blobs/sha256 /etc/cni/net.d /var/lib/kubelet /usr/local/bin
[ -e /opt/cni/bin ] || mkdir -p /opt/cni/bin
mkdir -p -m 700 /etc/kubernetes/hansa
# Takes on the weights of sshd's drop-in; sshd itself isn't restarted under us.
systemctl daemon-reload || :
# One that is built into the kernel is no module; what counts is checked afterwards.
for module in $modules; do modprobe -q "$module" 2>/dev/null || :; done
for each in "$@"; do
  sysctl -q -w "$each" >/dev/null || echo "the kernel doesn't take $each" >&2
done
# A container's swap is its host's.
[ "$kind" = machine ] || exit 0
if grep -Eq '^[^#]+[[:space:]]swap[[:space:]]' /etc/fstab 2>/dev/null; then
  keep_original /etc/fstab
  sed -E 's/^([^#]+[[:space:]]swap[[:space:]])/${fstabMark}\\1/' /etc/fstab >/etc/fstab.hansa-new
  chmod 644 /etc/fstab.hansa-new
  sync /etc/fstab.hansa-new 2>/dev/null || sync
  mv /etc/fstab.hansa-new /etc/fstab
fi
for unit in $(systemctl list-units --all --type swap --plain --no-legend 2>/dev/null | awk '{print $1}') \\
  $(systemctl list-unit-files --plain --no-legend 'systemd-zram-setup@*' 2>/dev/null | awk '{print $1}'); do
  mkdir -p -m 700 "$originals"
  grep -qxF "$unit" "$originals/masked-units" 2>/dev/null || echo "$unit" >>"$originals/masked-units"
  systemctl mask --quiet --now "$unit" || :
done
swapoff -a
`;

const checkScript = `
kind=$1
shift
grep -qw overlay /proc/filesystems || echo 'overlay is not in its kernel'
for each in "$@"; do
  key=\${each%%=*} want=\${each#*=}
  file=/proc/sys/$(printf %s "$key" | tr . /)
  is=$(cat "$file" 2>/dev/null) || is='not there'
  case $key in
    fs.*) [ "$is" != 'not there' ] && [ "$is" -ge "$want" ] || echo "$key is $is" ;;
    *) [ "$is" = "$want" ] || echo "$key is $is" ;;
  esac
done
[ "$kind" = container ] || [ "$(wc -l </proc/swaps)" -le 1 ] || echo 'swap is on'
`;
