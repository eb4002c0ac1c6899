import { systemClock } from '../../kube/index.ts';
import type { ReadCluster } from '../../provision/index.ts';
import type { ClusterFlags, MachineFlags } from '../cluster/cluster-options.ts';
import { findStored, readStored } from '../cluster/load-clusters.ts';
import { openWork, type WorkPlace } from '../cluster/open-work.ts';
import { openState } from '../cluster/state-place.ts';
import { stopSignals } from '../cluster/stop-signals.ts';
import { printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { certificatesOf, type ClusterCertificates, isWell, renderCertificates } from './certificate-rows.ts';

export type CertificateStatusFlags = ClusterFlags & Pick<MachineFlags, 'acceptHostKeys'>;

/** Of the clusters that are named, or of all. Exit code 1: one of them has a certificate that is due, expired or not seen. */
export async function runCertificateStatus(
  names: readonly string[],
  flags: CertificateStatusFlags,
): Promise<number> {
  const format = readOutput(flags.output, ['json', 'yaml']);
  const state = openState(flags);
  const place = { state, flags, progress: createProgress(), stops: stopSignals() };
  const stored =
    names.length > 0
      ? await Promise.all(names.map((name) => findStored(name, flags.namespace, state)))
      : (await state.clusters()).filter(({ objects }) => objects.length > 0);
  const read = stored.map(readStored);
  // Those of kind live and die with their containers.
  for (const { kind, spec } of read) {
    if (kind && names.includes(spec.name))
      process.stderr.write(`note: cluster ${spec.name} is made by kind, which renews no certificates\n`);
  }
  const all = await Promise.all(read.filter(({ kind }) => !kind).map((each) => lookAt(each, place)));
  if (format) await printData(all, format);
  else if (all.length === 0) process.stdout.write('No clusters are kept.\n');
  else {
    const { columns } = process.stdout;
    process.stdout.write(`${all.map((each) => renderCertificates(each, columns)).join('\n\n')}\n`);
  }
  return all.every(isWell) ? 0 : 1;
}

async function lookAt(cluster: ReadCluster, place: WorkPlace): Promise<ClusterCertificates> {
  await using work = await openWork(cluster, place);
  const observed = await work.look();
  const sights = await work.certificates(observed);
  return certificatesOf(cluster.spec, observed, sights, systemClock.now());
}
