import { durationMs } from '../../../api/rollout.hansa.dev/v1alpha1/duration.ts';
import type { Gate } from '../../../api/rollout.hansa.dev/v1alpha1/gate.ts';
import { parseCondition } from './condition.ts';
import { fieldsOf } from './fields.ts';
import { type GateKind, gateKinds } from './gate-kind.ts';
import { placeholderProblems } from './placeholders.ts';
import { isTimeZone } from './window.ts';

export interface GateProblem {
  /** Inside the gate, such as `prometheus.success`. */
  readonly field: string;
  readonly message: string;
}

export interface CheckGateOptions {
  /** What the gate stands at decides its scope when it names none. */
  readonly at?: 'step' | 'wave';
}

/** Asking more often than this tells nothing new and only costs. */
const shortestIntervalMs = 1_000;

/** What is wrong with a gate beyond what its schema can say; for admission, `hansa plan` and the controller alike. */
export function checkGate(gate: Gate, { at }: CheckGateOptions = {}): readonly GateProblem[] {
  const kinds = gateKinds.filter((kind) => gate[kind] !== undefined);
  if (kinds.length !== 1) {
    const found = kinds.length === 0 ? 'none is set' : `these are set: ${kinds.join(', ')}`;
    return [{ field: '', message: `set exactly one of ${gateKinds.join(', ')}; ${found}` }];
  }
  const scope = gate.scope ?? (at && (at === 'step' ? 'Cluster' : 'Wave'));
  return [...kinds.flatMap((kind) => problemsOf(kind, gate, scope)), ...intervalProblems(gate)];
}

function problemsOf(kind: GateKind, gate: Gate, scope: Gate['scope']): readonly GateProblem[] {
  switch (kind) {
    case 'prometheus':
      return prometheusProblems(gate.prometheus, scope);
    case 'webhook':
      return urlProblems('webhook.url', gate.webhook?.url);
    case 'job':
      return jobProblems(gate.job?.template);
    case 'window':
      return windowProblems(gate.window);
    case 'approval':
    case 'room':
    case 'ready':
      return [];
  }
}

function prometheusProblems(prometheus: Gate['prometheus'], scope: Gate['scope']): readonly GateProblem[] {
  if (!prometheus) return [];
  const { url, query, success, failure } = prometheus;
  return [
    ...urlProblems('prometheus.url', url),
    ...placeholderProblems(query).map((message) => ({ field: 'prometheus.query', message })),
    ...(scope !== undefined && scope !== 'Cluster' && /\{\{\s*cluster\s*\}\}/.test(query)
      ? [
          {
            field: 'prometheus.query',
            message: `{{cluster}} has no value with scope ${scope}: use =~"{{clusters}}", or set scope to Cluster`,
          },
        ]
      : []),
    ...conditionProblems('prometheus.success', success),
    ...(failure === undefined ? [] : conditionProblems('prometheus.failure', failure)),
  ];
}

function conditionProblems(field: string, text: string): readonly GateProblem[] {
  const condition = parseCondition(text);
  return condition.ok ? [] : [{ field, message: condition.message }];
}

function urlProblems(field: string, text: string | undefined): readonly GateProblem[] {
  const url = URL.parse(text ?? '');
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    return [{ field, message: 'must be a URL that starts with http:// or https://' }];
  }
  if (url.username || url.password) {
    return [
      {
        field,
        message:
          'must not hold credentials, which everyone could read here: put them into a Secret, by secretRef',
      },
    ];
  }
  return [];
}

function jobProblems(template: unknown): readonly GateProblem[] {
  const { apiVersion = 'batch/v1', kind = 'Job', metadata, spec } = fieldsOf(template);
  const { template: podTemplate, suspend } = fieldsOf(spec);
  const { containers, restartPolicy = 'Never' } = fieldsOf(fieldsOf(podTemplate).spec);
  const problems: GateProblem[] = [];
  const tell = (path: string, message: string) => problems.push({ field: `job.template${path}`, message });
  if (apiVersion !== 'batch/v1' || kind !== 'Job') tell('', 'must be a Job of batch/v1');
  const { namespace, name } = fieldsOf(metadata);
  if (namespace !== undefined) {
    tell('.metadata.namespace', 'must be left out: the Job runs in the namespace of the rollout');
  }
  if (name !== undefined) tell('.metadata.name', 'must be left out: each run gets a name of its own');
  if (suspend === true) tell('.spec.suspend', 'must not be true: the Job would never end');
  if (!Array.isArray(containers) || containers.length === 0) {
    tell('.spec.template.spec.containers', 'must have at least one container');
  }
  for (const [index, container] of (Array.isArray(containers) ? containers : []).entries()) {
    const fields = fieldsOf(container);
    for (const field of ['name', 'image']) {
      if (typeof fields[field] === 'string' && fields[field] !== '') continue;
      tell(`.spec.template.spec.containers[${index}].${field}`, 'must be set');
    }
  }
  if (restartPolicy !== 'Never' && restartPolicy !== 'OnFailure') {
    tell('.spec.template.spec.restartPolicy', 'must be Never or OnFailure');
  }
  return problems;
}

function windowProblems(window: Gate['window']): readonly GateProblem[] {
  const zone = window?.timeZone;
  return [
    ...(zone !== undefined && !isTimeZone(zone)
      ? [
          {
            field: 'window.timeZone',
            message: `"${zone}" is not a time zone: use a name such as Europe/Amsterdam`,
          },
        ]
      : []),
    ...(window?.days?.length === 0
      ? [{ field: 'window.days', message: 'must name a day, or be left out for every day' }]
      : []),
  ];
}

function intervalProblems({ interval }: Gate): readonly GateProblem[] {
  if (durationMs(interval, shortestIntervalMs) >= shortestIntervalMs) return [];
  return [{ field: 'interval', message: 'must be at least 1s' }];
}
