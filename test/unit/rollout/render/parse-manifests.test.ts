import { describe, expect, it } from 'vitest';
import { parseManifests } from '../../../../src/rollout/render/parse-manifests.ts';

const configMap = (data: string) => `---
# Source: shop/templates/cm.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: cm
data:
${data
  .split('\n')
  .map((line) => `  ${line}`)
  .join('\n')}
`;

const dataOf = (text: string) => parseManifests(configMap(text))[0]?.['data'];

describe('what helm prints', () => {
  it('gives its objects in order, and documents with nothing in them give none', () => {
    const text = `${configMap('a: b')}---\n# Source: shop/templates/off.yaml\n---\n\n${configMap('c: d')}`;
    expect(parseManifests(text).map((object) => object['data'])).toEqual([{ a: 'b' }, { c: 'd' }]);
    expect(parseManifests('')).toEqual([]);
  });

  it('gives the items of a List, also of a List in a List', () => {
    const item = (name: string) => `{apiVersion: v1, kind: Secret, metadata: {name: ${name}}}`;
    const text = `apiVersion: v1\nkind: List\nitems: [${item('a')}, {apiVersion: v1, kind: List, items: [${item('b')}]}]`;
    expect(parseManifests(text).map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  });
});

describe('a value', () => {
  it.each([
    ['0644', 420],
    ['on', true],
    ['no', false],
    ['1_000', 1000],
    ['"0644"', '0644'],
    // Text for Go's library, and so for every cluster.
    ['2024-01-01', '2024-01-01'],
    ['22:22', '22:22'],
    ['2001-12-14T21:59:43Z', '2001-12-14T21:59:43Z'],
    ['~', null],
    ['1.5', 1.5],
  ])('%s is read as Go reads it', (written, read) => {
    expect(dataOf(`key: ${written}`)).toEqual({ key: read });
  });

  it('that stands twice counts as the last one does', () => {
    expect(dataOf('a: 1\na: 2')).toEqual({ a: 2 });
  });

  it('of an anchor comes wherever it is named', () => {
    expect(dataOf('a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}')).toEqual({
      a: { b: 1 },
      c: { b: 1 },
      d: { b: 1, e: 2 },
    });
  });
});

describe('a broken document is named by its template', () => {
  it.each([
    ['is no YAML', '---\n# Source: shop/templates/bad.yaml\nkind: {\n'],
    ['has no apiVersion and kind', '---\n# Source: shop/templates/bad.yaml\nmetadata: {name: a}\n'],
    [
      'has no apiVersion and kind',
      '---\n# Source: shop/templates/bad.yaml\nkind: Pod\nmetadata: {name: a}\n',
    ],
    [
      'makes a Pod without metadata.name',
      '---\n# Source: shop/templates/bad.yaml\napiVersion: v1\nkind: Pod\n',
    ],
    ['is not an object', '---\n# Source: shop/templates/bad.yaml\njust a text\n'],
  ])('that %s', (what, text) => {
    expect(() => parseManifests(text)).toThrow(
      expect.objectContaining({
        reason: 'BrokenChartSpec',
        message: expect.stringMatching(new RegExp(`shop/templates/bad.yaml ${what}`)),
      }),
    );
  });

  it('and what it holds stays out of the message', () => {
    const text = configMap('password: hunter2\n  bad: [');
    expect(() => parseManifests(text)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });

  it('also when it would unpack to a thousand million laughs', () => {
    const bomb = Array.from({ length: 10 }, (_, at) =>
      at === 0
        ? 'a0: &a0 [ha]'
        : `a${at}: &a${at} [${Array.from({ length: 10 }, () => `*a${at - 1}`).join(', ')}]`,
    );
    expect(() => parseManifests(configMap(bomb.join('\n')))).toThrow(
      expect.objectContaining({ reason: 'BrokenChartSpec' }),
    );
  });
});
