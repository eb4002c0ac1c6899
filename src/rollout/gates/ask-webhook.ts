import type { Gate } from '../../api/rollout.hansa.dev/v1alpha1/gate.ts';
import type { GateAnswer } from '../gates.ts';
import type { RolloutView } from '../mode.ts';
import type { GateQuestion } from '../plan/steps/types.ts';
import { noCredentials, readCredentials } from './credentials.ts';
import { post, shownUrl } from './post.ts';
import { maxAnswerBytes, type ProbeDeps } from './probe-deps.ts';

const maxSaidLength = 300;

/** Asks a web service. 2xx is good, 425 and 429 mean later, other codes are bad; no answer says nothing. */
export async function askWebhook(
  { clock, host, timeouts }: ProbeDeps,
  gate: NonNullable<Gate['webhook']>,
  question: GateQuestion,
  rollout: RolloutView,
  signal: AbortSignal,
): Promise<GateAnswer> {
  const { headers, ca, secrets } = gate.secretRef
    ? await readCredentials(
        host,
        { namespace: rollout.namespace, name: gate.secretRef.name },
        { signal, deadlineMs: timeouts.apiMs },
      )
    : noCredentials;
  const { code, text } = await post({
    url: gate.url,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(questionBody(question, rollout)),
    ca,
    clock,
    deadlineMs: timeouts.webMs,
    signal,
    maxBytes: maxAnswerBytes,
    secrets,
  });
  const said = saidIn(text);
  const message = `${shownUrl(gate.url)} answered ${code}${said ? `: ${said}` : ''}`;
  if (code >= 200 && code < 300) return { kind: 'good', message };
  if (code === 425 || code === 429) return { kind: 'later', message };
  return { kind: 'bad', message };
}

function questionBody(question: GateQuestion, rollout: RolloutView): object {
  const { member, members, rolled, notRolled, wave, stepName, scope, gate } = question;
  return {
    rollout: rollout.name,
    namespace: rollout.namespace,
    revision: rollout.contender.hash,
    ...(rollout.incumbent ? { stableRevision: rollout.incumbent.hash } : {}),
    gate: gate.name,
    scope,
    wave,
    ...(stepName === undefined ? {} : { step: stepName }),
    ...(member === undefined ? { clusters: members } : { cluster: member }),
    rolled,
    notRolled,
  };
}

/** The `message` of a JSON answer, or a short text as it is. Pages for browsers are left out. */
function saidIn(text: string): string {
  const trimmed = text.trim();
  if (trimmed.startsWith('<')) return '';
  try {
    const body = JSON.parse(trimmed) as { readonly message?: unknown } | null;
    const message = typeof body === 'object' ? body?.message : body;
    return typeof message === 'string' ? oneLine(message) : '';
  } catch {
    return oneLine(trimmed);
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, maxSaidLength);
}
