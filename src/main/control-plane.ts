import type { Clock, Logger, Rng } from '../base/index.ts';
import {
  type ApiClient,
  createApiClient,
  createEventRecorder,
  type EventRecorder,
  type KubeMetrics,
} from '../kube/index.ts';
import { type Health, type HealthCheckOptions, Members } from '../members/index.ts';
import { memberDeadlineMs, Propagation, ReplicaScheduling } from '../propagation/index.ts';
import {
  ClusterApiRegistration,
  createRegistrar,
  type DefaultBundle,
  ProvisionController,
  type ProvisionMetrics,
  registrationSteps,
} from '../provision/index.ts';
import {
  createChartRenderer,
  createGatedMode,
  createGateProbes,
  createInPlaceMode,
  createNotifier,
  createRouter,
  createShipperDoor,
  createSideBySideMode,
  RolloutController,
  type RolloutMetrics,
  type ShipperDoorOptions,
  type ShipperMetrics,
  type WebhookAddress,
} from '../rollout/index.ts';
import { findHelm } from '../sandbox/index.ts';
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
  /** Where members reach the webhook of Gated rollouts; without it there are none. */
  readonly webhook?: WebhookAddress;
  readonly rolloutMetrics?: RolloutMetrics;
  readonly shipperMetrics?: ShipperMetrics;
  /** Clusters of machines are made and kept; without it their objects are left alone. */
  readonly provision?: {
    /** Where KubeClusters don't say so themselves. */
    readonly bundle?: DefaultBundle;
    /** Host keys that nobody has pinned are trusted at first sight. */
    readonly trustFirstSight: boolean;
  };
  readonly provisionMetrics?: ProvisionMetrics;
  /** Renders charts of rollouts; found, or got, when the first is needed. */
  readonly helm?: () => Promise<{ readonly path: string }>;
  /** Shipper's kinds are served too; false for a process that has a door of its own beside this. Default true. */
  readonly servesShipper?: boolean;
  readonly onMemberRemoved?: (name: string) => void;
  readonly onHealth?: (member: { readonly name: string; readonly health: Health }) => void;
  /** How a member's API server is reached; for tests that put something in between. */
  readonly connect?: (name: string, access: Parameters<typeof createApiClient>[0]) => ApiClient;
}

export interface ControlPlane {
  readonly members: Members;
  readonly propagation: Propagation;
  readonly rollouts: RolloutController;
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
  const tell: ShipperDoorOptions['tell'] = (object, event) => {
    const { apiVersion, kind, ...metadata } = object;
    recorder.say({ apiVersion, kind, metadata }, event);
  };
  const propagation = new Propagation({
    host,
    members,
    namespace,
    adopt,
    clock,
    rng,
    logger: logger.child({ room: 'propagation' }),
    metrics,
    tell,
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
  const helm = options.helm ?? (() => findHelm());
  const rolloutLogger = logger.child({ room: 'rollout' });
  const rolloutMetrics = options.rolloutMetrics ? { metrics: options.rolloutMetrics } : {};
  const notifier = createNotifier({ clock, rng, host, logger: rolloutLogger, ...rolloutMetrics });
  const rollouts = new RolloutController({
    host,
    members,
    namespace,
    modes: ({ olderObjects }) => ({
      InPlace: createInPlaceMode({ clock, olderObjects }),
      SideBySide: createSideBySideMode({ clock, logger: rolloutLogger }),
      Gated: createGatedMode({ clock, webhook: options.webhook, logger: rolloutLogger, createRouter }),
    }),
    probes: createGateProbes({ clock, members, host, ...rolloutMetrics }),
    notifier,
    renderHelm: createChartRenderer({ host, helm, clock }),
    clock,
    rng,
    logger: rolloutLogger,
    kubeMetrics: metrics,
    ...rolloutMetrics,
    tell,
  });
  const shipper =
    options.servesShipper === false
      ? undefined
      : createShipperDoor({
          host,
          members,
          namespace,
          helm,
          clock,
          rng,
          logger: rolloutLogger,
          metrics,
          ...(options.shipperMetrics ? { shipperMetrics: options.shipperMetrics } : {}),
          tell,
        });
  const provisioning = options.provision
    ? provisioningOf(options, {
        ...options.provision,
        tell: (object, event) => recorder.say(object, event),
      })
    : [];
  return {
    members,
    propagation,
    rollouts,
    run: async (signal) => {
      await Promise.all([
        members.run(signal),
        propagation.run(signal),
        scheduling.run(signal),
        rollouts.run(signal),
        shipper?.run(signal),
        ...provisioning.map((each) => each.run(signal)),
      ]);
      await notifier.close();
      await recorder.close();
    },
  };
}

/** Clusters of machines, and those of Cluster API: both become members by the same door. */
function provisioningOf(
  { host, namespace, identity, clock, rng, logger, metrics, provisionMetrics }: ControlPlaneOptions,
  {
    tell,
    ...provision
  }: NonNullable<ControlPlaneOptions['provision']> & { readonly tell: EventRecorder['say'] },
): readonly { run(signal: AbortSignal): Promise<void> }[] {
  const registrar = createRegistrar({ host, namespace, clock });
  const common = { host, clock, rng, logger: logger.child({ room: 'provision' }), tell };
  return [
    new ProvisionController({
      ...common,
      ...provision,
      identity,
      kubeMetrics: metrics,
      ...(provisionMetrics ? { metrics: provisionMetrics } : {}),
      registration: registrationSteps(registrar),
    }),
    new ClusterApiRegistration({ ...common, registrar, namespace, metrics }),
  ];
}
