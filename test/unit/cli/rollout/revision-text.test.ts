import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { revisionLines } from '../../../../src/cli/rollout/revision-text.ts';
import { maskWith } from '../../../../src/cli/rollout/secret-mask.ts';
import { revisionObject } from '../../../support/rollout-objects.ts';

const mask = maskWith(Buffer.from('key of this test'));
const lines = (content: object, isSecret = false) =>
  revisionLines(revisionObject(1, '5d1f3c7a', content), { isSecret, mask }).join('\n');

const secret = (password: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: 'login',
    annotations: {
      'kubectl.kubernetes.io/last-applied-configuration': `{"data":{"password":"${password}"}}`,
    },
  },
  data: { password },
  stringData: { note: 'plain words' },
});
const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' }, data: { colour: 'blue' } };

describe('the text of a revision', () => {
  it('has its objects in a fixed order, with sorted fields', () => {
    const deployment = { kind: 'Deployment', apiVersion: 'apps/v1', metadata: { name: 'a' } };
    const text = lines({ objects: [deployment, configMap] });
    expect(text).toBe(
      lines({ objects: [configMap, Object.fromEntries(Object.entries(deployment).toReversed())] }),
    );
    expect(text.split('---\n')[0]).toContain('kind: ConfigMap');
  });

  it('reads an archive as the objects themselves', () => {
    const archive = (value: unknown) => ({ archive: gzipSync(JSON.stringify(value)).toString('base64') });
    const text = lines({ objects: [configMap] });
    expect(lines(archive([configMap]))).toBe(text);
    expect(lines(archive({ objects: [configMap] }))).toBe(text);
  });

  it('says so of an archive that is none', () => {
    expect(() => lines({ archive: 'AAAA' })).toThrow(
      'the archive of RolloutRevision web-5d1f3c7a cannot be read',
    );
  });

  it('shows nothing of a Secret but its keys, and whether values differ', () => {
    const one = lines({ objects: [secret('aHVudGVyMg==')] });
    expect(one).not.toMatch(/aHVudGVyMg|hunter2|plain words/);
    expect(one).toMatch(/password: \(hidden [0-9a-f]{12}\)/);
    expect(lines({ objects: [secret('aHVudGVyMg==')] })).toBe(one);
    expect(lines({ objects: [secret('b3RoZXI=')] })).not.toBe(one);
  });

  it('hides alike only under the same key', () => {
    const other = maskWith(Buffer.from('another key'));
    expect(mask('aHVudGVyMg==')).not.toBe(other('aHVudGVyMg=='));
  });

  it('shows nothing of the data of a FederatedSecret, nor of overrides of it', () => {
    const overrides = [
      {
        clusterName: 'eu-1',
        clusterOverrides: [
          { path: '/data/password', value: 'c2VjcmV0' },
          { path: 'stringData.token', value: 'topsecret' },
          { path: '/data', value: { password: 'd2hvbGU=' } },
          { path: '/metadata/labels/tier', value: 'front' },
        ],
      },
    ];
    const content = { template: { data: { password: 'aHVudGVyMg==' }, type: 'Opaque' }, overrides };
    const text = lines(content, true);
    expect(text).not.toMatch(/aHVudGVyMg|c2VjcmV0|topsecret|d2hvbGU/);
    expect(text).toContain('front');
    expect(lines({ template: configMap, overrides }, false)).toContain('blue');
  });
});
