import { isJsonObject, type Json, type JsonObject } from '../../base/index.ts';
import type { CelRule } from '../shared/rules.ts';
import type { ServedKind } from '../served-kind.ts';
import { structuralSchema } from './structural-schema.ts';
import { crdName } from './to-crd.ts';

const heading =
  '<!-- Generated from src/api by "npm run generate": change the schema there, not this file. -->';

export function referencePageName(served: ServedKind): string {
  return `${crdName(served)}.md`;
}

/** The list of all kinds, one line each. */
export function referenceIndex(all: readonly ServedKind[]): string {
  const rows = all.map((served) => {
    const { address, shortNames, description } = served;
    return [
      `[${address.kind}](${referencePageName(served)})`,
      `\`${address.group}/${address.version}\``,
      shortNames.map((name) => `\`${name}\``).join(', '),
      firstSentence(description),
    ];
  });
  return `${[
    heading,
    '# API reference',
    'One page a kind. `kubectl explain <kind> --recursive` shows the same on a host that has the CRDs of `crds/`.',
    'An editor with YAML support completes and checks an object that starts with a line such as\n`# yaml-language-server: $schema=docs/api/schemas/federateddeployments.types.kubefed.io_v1beta1.json`.',
    table(['Kind', 'apiVersion', 'Short name', 'What it is'], rows),
    'The host needs Kubernetes 1.33 or newer: some rules use functions of that version, and it lets objects that were stored under older rules be updated.',
  ].join('\n\n')}\n`;
}

/** The reference page of one kind: something to copy first, then every field. */
export function referencePage(served: ServedKind): string {
  const { address, description, shortNames, categories, columns, annotations, example } = served;
  const schema = structuralSchema(served.schema);
  const fields = fieldsOf(schema, '');
  const rules = fields.flatMap(({ path, rules: own }) =>
    own.map((rule) => [`\`${path}${rule.fieldPath ?? ''}\``, rule.message ?? rule.rule]),
  );
  const names = [
    `\`${address.plural}\``,
    ...shortNames.map((name) => `\`${name}\``),
    ...categories.map((name) => `category \`${name}\``),
  ].join(', ');
  return `${[
    heading,
    `# ${address.kind} (${address.group}/${address.version})`,
    description,
    `\`\`\`yaml\n${example}\`\`\``,
    `For kubectl: ${names}. ${address.namespaced ? 'Namespaced.' : 'Cluster-wide.'}`,
    '## Fields',
    table(
      ['Field', 'Type', 'Meaning'],
      fields.map(({ path, type, required, text }) => [
        `\`${path}\``,
        required ? `${type}, required` : type,
        text,
      ]),
    ),
    ...(rules.length > 0 ? ['## What is refused', table(['Field', 'Rule'], rules)] : []),
    ...(annotations
      ? [
          '## Annotations',
          table(
            ['Annotation', 'Meaning'],
            Object.entries(annotations).map(([name, text]) => [`\`${name}\``, text]),
          ),
        ]
      : []),
    '## Columns of `kubectl get`',
    table(
      ['Column', 'Meaning', 'From'],
      columns.map(({ name, description: text, jsonPath, wide }) => [
        name.toUpperCase(),
        wide ? `${text} (with \`-o wide\`)` : text,
        `\`${jsonPath}\``,
      ]),
    ),
  ].join('\n\n')}\n`;
}

interface Field {
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly text: string;
  readonly rules: readonly CelRule[];
}

/** Every field below a node, in the order of the schema; `[]` marks an entry of a list, `.*` one of a map. */
function fieldsOf(node: JsonObject, path: string): readonly Field[] {
  const required = Array.isArray(node['required']) ? (node['required'] as readonly Json[]) : [];
  const children = isJsonObject(node['properties']) ? Object.entries(node['properties']) : [];
  return [
    ...children.flatMap(([name, child]) =>
      isJsonObject(child)
        ? fieldAndBelow(child, path === '' ? name : `${path}.${name}`, required.includes(name))
        : [],
    ),
    ...(isJsonObject(node['items']) ? entriesOf(node['items'], `${path}[]`) : []),
    ...(isJsonObject(node['additionalProperties'])
      ? entriesOf(node['additionalProperties'], `${path}.*`)
      : []),
  ];
}

function fieldAndBelow(node: JsonObject, path: string, required: boolean): readonly Field[] {
  return [
    { path, required, type: typeOf(node), text: textOf(node['description']), rules: rulesOf(node) },
    ...fieldsOf(node, path),
  ];
}

/** Entries of a list or map get a line of their own only if there is something to say about them. */
function entriesOf(node: JsonObject, path: string): readonly Field[] {
  const isPlain =
    node['properties'] === undefined && rulesOf(node).length === 0 && node['enum'] === undefined;
  return isPlain && node['items'] === undefined ? [] : fieldAndBelow(node, path, false);
}

function rulesOf(node: JsonObject): readonly CelRule[] {
  return (node['x-kubernetes-validations'] ?? []) as unknown as readonly CelRule[];
}

function typeOf(node: JsonObject): string {
  if (Array.isArray(node['enum'])) {
    return (node['enum'] as readonly Json[])
      .map((value) => `\`${value === '' ? '""' : textOf(value)}\``)
      .join(' \\| ');
  }
  const type = typeof node['type'] === 'string' ? node['type'] : 'any';
  if (type === 'array') return isJsonObject(node['items']) ? `list of ${typeOf(node['items'])}` : 'list';
  if (isJsonObject(node['additionalProperties'])) return `map to ${typeOf(node['additionalProperties'])}`;
  const format = typeof node['format'] === 'string' ? ` (${node['format']})` : '';
  const least = typeof node['minimum'] === 'number' ? `, at least ${node['minimum']}` : '';
  return `${type}${format}${least}`;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function firstSentence(text: string): string {
  return /^.*?\.(?=\s|$)/.exec(text)?.[0] ?? text;
}
