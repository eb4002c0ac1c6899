import { describe, expect, it } from 'vitest';
import { findProblem } from '../../../../src/rollout/plan/side-by-side/index.ts';

const workload = (...conditions: object[]) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web-1' },
  spec: { replicas: 5 },
  status: { availableReplicas: 2, conditions },
});
const pod = (name: string, status: object) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, status });
const waiting = (name: string, reason: string) =>
  pod(name, {
    conditions: [{ type: 'Ready', status: 'False' }],
    containerStatuses: [{ name: 'app', ready: false, state: { waiting: { reason } } }],
  });

describe('why pods do not become ready', () => {
  it('is the quota that refuses them', () => {
    const refused = {
      type: 'ReplicaFailure',
      status: 'True',
      reason: 'FailedCreate',
      message: 'exceeded quota',
    };
    expect(findProblem(workload(refused), [])).toEqual({
      reason: 'FailedCreate',
      message: 'pods of Deployment web-1 are refused: exceeded quota',
    });
  });

  it('is the image that cannot be pulled', () => {
    expect(
      findProblem(workload(), [waiting('a', 'ImagePullBackOff'), waiting('b', 'ImagePullBackOff')]),
    ).toEqual({
      reason: 'PodsNotReady',
      message: 'Deployment web-1: 2 of 5: 2x"app" containers with [ImagePullBackOff]',
    });
  });

  it('is told along with the deadline that it led to', () => {
    const stuck = {
      type: 'Progressing',
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: 'late',
    };
    expect(findProblem(workload(stuck), [waiting('a', 'CrashLoopBackOff')])).toEqual({
      reason: 'ProgressDeadlineExceeded',
      message:
        'Deployment web-1 made no progress in time: 2 of 5: 1x"app" containers with [CrashLoopBackOff]',
    });
  });

  it('is the lack of a node', () => {
    const homeless = pod('a', {
      conditions: [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message: '0/5 nodes are available',
        },
      ],
    });
    expect(findProblem(workload(), [homeless])?.message).toBe(
      'Deployment web-1: 2 of 5: 1 pod fits on no node: 0/5 nodes are available',
    );
  });

  it('is nothing while containers are just being made', () => {
    expect(findProblem(workload(), [waiting('a', 'ContainerCreating')])).toBeUndefined();
  });
});
