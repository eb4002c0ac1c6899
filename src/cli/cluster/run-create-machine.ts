import { HansaError, isJsonObject } from '../../base/index.ts';
import { createMachine, type VerbState } from '../../provision/index.ts';
import { printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { againText } from './again-text.ts';
import { agreementOf } from './agree.ts';
import type { WorkFlags } from './cluster-options.ts';
import { type KeptObjects, machineNames } from './kept-objects.ts';
import { keepObjects, readStored } from './load-clusters.ts';
import { isAway, isThere, type Outcome, outcomeData, renderAway, renderOutcome } from './outcome.ts';
import { applyOne } from './run-apply.ts';
import { openState } from './state-place.ts';
import { stopSignals } from './stop-signals.ts';
import { keptCluster, tellNotes, type VerbFlags, verbState } from './verb-state.ts';

export interface CreateMachineOptions extends VerbFlags, WorkFlags {
  readonly ip: string;
  readonly port?: string;
  readonly role: string;
  readonly publicKeys?: string;
  readonly iface?: string;
  /** `--no-apply`. */
  readonly apply: boolean;
}

/** One more machine, kept and brought into its cluster; the first control plane makes the cluster. */
export async function runCreateMachine(flags: CreateMachineOptions): Promise<number> {
  const format = readOutput(flags.output, ['json']);
  const state = openState(flags);
  const stored = await keptCluster(flags, state);
  const before = await verbState(stored, state);
  requireCredential(before);
  const result = createMachine(before, {
    ip: flags.ip,
    port: flags.port === undefined ? undefined : Number(flags.port),
    role: flags.role,
    publicKeys: flags.publicKeys
      ?.split(',')
      .map((key) => key.trim())
      .filter(Boolean),
    iface: flags.iface,
  });
  tellNotes(result.notes);
  const { objects } = result;
  requireControlPlane(objects, stored.name);
  const machine = machineNames(objects).at(-1) ?? flags.ip;
  const cluster = readStored({ ...stored, objects });
  if (!flags.apply) {
    await keepObjects(stored, objects, state);
    process.stdout.write(`✓ machine ${machine} is kept; "hansa cluster apply ${stored.name}" brings it in\n`);
    return 0;
  }
  const stops = stopSignals();
  const outcome = await applyOne(
    cluster,
    { state, flags, progress: createProgress(), stops },
    { agreement: agreementOf(flags.yes ?? false, stops.signal), flags },
  );
  const isIn = isThere(outcome) && !isAway(outcome, machine);
  if (format) await printData({ ...(outcomeData(outcome) as object), machine, isIn }, format);
  else process.stdout.write(`${renderCreated(outcome, { name: stored.name, machine, flags })}\n`);
  return isIn ? 0 : 1;
}

interface Created {
  readonly name: string;
  readonly machine: string;
  readonly flags: CreateMachineOptions;
}

function renderCreated(outcome: Outcome, { name, machine, flags }: Created): string {
  const width = process.stdout.columns;
  const apply = againText(`hansa cluster apply ${name}`, flags);
  if (isThere(outcome) && isAway(outcome, machine)) return renderAway(machine, apply, width);
  return renderOutcome(outcome, {
    done: `machine ${machine} is in cluster ${name}, after ${Math.round(outcome.tookMs / 1000)} s\nhansa cluster status ${name}`,
    nothing: `machine ${machine} is in cluster ${name} already`,
    // What was refused was not kept.
    again: outcome.result
      ? apply
      : againText(`hansa create machine --cluster ${name} --ip ${flags.ip} --role ${flags.role}`, flags),
    width,
  });
}

/** Said here, since the verbs have a way of their own to give one. */
function requireCredential({ name, objects }: VerbState): void {
  const cluster = objects.find(({ kind }) => kind === 'KubeCluster');
  const spec = isJsonObject(cluster?.['spec']) ? cluster['spec'] : {};
  const defaults = isJsonObject(spec['machineDefaults']) ? spec['machineDefaults'] : {};
  if (!cluster || defaults['credentialRef'] !== undefined || defaults['transport'] !== undefined) return;
  throw new HansaError(
    `cluster ${name} has no SSH credential: run "hansa create credential --cluster ${name} --user USER --private-key FILE" first`,
    { reason: 'NotFound', retry: 'never' },
  );
}

function requireControlPlane(objects: KeptObjects, name: string): void {
  const isThere = objects.some(
    ({ kind, spec }) => kind === 'KubeMachine' && isJsonObject(spec) && spec['role'] === 'control-plane',
  );
  if (isThere) return;
  throw new HansaError(
    `cluster ${name} has no control plane yet: its first machine must be one, with --role master`,
    { reason: 'NoControlPlane', retry: 'never' },
  );
}
