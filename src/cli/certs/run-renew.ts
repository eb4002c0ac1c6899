import { HansaError } from '../../base/index.ts';
import type { ClusterSpec, Work } from '../../provision/index.ts';
import type { ClusterFlags, MachineFlags } from '../cluster/cluster-options.ts';
import { loadStored } from '../cluster/load-clusters.ts';
import { checkMachines } from '../cluster/check-machines.ts';
import { openWork } from '../cluster/open-work.ts';
import { isThere, outcomeData, renderOutcome } from '../cluster/outcome.ts';
import { openState } from '../cluster/state-place.ts';
import { stopSignals } from '../cluster/stop-signals.ts';
import { workOn } from '../cluster/work-on.ts';
import { printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';

export interface RenewFlags extends ClusterFlags, Pick<MachineFlags, 'acceptHostKeys'> {
  readonly force?: boolean;
  readonly machine: readonly string[];
}

/** Renews what is due, or with `--force` all, one machine after the other. Needs no API server. */
export async function runCertificateRenewal(name: string | undefined, flags: RenewFlags): Promise<number> {
  const format = readOutput(flags.output, ['json']);
  const state = openState(flags);
  const stops = stopSignals();
  const cluster = await loadStored(name, flags.namespace, state);
  const { spec } = cluster;
  checkMachines(spec, flags.machine);
  await using work = await openWork(cluster, { state, flags, progress: createProgress(), stops });
  const unseen = await tellUnseen(work, spec, flags.machine);
  const but = unseen.length > 0 ? `, but for ${unseen.join(', ')}` : '';
  const machines = flags.machine.length > 0 ? flags.machine : undefined;
  const where = machines ? ` on ${machines.join(', ')}` : '';
  const outcome = await workOn(work, {
    cluster: spec.name,
    goal: { kind: 'renew-certificates', force: flags.force ?? false, machines },
    agreement: { isGiven: true, ask: undefined },
    stops,
  });
  if (format) await printData(outcomeData(outcome), format);
  else {
    process.stdout.write(
      `${renderOutcome(outcome, {
        done: `certificates of cluster ${spec.name} are renewed${but}, after ${Math.round(outcome.tookMs / 1000)} s; the kubeconfig that is kept has a new one too\nhansa cluster kubeconfig ${spec.name} > ${spec.name}.kubeconfig`,
        nothing: `no certificate of cluster ${spec.name}${where} is due${but}; --force renews all of them\nhansa certs status ${spec.name}`,
        again: `hansa certs renew ${spec.name}${flags.force ? ' --force' : ''}`,
        width: process.stdout.columns,
      })}\n`,
    );
  }
  return isThere(outcome) && unseen.length === 0 ? 0 : 1;
}

/** A plan speaks of what was seen alone, and a machine that is off keeps its old certificates. */
async function tellUnseen(
  work: Work,
  { name: cluster, machines }: ClusterSpec,
  wanted: readonly string[],
): Promise<readonly string[]> {
  const sights = (await work.look()).machines;
  const unseen = machines.flatMap(({ name }) => {
    const sight = sights[name];
    return sight?.kind === 'unreachable' ? [{ name, message: sight.message }] : [];
  });
  const named = unseen.find(({ name }) => wanted.includes(name));
  if (named) {
    throw new HansaError(`${named.name} can't be reached: ${named.message}`, {
      reason: 'MachineUnreachable',
      retry: 'never',
    });
  }
  const [first] = unseen;
  if (first && unseen.length === machines.length) {
    throw new HansaError(`no machine of cluster ${cluster} can be reached; ${first.name}: ${first.message}`, {
      reason: 'MachineUnreachable',
      retry: 'never',
    });
  }
  const relevant = wanted.length > 0 ? [] : unseen;
  for (const { name, message } of relevant) {
    process.stderr.write(
      `! ${name} can't be reached (${message}): its certificates stay as they are; run this again once it is back\n`,
    );
  }
  return relevant.map(({ name }) => name);
}
