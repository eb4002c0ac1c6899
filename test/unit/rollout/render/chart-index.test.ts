import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { looksLikeIndex, versionsInIndex } from '../../../../src/rollout/render/chart-index.ts';

const where = 'https://charts.example.com';
const entry = (version: string, more: object = {}) => ({
  name: 'x',
  version,
  urls: [`x-${version}.tgz`],
  ...more,
});
const found = (text: string, chart = 'nginx') =>
  versionsInIndex(text, chart, where).map(({ version }) => version);

describe('an index', () => {
  it.each([
    ['helm writes it', (index: object) => stringify(index)],
    ['lists stand below their key', (index: object) => stringify(index, { indent: 4 })],
    ['lists stand at the depth of their key', (index: object) => stringify(index, { indentSeq: false })],
    ['JSON', (index: object) => JSON.stringify(index)],
    ['one line', (index: object) => stringify(index, { collectionStyle: 'flow' })],
    ['Windows writes it', (index: object) => stringify(index).replaceAll('\n', '\r\n')],
  ])('gives the versions of one chart, written as %s', (_, write) => {
    const text = write({
      apiVersion: 'v1',
      entries: {
        'nginx-ingress': [entry('9.9.9')],
        nginx: [entry('0.0.2'), entry('0.0.1')],
        'my.nginx': [entry('7.7.7')],
      },
      generated: 'x',
    });
    expect(found(text)).toEqual(['0.0.2', '0.0.1']);
    expect(found(text, 'absent')).toEqual([]);
  });

  it('has digest and address of each version, and leaves out what nobody can load', () => {
    const text = stringify({
      entries: {
        nginx: [
          entry('1.0.0', { digest: 'sha256:abc', appVersion: 2, deprecated: true }),
          { version: '0.9.0', urls: [] },
          { urls: ['a.tgz'] },
          'garbage',
        ],
      },
    });
    expect(versionsInIndex(text, 'nginx', where)).toEqual([
      { version: '1.0.0', urls: ['x-1.0.0.tgz'], digest: 'abc', appVersion: '2', deprecated: true },
    ]);
  });

  it('reads any chart of any index alike, cut out or whole', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9._-]{0,8}$/);
    const version = fc.stringMatching(/^[0-9]{1,2}\.[0-9]{1,2}\.[0-9](-rc\.[0-9])?$/);
    const description = fc.string({ maxLength: 40 });
    fc.assert(
      fc.property(
        fc.dictionary(name, fc.array(fc.tuple(version, description), { maxLength: 4 }), { maxKeys: 5 }),
        (charts) => {
          const entries = Object.fromEntries(
            Object.entries(charts).map(([chart, list]) => [
              chart,
              list.map(([each, text]) => entry(each, { description: text })),
            ]),
          );
          const text = stringify({ apiVersion: 'v1', entries });
          for (const [chart, list] of Object.entries(charts)) {
            expect(found(text, chart)).toEqual(list.map(([each]) => each));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('of 20 MB is read within a second', () => {
    const description = 'x'.repeat(400);
    const charts = Array.from({ length: 200 }, (_, chart) => {
      const list = Array.from({ length: 200 }, (__, at) => entry(`1.0.${at}`, { description }));
      return [`chart-${chart}`, list];
    });
    const text = stringify({ entries: Object.fromEntries(charts) as object });
    expect(text.length).toBeGreaterThan(15_000_000);
    const started = performance.now();
    expect(found(text, 'chart-150')).toHaveLength(200);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it.each([
    ['a page that wants a login', '<html><body>entries: none</body></html>'],
    ['a list', '- entries'],
    ['entries that are none', 'entries: [1]'],
  ])('is not %s', (_, text) => {
    expect(() => versionsInIndex(text, 'nginx', where)).toThrow(
      expect.objectContaining({ reason: 'ChartRepoInternal', message: expect.stringContaining(where) }),
    );
  });

  it('may be empty', () => {
    expect(found('apiVersion: v1\nentries: {}\n')).toEqual([]);
    expect(found('apiVersion: v1\nentries:\n')).toEqual([]);
    expect(looksLikeIndex('apiVersion: v1\nentries: {}\n')).toBe(true);
    expect(looksLikeIndex('<html>entries: x</html>')).toBe(false);
  });
});
