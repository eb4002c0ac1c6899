import { parse } from 'yaml';
import { isJsonObject, type Json, type JsonObject, messageOf } from '../../base/index.ts';
import { chartError } from './chart-errors.ts';

/** One version of a chart, as the repository's index lists it. */
export interface ChartVersion {
  readonly version: string;
  /** Where the archive lies: whole addresses, or relative to the repository's. */
  readonly urls: readonly string[];
  /** sha256 of the archive in hex; absent in some old indexes. */
  readonly digest?: string;
  readonly appVersion?: string;
  readonly deprecated?: boolean;
}

/** Parsing takes about a second for each 2 MB, in which nothing else runs. */
const maxWholeParse = 4 * 1024 * 1024;

/**
 * The versions of a chart that an index.yaml lists, in its order; none if it does not list the chart.
 *
 * Indexes reach 30 MB, and a parser needs many seconds for that. helm writes them with one block a chart, so only the
 * block of the chart is parsed; an index that is written otherwise is parsed whole, up to a bound.
 * @throws HansaError ChartRepoInternal, if it is no index
 */
export function versionsInIndex(text: string, chart: string, where: string): readonly ChartVersion[] {
  const versions = listIn(text, chart, where);
  return versions.flatMap((entry) => (isJsonObject(entry) ? (versionOf(entry) ?? []) : []));
}

/** Whether a text can be an index at all, rather than a login page. */
export function looksLikeIndex(text: string): boolean {
  return /^entries:/m.test(text) || /^\s*\{[\s\S]*\bentries"?\s*:/.test(text);
}

function listIn(text: string, chart: string, where: string): readonly Json[] {
  const json = jsonOf(text);
  if (json !== undefined) return chartOf(json, chart, where);
  const block = blockOf(text, chart);
  const list = block === undefined ? undefined : parsed(block, where);
  if (Array.isArray(list)) return list as readonly Json[];
  // Not there, or not as helm writes it.
  return text.length > maxWholeParse ? [] : chartOf(parsed(text, where), chart, where);
}

/** JSON is YAML too, but a hundred times quicker to read. */
function jsonOf(text: string): Json | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** The lines between `  <chart>:` and the next key at the same depth, where the list of its versions stands. */
function blockOf(text: string, chart: string): string | undefined {
  const heading = new RegExp(
    `^  (?:${literal(chart)}|"${literal(chart)}"|'${literal(chart)}'):[ \\t]*\\r?\\n`,
    'm',
  );
  const found = heading.exec(text);
  if (!found) return undefined;
  const rest = text.slice(found.index + found[0].length);
  // A key at the depth of ours or above; entries of a list may stand at the depth of their key.
  const end = /^(?: {0,2})[^\s#-]/m.exec(rest)?.index;
  return end === undefined ? rest : rest.slice(0, end);
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function parsed(text: string, where: string): Json {
  try {
    return parse(text, { logLevel: 'error', prettyErrors: false }) as Json;
  } catch (error) {
    throw chartError(
      'ChartRepoInternal',
      `the index of ${where} cannot be read (${messageOf(error)}): have it made anew with "helm repo index"`,
    );
  }
}

function chartOf(index: Json, chart: string, where: string): readonly Json[] {
  const entries = isJsonObject(index) ? index['entries'] : undefined;
  // A new repository has `entries: {}`, or nothing behind the colon.
  if (entries === null) return [];
  if (!isJsonObject(entries)) {
    throw chartError(
      'ChartRepoInternal',
      `what ${where} serves as index.yaml is no index of charts: check chart.repoUrl, which is the address above index.yaml`,
    );
  }
  const list = Object.hasOwn(entries, chart) ? entries[chart] : undefined;
  return Array.isArray(list) ? (list as readonly Json[]) : [];
}

/** An entry without a version or an address is of no use to anybody; helm leaves it out, too. */
function versionOf(entry: JsonObject): ChartVersion | undefined {
  const { version, urls, digest, appVersion, deprecated } = entry;
  if (typeof version !== 'string' && typeof version !== 'number') return undefined;
  const addresses = Array.isArray(urls)
    ? (urls as readonly Json[]).filter((url) => typeof url === 'string')
    : [];
  if (addresses.length === 0) return undefined;
  return {
    version: String(version),
    urls: addresses,
    ...(typeof digest === 'string' && digest !== '' ? { digest: digest.replace(/^sha256:/, '') } : {}),
    ...(appVersion === undefined || appVersion === null || typeof appVersion === 'object'
      ? {}
      : { appVersion: String(appVersion) }),
    ...(deprecated === true ? { deprecated } : {}),
  };
}
