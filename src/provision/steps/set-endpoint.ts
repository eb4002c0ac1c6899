import { HansaError, parseAddress, parseCidr } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import {
  type ControlPlaneAddress,
  haproxyConfigPath,
  haproxyUnit,
  renderHaproxyConfig,
  renderHaproxyUnit,
} from '../plan/render/haproxy.ts';
import { hostsLines, withHostsBlock } from '../plan/render/hosts.ts';
import {
  type KeepalivedPlace,
  keepalivedConfigPath,
  keepalivedUnit,
  renderKeepalivedCheck,
  renderKeepalivedConfig,
  renderKeepalivedUnit,
} from '../plan/render/keepalived.ts';
import { stampOf } from '../plan/render/stamps.ts';
import type { RenderedFile } from '../plan/render/units.ts';
import type { Step } from '../plan/steps.ts';
import { programPlacements } from './bundle-items.ts';
import { neededItems } from './load-bundle.ts';
import { installBinaries } from './install-binaries.ts';
import { controlPlaneAddresses } from './node-input.ts';
import { differingFiles } from './originals.ts';
import { runScript } from './run-script.ts';
import { readStamps, writeStamp } from './stamps.ts';
import { machineOf } from './step-machine.ts';
import { untilNoComplaint } from './until.ts';

/**
 * Makes the cluster's API reachable from a machine under its endpoint: names in /etc/hosts, the proxy on the machine itself,
 * the address that moves. `inputs.controlPlanes` are those it shall lead to; without, all of the spec.
 */
export const setEndpoint: Executor = {
  async observe(context, step) {
    const machine = machineOf(context, step);
    const complaint = await complaintOf(context, step, machine);
    if (complaint !== undefined) return { kind: 'todo', why: complaint };
    const stamps = await readStamps(machine, context.signal);
    return stamps['set-endpoint'] === stamp(context, step, machine)
      ? { kind: 'done' }
      : { kind: 'todo', why: 'the endpoint was not set up by this version of Hansa' };
  },

  async apply(context, step) {
    const machine = machineOf(context, step);
    await writeHosts(context, machine);
    for (const service of servicesFor(context, step, machine)) await setUp(context, step, machine, service);
    await stopOthers(context, step, machine);
  },

  async verify(context, step) {
    const machine = machineOf(context, step);
    const complaint = await untilNoComplaint(context, { timeoutMs: 15_000, everyMs: 1000 }, () =>
      complaintOf(context, step, machine),
    );
    if (complaint !== undefined) {
      throw new HansaError(
        `the endpoint of ${context.cluster.name} is not set up on ${machine.spec.name}: ${complaint}; see "journalctl -u ${haproxyUnit} -u ${keepalivedUnit}" there`,
        { reason: 'EndpointNotSet' },
      );
    }
    await writeStamp(machine, 'set-endpoint', stamp(context, step, machine), context.signal);
  },
};

interface Service {
  readonly program: 'haproxy' | 'keepalived';
  readonly unit: string;
  readonly files: readonly RenderedFile[];
}

function servicesFor(context: StepContext, step: Step, machine: Machine): readonly Service[] {
  const { cluster } = context;
  const { mode } = cluster.endpoint;
  const controlPlanes = servedBy(context, step);
  const haproxy: Service = {
    program: 'haproxy',
    unit: haproxyUnit,
    files: [
      { path: haproxyConfigPath, content: renderHaproxyConfig(cluster, controlPlanes), mode: 0o644 },
      renderHaproxyUnit(),
    ],
  };
  if (mode === 'LocalProxy') return [haproxy];
  if (mode !== 'Keepalived' || machine.spec.role !== 'control-plane') return [];
  const content = renderKeepalivedConfig(cluster, controlPlanes, placeOf(machine));
  return [
    haproxy,
    {
      program: 'keepalived',
      unit: keepalivedUnit,
      files: [
        { path: keepalivedConfigPath, content, mode: 0o600 },
        renderKeepalivedCheck(cluster),
        renderKeepalivedUnit(),
      ],
    },
  ];
}

function servedBy(context: StepContext, { inputs }: Step): readonly ControlPlaneAddress[] {
  return Array.isArray(inputs.controlPlanes)
    ? (inputs.controlPlanes as readonly ControlPlaneAddress[])
    : controlPlaneAddresses(context);
}

function placeOf({ spec, internalAddress, facts }: Machine): KeepalivedPlace {
  const own = parseAddress(internalAddress);
  for (const { name, addresses } of facts.interfaces) {
    for (const text of addresses) {
      const cidr = parseCidr(text);
      if (own && cidr && cidr.family === own.family && cidr.address.value === own.value) {
        return { name: spec.nodeName, address: internalAddress, interface: name, prefix: cidr.prefix };
      }
    }
  }
  throw new HansaError(
    `no interface of ${spec.name} has the address ${internalAddress}, which the endpoint is to move between: correct its internalAddress`,
    { reason: 'AddressNotThere', retry: 'never' },
  );
}

function stamp(context: StepContext, step: Step, { spec }: Machine): string {
  return stampOf('set-endpoint', {
    cluster: context.cluster,
    machine: spec,
    controlPlanes: servedBy(context, step),
  });
}

async function complaintOf(context: StepContext, step: Step, machine: Machine): Promise<string | undefined> {
  const { cluster, signal } = context;
  const hosts = (await machine.transport.readFile('/etc/hosts', { signal }))?.toString('utf8') ?? '';
  if (hosts !== withHostsBlock(hosts, cluster.name, hostsLines(cluster))) return '/etc/hosts lacks its names';
  for (const { unit, files } of servicesFor(context, step, machine)) {
    const [differing] = await differingFiles(context, machine, files);
    if (differing !== undefined) return `${differing} is not as it should be`;
    const { code } = await machine.transport.exec({
      script: 'systemctl is-active -q "$1"',
      args: [unit],
      root: true,
      signal,
    });
    if (code !== 0) return `${unit} does not run`;
  }
  return undefined;
}

async function writeHosts(context: StepContext, machine: Machine): Promise<void> {
  const { cluster, signal } = context;
  const hosts = (await machine.transport.readFile('/etc/hosts', { signal }))?.toString('utf8') ?? '';
  await putHosts(context, machine, withHostsBlock(hosts, cluster.name, hostsLines(cluster)), hosts);
}

/** Replaces /etc/hosts; in a container it is a mount, which can be written to but not replaced. */
export async function putHosts(
  context: Pick<StepContext, 'signal'>,
  machine: Machine,
  content: string,
  before: string,
): Promise<void> {
  if (content === before) return;
  const result = await machine.transport.exec({
    script: `new=/etc/.hosts.hansa-new
trap 'rm -f "$new"' EXIT
cat >"$new"
chmod 644 "$new"
sync "$new" 2>/dev/null || sync
mv -f "$new" /etc/hosts 2>/dev/null || cat "$new" >/etc/hosts`,
    stdin: content,
    root: true,
    signal: context.signal,
  });
  if (result.code === 0) return;
  throw new HansaError(`/etc/hosts on ${machine.spec.name} can't be written: ${result.stderr.trim()}`, {
    reason: 'EndpointNotSet',
  });
}

async function setUp(context: StepContext, step: Step, machine: Machine, service: Service): Promise<void> {
  const { program, unit, files } = service;
  await haveProgram(context, step, machine, program);
  let hasChanged = false;
  for (const file of files) {
    hasChanged = (await machine.transport.writeFile(file, context.signal)) === 'written' || hasChanged;
  }
  context.update(`starting ${program}`);
  await runScript(context, machine, {
    script: `systemctl daemon-reload
systemctl enable --quiet "$1"
if ! systemctl is-active -q "$1"; then systemctl restart "$1"
elif [ "$2" = true ]; then systemctl reload "$1" || systemctl restart "$1"; fi`,
    args: [unit, String(hasChanged)],
    reason: 'EndpointNotSet',
    mend: `see "journalctl -u ${unit}" there`,
  });
}

/** From the machine's own packages, else from the bundle. */
async function haveProgram(
  context: StepContext,
  step: Step,
  machine: Machine,
  program: string,
): Promise<void> {
  const { code } = await machine.transport.exec({
    script: 'command -v "$1" >/dev/null',
    args: [program],
    root: true,
    signal: context.signal,
  });
  if (code === 0) return;
  const placements = programPlacements(neededItems(context, step, machine), [program]);
  if (placements.length === 0) {
    throw new HansaError(
      `${machine.spec.name} has no ${program}, which the endpoint mode ${context.cluster.endpoint.mode} needs, and the bundle has none: install the package ${program} there, or take a load balancer of your own (endpointMode External)`,
      { reason: 'ProgramMissing', retry: 'never' },
    );
  }
  await installBinaries(context, machine, placements);
}

/** Services of another endpoint mode that was before. */
async function stopOthers(context: StepContext, step: Step, machine: Machine): Promise<void> {
  const kept = servicesFor(context, step, machine).map(({ unit }) => unit);
  await runScript(context, machine, {
    script: `for unit in "$@"; do
  [ -e "/etc/systemd/system/$unit" ] || continue
  systemctl disable --quiet --now "$unit" || :
  rm -f "/etc/systemd/system/$unit"
done
systemctl daemon-reload`,
    args: [haproxyUnit, keepalivedUnit].filter((unit) => !kept.includes(unit)),
    reason: 'EndpointNotSet',
    mend: 'the services of the former endpoint could not be stopped: see "systemctl status" there',
  });
}
