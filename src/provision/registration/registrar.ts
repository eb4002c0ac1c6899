import { type Clock, HansaError, messageOf, type Progress } from '../../base/index.ts';
import { type Access, type ApiClient, createApiClient, loadAccess, namespaceType } from '../../kube/index.ts';
import { clusterType } from '../../members/index.ts';
import { explained, joinMember, unjoinMember } from '../../members/join/index.ts';
import type { Registrar } from '../engine/registrar.ts';
import { selfContainedKubeconfig } from './kubeconfig.ts';
import { hasLabels, type Membership, readMembership } from './membership.ts';
import { registeredLabelsAnnotation } from './words.ts';

export interface RegistrarOptions {
  readonly host: ApiClient;
  /** Where the host has its KubeFedClusters. */
  readonly namespace: string;
  /** What the host calls itself in the names of accounts in members. Default `host`. */
  readonly hostName?: string;
  readonly clock: Clock;
  /** The network, for tests. */
  readonly connect?: (access: Access) => ApiClient;
}

export interface FederationRegistrar extends Registrar {
  /** What the host has on record. */
  membership(name: string, signal: AbortSignal): Promise<Membership>;
  /**
   * The first of these kubeconfigs whose server answers from here.
   * @throws HansaError EndpointNotReachable, with each address and what it said
   */
  reachable(name: string, kubeconfigs: readonly string[], signal: AbortSignal): Promise<string>;
}

const fieldManager = 'hansa-join';
/** For one address of several; a server that takes longer to say its own name is of no use to a host. */
const probeDeadlineMs = 8_000;

/**
 * The federation of a host, for those who register clusters by themselves: `hansa join` and `hansa unjoin` with what a
 * machine needs around them.
 *
 * *Guarantees*: each part can be run again, also after it broke off; labels that an earlier registration gave and this
 * one doesn't are taken back, and no others; a kubeconfig may hold data only.
 * *Caveats*: labels of a registration that broke off at its very end, just before it noted them, stay if the next one
 * asks for others.
 */
export function createRegistrar(options: RegistrarOptions): FederationRegistrar {
  const { host, namespace, hostName = 'host', clock, connect = createApiClient } = options;

  const openMember = async (name: string, kubeconfig: string) => {
    // Without the reader's own words: they may quote what they could not read.
    const { access } = await loadAccess({ text: selfContainedKubeconfig(kubeconfig, name) });
    const client = connect(access);
    return { access, client, [Symbol.asyncDispose]: () => client.close() };
  };

  const registrar: FederationRegistrar = {
    membership: (name, signal) =>
      explained(readMembership(host, { namespace, name }, { signal }), 'the host', host),

    has: async ({ name, labels }, signal) => {
      const membership = await registrar.membership(name, signal);
      return membership.kind === 'member' && (labels === undefined || hasLabels(membership, labels));
    },

    reachable: async (name, kubeconfigs, signal) => {
      const refusals: string[] = [];
      for (const kubeconfig of kubeconfigs) {
        try {
          await using member = await openMember(name, kubeconfig);
          const call = { signal, deadlineMs: probeDeadlineMs, metadataOnly: true };
          await explained(
            member.client.get(namespaceType, { name: 'kube-system' }, call),
            `cluster ${name}`,
            member.client,
          );
          return kubeconfig;
        } catch (error) {
          if (signal.aborted || (error instanceof HansaError && error.reason === 'KubeconfigUnusable'))
            throw error;
          refusals.push(messageOf(error));
        }
      }
      throw new HansaError(
        `the host can't reach the API of ${name}, so it can't be a member: ${refusals.join('; ') || 'no address is known'}`,
        { reason: 'EndpointNotReachable' },
      );
    },

    join: async ({ name, kubeconfig, labels }, context) => {
      const { signal } = context;
      const before = await registrar.membership(name, signal);
      const earlier = before.kind === 'member' ? (before.registeredLabels ?? []) : [];
      const gone = earlier.filter((key) => !(key in labels)).map((key) => [key, null] as const);
      await using member = await openMember(name, kubeconfig);
      const { warnings } = await joinMember({
        hostClient: host,
        memberClient: member.client,
        memberAccess: member.access,
        name,
        namespace,
        hostName,
        labels: { ...Object.fromEntries(gone), ...labels },
        clock,
        progress: progressOf(context.update),
        signal,
        connect,
      });
      for (const warning of warnings) context.update(warning);
      const registered = JSON.stringify(Object.keys(labels).toSorted());
      await host.patch(
        clusterType,
        { namespace, name },
        { metadata: { annotations: { [registeredLabelsAnnotation]: registered } } },
        { type: 'merge', fieldManager, signal },
      );
    },

    leave: async ({ name, kubeconfig }, context) => {
      const { signal } = context;
      if ((await registrar.membership(name, signal)).kind === 'absent') return;
      await using member = kubeconfig === undefined ? undefined : await openMember(name, kubeconfig);
      try {
        const { warnings } = await unjoinMember({
          hostClient: host,
          memberClient: member?.client,
          name,
          namespace,
          force: member === undefined,
          clock,
          progress: progressOf(context.update),
          signal,
        });
        for (const warning of warnings) context.update(warning);
      } catch (error) {
        if (!(error instanceof HansaError) || error.reason !== 'NotJoined') throw error;
      }
    },
  };
  return registrar;
}

/** The parts of a join as words of one step. */
function progressOf(update: (detail: string) => void): Progress {
  return {
    step: (title) => {
      update(title);
      return { update: (detail) => update(`${title}: ${detail}`), done() {}, fail() {} };
    },
  };
}
