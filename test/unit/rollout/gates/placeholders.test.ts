import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fillQuery,
  type PlaceholderValues,
  placeholderProblems,
} from '../../../../src/rollout/plan/gates/index.ts';

const values: PlaceholderValues = {
  cluster: 'eu-1',
  namespace: 'shop',
  name: 'web',
  revision: '3f2a9c01',
  stableRevision: '77aa0011',
  wave: 'first',
  step: 'canary',
  clusters: ['eu-1', 'eu-2'],
  rolled: ['eu-1'],
  notRolled: ['us-1', 'us.2'],
};

function filled(query: string, changed: Partial<PlaceholderValues> = {}): string {
  const result = fillQuery(query, { ...values, ...changed });
  if (!result.ok) throw new Error(result.message);
  return result.query;
}

describe('a query', () => {
  it.each([
    ['up{cluster="{{cluster}}"}', 'up{cluster="eu-1"}'],
    ["up{ns='{{ namespace }}'}", "up{ns='shop'}"],
    ['up{pod=~"{{name}}-{{revision}}-.*"}', 'up{pod=~"web-3f2a9c01-.*"}'],
    ['up{rev!="{{stableRevision}}", at="{{wave}}/{{step}}"}', 'up{rev!="77aa0011", at="first/canary"}'],
    ['up{cluster=~"{{clusters}}"}', 'up{cluster=~"(?:eu-1|eu-2)"}'],
    ['up{cluster=~"{{notRolled}}"}', 'up{cluster=~"(?:us-1|us\\\\.2)"}'],
    ['up{cluster!~`{{notRolled}}`}', 'up{cluster!~`(?:us-1|us\\.2)`}'],
    ['up{cluster =~ "{{rolled}}"} # as it is', 'up{cluster =~ "(?:eu-1)"} # as it is'],
    [
      'sum by (job) (rate(http_total{code=~"5..", a="\\"{{name}}\\""}[5m]))',
      'sum by (job) (rate(http_total{code=~"5..", a="\\"web\\""}[5m]))',
    ],
    ['label_replace(up, "a", "{{rolled}}", "b", ".*")', 'label_replace(up, "a", "(?:eu-1)", "b", ".*")'],
    ['vector(1)', 'vector(1)'],
  ])('%s becomes %s', (query, expected) => {
    expect(filled(query)).toBe(expected);
    expect(placeholderProblems(query)).toEqual([]);
  });

  it('asks for nothing where a set of clusters is empty, and for no cluster without a name either', () => {
    const query = filled('up{cluster=~"{{rolled}}"}', { rolled: [] });
    const pattern = /=~"(.*)"/.exec(query)?.[1] ?? '';
    const regex = new RegExp(`^(?:${pattern})$`);
    for (const name of ['', 'eu-1', '.^', '.']) expect(regex.test(name)).toBe(false);
  });

  it('takes a name after =~ by its letters', () => {
    expect(filled('up{cluster=~"{{cluster}}|x"}', { cluster: 'eu.1' })).toBe('up{cluster=~"eu\\\\.1|x"}');
    expect(filled('up{cluster="{{cluster}}"}', { cluster: 'eu.1' })).toBe('up{cluster="eu.1"}');
  });

  it.each([
    ['up{c="{{klaster}}"}', 'column 7: {{klaster}} is not known; there are {{cluster}}, {{namespace}}'],
    ['up{c="{{}}"}', 'column 7: {{}} is not known'],
    ['up{c={{cluster}}}', 'column 6: {{cluster}} must stand inside quotes'],
    ['rate(up[{{step}}])', 'column 9: {{step}} must stand inside quotes'],
    ['up{c="{{clusters}}"}', 'column 7: {{clusters}} stands for several clusters: compare with =~'],
    ['up{c!="{{rolled}}"}', 'column 8: {{rolled}} stands for several clusters'],
    ['up{c="\\{{cluster}}"}', 'column 7: a backslash must not stand before a placeholder'],
    ['up # {{cluster}}', 'column 4: a placeholder must not stand in a comment'],
    ['up{c="{{cluster}}}', 'a string that starts with " has no end'],
  ])('%s is refused', (query, message) => {
    expect(placeholderProblems(query).join()).toContain(message);
    const result = fillQuery(query, values);
    expect(result.ok ? 'filled' : result.message).toContain(message);
  });

  it('refuses a value that its quotes cannot hold', () => {
    expect(fillQuery('up{c=`{{cluster}}`}', { ...values, cluster: 'a`b' })).toMatchObject({ ok: false });
  });

  it('keeps its meaning whatever a value holds: nothing breaks out of a string', () => {
    const nasty = fc.string({
      unit: fc.constantFrom('"', "'", '`', '\\', '\n', '{', '}', '#', 'a', '{{name}}', '.', '|', ')'),
    });
    const quotes = fc.constantFrom('"', "'", '`');
    const operators = fc.constantFrom('=', '=~');
    fc.assert(
      fc.property(nasty, quotes, operators, (cluster, quote, operator) => {
        const result = fillQuery(`up{c${operator}${quote}x{{cluster}}y${quote}} > 1`, { ...values, cluster });
        if (!result.ok) {
          expect(quote).toBe('`');
          expect(cluster).toContain('`');
          return;
        }
        const start = `up{c${operator}`;
        const { text, rest } = readString(result.query.slice(start.length));
        expect(rest).toBe('} > 1');
        if (operator === '=') expect(text).toBe(`x${cluster}y`);
        else expect(new RegExp(`^(?:${text})$`, 's').test(`x${cluster}y`)).toBe(true);
      }),
    );
  });

  it('finds each cluster of a set and no other, whatever their names', () => {
    const name = fc.string({
      unit: fc.constantFrom('a', '.', '|', '-', '(', '\\', '*', '"'),
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), name, (clusters, other) => {
        const query = filled('up{c=~"{{clusters}}"}', { clusters });
        const regex = new RegExp(`^(?:${readString(query.slice('up{c=~'.length)).text})$`, 's');
        for (const cluster of clusters) expect(regex.test(cluster)).toBe(true);
        expect(regex.test(other)).toBe(clusters.includes(other));
      }),
    );
  });
});

/** A string as PromQL reads it, and what comes after it. */
function readString(code: string): { readonly text: string; readonly rest: string } {
  const quote = code[0];
  let text = '';
  for (let at = 1; at < code.length; at++) {
    const character = code[at] ?? '';
    if (character === quote) return { text, rest: code.slice(at + 1) };
    if (character === '\n' && quote !== '`') throw new Error('a line break ends the string');
    if (character === '\\' && quote !== '`') {
      at += 1;
      const escaped = code[at] ?? '';
      text += { n: '\n', r: '\r' }[escaped] ?? escaped;
    } else text += character;
  }
  throw new Error('the string has no end');
}
