import { parseQuantity } from '../../../base/index.ts';
import type { ClusterSpec } from '../cluster-spec.ts';
import type { MachineFacts } from '../facts.ts';
import { kubeletProtection } from '../render/protection.ts';
import type { Refusal } from '../steps.ts';
import { about, type Candidate, megabytes } from './candidate.ts';

type Disk = MachineFacts['disks'][number];

const leastFreeBytes = 3 * 1024 ** 3;
/** Images alone are tens of thousands of files. */
const leastFreeInodes = 50_000;
/** etcd's own advice for the p99 of its synced writes is 10 ms; leaders are lost at some ten times that. */
const slowFsyncMs = 25;
/** What kubelet does where nobody tells it otherwise. */
const kubeletDefaults = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
};
const paths = ['/var/lib', '/var/lib/etcd', '/var/lib/containerd', '/var/lib/kubelet'];

/** Too little room, or none that can be written to. */
export function disks(each: Candidate): readonly Refusal[] {
  const readOnly = paths.flatMap((path) => diskAt(each, path) ?? []).find((disk) => disk.readOnly);
  if (readOnly) {
    const mend = 'mount it for writing, and look into its kernel log: a broken disk is made so';
    return [about(each, 'DiskReadOnly', `${readOnly.path} can't be written: ${mend}`)];
  }
  const disk = diskAt(each, '/var/lib') ?? each.facts.disks.at(0);
  if (!disk) return [];
  if (disk.freeBytes < leastFreeBytes) {
    const [free, needed] = [megabytes(disk.freeBytes), megabytes(leastFreeBytes)];
    return [
      about(each, 'DiskFull', `${disk.path} has ${free} MB free, ${needed} are needed: make room on it`),
    ];
  }
  // Some file systems make inodes as they need them, and say 0.
  return disk.freeInodes > 0 && disk.freeInodes < leastFreeInodes
    ? [
        about(
          each,
          'InodesUsedUp',
          `${disk.path} has ${disk.freeInodes} inodes free, ${leastFreeInodes} are needed: remove small files from it`,
        ),
      ]
    : [];
}

/** Under kubelet's threshold the node takes no pods from its first minute on, and nothing says why. */
export function underEviction(spec: ClusterSpec, each: Candidate): readonly Refusal[] {
  const thresholds = thresholdsOf(spec);
  const nodefs = diskAt(each, '/var/lib/kubelet') ?? diskAt(each, '/var/lib');
  const imagefs = diskAt(each, '/var/lib/containerd') ?? diskAt(each, '/var/lib');
  const signals = [
    ['nodefs.available', nodefs],
    ['imagefs.available', imagefs],
  ] as const;
  return signals.flatMap(([signal, disk]) => {
    const threshold = thresholds[signal];
    const least = threshold === undefined || !disk ? 0 : bytesOf(threshold, disk.totalBytes);
    if (!disk || disk.freeBytes >= least) return [];
    const share = Math.floor((100 * disk.freeBytes) / disk.totalBytes);
    return [
      about(
        each,
        'UnderEviction',
        `${disk.path} has ${share} % free (${megabytes(disk.freeBytes)} MB), and kubelet takes no pods below ${signal} ${threshold}: ` +
          'make room, or lower spec.protection.evictionHard',
      ),
    ];
  });
}

/** What is kept from pods must leave something for them, or kubelet doesn't start. */
export function nothingLeft(spec: ClusterSpec, each: Candidate): readonly Refusal[] {
  const { kubeReserved, systemReserved, enabled } = spec.protection;
  if (!enabled) return [];
  const { memoryBytes } = each.facts;
  const kept = [kubeReserved['memory'], systemReserved['memory'], thresholdsOf(spec)['memory.available']]
    .map((text) => (text === undefined ? 0 : bytesOf(text, memoryBytes)))
    .reduce((sum, bytes) => sum + bytes, 0);
  if (kept < memoryBytes) return [];
  return [
    about(
      each,
      'NothingLeftForPods',
      `has ${megabytes(memoryBytes)} MB of memory, and spec.protection keeps ${megabytes(kept)} MB from pods: lower kubeReserved, systemReserved or evictionHard`,
      'spec.protection',
    ),
  ];
}

export function slowDisks(each: Candidate): readonly Refusal[] {
  const { fsyncP99Ms } = each.facts;
  if (each.machine.role !== 'control-plane' || fsyncP99Ms === undefined || fsyncP99Ms <= slowFsyncMs)
    return [];
  return [
    about(
      each,
      'SlowDisk',
      `a small synced write below /var/lib takes ${Math.round(fsyncP99Ms)} ms (p99), etcd wants 10: give /var/lib/etcd a faster disk`,
    ),
  ];
}

function thresholdsOf(spec: ClusterSpec): Readonly<Record<string, string>> {
  const { evictionHard } = { ...kubeletProtection(spec), ...spec.kubeadm.kubelet } as {
    readonly evictionHard?: Readonly<Record<string, string>>;
  };
  return evictionHard ?? kubeletDefaults;
}

function bytesOf(threshold: string, total: number): number {
  const share = /^([0-9.]+)%$/.exec(threshold)?.[1];
  if (share !== undefined) return (Number(share) / 100) * total;
  const quantity = parseQuantity(threshold);
  return quantity.ok ? Number(quantity.milli) / 1000 : 0;
}

function diskAt({ facts }: Candidate, path: string): Disk | undefined {
  return facts.disks.find((disk) => disk.path === path);
}
