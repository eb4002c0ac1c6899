import { describe, expect, it } from 'vitest';
import type { Gate } from '../../../../src/api/rollout.hansa.dev/v1alpha1/gate.ts';
import { checkGate } from '../../../../src/rollout/plan/gates/index.ts';

const prometheus = { url: 'http://prometheus.monitoring:9090', query: 'vector(1)', success: 'result < 1' };
const container = { name: 'main', image: 'checker' };
const job = (podSpec: object, rest: object = {}) => ({
  template: { spec: { template: { spec: podSpec } }, ...rest },
});

describe('a gate', () => {
  it.each([
    [{ prometheus: { ...prometheus, query: 'up{cluster="{{cluster}}"}' } }],
    [{ prometheus: { ...prometheus, failure: 'result > 5' } }],
    [{ webhook: { url: 'https://example.com/gate?x=1' } }],
    [{ job: job({ containers: [container] }) }],
    [
      {
        job: job(
          { containers: [container], restartPolicy: 'OnFailure' },
          { apiVersion: 'batch/v1', kind: 'Job', metadata: { labels: { a: 'b' } } },
        ),
      },
    ],
    [{ window: { from: '09:00', to: '17:00', timeZone: 'Europe/Amsterdam' } }],
    [{ approval: {} }],
    [{ room: {}, interval: '1s' }],
    [{ ready: {} }],
  ] satisfies [Partial<Gate>][])('%o is fine', (gate) => {
    expect(checkGate({ name: 'g', ...gate }, { at: 'step' })).toEqual([]);
  });

  it.each([
    [{}, '', 'set exactly one of prometheus, webhook, job, approval, window, room, ready; none is set'],
    [{ room: {}, ready: {} }, '', 'these are set: room, ready'],
    [{ prometheus: { ...prometheus, success: 'result = 1' } }, 'prometheus.success', 'column 8: write "=="'],
    [{ prometheus: { ...prometheus, failure: '' } }, 'prometheus.failure', 'column 1'],
    [{ prometheus: { ...prometheus, query: 'up{a="{{foo}}"}' } }, 'prometheus.query', '{{foo}} is not known'],
    [
      { prometheus: { ...prometheus, query: 'up{a="{{cluster}}"}' }, scope: 'Fleet' },
      'prometheus.query',
      '{{cluster}} has no value with scope Fleet',
    ],
    [
      { prometheus: { ...prometheus, url: 'http://me:secret@prometheus' } },
      'prometheus.url',
      'put them into a Secret',
    ],
    [{ prometheus: { ...prometheus, url: 'http://' } }, 'prometheus.url', 'must be a URL'],
    [{ webhook: { url: 'ftp://example.com' } }, 'webhook.url', 'must be a URL that starts with http'],
    [{ job: { template: {} } }, 'job.template.spec.template.spec.containers', 'at least one container'],
    [
      { job: job({ containers: [{ name: 'a' }] }) },
      'job.template.spec.template.spec.containers[0].image',
      'must be set',
    ],
    [
      { job: job({ containers: [container], restartPolicy: 'Always' }) },
      'job.template.spec.template.spec.restartPolicy',
      'must be Never or OnFailure',
    ],
    [
      { job: job({ containers: [container] }, { kind: 'CronJob' }) },
      'job.template',
      'must be a Job of batch/v1',
    ],
    [
      { job: job({ containers: [container] }, { metadata: { namespace: 'x' } }) },
      'job.template.metadata.namespace',
      'must be left out',
    ],
    [{ window: { from: '09:00', to: '10:00', timeZone: 'CEST+2' } }, 'window.timeZone', 'is not a time zone'],
    [{ window: { from: '09:00', to: '10:00', days: [] } }, 'window.days', 'must name a day'],
    [{ room: {}, interval: '100ms' }, 'interval', 'must be at least 1s'],
  ] satisfies [Partial<Gate>, string, string][])('%o is refused at %s', (gate, field, message) => {
    const problems = checkGate({ name: 'g', ...gate });
    expect(problems).toEqual([{ field, message: expect.stringContaining(message) }]);
  });

  it('after a wave has no cluster of its own unless it asks for one', () => {
    const gate: Gate = { name: 'g', prometheus: { ...prometheus, query: 'up{a="{{ cluster }}"}' } };
    expect(checkGate(gate, { at: 'wave' })).toHaveLength(1);
    expect(checkGate({ ...gate, scope: 'Cluster' }, { at: 'wave' })).toEqual([]);
    // Where it stands is not known: nothing is held against it.
    expect(checkGate(gate)).toEqual([]);
  });

  it('never shows what it found in a URL', () => {
    const problems = checkGate({ name: 'g', webhook: { url: 'https://me:hunter2@example.com/' } });
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });
});
