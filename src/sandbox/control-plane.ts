import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HansaError } from '../base/index.ts';
import { kubeconfigPathOf, serverOf } from './component-arguments.ts';
import { base64 } from './kubeconfig.ts';
import type { MemberSpec } from './member-spec.ts';
import { isRunning, signalProcess } from './process-identity.ts';
import { type Ground, layoutOf, runComponent } from './run-component.ts';
import { stopProcesses } from './start-process.ts';
import {
  type ControlPlaneState,
  type ProcessRecord,
  readState,
  updateState,
  withoutProcess,
} from './state.ts';
import { waitForApiServer } from './wait-for-control-plane.ts';

/** One Kubernetes control plane of a sandbox: the host or a member. */
export interface ControlPlane {
  readonly name: string;
  readonly server: string;
  /** The certificate authority, PEM in base64, as kubeconfigs and KubeFedCluster's caBundle have it. */
  readonly caData: string;
  readonly kubeconfigPath: string;
  /** The same kubeconfig as text. It opens everything: never print or log it. */
  readonly adminKubeconfig: string;
  /** Absent for the host. */
  readonly spec?: MemberSpec;
  /** Ends the API server in order, as an upgrade would; etcd and the other parts go on. */
  stopApiServer(): Promise<void>;
  /** Kills it, as a lost machine would. */
  killApiServer(): Promise<void>;
  /** Starts it again on the same port with the same data, and waits until it is ready. */
  startApiServer(signal?: AbortSignal): Promise<void>;
  /** Freezes the API server: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
}

/** An API server that still serves watches takes its time; after this long it is killed. */
const stopGraceMs = 10_000;

/** A handle on a control plane that was started by this or another process. */
export function openControlPlane(ground: Ground, seat: ControlPlaneState): ControlPlane {
  const layout = layoutOf(ground, seat);
  const kubeconfigPath = kubeconfigPathOf(layout.dir, 'admin');

  async function endApiServer(graceMs: number): Promise<void> {
    const record = apiServerOf(ground.dir, seat.name);
    if (!record) return;
    ground.leaving.add(record.pid);
    await stopProcesses([record], { graceMs });
    updateState(ground.dir, (state) => withoutProcess(state, record.pid));
  }

  return {
    name: seat.name,
    server: serverOf(layout),
    caData: base64(readFileSync(join(layout.pkiDir, 'ca.crt'), 'utf8')),
    kubeconfigPath,
    adminKubeconfig: readFileSync(kubeconfigPath, 'utf8'),
    ...(seat.spec ? { spec: seat.spec } : {}),
    stopApiServer: () => endApiServer(stopGraceMs),
    killApiServer: () => endApiServer(0),
    startApiServer: async (signal = new AbortController().signal) => {
      const record = apiServerOf(ground.dir, seat.name);
      if (record && isRunning(record)) return;
      if (record) updateState(ground.dir, (state) => withoutProcess(state, record.pid));
      const started = await runComponent(ground, layout, 'kube-apiserver');
      await waitForApiServer(layout, [{ component: 'kube-apiserver', ...started }], signal);
    },
    pause: () => signalApiServer(ground.dir, seat.name, 'SIGSTOP'),
    resume: () => signalApiServer(ground.dir, seat.name, 'SIGCONT'),
  };
}

function signalApiServer(dir: string, controlPlane: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
  const record = apiServerOf(dir, controlPlane);
  if (!record || !signalProcess(record, signal)) {
    throw new HansaError(`the API server of ${controlPlane} does not run: start it first`, {
      reason: 'ApiServerStopped',
      retry: 'never',
    });
  }
}

function apiServerOf(dir: string, controlPlane: string): ProcessRecord | undefined {
  return readState(dir)?.processes.find(
    (record) => record.controlPlane === controlPlane && record.component === 'kube-apiserver',
  );
}
