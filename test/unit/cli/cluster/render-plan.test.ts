import { describe, expect, it } from 'vitest';
import { renderPlan } from '../../../../src/cli/cluster/render-plan.ts';
import type { PlanStep } from '../../../../src/provision/index.ts';

function step(change: Partial<PlanStep>): PlanStep {
  return {
    id: 'm1/upgrade-control-plane',
    kind: 'upgrade-control-plane',
    machine: 'm1',
    title: 'upgrade to 1.37.2',
    reason: 'm1 has API server 1.36.3, kubelet 1.36.3',
    needs: [],
    inputs: {},
    exclusive: undefined,
    isPointOfNoReturn: false,
    isDestructive: false,
    ...change,
  };
}

const snapshot = step({
  id: 'cluster/snapshot-etcd',
  kind: 'snapshot-etcd',
  machine: undefined,
  title: 'back up before 1.37.2',
  reason: '1.37.2 changes what etcd holds',
});
const upgrade = { steps: [snapshot, step({ isPointOfNoReturn: true })], refusals: [], warnings: [] };

describe('a plan', () => {
  it('is a table of steps with their reasons, and shows the point of no return', () => {
    expect(renderPlan('shop', upgrade)).toBe(
      [
        '#  MACHINE  STEP                             WHY',
        '1  -        back up before 1.37.2            1.37.2 changes what etcd holds',
        '2  m1       upgrade to 1.37.2 (no way back)  m1 has API server 1.36.3, kubelet 1.36.3',
        '',
        '2 steps for cluster shop on 1 machine. After step 2 the only way back is to restore the snapshot made before.',
      ].join('\n'),
    );
  });

  it('stays readable on a narrow terminal', () => {
    const text = renderPlan('shop', upgrade, { width: 50 });
    expect(text.split('\n').filter((line) => line.length > 50)).toEqual([]);
    expect(text).toContain(
      ['2  m1: upgrade to 1.37.2 (no way back)', '     m1 has API server 1.36.3, kubelet 1.36.3'].join('\n'),
    );
  });

  it('promises no snapshot where none is taken', () => {
    const restore = step({
      id: 'cluster/restore-etcd',
      kind: 'restore-etcd',
      machine: undefined,
      isPointOfNoReturn: true,
    });
    const text = renderPlan('shop', { steps: [restore], refusals: [], warnings: [] });
    expect(text).toContain("Step 1 can't be taken back.");
    expect(text).not.toContain('snapshot made before');
  });

  it('says what must be agreed to', () => {
    const reset = step({
      id: 'm1/reset-machine',
      kind: 'reset-machine',
      title: 'reset',
      isDestructive: true,
    });
    expect(renderPlan('shop', { steps: [reset], refusals: [], warnings: [] })).toContain(
      '1 of them takes data or machines away, and must be agreed to.',
    );
  });

  it('that is refused shows why, and nothing else', () => {
    const refusals = [
      { reason: 'QuorumAtRisk', machine: 'm2', field: 'spec.machines', message: '3 voters, 2 healthy' },
    ];
    expect(renderPlan('shop', { ...upgrade, refusals })).toBe(
      [
        '✗ m2 (spec.machines): 3 voters, 2 healthy [QuorumAtRisk]',
        '',
        'Nothing may be changed in cluster shop until this is mended.',
      ].join('\n'),
    );
  });

  it('never breaks a word of a message: commands are copied from it', () => {
    const command = `etcdctl-member-remove-${'f'.repeat(60)}`;
    const refusals = [
      { reason: 'MemberAlive', machine: undefined, field: undefined, message: `run ${command} there` },
    ];
    expect(renderPlan('shop', { steps: [], refusals, warnings: [] }, { width: 40 })).toContain(command);
  });
});
