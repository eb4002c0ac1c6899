import { HansaError } from '../../base/index.ts';
import {
  bestSurvivor,
  type ClusterSpec,
  type EtcdMember,
  type MachineSpec,
  type Observed,
  type RestoreSource,
  type StoredBackup,
} from '../../provision/index.ts';
import { invalidOption } from '../host-options.ts';

/** `--from latest` is the newest of the target. @throws HansaError BackupMissing */
export function backupSource(from: string, backups: readonly StoredBackup[], cluster: string): RestoreSource {
  const newestFirst = backups.toSorted((a, b) => b.takenAt - a.takenAt);
  if (from === 'latest') {
    const [newest] = newestFirst;
    if (newest) return { kind: 'backup', name: newest.name };
    throw missing(`there is no backup of cluster ${cluster} to restore from`);
  }
  if (backups.some(({ name }) => name === from)) return { kind: 'backup', name: from };
  const names = newestFirst.slice(0, 3).map(({ name }) => name);
  throw missing(
    names.length > 0
      ? `there is no backup ${from} of cluster ${cluster}; the newest are ${names.join(', ')}`
      : `there is no backup ${from} of cluster ${cluster}, nor any other`,
  );
}

/** `MACHINE:PATH`. @throws HansaError InvalidOption */
export function snapshotSource(text: string): RestoreSource {
  const [, machine, path] = /^([^:/]+):(\/.+)$/.exec(text) ?? [];
  if (machine && path) return { kind: 'snapshot', machine, path };
  throw invalidOption(`--snapshot ${text}: write MACHINE:PATH, such as m1:/var/lib/hansa/snapshots/x.db`);
}

/**
 * The control plane that etcd goes on from: the one that is named, else the one whose data is furthest of those that
 * answer, else the only one that has data at all. @throws HansaError NoSurvivor, AmbiguousSurvivor
 */
export function survivorOf(
  spec: ClusterSpec,
  { machines, cluster }: Pick<Observed, 'machines' | 'cluster'>,
  { machine, without }: { readonly machine: string | undefined; readonly without: readonly string[] },
): RestoreSource {
  if (machine !== undefined) return { kind: 'survivor', machine };
  const planes = spec.machines.filter(
    ({ role, name }) => role === 'control-plane' && !without.includes(name),
  );
  const members = cluster.kind === 'absent' ? [] : (cluster.members ?? []);
  const best = bestSurvivor(
    spec,
    members.filter((member) => isOn(planes, member)),
  );
  if (best) return { kind: 'survivor', machine: best.name };
  const withData = planes.filter(({ name }) => {
    const sight = machines[name];
    return sight?.kind === 'seen' && sight.facts.kubernetes.etcdData === 'present';
  });
  const [only, second] = withData;
  if (only && !second) return { kind: 'survivor', machine: only.name };
  if (second) {
    const names = withData.map(({ name }) => name).join(', ');
    throw new HansaError(
      `no member of etcd answers, and ${names} have data of it: say with --machine which one it shall go on from. The one that was the last to run is the best choice`,
      { reason: 'AmbiguousSurvivor', retry: 'never' },
    );
  }
  throw new HansaError(
    `no control plane of cluster ${spec.name} that can be reached has data of etcd: restore a backup with "hansa cluster restore ${spec.name} --from latest"`,
    { reason: 'NoSurvivor', retry: 'never' },
  );
}

function isOn(planes: readonly MachineSpec[], { name }: EtcdMember): boolean {
  return planes.some(({ nodeName }) => nodeName === name);
}

function missing(message: string): HansaError {
  return new HansaError(message, { reason: 'BackupMissing', retry: 'never' });
}
