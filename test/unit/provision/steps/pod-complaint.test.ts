import { describe, expect, it } from 'vitest';
import { podComplaint } from '../../../../src/provision/steps/pod-complaint.ts';

const metadata = { name: 'coredns-1' };

describe('why a pod is not ready', () => {
  it('is the word of the scheduler where it found no node', () => {
    const conditions = [
      { type: 'PodScheduled', status: 'False', message: '0/1 nodes had untolerated taint disk-pressure' },
    ];
    expect(podComplaint({ metadata, status: { conditions } })).toBe(
      'coredns-1 finds no node: 0/1 nodes had untolerated taint disk-pressure',
    );
  });

  it('is what its container waits for', () => {
    const waiting = { reason: 'ErrImageNeverPull', message: 'image is not here' };
    expect(podComplaint({ metadata, status: { containerStatuses: [{ state: { waiting } }] } })).toBe(
      'coredns-1 waits: ErrImageNeverPull, image is not here',
    );
  });

  it('is nothing while it is only being made, and nothing when it is ready', () => {
    const waiting = { reason: 'ContainerCreating' };
    expect(podComplaint({ metadata, status: { containerStatuses: [{ state: { waiting } }] } })).toBe(
      undefined,
    );
    const conditions = [{ type: 'Ready', status: 'True' }];
    expect(podComplaint({ metadata, status: { conditions, containerStatuses: [{ restartCount: 2 }] } })).toBe(
      undefined,
    );
  });

  it('is its restarts where nothing else is told', () => {
    expect(podComplaint({ metadata, status: { containerStatuses: [{ restartCount: 3 }] } })).toBe(
      'coredns-1 was restarted 3 times',
    );
  });
});
