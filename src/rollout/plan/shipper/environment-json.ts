import { goJson } from './go-json.ts';

/** A field of a Go struct: its name in JSON, how its value is written, and whether it is left out when empty. */
type Field = readonly [
  name: string,
  write: (value: unknown) => string,
  isLeftOut?: (value: unknown) => boolean,
];

/**
 * A release's environment as Shipper wrote it before hashing: fields in the order of its Go types, those it
 * does not know left out, those that are absent with Go's zero value.
 */
export function environmentJson(environment: Readonly<Record<string, unknown>>): string {
  return writeEnvironment(environment);
}

const text = (value: unknown) => goJson(value ?? '');
const number = (value: unknown) => goJson(value ?? 0);
const isAbsent = (value: unknown) => value === undefined || value === null;
const isEmptyList = (value: unknown) => isAbsent(value) || (Array.isArray(value) && value.length === 0);

const share = struct(['incumbent', number], ['contender', number]);

const writeEnvironment = struct(
  ['chart', struct(['name', text], ['version', text], ['repoUrl', text])],
  ['values', goJson],
  [
    'clusterRequirements',
    struct(
      ['regions', list(struct(['name', text], ['replicas', number, isAbsent]))],
      ['capabilities', list(text), isEmptyList],
    ),
  ],
  [
    'strategy',
    struct(['steps', list(struct(['name', text], ['capacity', share], ['traffic', share]))]),
    isAbsent,
  ],
);

function struct(...fields: readonly Field[]): (value: unknown) => string {
  return (value) => {
    const members = (value ?? {}) as Readonly<Record<string, unknown>>;
    const written = fields
      .filter(([name, , isLeftOut]) => !isLeftOut?.(members[name]))
      .map(([name, write]) => `${goJson(name)}:${write(members[name])}`);
    return `{${written.join(',')}}`;
  };
}

function list(write: (value: unknown) => string): (value: unknown) => string {
  // A list that was never given is null in Go, an empty one is not.
  return (value) => (Array.isArray(value) ? `[${value.map(write).join(',')}]` : 'null');
}
