import { describe, expect, it } from 'vitest';
import { type MembersView, objectKey, rowsOf } from '../../../src/cli/demo/demo-rows.ts';
import { noPaint, tableOf } from '../../../src/cli/demo/demo-table.ts';
import { demoMembers, expectations } from '../../../src/cli/demo/expectations.ts';
import { fitting } from '../../../src/cli/demo/live-block.ts';
import { headerOf } from '../../../src/cli/demo/show-pods.ts';

const names = demoMembers.map(({ name }) => name);
const [guide, weighted] = expectations;
const configMap = expectations.find(({ kind }) => kind === 'ConfigMap');
const some = [guide, weighted, configMap].filter((each) => each !== undefined);
const empty = { pods: new Map(), objects: new Set<string>() };
const underWay: MembersView = new Map([
  [
    'cluster1',
    {
      pods: new Map([['Deployment test-namespace/test-deployment', { ready: 3, all: 3 }]]),
      objects: new Set([objectKey('ConfigMap', { namespace: 'shop', name: 'web' })]),
    },
  ],
  ['cluster2', { ...empty, pods: new Map([['Deployment test-ns/test-deployment', { ready: 7, all: 7 }]]) }],
  ['cluster3', empty],
]);

describe('the table of the demo', () => {
  it('has a row a workload, a column a cluster, and groups by API', () => {
    expect(tableOf(rowsOf(some, names, underWay), demoMembers)).toEqual([
      '  workload                        cluster1  cluster2  cluster3  total  state',
      '                                    eu (A)    us (B)    ap (C)',
      '  as guides write it since 2019 (types.federation.k8s.io)',
      '… test-namespace/test-deployment       3/3       0/5         -    3/8  waiting',
      '! test-ns/test-deployment              0/3       7/6         -    7/9  too many',
      '  as it is written today (types.kubefed.io)',
      '… shop/web ConfigMap                 there         …         -    1/2  waiting',
    ]);
  });

  it('shows a question mark for a member that was not read', () => {
    const [, , , row] = tableOf(rowsOf(some, names, new Map()), demoMembers);
    expect(row).toBe('… test-namespace/test-deployment         ?         ?         ?    0/8  waiting');
  });

  it.each([
    ['empty', new Map()],
    ['under way', underWay],
  ])('fits 80 columns and a low window when %s', (_, views) => {
    const lines = tableOf(rowsOf(expectations, names, views), demoMembers);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(80);
    expect(lines.length + 3).toBeLessThan(24);
  });

  it('is as wide with colours as without', () => {
    const rows = rowsOf(expectations, names, underWay);
    const coloured = tableOf(rows, demoMembers, (style, text) => `<${style}>${text}</>`);
    expect(coloured.map((line) => line.replace(/<[^>]*>/g, ''))).toEqual(tableOf(rows, demoMembers));
    expect(coloured.join('\n')).toContain('<red>');
  });
});

describe('the line above the table', () => {
  const rows = rowsOf(some, names, underWay);

  it('tells what is going on, then how it ended', () => {
    expect(headerOf(rows, { elapsedMs: 12_900, isEnd: false }, noPaint)).toBe(
      '… 10 of 17 pods Ready in the members · 12 s',
    );
    expect(headerOf(rows, { elapsedMs: 120_000, isEnd: true }, noPaint)).toBe(
      '✗ 10 of 17 pods Ready: not complete after 120 s',
    );
    expect(headerOf([], { elapsedMs: 9_000, isEnd: true }, noPaint)).toMatch(/^✓ .* all there after 9 s$/);
  });
});

describe('lines that are drawn over each other', () => {
  it('never wrap and never scroll, whatever the window', () => {
    const lines = ['\x1b[31mred and long\x1b[39m', 'short', 'third'];
    expect(fitting(lines, { columns: 8, rows: 3 })).toEqual(['red and ', 'short']);
    expect(fitting(lines, { columns: 80, rows: 1 })).toEqual(['\x1b[31mred and long\x1b[39m']);
    expect(fitting(lines, {})).toEqual(lines);
  });
});
