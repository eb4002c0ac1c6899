import { HansaError, messageOf } from '../../base/index.ts';
import type { ApiClient, KubeObject, ResourceType } from '../../kube/index.ts';
import { isReady } from '../../members/index.ts';
import { rolloutFieldManager } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import type { GateAnswer } from '../gates.ts';
import type { RolloutView } from '../mode.ts';
import {
  gateLabel,
  jobFor,
  jobLabels,
  type JobObject,
  jobState,
  joinAnswers,
  lastWords,
  rolloutJobLabel,
} from '../plan/gates/index.ts';
import type { GateQuestion } from '../plan/steps/types.ts';
import type { ProbeDeps } from './probe-deps.ts';

const jobType: ResourceType = {
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  namespaced: true,
};
const podType: ResourceType = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };

interface Call {
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/**
 * Runs a gate's Job in each cluster of the question and tells how they stand.
 *
 * Flow: a Job named after the question → there already: how it stands; absent: remove older ones, apply it, "later".
 * Guarantees: the same question (key and attempt) starts one Job, also after a crash, until the member itself removes
 * it an hour after its end. Older finished Jobs of the gate go when the next one starts, and all with the rollout.
 */
export async function runJob(
  deps: ProbeDeps,
  question: GateQuestion,
  rollout: RolloutView,
  signal: AbortSignal,
): Promise<GateAnswer> {
  const members = question.member === undefined ? question.members : [question.member];
  return joinAnswers(await Promise.all(members.map((name) => runIn(name, deps, question, rollout, signal))));
}

async function runIn(
  name: string,
  { members, timeouts }: ProbeDeps,
  question: GateQuestion,
  rollout: RolloutView,
  signal: AbortSignal,
): Promise<GateAnswer> {
  const member = members.get(name);
  if (!member?.client || !isReady(member)) {
    return { kind: 'inconclusive', message: `${name}: the cluster does not answer, so no Job can run there` };
  }
  const call: Call = { signal: AbortSignal.any([signal, member.lifetime]), deadlineMs: timeouts.apiMs };
  const job = jobFor(question, {
    rollout: rollout.name,
    namespace: rollout.namespace,
    revision: rollout.contender.hash,
    stableRevision: rollout.incumbent?.hash,
    member: name,
  });
  try {
    return await startOrLook(member.client, job, labelsOf(question, rollout), name, call);
  } catch (error) {
    if (signal.aborted) throw error;
    return { kind: 'inconclusive', message: `${name}: the Job ${job.metadata.name}: ${messageOf(error)}` };
  }
}

async function startOrLook(
  client: ApiClient,
  job: KubeObject,
  labels: Readonly<Record<string, string>>,
  member: string,
  call: Call,
): Promise<GateAnswer> {
  const found = await findJob(client, job, call);
  if (!found) {
    await removeJobs(client, job.metadata.namespace ?? '', labels, { ...call, onlyFinished: true });
    await client.apply(jobType, job, { fieldManager: rolloutFieldManager, force: true, ...call });
    return { kind: 'later', message: `${member}: the Job ${job.metadata.name} was started` };
  }
  switch (jobState(found)) {
    case 'complete':
      return { kind: 'good', message: `${member}: the Job ${job.metadata.name} is complete` };
    case 'failed':
      return { kind: 'bad', message: `${member}: ${await whyFailed(client, found, call)}` };
    case 'running':
      return { kind: 'later', message: `${member}: the Job ${job.metadata.name} runs` };
  }
}

async function findJob(
  client: ApiClient,
  { metadata }: KubeObject,
  call: Call,
): Promise<JobObject | undefined> {
  try {
    return await client.get<JobObject>(jobType, { namespace: metadata.namespace, name: metadata.name }, call);
  } catch (error) {
    if (error instanceof HansaError && error.reason === 'NotFound') return undefined;
    throw error;
  }
}

async function whyFailed(client: ApiClient, job: JobObject, call: Call): Promise<string> {
  const { name, namespace } = job.metadata;
  const condition = job.status?.conditions?.find(
    ({ type, status }) => type === 'Failed' && status === 'True',
  );
  const because = condition?.reason ? ` (${condition.reason})` : '';
  const pods: KubeObject[] = [];
  try {
    const labelSelector = `batch.kubernetes.io/job-name=${name}`;
    for await (const page of client.list(podType, { namespace, labelSelector, ...call }))
      pods.push(...page.items);
  } catch (error) {
    // The verdict stands; only its explanation is missing.
    if (call.signal.aborted) throw error;
  }
  return `the Job ${name} failed${because}: ${lastWords(pods) ?? condition?.message ?? 'it left no message'}`;
}

/** Removes the Jobs that the gates of a rollout left in a member; for when it is over, or leaves the member. */
export async function removeGateJobs(
  client: ApiClient,
  rollout: { readonly namespace: string; readonly name: string },
  call: Call,
): Promise<void> {
  await removeJobs(client, rollout.namespace, rolloutJobLabel(rollout.name), {
    ...call,
    onlyFinished: false,
  });
}

async function removeJobs(
  client: ApiClient,
  namespace: string,
  labels: Readonly<Record<string, string>>,
  { onlyFinished, ...call }: Call & { readonly onlyFinished: boolean },
): Promise<void> {
  const equals = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  // Jobs of the rolled-out application itself may have the rollout's label, but never the gate's.
  const labelSelector = [...equals, gateLabel].join(',');
  const names: string[] = [];
  for await (const page of client.list<JobObject>(jobType, { namespace, labelSelector, ...call })) {
    for (const job of page.items) {
      if (!onlyFinished || jobState(job) !== 'running') names.push(job.metadata.name);
    }
  }
  for (const name of names) {
    try {
      await client.remove(
        jobType,
        { namespace, name },
        { body: { propagationPolicy: 'Background' }, ...call },
      );
    } catch (error) {
      if (!(error instanceof HansaError && error.reason === 'NotFound')) throw error;
    }
  }
}

function labelsOf(question: GateQuestion, rollout: RolloutView): Readonly<Record<string, string>> {
  return jobLabels(rollout.name, question.gate.name);
}
