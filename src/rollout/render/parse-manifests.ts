import { parseAllDocuments, type ScalarTag, type Tags } from 'yaml';
import { isJsonObject, type Json, type JsonObject, messageOf } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { chartError } from './chart-errors.ts';

/**
 * Reads what `helm template` prints, as helm and kubectl would read it.
 *
 * *Guarantees*: YAML 1.1 as Go's library has it, so that `defaultMode: 0644` is octal and `on` is true; of a key that
 * stands twice, the last counts; a List gives its items; documents with nothing in them are left out.
 * @throws HansaError BrokenChartSpec, with the template's name
 */
export function parseManifests(text: string): readonly KubeObject[] {
  const documents = parseAllDocuments(text, {
    version: '1.1',
    customTags: asGoReads,
    uniqueKeys: false,
    // A pretty error quotes the line, and the line may hold a password.
    prettyErrors: false,
    logLevel: 'silent',
  });
  return [...documents].flatMap((document) => {
    const source = /^\s*Source: (.+)$/m.exec(
      document.commentBefore ?? document.contents?.commentBefore ?? '',
    )?.[1];
    const where = source ? `template ${source}` : 'a document without a name';
    const [problem] = document.errors;
    if (problem) throw broken(where, `is no YAML: ${problem.message}`);
    return objectsIn(toJson(document, where), where);
  });
}

/**
 * Go's library takes dates for text and has no numbers in base 60; the ready-made schema of YAML 1.1 has both, which
 * would turn the version `2024-01-01` or the ports `22:22` into something else.
 */
function asGoReads(tags: Tags): Tags {
  return tags.filter(
    (tag) =>
      typeof tag === 'string' ||
      ((tag as ScalarTag).format !== 'TIME' && tag.tag !== 'tag:yaml.org,2002:timestamp'),
  );
}

function toJson(document: ReturnType<typeof parseAllDocuments>[number], where: string): Json {
  try {
    return document.toJS({ maxAliasCount: maxAliases }) as Json;
  } catch (error) {
    throw broken(where, `cannot be read: ${messageOf(error)}`);
  }
}

/** Honest charts have a handful; a thousand million laughs are not rendered. */
const maxAliases = 100;

function objectsIn(value: Json | undefined, where: string): readonly KubeObject[] {
  if (value === null || value === undefined) return [];
  if (!isJsonObject(value)) throw broken(where, 'is not an object of Kubernetes');
  const { apiVersion, kind, items } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || apiVersion === '' || kind === '') {
    throw broken(where, 'has no apiVersion and kind');
  }
  if (kind === 'List' && Array.isArray(items)) {
    return (items as readonly Json[]).flatMap((item) => objectsIn(item, where));
  }
  if (!hasName(value)) throw broken(where, `makes a ${kind} without metadata.name`);
  return [value as unknown as KubeObject];
}

function hasName({ metadata }: JsonObject): boolean {
  return isJsonObject(metadata) && typeof metadata['name'] === 'string' && metadata['name'] !== '';
}

function broken(where: string, what: string): Error {
  return chartError('BrokenChartSpec', `the chart is broken: ${where} ${what}; mend the chart or its values`);
}
