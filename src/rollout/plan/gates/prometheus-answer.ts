import type { GateAnswer } from '../../gates.ts';
import { type Condition, parseCondition } from './condition.ts';
import { fieldsOf } from './fields.ts';

export interface Judgement {
  readonly success: string;
  readonly failure?: string;
}

interface Series {
  readonly labels: string;
  readonly value: number;
}

type Read =
  | { readonly kind: 'series'; readonly series: readonly Series[] }
  | { readonly kind: 'nothing'; readonly message: string };

type Readable = Extract<Condition, { ok: true }>;

type Verdict = 'good' | 'bad' | 'inconclusive';

/** Series named in a message; the rest is counted. */
const maxNamed = 3;
const maxLabelsLength = 200;
const maxErrorLength = 300;

/**
 * What the body of a Prometheus answer says about a gate. Every series must pass; one bad one is enough to fail.
 * No data, NaN (unless the conditions speak of it) and errors say nothing.
 */
export function answerFromPrometheus(body: unknown, { success, failure }: Judgement): GateAnswer {
  const good = parseCondition(success);
  if (!good.ok) return nothing(`the condition success cannot be read: ${good.message}`);
  const bad = failure === undefined ? undefined : parseCondition(failure);
  if (bad && !bad.ok) return nothing(`the condition failure cannot be read: ${bad.message}`);

  const read = readAnswer(body);
  if (read.kind === 'nothing') return nothing(read.message);
  const judged = read.series.map((series) => ({ ...series, verdict: verdictOn(series.value, good, bad) }));
  const of = (verdict: Verdict) => judged.filter((series) => series.verdict === verdict);

  const failed = of('bad');
  if (failed.length > 0) {
    return { kind: 'bad', message: `${told(failed)}; ${wished(success, failure)}` };
  }
  const unclear = of('inconclusive');
  if (unclear.length > 0) {
    return nothing(`${told(unclear)}, which is neither good nor bad; ${wished(success, failure)}`);
  }
  return { kind: 'good', message: `${told(judged)}; good is ${success}` };
}

function verdictOn(value: number, good: Readable, bad: Readable | undefined): Verdict {
  if (Number.isNaN(value)) return verdictOnNaN(good, bad);
  // A failure is believed before a success, so that conditions which overlap err on the safe side.
  if (bad?.test(value)) return 'bad';
  if (good.test(value)) return 'good';
  return bad ? 'inconclusive' : 'bad';
}

/** Zero requests divided by zero requests give NaN: that is no data, unless a condition says what to make of it. */
function verdictOnNaN(good: Readable, bad: Readable | undefined): Verdict {
  if (bad?.speaksOfNaN && bad.test(Number.NaN)) return 'bad';
  if (!good.speaksOfNaN) return 'inconclusive';
  if (good.test(Number.NaN)) return 'good';
  return bad ? 'inconclusive' : 'bad';
}

function readAnswer(body: unknown): Read {
  const answer = fieldsOf(body);
  if (answer.status === 'error') {
    const kind = textOf(answer.errorType) ?? 'error';
    return unread(
      `Prometheus refused the query (${kind}): ${cut(textOf(answer.error) ?? 'no reason given', maxErrorLength)}`,
    );
  }
  const data = fieldsOf(answer.data);
  if (answer.status !== 'success') return unread("this is no answer of Prometheus' query API: check the url");
  switch (data.resultType) {
    case 'vector':
      return readVector(data.result);
    case 'scalar':
      return readScalar(data.result);
    case 'matrix':
      return unread(
        'the query gives a range of samples for each series: aggregate it, for example with avg_over_time(…)',
      );
    case 'string':
      return unread('the query gives a string, not a number');
    default:
      return unread(`Prometheus answered with the unknown type "${cut(String(data.resultType), 40)}"`);
  }
}

function readVector(result: unknown): Read {
  if (!Array.isArray(result)) return unread('Prometheus answered with a vector that is no list');
  if (result.length === 0) return unread('the query found no data');
  const series: Series[] = [];
  for (const each of result) {
    const { metric, value, histogram } = fieldsOf(each);
    const labels = labelsOf(metric);
    if (histogram !== undefined) {
      return unread(
        `${labels || 'the result'} is a native histogram: take a number of it, such as histogram_quantile(0.99, …)`,
      );
    }
    const number = sampleOf(value);
    if (number === undefined) return unread(`${labels || 'the result'} has no value that is a number`);
    series.push({ labels, value: number });
  }
  return { kind: 'series', series };
}

function readScalar(result: unknown): Read {
  const value = sampleOf(result);
  if (value === undefined) return unread('Prometheus answered with a scalar that is no number');
  return { kind: 'series', series: [{ labels: '', value }] };
}

/** A sample is a pair of time and text, since JSON has no NaN. */
function sampleOf(sample: unknown): number | undefined {
  const text: unknown = Array.isArray(sample) ? sample[1] : undefined;
  if (typeof text !== 'string') return undefined;
  if (text === 'NaN') return Number.NaN;
  const value = Number(text.replace(/^([+-]?)Inf$/, '$1Infinity'));
  return text.trim() === '' || Number.isNaN(value) ? undefined : value;
}

function labelsOf(metric: unknown): string {
  const { __name__: name, ...labels } = fieldsOf(metric);
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  const braces = pairs.length > 0 ? `{${pairs.toSorted().join(', ')}}` : '';
  return cut(`${textOf(name) ?? ''}${braces}`, maxLabelsLength);
}

function told(series: readonly Series[]): string {
  const named = series
    .slice(0, maxNamed)
    .map(({ labels, value }) => `${labels || 'result'} is ${numberText(value)}`);
  const rest = series.length - named.length;
  return named.join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) return String(value).replace('Infinity', 'Inf');
  return String(Number(value.toPrecision(6)));
}

function wished(success: string, failure: string | undefined): string {
  return failure === undefined ? `good is ${success}` : `good is ${success}, bad is ${failure}`;
}

function nothing(message: string): GateAnswer {
  return { kind: 'inconclusive', message };
}

function unread(message: string): Read {
  return { kind: 'nothing', message };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function cut(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}
