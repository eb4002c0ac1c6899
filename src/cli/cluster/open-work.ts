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
  KindWork,
  machineAccess,
  type MachineSpec,
  openBundle,
  type ReadCluster,
  secretTexts,
  type StateFile,
  type Work,
} from '../../provision/index.ts';
import type { MachineFlags } from './cluster-options.ts';
import { openFederation } from './federation.ts';
import { keyOf } from './load-clusters.ts';
import { otherNetworks } from './other-networks.ts';
import type { StopSignals } from './stop-signals.ts';

export interface WorkPlace {
  readonly state: StateFile;
  readonly flags: MachineFlags;
  readonly progress: Progress;
  readonly stops: StopSignals;
}

export interface WorkNeeds {
  /** Machines that are on their way out. */
  readonly leaving?: readonly MachineSpec[];
  /** Programs may have to be installed. Reading a bundle takes its time, so who needs none leaves it closed. */
  readonly bundle?: boolean;
  /** The bundle must have it, or nothing is begun. */
  readonly version?: string;
}

/** Opens everything that work on a cluster needs. Its Secrets must be in the state already. */
export async function openWork(
  cluster: ReadCluster,
  { state, flags, progress, stops }: WorkPlace,
  { leaving = [], bundle = false, version }: WorkNeeds = {},
): Promise<Work> {
  const store = fileClusterStore(state, keyOf(cluster));
  const redactor = createRedactor(secretTexts(cluster.secrets));
  const federation = await openFederation(flags);
  const common = {
    spec: cluster.spec,
    store,
    ...(federation && { registration: federation.steps, held: federation }),
    owner: `${userInfo().username}@${hostname()} (pid ${process.pid})`,
    clock: systemClock,
    rng: Math.random,
    logger: silentLogger,
    progress,
    redactor,
    signal: stops.signal,
    stopping: stops.stopping,
  };
  if (cluster.kind) return new KindWork({ ...common, settings: cluster.kind });
  const opening = bundle ? bundleFor(cluster, flags, progress, stops.signal) : Promise.resolve(undefined);
  // Told by whoever needs it; until then it is nobody's.
  opening.catch(() => undefined);
  if (version !== undefined) {
    const opened = await opening;
    if (opened) requireVersion(opened, version);
  }
  return new ClusterWork({
    ...common,
    leaving,
    others: await otherNetworks(keyOf(cluster), state),
    connect: machineAccess({
      cluster: cluster.spec.name,
      secrets: store.secrets,
      knownHostsFiles: [join(homedir(), '.ssh', 'known_hosts')],
      ...(flags.acceptHostKeys ? { onFirstSight: tellFirstSight } : {}),
      redactor,
    }),
    bundle: opening.then((opened) => opened && { ...opened, versions: opened.file.kubernetes }),
  });
}

/** Of `--bundle`, else of the cluster itself. */
export function bundlePath({ bundle }: ReadCluster, flags: MachineFlags): string | undefined {
  return flags.bundle ?? bundle?.path;
}

function requireVersion({ file, path }: Bundle, version: string): void {
  if (file.kubernetes.includes(version)) return;
  throw new HansaError(
    `the bundle ${path} has Kubernetes ${file.kubernetes.join(', ')}, and ${version} is asked for: make one with "hansa bundle create PATH --versions ${version}"`,
    { reason: 'VersionMissing', retry: 'never' },
  );
}

function tellFirstSight(machine: string, { fingerprint }: FirstSight): void {
  process.stderr.write(`${machine}: trusted at first sight, its host key is ${fingerprint}\n`);
}

/** Clusters of one command share a bundle, so that it is read once. */
const bundles = new Map<string, Promise<Bundle>>();

async function bundleFor(
  cluster: ReadCluster,
  flags: MachineFlags,
  progress: Progress,
  signal: AbortSignal,
): Promise<Bundle | undefined> {
  const path = bundlePath(cluster, flags);
  if (path === undefined) return undefined;
  const publicKey = flags.publicKey ?? cluster.bundle?.publicKey;
  const key = JSON.stringify([path, publicKey ?? '']);
  const known = bundles.get(key);
  if (known) return known;
  const opening = checkBundle(path, {
    ...(publicKey ? { publicKey } : {}),
    allowUnsigned: flags.allowUnsigned ?? false,
    progress,
    signal,
  });
  bundles.set(key, opening);
  return opening;
}

async function checkBundle(
  path: string,
  {
    progress,
    ...options
  }: {
    readonly publicKey?: string;
    readonly allowUnsigned: boolean;
    readonly progress: Progress;
    readonly signal: AbortSignal;
  },
): Promise<Bundle> {
  const step = progress.step(`Check the bundle ${path}`);
  try {
    const opened = await openBundle(path, options);
    step.done(opened.signature.kind === 'good' ? 'signed' : 'not signed');
    return opened;
  } catch (error) {
    step.fail(error instanceof HansaError ? error.message : '');
    throw error;
  }
}
