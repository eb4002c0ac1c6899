import { rolloutLabel } from '../../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { hashOf } from '../../../base/index.ts';
import type { KubeObject } from '../../../kube/index.ts';
import type { GateAnswer } from '../../gates.ts';
import type { GateQuestion } from '../steps/types.ts';
import { fieldsOf } from './fields.ts';

/** On Jobs in members: the gate they answer, by its name. */
export const gateLabel = 'rollout.hansa.dev/gate';
/** On Jobs in members: which question they answer, for people. */
const questionAnnotation = 'rollout.hansa.dev/question';

/** A Job's name becomes a label of its pods, which may have 63 characters. */
const maxNameLength = 63;
const hashLength = 8;
/** The member itself removes a finished Job after this long; time to read its log. */
const ttlSeconds = 3_600;
/** A Job that hangs would hold the rollout for ever. */
const defaultDeadlineSeconds = 3_600;

export interface JobContext {
  readonly rollout: string;
  readonly namespace: string;
  readonly revision: string;
  readonly stableRevision: string | undefined;
  readonly member: string;
}

interface Env {
  readonly name: string;
}

/** The Job that answers a question in a member. The same question gives the same name, so that it is run once. */
export function jobFor(question: GateQuestion, context: JobContext): KubeObject {
  const template = fieldsOf(question.gate.job?.template);
  const metadata = fieldsOf(template.metadata);
  const spec = fieldsOf(template.spec);
  const podTemplate = fieldsOf(spec.template);
  const podSpec = fieldsOf(podTemplate.spec);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(question, context.rollout),
      namespace: context.namespace,
      labels: { ...fieldsOf(metadata.labels), ...jobLabels(context.rollout, question.gate.name) },
      annotations: { ...fieldsOf(metadata.annotations), [questionAnnotation]: question.key },
    } as KubeObject['metadata'],
    spec: {
      ttlSecondsAfterFinished: ttlSeconds,
      activeDeadlineSeconds: defaultDeadlineSeconds,
      ...spec,
      template: {
        ...podTemplate,
        spec: {
          restartPolicy: 'Never',
          ...podSpec,
          containers: listOf(podSpec.containers).map((container) => withEnv(container, question, context)),
        },
      },
    },
  };
}

/** Names of rollouts may be longer than a label's value; then their beginning and a hash stand for them. */
export function jobLabels(rollout: string, gate: string): Readonly<Record<string, string>> {
  return { ...rolloutJobLabel(rollout), [gateLabel]: gate };
}

export function rolloutJobLabel(rollout: string): Readonly<Record<string, string>> {
  const value =
    rollout.length > maxNameLength ? `${cutName(rollout, maxNameLength - 9)}-${shortHash(rollout)}` : rollout;
  return { [rolloutLabel]: value };
}

function jobName({ key, attempt = '', gate }: GateQuestion, rollout: string): string {
  const hash = shortHash([rollout, key, attempt]);
  // Dots are fine in names of rollouts, but not in host names, which pods get from the Job's name.
  const start = cutName(`${rollout}-${gate.name}`.replaceAll('.', '-'), maxNameLength - hashLength - 1);
  return `${start}-${hash}`;
}

function shortHash(value: unknown): string {
  return hashOf(value).slice(0, hashLength);
}

function cutName(name: string, length: number): string {
  return name.slice(0, length).replace(/[-.]+$/, '');
}

/** Tells the Job what it is asked about, beside what its author set. */
function withEnv(container: unknown, question: GateQuestion, context: JobContext): unknown {
  const fields = fieldsOf(container);
  const own = listOf(fields.env) as readonly Env[];
  const told = {
    HANSA_ROLLOUT: context.rollout,
    HANSA_REVISION: context.revision,
    HANSA_STABLE_REVISION: context.stableRevision ?? '',
    HANSA_WAVE: question.wave,
    HANSA_STEP: question.stepName ?? '',
    HANSA_CLUSTER: context.member,
  };
  const env = Object.entries(told)
    .filter(([name]) => !own.some((each) => each.name === name))
    .map(([name, value]) => ({ name, value }));
  return { ...fields, env: [...env, ...own] };
}

export interface JobObject extends KubeObject {
  readonly status?: {
    readonly active?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

/** How a Job stands. Conditions tell; the counters don't say whether it tries again. */
export function jobState({ status }: JobObject): 'complete' | 'failed' | 'running' {
  const holds = (type: string) =>
    status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
  if (holds('Complete')) return 'complete';
  return holds('Failed') ? 'failed' : 'running';
}

interface JobPod {
  readonly metadata: { readonly creationTimestamp?: string | null };
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly state?: { readonly terminated?: Terminated };
    }[];
  };
}

interface Terminated {
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
}

const maxWordsLength = 300;

/** What a Job's last pod said before it ended: its termination message, else exit code and reason. */
export function lastWords(pods: readonly JobPod[]): string | undefined {
  const newestFirst = pods.toSorted((a, b) =>
    (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''),
  );
  for (const { status } of newestFirst) {
    for (const { name, state } of status?.containerStatuses ?? []) {
      const { exitCode = 0, message, reason = 'Error' } = state?.terminated ?? {};
      if (exitCode === 0) continue;
      const words = message?.trim().slice(0, maxWordsLength);
      return words || `container ${name} ended with exit code ${exitCode} (${reason})`;
    }
  }
  return undefined;
}

/** One answer of the Jobs of several members: one that failed is enough, and all must be complete. */
export function joinAnswers(answers: readonly GateAnswer[]): GateAnswer {
  for (const kind of ['bad', 'inconclusive', 'later'] as const) {
    const found = answers.filter((answer) => answer.kind === kind);
    if (found.length > 0) return { kind, message: found.map(({ message }) => message).join('; ') };
  }
  const message = answers.map((answer) => answer.message).join('; ');
  return { kind: 'good', message: message || 'there is no cluster to ask about' };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
