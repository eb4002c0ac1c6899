import { describe, expect, it } from 'vitest';
import { HansaError, silentLogger } from '../../../../src/base/index.ts';
import type { Executor, Machine, StepContext } from '../../../../src/provision/engine/executor.ts';
import type { Step } from '../../../../src/provision/plan/steps.ts';
import { upgradeControlPlane } from '../../../../src/provision/steps/upgrade-control-plane.ts';
import { upgradeWorker } from '../../../../src/provision/steps/upgrade-worker.ts';
import type { Transport } from '../../../../src/provision/transport/index.ts';
import { machine as machineSpec, spec } from '../plan/day-two-world.ts';

const step: Step = {
  id: 'm1/upgrade-control-plane-1.36.3',
  kind: 'upgrade-control-plane',
  machine: 'm1',
  title: 'upgrade to 1.36.3',
  reason: 'm1 has 1.35.4',
  needs: [],
  inputs: { version: '1.36.3' },
  exclusive: 'etcd',
  isPointOfNoReturn: true,
  isDestructive: false,
};

/** A cluster whose only API server is broken until its old manifest is back. Gives what was done, in order. */
async function undoneOn(executor: Executor): Promise<readonly string[]> {
  const done: string[] = [];
  const transport: Pick<Transport, 'exec'> = {
    exec: async ({ script }) => {
      const asks = script.includes('kubectl');
      if (asks) done.push('asked the cluster');
      const stdout = asks
        ? JSON.stringify({ spec: { unschedulable: true }, metadata: { annotations: { [cordonMark]: '' } } })
        : 'saved\n';
      return { code: 0, signal: undefined, stdout, stderr: '' };
    },
  };
  const machine = {
    spec: machineSpec('m1'),
    transport,
    runLong: async ({ args = [] }) => {
      done.push(`put back ${args[1]}`);
      return { kind: 'ended', code: 0, signal: undefined, stdout: '', stderr: '' };
    },
  } as Partial<Machine> as Machine;
  const context: Partial<StepContext> = {
    cluster: spec(['m1']),
    journal: [],
    machine: () => machine,
    async healthyControlPlane() {
      if (done.length > 0) return machine;
      throw new HansaError('no API server answers', { reason: 'NoControlPlane' });
    },
    update: () => undefined,
    logger: silentLogger,
    signal: new AbortController().signal,
  };
  await executor.undo?.(context as StepContext, step);
  return done;
}

const cordonMark = 'provision.hansa.dev/cordoned';

describe('an upgrade that failed with no API server left to ask', () => {
  it.each([
    ['control plane, manifests included', upgradeControlPlane, 'put back manifests'],
    ['worker', upgradeWorker, 'put back programs'],
  ])('is put back first, on a %s; then the node takes pods again', async (_, executor, first) => {
    const done = await undoneOn(executor);
    expect(done[0]).toBe(first);
    expect(done.slice(1)).toContain('asked the cluster');
  });
});
