import type { StoredCluster } from '../../provision/index.ts';
import { ageOf, renderTable } from '../table.ts';
import { renderFitting } from './fit-table.ts';
import { hang } from './hang.ts';
import type { ClusterStatus, MachineRow } from './status-rows.ts';

export interface StatusLook {
  readonly isVerbose: boolean;
  /** Columns of the terminal; undefined: no terminal, nothing is wrapped. */
  readonly width?: number | undefined;
  readonly now: number;
}

export function renderStatus(status: ClusterStatus, look: StatusLook): string {
  const { name, version, endpoint, isWell, message, next } = status;
  const { width } = look;
  return [
    hang(isWell ? '✓ ' : '✗ ', `${name}  Kubernetes ${version}  ${endpoint}`, width),
    hang('  ', message, width),
    '',
    ...factLines(status, look),
    '',
    renderMachines(status.machines, look),
    ...(next ? ['', hang('Next: ', next.command, width), hang('      ', `(${next.why})`, width)] : []),
  ].join('\n');
}

function factLines(
  { etcd, certificates, backup, openSteps, strays, leaving }: ClusterStatus,
  { width, now }: StatusLook,
): readonly string[] {
  const [first] = openSteps;
  const age = ageOf(backup.lastAt, now);
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['etcd', etcd],
    ['certificates', certificates.message],
    ['last backup', `${age ? `${age} ago, ` : ''}${backup.message}`],
    ['leaving', leaving.length > 0 ? leaving.join(', ') : undefined],
    [
      'open work',
      first &&
        `${first.operation}: ${openSteps
          .map(
            ({ step, event, message: why }) =>
              `${step} ${event === 'started' ? 'was begun, no end is known' : event}${why && event === 'failed' ? ` (${why.split('\n')[0]})` : ''}`,
          )
          .join('; ')}`,
    ],
    ...strays.map((stray) => ['stale member', stray.message] as const),
  ];
  return facts.flatMap(([word, text]) =>
    text === undefined ? [] : [hang(`  ${word.padEnd(14)}`, text, width)],
  );
}

function renderMachines(machines: readonly MachineRow[], { isVerbose, width }: StatusLook): string {
  return renderFitting<MachineRow>(
    [
      { heading: 'MACHINE', cell: ({ name }) => name },
      { heading: 'STATE', cell: ({ state }) => state },
      { heading: 'ROLE', cell: ({ role }) => role, dispensable: 1 },
      { heading: 'ETCD', cell: ({ etcd }) => etcd && `${etcd.role}${etcd.isHealthy ? '' : ', not well'}` },
      { heading: 'VERSION', cell: ({ version }) => version, dispensable: 2 },
      { heading: 'ADDRESS', cell: ({ address }) => address, dispensable: 3 },
      { heading: 'SYSTEM', cell: ({ system }) => system, wide: true },
    ],
    machines,
    { wide: isVerbose, width },
  );
}

export function renderClusters(clusters: readonly StoredCluster[]): string {
  if (clusters.length === 0) return 'No clusters are kept: "hansa cluster apply -f FILE" makes one.';
  return renderTable<StoredCluster>(
    [
      { heading: 'NAMESPACE', cell: ({ namespace }) => namespace },
      { heading: 'NAME', cell: ({ name }) => name },
      {
        heading: 'MACHINES',
        cell: ({ objects }) => objects.filter(({ kind }) => kind === 'KubeMachine').length,
        align: 'right',
      },
      { heading: 'LAST CHANGE', cell: ({ journal }) => journal.at(-1)?.at },
      { heading: 'KEPT IN', cell: ({ movedTo }) => movedTo ?? 'here' },
    ],
    clusters,
  );
}
