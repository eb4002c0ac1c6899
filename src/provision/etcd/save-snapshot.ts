import { HansaError } from '../../base/index.ts';
import { complaintOf, type EtcdctlOptions, type EtcdHost, etcdctlHere, localEndpoint } from './etcdctl.ts';
import { parseExactJson } from './exact-json.ts';

/** A snapshot that lies on a machine and was found whole there. */
export interface RemoteSnapshot {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** As `etcdutl snapshot status` tells; undefined where the machine has no etcdutl. */
  readonly status: SnapshotStatus | undefined;
}

export interface SnapshotStatus {
  readonly revision: string;
  readonly totalKeys: number;
  readonly hash: string;
  /** Of the storage, such as `3.6.0`. */
  readonly version: string | undefined;
}

export const snapshotDirectory = '/var/lib/hansa/snapshots';

/**
 * Takes a snapshot of etcd into `/var/lib/hansa/snapshots/NAME.db` and checks it there. Needs no quorum: one live member
 * serves it. A file of that name is replaced, so it can be done again after any interruption.
 * @throws HansaError DiskFull, SnapshotFailed, SnapshotCorrupt
 */
export async function saveSnapshot(
  on: EtcdHost,
  name: string,
  { endpoints = [localEndpoint], signal, deadlineMs = 30 * 60_000 }: EtcdctlOptions = {},
): Promise<RemoteSnapshot> {
  const path = `${snapshotDirectory}/${name}.db`;
  const result = await on.transport.exec({
    script: saveScript,
    // `snapshot save` takes exactly one endpoint.
    args: [endpoints[0] ?? localEndpoint, snapshotDirectory, path],
    root: true,
    deadlineMs,
    ...(signal && { signal }),
  });
  const where = on.transport.address;
  if (result.code === 96) {
    throw new HansaError(
      `${where} has no room for a snapshot: ${complaintOf(result)}; free space below /var/lib`,
      {
        reason: 'DiskFull',
        retry: 'never',
      },
    );
  }
  if (result.code === 95) {
    throw new HansaError(
      `the snapshot that etcd made on ${where} is damaged: ${complaintOf(result)}; look at that disk`,
      {
        reason: 'SnapshotCorrupt',
      },
    );
  }
  const said = /^hansa-snapshot (\d+) ([0-9a-f]{64}) ?(\{.*\})?$/m.exec(result.stdout);
  if (result.code !== 0 || !said?.[1] || !said[2]) {
    throw new HansaError(`etcd on ${where} gave no snapshot: ${complaintOf(result)}`, {
      reason: 'SnapshotFailed',
    });
  }
  return {
    path,
    sizeBytes: Number(said[1]),
    sha256: said[2],
    status: said[3] ? parseSnapshotStatus(said[3]) : undefined,
  };
}

/** Reads `etcdutl snapshot status -w json`. */
export function parseSnapshotStatus(text: string): SnapshotStatus {
  const status = parseExactJson(text) as Readonly<Record<string, unknown>>;
  return {
    revision: wholeText(status.revision),
    totalKeys: Number(status.totalKey ?? 0),
    hash: Number(status.hash ?? 0).toString(16),
    version: typeof status.version === 'string' && status.version !== '' ? status.version : undefined,
  };
}

function wholeText(value: unknown): string {
  return typeof value === 'bigint' || typeof value === 'number' ? value.toString() : '0';
}

export async function removeSnapshot(on: EtcdHost, path: string, signal?: AbortSignal): Promise<void> {
  await on.transport.exec({ script: 'rm -f -- "$1"', args: [path], root: true, ...(signal && { signal }) });
}

// In etcd's container only its data directory is shared with the host, so a snapshot made there goes by way of it.
const saveScript = `${etcdctlHere}
umask 077
mkdir -p "$2"
# With nobody to answer, \`snapshot save\` would wait for ever.
etcdctl_here --endpoints "$1" --command-timeout=5s endpoint status >/dev/null
need=$(stat -c %s /var/lib/etcd/member/snap/db 2>/dev/null || echo 0)
free=$(df --output=avail -B1 "$2" | tail -n 1 | tr -d ' ')
if [ "$free" -lt $((need + need / 10 + 104857600)) ]; then
  echo "$free bytes are free and the database has $need" >&2
  exit 96
fi
made=$3
[ -x /usr/local/bin/etcdctl ] || made=/var/lib/etcd/hansa-snapshot.db
trap 'rm -f "$3.new" "$3.new.part" /var/lib/etcd/hansa-snapshot.db /var/lib/etcd/hansa-snapshot.db.part' EXIT
[ "$made" != "$3" ] || made=$3.new
etcdctl_here --endpoints "$1" snapshot save "$made" >/dev/null
[ "$made" = "$3.new" ] || mv "$made" "$3.new"
chmod 600 "$3.new"
wanted=$(tail -c 32 "$3.new" | od -An -v -tx1 | tr -d ' \\n')
if [ "$(head -c -32 "$3.new" | sha256sum | cut -c 1-64)" != "$wanted" ]; then
  echo 'its check sum does not fit its content' >&2
  exit 95
fi
status=
if [ -x /usr/local/bin/etcdutl ]; then
  status=$(/usr/local/bin/etcdutl snapshot status -w json "$3.new" 2>/dev/null) || exit 95
fi
sync "$3.new"
mv "$3.new" "$3"
echo "hansa-snapshot $(stat -c %s "$3") $(sha256sum "$3" | cut -c 1-64) $status"
`;
