import { join } from 'node:path';
import { HansaError } from '../base/index.ts';
import { kubeconfigPathOf, type Layout, serverOf, stagesPathOf } from './component-arguments.ts';
import { type ControlPlane, openControlPlane } from './control-plane.ts';
import { findFreePort, releasePort } from './free-ports.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { type Client, clientNames, issuePki, type Pki } from './pki.ts';
import { type Ground, layoutOf, type RunComponent, runComponent } from './run-component.ts';
import { createNodes, grantKwok } from './simulated-nodes.ts';
import { stagesText } from './stages.ts';
import { type StartedProcess, stopProcesses } from './start-process.ts';
import { type ControlPlaneState, updateState, withoutProcess, withSeat } from './state.ts';
import {
  adminClient,
  type Awaited,
  waitForApiServer,
  waitForControllers,
  waitForNodes,
} from './wait-for-control-plane.ts';
import { writeAtomically } from './write-atomically.ts';

export interface StartOptions {
  readonly signal: AbortSignal;
  /** The user named the ports, so another one is no help when one is taken. */
  readonly fixedPorts: boolean;
  readonly onProgress: (detail: string) => void;
}

/** How often other ports are tried when somebody was quicker to take one. */
const maxPortTries = 5;
/** Jobs' pods run this long. */
const jobRunMs = 1_000;

type Running = StartedProcess & Awaited;

/**
 * Starts one control plane and waits until it can be worked with.
 *
 * *Flow*: certificates; etcd and API server together; then, as `parts` asks, controller manager, scheduler, kwok and
 * the simulated nodes, all together.
 * *Guarantees*: each process is in state.json before the next step. After a failure everything that was started is
 * recorded there, for the caller to end.
 */
export async function startControlPlane(
  ground: Ground,
  planned: ControlPlaneState,
  options: StartOptions,
): Promise<ControlPlane> {
  const pki = await issuePki(join(ground.dir, planned.name, 'pki'), new Date());
  const { seat, running } = await startCore(ground, planned, pki, options);
  if (seat.parts !== 'api') await startControllers(ground, seat, running, options);
  return openControlPlane(ground, seat);
}

async function startCore(
  ground: Ground,
  planned: ControlPlaneState,
  pki: Pki,
  { signal, fixedPorts, onProgress }: StartOptions,
): Promise<{ seat: ControlPlaneState; running: readonly Running[] }> {
  let seat = planned;
  for (let tries = 1; ; tries += 1) {
    const layout = layoutOf(ground, seat);
    writeKubeconfigs(layout, pki);
    const running = await runAll(ground, layout, ['etcd', 'kube-apiserver']);
    onProgress('waiting for its API server');
    try {
      await waitForApiServer(layout, running, signal);
      return { seat, running };
    } catch (error) {
      if (!(error instanceof HansaError) || error.reason !== 'PortTaken') throw error;
      if (fixedPorts || tries >= maxPortTries) throw portTaken(seat, error);
      await endAll(ground, running);
      seat = await withOtherPorts(seat);
      updateState(ground.dir, (state) => withSeat(state, seat));
    }
  }
}

async function startControllers(
  ground: Ground,
  seat: ControlPlaneState,
  core: readonly Running[],
  { signal, onProgress }: StartOptions,
): Promise<void> {
  const layout = layoutOf(ground, seat);
  const client = adminClient(layout);
  try {
    const isFull = seat.parts === 'full';
    onProgress('waiting for its controllers');
    const running = [...core, ...(await runAll(ground, layout, ['kube-controller-manager']))];
    if (isFull) {
      writeAtomically(
        stagesPathOf(layout.dir),
        stagesText({ podReadyDelayMs: ground.podReadyDelayMs, jobRunMs }),
      );
      await Promise.all([
        grantKwok(client, signal),
        createNodes(client, {
          controlPlane: seat.name,
          count: seat.nodes,
          region: seat.spec?.region,
          signal,
        }),
      ]);
      running.push(...(await runAll(ground, layout, ['kwok', 'kube-scheduler'])));
    }
    await waitForControllers(layout, client, running, signal);
    if (isFull) {
      onProgress('waiting for its nodes');
      await waitForNodes(layout, client, { count: seat.nodes, awaited: running, signal });
    }
  } finally {
    await client.close();
  }
}

async function runAll(ground: Ground, layout: Layout, names: readonly RunComponent[]): Promise<Running[]> {
  const running: Running[] = [];
  for (const component of names) {
    running.push({ component, ...(await runComponent(ground, layout, component)) });
  }
  return running;
}

async function endAll(ground: Ground, running: readonly Running[]): Promise<void> {
  await stopProcesses(
    running.map(({ identity }) => identity),
    { graceMs: 0 },
  );
  for (const { identity } of running) {
    updateState(ground.dir, (state) => withoutProcess(state, identity.pid));
  }
}

async function withOtherPorts(seat: ControlPlaneState): Promise<ControlPlaneState> {
  releasePort(seat.apiPort);
  releasePort(seat.etcdPort);
  return { ...seat, apiPort: await findFreePort(), etcdPort: await findFreePort() };
}

function portTaken({ name, apiPort, etcdPort }: ControlPlaneState, cause: HansaError): HansaError {
  return new HansaError(
    `port ${apiPort} or ${etcdPort} for ${name} is taken by another program: end that, or choose another --base-port`,
    { reason: 'PortTaken', retry: 'never', cause },
  );
}

function writeKubeconfigs(layout: Layout, pki: Pki): void {
  for (const client of Object.keys(clientNames) as Client[]) {
    const entry = { name: layout.name, server: serverOf(layout), ca: pki.ca, user: pki.clients[client] };
    writeAtomically(kubeconfigPathOf(layout.dir, client), kubeconfigText([entry]));
  }
}
