import { HansaError, type Logger, type Progress, silentProgress } from '../../base/index.ts';
import { machineAccess } from '../access/connect-machine.ts';
import { KindWork, type Work } from '../kind/index.ts';
import { ClusterWork } from '../engine/cluster-work.ts';
import type { MachineSpec } from '../plan/cluster-spec.ts';
import type { Observed } from '../plan/facts.ts';
import {
  InvalidClusterError,
  type ReadCluster,
  readCluster,
  readLeaving,
  type SecretNeed,
  secretTexts,
} from '../read/index.ts';
import { crClusterStore, type CrClusterStore } from '../store/index.ts';
import { createRedactor, type FirstSight } from '../transport/index.ts';
import type { Bundles } from './bundles.ts';
import type { ProvisionControllerOptions } from './options.ts';
import { asGiven } from './views.ts';
import type { AskedFor } from './wish.ts';

export interface SessionOptions {
  readonly controller: ProvisionControllerOptions;
  readonly bundles: Bundles;
  readonly asked: AskedFor;
  /** Networks of the other clusters. */
  readonly others: Observed['others'];
  /** Machines that leave although nobody deletes their objects: they are replaced. */
  readonly replaced?: readonly string[];
  /** Instead of that of the spec. */
  readonly version?: string;
  readonly progress?: Progress;
  readonly logger: Logger;
  readonly onFirstSight: (machine: string, sight: FirstSight) => void;
  readonly signal: AbortSignal;
  readonly stopping: AbortSignal;
}

/** One cluster, read and with all that work on it needs. Holds connections: dispose of it. */
export interface Session extends AsyncDisposable {
  readonly read: ReadCluster;
  readonly store: CrClusterStore;
  readonly work: Work;
  /** Machines that are on their way out. */
  readonly leaving: readonly MachineSpec[];
  /** Why the bundle that was named could not be opened. */
  readonly bundleComplaint: () => HansaError | undefined;
}

/** @throws InvalidClusterError with the fields that can't be carried out, and Secrets that are missing */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { controller, asked, others, logger, signal, stopping, progress = silentProgress } = options;
  const { host, identity, clock, rng, registration } = controller;
  const { namespace, name } = asked.cluster;
  const store = crClusterStore({ client: host, key: { namespace, name }, clock, rng, logger });
  const given = objectsOf(options);
  const read = await readWithSecrets(given, store);
  const redactor = createRedactor(secretTexts(read.secrets));
  const common = {
    spec: read.spec,
    store,
    ...(registration && { registration }),
    owner: identity,
    clock,
    rng,
    logger,
    progress,
    redactor,
    signal,
    stopping,
  };
  let complaint: HansaError | undefined;
  const bundle = options.bundles.for(read.bundle, signal).then(
    (opened) => opened && { ...opened, versions: opened.file.kubernetes },
    (error: unknown) => {
      // Only what needs programs needs a bundle; who does is told why there is none.
      if (!(error instanceof HansaError)) throw error;
      complaint = error;
      return undefined;
    },
  );
  bundle.catch(() => undefined);
  const leaving = read.kind ? [] : readLeaving(given, read.leaving);
  const access = controller.access ?? machineAccess;
  const work = read.kind
    ? new KindWork({ ...common, settings: read.kind })
    : new ClusterWork({
        ...common,
        leaving,
        others,
        connect: access({
          cluster: name,
          secrets: store.secrets,
          ...(controller.trustFirstSight ? { onFirstSight: options.onFirstSight } : {}),
          redactor,
          logger,
        }),
        bundle,
      });
  return {
    read,
    store,
    work,
    leaving,
    bundleComplaint: () => complaint,
    [Symbol.asyncDispose]: () => work[Symbol.asyncDispose](),
  };
}

/** As a file would have them. Machines of a cluster that goes are taken apart with it, whether they are deleted or not. */
function objectsOf({
  asked,
  replaced = [],
  version,
}: SessionOptions): readonly Readonly<Record<string, unknown>>[] {
  const { cluster, machines } = asked;
  const isGoing = cluster.deletedAt !== undefined;
  const object = asGiven(cluster);
  return [
    version === undefined ? object : { ...object, spec: { ...cluster.spec, version } },
    ...machines.map((machine) => {
      const leaves = replaced.includes(machine.name)
        ? (machine.deletedAt ?? machine.createdAt)
        : machine.deletedAt;
      return asGiven({ ...machine, deletedAt: isGoing ? undefined : leaves });
    }),
  ];
}

async function readWithSecrets(
  given: readonly Readonly<Record<string, unknown>>[],
  store: CrClusterStore,
): Promise<ReadCluster> {
  const { needs, spec } = readCluster(given);
  const found = await Promise.all(
    needs.map(async ({ name }) => ({ name, values: await store.secrets.get(name) })),
  );
  const missing = needs.filter(({ name }) => found.find((each) => each.name === name)?.values === undefined);
  if (missing.length > 0)
    throw new InvalidClusterError(missing.map((need) => missingSecret(need, spec.namespace)));
  return readCluster([
    ...given,
    ...found.map(({ name, values }) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: spec.namespace, name },
      stringData: values,
    })),
  ]);
}

const uses: Readonly<Record<SecretNeed['use'], string>> = {
  ssh: 'it is the SSH credential of machines',
  'etcd-client': 'it holds the client certificate for etcd',
  'backup-encryption': 'it seals the backups',
  s3: 'it opens the store of the backups',
};

function missingSecret({ name, use }: SecretNeed, namespace: string) {
  return {
    object: `Secret ${name}`,
    field: '',
    message: `is not there (${uses[use]}): create it in namespace ${namespace}`,
  };
}
