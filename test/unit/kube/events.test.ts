import { describe, expect, it } from 'vitest';
import { HansaError, silentLogger, type Logger } from '../../../src/base/index.ts';
import { createEventRecorder, type EventSaid } from '../../../src/kube/events.ts';
import type { KubeObject } from '../../../src/kube/index.ts';
import { createSimulatedClock } from '../../../src/kube/simulated-clock.ts';
import { SimulatedStore } from './simulated-store.ts';

const refusal: EventSaid = {
  type: 'Warning',
  reason: 'CreationFailed',
  action: 'Propagate',
  note: 'eu-1: quota exceeded: raise it or place fewer replicas',
};

function objectCalled(name: string, namespace: string | undefined = 'shop') {
  return {
    apiVersion: 'types.kubefed.io/v1beta1',
    kind: 'FederatedDeployment',
    metadata: { namespace, name, uid: `uid-${name}` },
  };
}

function recorderAtRest({ logger = silentLogger }: { logger?: Logger } = {}) {
  const clock = createSimulatedClock();
  const store = new SimulatedStore();
  const recorder = createEventRecorder({
    client: store.client('us'),
    clock,
    component: 'hansa-controller',
    instance: 'host-1_abc',
    logger,
  });
  const events = () => [...store.objects.values()];
  return { clock, store, recorder, events };
}

const countOf = (event: KubeObject | undefined) => (event?.series as { count?: number } | undefined)?.count;

describe('an event', () => {
  it('is written as events.k8s.io/v1 beside its object', async () => {
    const { recorder, events } = recorderAtRest();
    recorder.say(objectCalled('web'), refusal);
    await recorder.flush();
    expect(events()).toMatchObject([
      {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { namespace: 'shop', name: expect.stringMatching(/^web\.[0-9a-f]+$/) },
        eventTime: '2026-01-01T00:00:00.000000Z',
        reportingController: 'hansa-controller',
        reportingInstance: 'host-1_abc',
        ...refusal,
        regarding: { kind: 'FederatedDeployment', namespace: 'shop', name: 'web', uid: 'uid-web' },
      },
    ]);
    expect(events()[0]).not.toHaveProperty('series');
  });

  it('about an object without a namespace goes to the namespace default', async () => {
    const { recorder, events } = recorderAtRest();
    recorder.say({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } }, refusal);
    await recorder.flush();
    expect(events()[0]).toMatchObject({ metadata: { namespace: 'default' }, regarding: { name: 'n1' } });
    expect(events()[0]?.regarding).not.toHaveProperty('namespace');
  });

  it('that repeats is counted in one object, with few writes', async () => {
    const { clock, store, recorder, events } = recorderAtRest();
    for (let second = 0; second < 120; second++) {
      recorder.say(objectCalled('web'), refusal);
      await clock.pass(1_000);
    }
    await recorder.flush();
    expect(events()).toHaveLength(1);
    expect(countOf(events()[0])).toBe(120);
    expect(events()[0]?.series).toMatchObject({ lastObservedTime: '2026-01-01T00:01:59.000000Z' });
    expect(store.writes.length).toBeLessThanOrEqual(6);
  });

  it('is a new one when note, reason or object differ, or after a long silence', async () => {
    const { clock, recorder, events } = recorderAtRest();
    recorder.say(objectCalled('web'), refusal);
    recorder.say(objectCalled('web'), { ...refusal, note: 'something else' });
    recorder.say(objectCalled('web'), { ...refusal, reason: 'UpdateFailed' });
    recorder.say(objectCalled('api'), refusal);
    await clock.pass(11 * 60_000);
    recorder.say(objectCalled('web'), refusal);
    await recorder.flush();
    expect(events()).toHaveLength(5);
  });

  it('that the server has forgotten is written anew when it happens again', async () => {
    const { clock, store, recorder, events } = recorderAtRest();
    recorder.say(objectCalled('web'), refusal);
    await recorder.flush();
    store.objects.clear();
    recorder.say(objectCalled('web'), refusal);
    await clock.pass(60_000);
    expect(events()).toHaveLength(1);
    expect(countOf(events()[0])).toBe(2);
  });

  it('has its note cut to 1 kB between two characters', async () => {
    const { recorder, events } = recorderAtRest();
    recorder.say(objectCalled('web'), { ...refusal, note: 'ü'.repeat(2_000) });
    await recorder.flush();
    const note = String(events()[0]?.note);
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1_024);
    expect(Buffer.byteLength(note)).toBeGreaterThan(1_000);
    expect(note).toMatch(/^ü+…$/);
  });
});

describe('a recorder', () => {
  it('lets a noisy object say only so much, and others be heard', async () => {
    const { clock, recorder, events } = recorderAtRest();
    for (let i = 0; i < 200; i++) recorder.say(objectCalled('noisy'), { ...refusal, note: `try ${i}` });
    recorder.say(objectCalled('quiet'), refusal);
    await clock.pass(60_000);
    const about = (name: string) =>
      events().filter((event) => (event.regarding as { name: string }).name === name);
    expect(about('noisy')).toHaveLength(25);
    expect(about('quiet')).toHaveLength(1);
    await clock.pass(5 * 60_000);
    recorder.say(objectCalled('noisy'), { ...refusal, note: 'again' });
    await recorder.flush();
    expect(about('noisy')).toHaveLength(26);
  });

  it('neither waits nor throws when the server hangs, and forgets what is too much', async () => {
    const warned: string[] = [];
    const { store, recorder } = recorderAtRest({
      logger: { ...silentLogger, warn: (text) => warned.push(text) },
    });
    store.fault = () => new Promise(() => undefined);
    for (let i = 0; i < 5_000; i++) recorder.say(objectCalled(`o-${i}`), refusal);
    expect(warned).toEqual(['events dropped: too many at once']);
    expect(store.calls.length).toBeLessThanOrEqual(1);
  });

  it('writes no faster than ten a second after a burst', async () => {
    const { clock, store, recorder } = recorderAtRest();
    for (let i = 0; i < 500; i++) recorder.say(objectCalled(`o-${i}`), refusal);
    await clock.pass(10_000);
    expect(store.writes.length).toBeGreaterThan(100);
    expect(store.writes.length).toBeLessThanOrEqual(155);
  });

  it('tries again after errors that pass, and makes one event of a lost answer', async () => {
    const { clock, store, recorder, events } = recorderAtRest();
    let failures = 2;
    store.fault = async (_, next) => {
      if (failures-- > 0) {
        await next();
        throw new HansaError('no answer', { reason: 'Timeout' });
      }
      return next();
    };
    recorder.say(objectCalled('web'), refusal);
    await clock.pass(500);
    recorder.say(objectCalled('web'), refusal);
    await clock.pass(60_000);
    expect(events()).toHaveLength(1);
    expect(countOf(events()[0])).toBe(2);
  });

  it('gives up on what is refused and goes on with the rest', async () => {
    const { clock, store, recorder, events } = recorderAtRest();
    store.fault = (call, next) =>
      call.name.startsWith('doomed')
        ? Promise.reject(new HansaError('namespace is being terminated', { reason: 'Forbidden' }))
        : next();
    recorder.say(objectCalled('doomed'), refusal);
    recorder.say(objectCalled('web'), refusal);
    await clock.pass(1_000);
    expect(events()).toHaveLength(1);
    expect(store.calls).toHaveLength(2);
  });

  it('writes what is left before it closes, then nothing more', async () => {
    const { clock, recorder, events } = recorderAtRest();
    for (let i = 0; i < 200; i++) recorder.say(objectCalled(`o-${i}`), refusal);
    recorder.say(objectCalled('o-1'), refusal);
    await recorder.close();
    expect(events()).toHaveLength(200);
    recorder.say(objectCalled('late'), refusal);
    await clock.pass(60_000);
    expect(events()).toHaveLength(200);
    expect(clock.waiting).toBe(0);
  });

  it('is at rest once closed, also when a call was under way', async () => {
    const { clock, store, recorder } = recorderAtRest();
    store.fault = () =>
      new Promise((_, reject) => {
        clock.after(10_000, () => reject(new HansaError('late', { reason: 'Timeout' })));
      });
    recorder.say(objectCalled('web'), refusal);
    recorder.say(objectCalled('web'), refusal);
    const closing = recorder.close({ deadlineMs: 1_000 });
    await clock.pass(60_000);
    await closing;
    expect(store.calls).toHaveLength(1);
    expect(clock.waiting).toBe(0);
  });

  it('does not hold up a stop for longer than the deadline', async () => {
    const { clock, store, recorder } = recorderAtRest();
    store.fault = () =>
      new Promise((_, reject) => {
        clock.after(10_000, () => reject(new HansaError('late', { reason: 'Timeout' })));
      });
    recorder.say(objectCalled('web'), refusal);
    let flushed = false;
    const flushing = recorder.flush({ deadlineMs: 2_000 }).then(() => {
      flushed = true;
    });
    await clock.pass(1_999);
    expect(flushed).toBe(false);
    await clock.pass(1);
    expect(flushed).toBe(true);
    await flushing;
  });
});
