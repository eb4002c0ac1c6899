import { homedir, hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { HansaError, type Progress, silentLogger } from '../../base/index.ts';
import { systemClock } from '../../kube/index.ts';
import {
  type Bundle,
  ClusterWork,
  createRedactor,
  fileClusterStore,
  type FirstSight,
  machineAccess,
  type MachineSpec,
  openBundle,
  type ReadCluster,
  readClusters,
  type StateFile,
} from '../../provision/index.ts';
import type { ApplyFlags } from '../commands/cluster.ts';
import { keyOf } from './load-clusters.ts';

export interface WorkPlace {
  readonly state: StateFile;
  readonly flags: Pick<ApplyFlags, 'bundle' | 'publicKey' | 'allowUnsigned' | 'acceptHostKeys'>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Opens everything that work on a cluster needs. Its Secrets must be in the state already. */
export async function openWork(
  cluster: ReadCluster,
  leaving: readonly MachineSpec[],
  { state, flags, progress, signal }: WorkPlace,
): Promise<ClusterWork> {
  const store = fileClusterStore(state, keyOf(cluster));
  const redactor = createRedactor();
  for (const values of cluster.secrets.values()) {
    for (const value of Object.values(values)) if (value.length >= 8) redactor.add(value);
  }
  return new ClusterWork({
    spec: cluster.spec,
    leaving,
    store,
    connect: machineAccess({
      cluster: cluster.spec.name,
      secrets: store.secrets,
      knownHostsFiles: [join(homedir(), '.ssh', 'known_hosts')],
      ...(flags.acceptHostKeys ? { onFirstSight: tellFirstSight } : {}),
      redactor,
    }),
    bundle: await bundleFor(cluster, flags, progress, signal),
    owner: `${userInfo().username}@${hostname()} (pid ${process.pid})`,
    clock: systemClock,
    rng: Math.random,
    logger: silentLogger,
    progress,
    redactor,
    signal,
  });
}

/** Machines that the state knows and the file has no more. */
export async function leavingOf(cluster: ReadCluster, state: StateFile): Promise<readonly MachineSpec[]> {
  const stored = await state.cluster(keyOf(cluster));
  if (!stored || stored.objects.length === 0) return [];
  const [before] = readClusters(stored.objects);
  const names = new Set(cluster.spec.machines.map(({ name }) => name));
  return before?.spec.machines.filter(({ name }) => !names.has(name)) ?? [];
}

function tellFirstSight(machine: string, { fingerprint }: FirstSight): void {
  process.stderr.write(`${machine}: trusted at first sight, its host key is ${fingerprint}\n`);
}

async function bundleFor(
  { bundle }: ReadCluster,
  flags: WorkPlace['flags'],
  progress: Progress,
  signal: AbortSignal,
): Promise<Bundle | undefined> {
  const path = flags.bundle ?? bundle?.path;
  if (path === undefined) return undefined;
  const publicKey = flags.publicKey ?? bundle?.publicKey;
  const step = progress.step(`Check the bundle ${path}`);
  try {
    const opened = await openBundle(path, {
      ...(publicKey ? { publicKey } : {}),
      allowUnsigned: flags.allowUnsigned ?? false,
      signal,
    });
    step.done(opened.signature.kind === 'good' ? 'signed' : 'not signed');
    return opened;
  } catch (error) {
    step.fail(error instanceof HansaError ? error.message : '');
    throw error;
  }
}
