import type { Clock, Logger, Rng } from '../base/index.ts';
import { type ApiClient, createApiClient, createEventRecorder, type KubeMetrics } from '../kube/index.ts';
import { type Health, type HealthCheckOptions, Members } from '../members/index.ts';
import { memberDeadlineMs, Propagation, ReplicaScheduling } from '../propagation/index.ts';
import { hansaVersion } from './version.ts';

export interface ControlPlaneOptions {
  readonly host: ApiClient;
  readonly namespace: string;
  readonly identity: string;
  readonly adopt: boolean;
  readonly healthCheck: HealthCheckOptions;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly metrics: KubeMetrics;
  readonly onMemberRemoved?: (name: string) => void;
  readonly onHealth?: (member: { readonly name: string; readonly health: Health }) => void;
  /** How a member's API server is reached; for tests that put something in between. */
  readonly connect?: (name: string, access: Parameters<typeof createApiClient>[0]) => ApiClient;
}

export interface ControlPlane {
  readonly members: Members;
  readonly propagation: Propagation;
  /** Works until the signal; resolves when everything under way has ended. */
  run(signal: AbortSignal): Promise<void>;
}

/** Wires the rooms together. Nothing runs before `run`. */
export function createControlPlane(options: ControlPlaneOptions): ControlPlane {
  const { host, namespace, identity, adopt, healthCheck, onHealth, ...common } = options;
  const { clock, rng, logger, metrics } = common;
  const members = new Members({
    host,
    namespace,
    healthCheck,
    clock,
    rng,
    logger: logger.child({ room: 'members' }),
    metrics,
    ...(onHealth ? { onHealth } : {}),
    ...(options.onMemberRemoved ? { onRemoved: options.onMemberRemoved } : {}),
    connect:
      options.connect ??
      ((name, access) =>
        createApiClient(access, {
          name,
          metrics,
          deadlineMs: memberDeadlineMs,
          userAgent: `hansa/${hansaVersion}`,
        })),
  });
  const recorder = createEventRecorder({
    client: host,
    clock,
    component: 'hansa-controller',
    instance: identity,
    logger,
  });
  const propagation = new Propagation({
    host,
    members,
    namespace,
    adopt,
    clock,
    rng,
    logger: logger.child({ room: 'propagation' }),
    metrics,
    tell: (object, event) => {
      const { apiVersion, kind, ...metadata } = object;
      recorder.say({ apiVersion, kind, metadata }, event);
    },
  });
  const scheduling = new ReplicaScheduling({
    host,
    members,
    propagation,
    clock,
    rng,
    logger: logger.child({ room: 'propagation' }),
    metrics,
  });
  return {
    members,
    propagation,
    run: async (signal) => {
      await Promise.all([members.run(signal), propagation.run(signal), scheduling.run(signal)]);
      await recorder.close();
    },
  };
}
