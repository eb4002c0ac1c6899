import type { Gate } from '../../api/rollout.hansa.dev/v1alpha1/gate.ts';
import type { GateAnswer } from '../gates.ts';
import type { RolloutView } from '../mode.ts';
import { answerFromPrometheus, fillQuery, type PlaceholderValues } from '../plan/gates/index.ts';
import type { GateQuestion } from '../plan/steps/types.ts';
import { noCredentials, readCredentials } from './credentials.ts';
import { post, shownUrl } from './post.ts';
import { maxAnswerBytes, type ProbeDeps } from './probe-deps.ts';

/** Asks an instant query. Whatever goes wrong on the way says nothing about the rollout: inconclusive. */
export async function askPrometheus(
  { clock, host, timeouts }: ProbeDeps,
  gate: NonNullable<Gate['prometheus']>,
  question: GateQuestion,
  rollout: RolloutView,
  signal: AbortSignal,
): Promise<GateAnswer> {
  if (question.member === undefined && /\{\{\s*cluster\s*\}\}/.test(gate.query)) {
    return inconclusive(
      `{{cluster}} has no value with scope ${question.scope}: use =~"{{clusters}}", or set scope to Cluster`,
    );
  }
  const filled = fillQuery(gate.query, valuesFor(question, rollout));
  if (!filled.ok) return inconclusive(`the query cannot be filled in: ${filled.message}`);
  const { headers, ca, secrets } = gate.secretRef
    ? await readCredentials(
        host,
        { namespace: rollout.namespace, name: gate.secretRef.name },
        { signal, deadlineMs: timeouts.apiMs },
      )
    : noCredentials;
  const url = queryUrl(gate.url);
  const { code, text } = await post({
    url,
    headers: {
      ...headers,
      accept: 'application/json',
      // A POST, since a long query would not fit into every proxy's limit for addresses.
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ query: filled.query, timeout: `${timeouts.webMs}ms` }).toString(),
    ca,
    clock,
    deadlineMs: timeouts.webMs,
    signal,
    maxBytes: maxAnswerBytes,
    secrets,
  });
  const body = parseJson(text);
  // Prometheus says what is wrong with a query in the body of a 400, 422 or 503.
  if (code === 200 || hasStatus(body)) return answerFromPrometheus(body, gate);
  return inconclusive(`${shownUrl(url)} answered ${code}${hintFor(code)}`);
}

function valuesFor(question: GateQuestion, rollout: RolloutView): PlaceholderValues {
  return {
    cluster: question.member ?? '',
    namespace: rollout.namespace,
    name: rollout.name,
    revision: rollout.contender.hash,
    stableRevision: rollout.incumbent?.hash ?? '',
    wave: question.wave,
    step: question.stepName ?? '',
    clusters: question.members,
    rolled: question.rolled,
    notRolled: question.notRolled,
  };
}

/** What is no URL is left as it is, and refused with a sentence where it is called. */
function queryUrl(base: string): string {
  const url = URL.parse(base);
  if (!url) return base;
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/query`;
  return url.href;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function hasStatus(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'status' in body && body.status === 'error';
}

function hintFor(code: number): string {
  if (code === 401 || code === 403) return ': check the Secret that secretRef names';
  if (code >= 300 && code < 400) return ': redirects are not followed; give the address it leads to';
  if (code === 404) return ': the url must be the base address, without /api/v1/query';
  return '';
}

function inconclusive(message: string): GateAnswer {
  return { kind: 'inconclusive', message };
}
