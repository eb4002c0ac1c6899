import { HansaError, isJsonObject, type Json, type JsonObject, messageOf } from '../../base/index.ts';
import { type ReadCluster, readCluster } from '../read/index.ts';
import type { WholeCluster } from '../store/state-file.ts';

export interface Concerns {
  /** Each of them keeps the cluster where it is: in the other home nobody could work on it. */
  readonly obstacles: readonly string[];
  /** Works, and wants a look. */
  readonly warnings: readonly string[];
}

/** What a cluster would miss on a host, where a controller works on it instead of a person with a laptop. */
export function concernsOnHost(cluster: WholeCluster): Concerns {
  const read = readOr(cluster);
  if (typeof read === 'string') return { obstacles: [read], warnings: [] };
  const { spec, bundle, credentials, needs } = read;
  const obstacles: string[] = [];
  const warnings: string[] = [];
  if (read.kind) {
    return {
      obstacles: [
        `cluster ${spec.name} is made by kind on this machine, and a controller has neither Docker nor kind`,
      ],
      warnings: [],
    };
  }
  const leaving = cluster.objects.filter(isLeaving).map(({ metadata }) => nameIn(metadata));
  if (leaving.length > 0) {
    obstacles.push(
      `${leaving.join(', ')} is being taken out of the cluster: apply it until it has left, then move it`,
    );
  }
  const missing = needs.filter(({ name }) => !(name in cluster.secrets)).map(({ name }) => name);
  if (missing.length > 0)
    warnings.push(
      `Secrets that the state file does not have: ${missing.join(', ')}; create them on the host`,
    );
  const local = spec.machines.filter(({ ssh }) => ssh.kind === 'local').map(({ name }) => name);
  if (local.length > 0) {
    obstacles.push(
      `${local.join(', ')} has transport local, which on a host would be the controller's own machine: set ssh2`,
    );
  }
  const openssh = spec.machines.filter(({ ssh }) => ssh.kind === 'openssh').map(({ name }) => name);
  if (openssh.length > 0) {
    obstacles.push(
      `${openssh.join(', ')} has transport openssh, with the configuration of who runs it: set ssh2, with a credential of its own`,
    );
  }
  const agents = credentials.filter((name) => cluster.secrets[name]?.['agent'] === 'true');
  if (agents.length > 0) {
    obstacles.push(
      `the credential ${agents.join(', ')} is an SSH agent, and a controller has none: put a private key into it`,
    );
  }
  const unknown = spec.machines.filter((machine) => !isHostKeyKept(machine, cluster)).map(({ name }) => name);
  if (unknown.length > 0) {
    warnings.push(
      `the host keys of ${unknown.join(', ')} are known to this machine alone (known_hosts): put them into spec.hostKeys, or the controller refuses to connect`,
    );
  }
  if (bundle?.path !== undefined) {
    warnings.push(`spec.bundle.path ${bundle.path} is looked for where the controller runs`);
  }
  if (spec.backup?.target.kind === 'directory') {
    warnings.push(`backups go to the directory ${spec.backup.target.path} where the controller runs`);
  }
  if (spec.paused) warnings.push('spec.paused is true: the controller does nothing until it is taken back');
  return { obstacles, warnings };
}

/** What a cluster would miss in a state file, where nothing happens by itself. */
export function concernsInFile(cluster: WholeCluster): Concerns {
  const read = readOr(cluster);
  if (typeof read === 'string') return { obstacles: [read], warnings: [] };
  const { backup, certificates } = read.spec;
  const warnings = [
    `from now on certificates are renewed by "hansa certs renew" alone, ${certificates.renewBeforeHours} h before their end at the latest`,
  ];
  if (backup?.schedule !== undefined) warnings.push('no backup is taken by schedule any more');
  return { obstacles: [], warnings };
}

function isLeaving({ kind, metadata }: JsonObject): boolean {
  return kind === 'KubeMachine' && isJsonObject(metadata) && metadata['deletionTimestamp'] !== undefined;
}

function nameIn(metadata: Json | undefined): string {
  const name = isJsonObject(metadata) ? metadata['name'] : undefined;
  return typeof name === 'string' ? name : 'a machine';
}

function isHostKeyKept(
  { ssh }: ReadCluster['spec']['machines'][number],
  { name, secrets }: WholeCluster,
): boolean {
  if (ssh.hostKeys.length > 0 || ssh.insecureIgnoreHostKey) return true;
  const learned = Object.keys(secrets[`${name}-host-keys`] ?? {});
  return learned.some((place) => place.startsWith(`${ssh.host.replaceAll(':', '_')}_`));
}

function readOr({ objects, namespace, name }: WholeCluster): ReadCluster | string {
  try {
    return readCluster(objects);
  } catch (error) {
    if (!(error instanceof HansaError)) throw error;
    return `cluster ${namespace}/${name} can't be read: ${messageOf(error)}`;
  }
}
