import type { ProcessRecord, SandboxState } from '../../../src/sandbox/state.ts';

/** A sandbox with the host and one member, for tests that are about something else. */
export function aState(changes: Partial<SandboxState> = {}): SandboxState {
  return {
    format: 1,
    name: 'box',
    mark: 'a-mark',
    phase: 'up',
    detached: false,
    keep: false,
    owner: { pid: 1, start: '1@boot' },
    startedAt: '2026-01-01T00:00:00.000Z',
    kubernetesVersion: '1.36.3',
    podReadyDelayMs: 0,
    binaries: {},
    controlPlanes: [
      { name: 'host', parts: 'api', nodes: 0, apiPort: 20_001, etcdPort: 20_002 },
      { name: 'm1', parts: 'api', nodes: 0, apiPort: 20_003, etcdPort: 20_004, spec: { name: 'm1' } },
    ],
    processes: [],
    ...changes,
  };
}

export function aProcess(changes: Partial<ProcessRecord> = {}): ProcessRecord {
  const pid = changes.pid ?? 10;
  return { pid, start: `${pid}00@boot`, controlPlane: 'm1', component: 'etcd', command: 'etcd', ...changes };
}
