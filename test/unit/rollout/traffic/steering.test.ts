import { describe, expect, it } from 'vitest';
import {
  keepSteering,
  readSteering,
  sharesOf,
  steeringAnnotations,
} from '../../../../src/rollout/plan/traffic/index.ts';

const service = (selector: Record<string, string>, annotations?: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', ...(annotations ? { annotations } : {}) },
  spec: { selector, ports: [{ port: 80 }] },
});

describe('what is noted on a steered object', () => {
  it('can be read again', () => {
    const steering = {
      rollout: 'web',
      original: { selector: { app: 'web' } },
      shares: { 'v=1': 10, 'v=2': 90 },
    };
    expect(readSteering(service({}, { ...steeringAnnotations(steering) }))).toEqual(steering);
    expect(readSteering(service({}))).toBeUndefined();
    expect(readSteering(service({}, { 'rollout.hansa.dev/original': '{' }))).toBeUndefined();
  });

  it('gives a contender nothing and an incumbent everything until something was ordered', () => {
    expect(sharesOf({}, { contender: 'c', incumbent: 'i' })).toEqual({ contender: 0, incumbent: 100 });
    expect(sharesOf({ c: 30 }, { contender: 'c', incumbent: 'i' })).toEqual({
      contender: 30,
      incumbent: 100,
    });
    expect(sharesOf({ c: 30, i: 70 }, { contender: 'c', incumbent: undefined })).toEqual({
      contender: 30,
      incumbent: 0,
    });
  });
});

describe('a steered object that is applied again', () => {
  it('keeps the label in the selector, and remembers a new selector as the original', () => {
    const live = service(
      { app: 'web', 'rollout.hansa.dev/traffic': 'enabled' },
      {
        ...steeringAnnotations({ rollout: 'web', original: { selector: { app: 'web' } }, shares: { c: 10 } }),
      },
    );
    const kept = keepSteering(service({ app: 'web', tier: 'front' }), live);
    expect(kept['spec']).toMatchObject({
      selector: { app: 'web', tier: 'front', 'rollout.hansa.dev/traffic': 'enabled' },
    });
    expect(readSteering(kept)).toEqual({
      rollout: 'web',
      original: { selector: { app: 'web', tier: 'front' } },
      shares: { c: 10 },
    });
  });

  it('is not steered again where somebody took the label out, or where it is being let go', () => {
    const steering = { rollout: 'web', original: { selector: { app: 'web' } }, shares: { c: 10 } };
    const live = service({ app: 'web' }, { ...steeringAnnotations({ ...steering, released: true }) });
    const kept = keepSteering(service({ app: 'web' }), live);
    expect(kept['spec']).toMatchObject({ selector: { app: 'web' } });
    expect(kept['spec']).not.toMatchObject({ selector: { 'rollout.hansa.dev/traffic': 'enabled' } });
    // The note stays until the labels are off.
    expect(readSteering(kept)).toEqual({ ...steering, released: true });
  });

  it('is as wanted where nobody steers', () => {
    const wanted = service({ app: 'web' });
    expect(keepSteering(wanted, service({ app: 'old' }))).toBe(wanted);
  });

  it('keeps the weights of a route', () => {
    const route = (name: string, annotations?: Record<string, string>) => ({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'web', ...(annotations ? { annotations } : {}) },
      spec: { hostnames: ['new.example'], rules: [{ backendRefs: [{ name, port: 80 }] }] },
    });
    const note = steeringAnnotations({
      rollout: 'web',
      original: { service: 'web', rules: [] },
      shares: { 'web-new': 20, 'web-old': 80 },
    });
    expect(keepSteering(route('web'), route('web-new', { ...note }))['spec']).toEqual({
      hostnames: ['new.example'],
      rules: [
        {
          backendRefs: [
            { name: 'web-new', port: 80, weight: 20 },
            { name: 'web-old', port: 80, weight: 80 },
          ],
        },
      ],
    });
  });
});
