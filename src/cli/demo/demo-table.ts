import type { MemberSpec } from '../../sandbox/index.ts';
import type { CellState, DemoCell, DemoRow } from './demo-rows.ts';

export type Style = 'green' | 'yellow' | 'red' | 'dim' | 'bold' | 'cyan';

/** Colours text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

export const noPaint: Paint = (_, text) => text;

/** Fits 80 columns, with one to spare: some terminals wrap a full line. */
const widths = { name: 32, member: 10, total: 7, state: 8 } as const;
const stateIndent = '  ';

const sections: Readonly<Record<string, string>> = {
  'types.federation.k8s.io/v1alpha1': 'as guides write it since 2019 (types.federation.k8s.io)',
  'types.kubefed.io/v1beta1': 'as it is written today (types.kubefed.io)',
};

const styles: Readonly<Record<CellState, Style>> = {
  ready: 'green',
  waiting: 'yellow',
  'too-many': 'red',
  none: 'dim',
  unread: 'yellow',
};
const marks: Readonly<Record<DemoRow['state'], string>> = { ready: '✓', waiting: '…', 'too-many': '!' };
const stateTexts: Readonly<Record<DemoRow['state'], string>> = {
  ready: 'ready',
  waiting: 'waiting',
  'too-many': 'too many',
};

/** The table clusters × workloads as lines. */
export function tableOf(
  rows: readonly DemoRow[],
  members: readonly Pick<MemberSpec, 'name' | 'region' | 'alias'>[],
  paint: Paint = noPaint,
): readonly string[] {
  const lines = [
    paint(
      'bold',
      headingLine(
        'workload',
        members.map(({ name }) => name),
        { total: 'total', state: 'state' },
      ),
    ),
    paint('dim', headingLine('', members.map(placeOf))),
  ];
  let group = '';
  for (const row of rows) {
    const { apiVersion } = row.expectation;
    if (apiVersion !== group) lines.push(paint('dim', `  ${sections[apiVersion] ?? apiVersion}`));
    group = apiVersion;
    lines.push(rowLine(row, paint));
  }
  return lines;
}

function headingLine(name: string, members: readonly string[], { total = '', state = '' } = {}): string {
  const cells = members.map((text) => text.padStart(widths.member)).join('');
  return `  ${name.padEnd(widths.name - 2)}${cells}${total.padStart(widths.total)}${stateIndent}${state}`.trimEnd();
}

function placeOf({ region, alias }: Pick<MemberSpec, 'region' | 'alias'>): string {
  return [region, alias === undefined ? undefined : `(${alias})`].filter(Boolean).join(' ');
}

function rowLine(row: DemoRow, paint: Paint): string {
  const { expectation, cells, wanted, seen, state } = row;
  const { kind, namespace, name } = expectation;
  const label = `${namespace}/${name}${kind === 'Deployment' ? '' : ` ${kind}`}`;
  const style = styles[state];
  // Padded before it is painted: the terminal does not count the codes of a colour as width.
  return [
    `${paint(style, marks[state])} ${label.padEnd(widths.name - 2)}`,
    ...cells.map((cell) => paint(styles[cell.state], cellText(row, cell).padStart(widths.member))),
    `${seen}/${wanted}`.padStart(widths.total),
    `${stateIndent}${paint(style, stateTexts[state])}`,
  ].join('');
}

function cellText({ expectation }: DemoRow, { wanted, seen, state }: DemoCell): string {
  if (state === 'none') return '-';
  if (state === 'unread') return '?';
  if (expectation.kind === 'Deployment') return `${seen}/${wanted}`;
  return { ready: 'there', waiting: '…', 'too-many': 'extra' }[state];
}
