import type { ReadCluster } from '../../provision/index.ts';
import { printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { againText } from './again-text.ts';
import { agreementOf } from './agree.ts';
import type { WorkFlags } from './cluster-options.ts';
import { withVersion } from './kept-objects.ts';
import { findStored, readStored } from './load-clusters.ts';
import { isThere, outcomeData, renderOutcome } from './outcome.ts';
import { applyOne } from './run-apply.ts';
import { openState } from './state-place.ts';
import { stopSignals } from './stop-signals.ts';

export interface UpgradeFlags extends WorkFlags {
  readonly to: string;
}

/** Another version into the kept objects, then all that an apply does; the version is kept once the first step begins. */
export async function runClusterUpgrade(name: string | undefined, flags: UpgradeFlags): Promise<number> {
  const format = readOutput(flags.output, ['json']);
  const state = openState(flags);
  const stops = stopSignals();
  const stored = await findStored(name, flags.namespace, state);
  const version = flags.to.replace(/^v/, '');
  const before = readStored(stored).spec.version;
  const cluster: ReadCluster = readStored({ ...stored, objects: withVersion(stored.objects, version) });
  const place = { state, flags, progress: createProgress(), stops };
  const agreement = agreementOf(flags.yes ?? false, stops.signal);
  const outcome = await applyOne(cluster, place, { agreement, flags, version });
  if (format) await printData(outcomeData(outcome), format);
  else {
    process.stdout.write(
      `${renderOutcome(outcome, {
        done: `cluster ${stored.name} runs Kubernetes ${version}${before === version ? '' : ` (${before} before)`}, after ${Math.round(outcome.tookMs / 1000)} s\nset spec.version to ${version} in your file too, or the next "apply -f" asks to go back`,
        nothing: `cluster ${stored.name} runs Kubernetes ${version} already`,
        again: againText(`hansa cluster upgrade ${stored.name} --to ${version}`, flags),
        width: process.stdout.columns,
      })}\n`,
    );
  }
  return isThere(outcome) ? 0 : 1;
}
