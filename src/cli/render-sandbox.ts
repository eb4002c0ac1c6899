import type { BinarySet, ControlPlaneStatus, ProcessStatus, SandboxStatus } from '../sandbox/index.ts';
import { ageOf, type Column, renderTable } from './table.ts';

interface Row {
  readonly controlPlane: ControlPlaneStatus;
  readonly process: ProcessStatus;
}

/** One row a process. */
export function renderStatus(sandboxes: readonly SandboxStatus[], nowMs: number): string {
  if (sandboxes.length === 0) return 'No sandbox. Start one with "hansa sandbox up".';
  return sandboxes.map((status) => renderOne(status, nowMs)).join('\n\n');
}

const standings: Record<SandboxStatus['standing'], string> = {
  absent: 'gone',
  busy: 'being started or stopped',
  up: 'up',
  degraded: 'up, but parts of it have ended',
  crashed: 'crashed: "hansa sandbox down" cleans up, "up" starts again',
  kept: 'down, data kept: "up" goes on with it, "down" removes it',
};

const columns: readonly Column<Row>[] = [
  { heading: 'CONTROL PLANE', cell: ({ controlPlane }) => controlPlane.name },
  { heading: 'COMPONENT', cell: ({ process }) => process.component },
  { heading: 'STATE', cell: ({ process }) => (process.running ? 'up' : 'down') },
  { heading: 'PID', cell: ({ process }) => process.pid, align: 'right' },
  { heading: 'PORT', cell: portOf, align: 'right' },
  { heading: 'MEMORY', cell: ({ process }) => memoryText(process.memoryBytes), align: 'right' },
];

function renderOne(status: SandboxStatus, nowMs: number): string {
  const { name, standing, kubernetesVersion, startedAt, kubeconfigPath, controlPlanes } = status;
  const rows = controlPlanes.flatMap((controlPlane) =>
    controlPlane.processes.map((process) => ({ controlPlane, process })),
  );
  const total = rows.reduce((sum, { process }) => sum + (process.memoryBytes ?? 0), 0);
  const age = ageOf(startedAt, nowMs);
  const head = `${name}: ${standings[standing]}; Kubernetes ${kubernetesVersion}, started ${age ?? '?'} ago`;
  if (rows.length === 0) return head;
  return [head, renderTable(columns, rows), `memory ${memoryText(total)}; kubeconfig ${kubeconfigPath}`].join(
    '\n',
  );
}

function portOf({ controlPlane, process }: Row): string | undefined {
  if (process.component === 'kube-apiserver') return new URL(controlPlane.server).port;
  return process.component === 'etcd' ? String(controlPlane.etcdPort) : undefined;
}

function memoryText(bytes: number | undefined): string | undefined {
  return bytes === undefined ? undefined : `${Math.round(bytes / 1_000_000)} MB`;
}

export interface BinaryRow {
  readonly component: string;
  readonly version: string;
  readonly origin: string;
  readonly path: string;
}

export function binaryRows({ programs }: BinarySet): BinaryRow[] {
  return Object.entries(programs).map(([component, program]) => ({ component, ...program }));
}

export function renderBinaries(rows: readonly BinaryRow[]): string {
  return renderTable(
    [
      { heading: 'PROGRAM', cell: ({ component }) => component },
      { heading: 'VERSION', cell: ({ version }) => version },
      { heading: 'FROM', cell: ({ origin }) => origin },
      { heading: 'PATH', cell: ({ path }) => path },
    ],
    rows,
  );
}

/** What to type next, once it is up. */
export function renderNextSteps(status: SandboxStatus, kubectlPath: string | undefined): string {
  const first = status.controlPlanes[1]?.name ?? 'host';
  const kubectl = kubectlPath ?? 'kubectl';
  return [
    `Sandbox ${status.name} is up. Its kubeconfig has the contexts ${status.controlPlanes.map(({ name }) => name).join(', ')}:`,
    `  export KUBECONFIG=${status.kubeconfigPath}`,
    `  ${kubectl} --context ${first} get nodes`,
    `  hansa sandbox status ${status.name}`,
    `  hansa sandbox down ${status.name}`,
  ].join('\n');
}
