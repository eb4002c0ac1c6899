import { HansaError } from '../../base/index.ts';
import type { Executor, StepContext } from '../engine/executor.ts';
import type { RegistrationSteps } from '../engine/registrar.ts';
import { controlPlanes } from '../plan/cluster-spec.ts';
import type { Step } from '../plan/steps.ts';
import { hostAddresses } from './host-addresses.ts';
import { selfContainedKubeconfig, serverIn, withServer } from './kubeconfig.ts';
import { hasLabels, type MemberRecord, type Membership } from './membership.ts';
import type { FederationRegistrar } from './registrar.ts';
import { isSameSource, type RegistrationSource, sourceLabels, sourceOf } from './words.ts';

/** The steps by which a cluster enters the federation, and leaves it. */
export function registrationSteps(registrar: FederationRegistrar): RegistrationSteps {
  return {
    'register-member': registerMember(registrar),
    'unregister-member': unregisterMember(registrar),
  };
}

function registerMember(registrar: FederationRegistrar): Executor {
  return {
    async observe(context, step) {
      const membership = await registrar.membership(context.cluster.name, context.signal);
      switch (membership.kind) {
        case 'absent':
          return { kind: 'todo', why: 'the host does not know it' };
        case 'leaving':
          return { kind: 'todo', why: 'an earlier registration is being taken back' };
        case 'member': {
          const why = complaintAbout(context, step, membership);
          return why === undefined ? { kind: 'done' } : { kind: 'todo', why };
        }
      }
    },

    async apply(context, step) {
      const { cluster, signal } = context;
      const stored = await kubeconfigOf(context);
      if (stored === undefined) {
        throw new HansaError(
          `the kubeconfig of ${cluster.name} is not kept here yet: apply the cluster again, which stores it`,
          { reason: 'KubeconfigMissing' },
        );
      }
      const membership = await registrar.membership(cluster.name, signal);
      const candidates = await kubeconfigsFor(context, stored, membership);
      context.update('look for an address that the host reaches');
      const kubeconfig = await registrar.reachable(cluster.name, candidates, signal);
      context.note({ server: serverIn(kubeconfig) });
      await registrar.join({ name: cluster.name, kubeconfig, labels: labelsFor(context, step) }, context);
    },

    async verify(context, step) {
      const { name } = context.cluster;
      if (await registrar.has({ name, labels: labelsFor(context, step) }, context.signal)) return;
      throw new HansaError(
        `the host has no member ${name} with the labels of the spec, though it was joined just now: somebody else may have changed it`,
        { reason: 'NotRegistered' },
      );
    },
  };
}

function unregisterMember(registrar: FederationRegistrar): Executor {
  return {
    async observe(context) {
      const membership = await registrar.membership(context.cluster.name, context.signal);
      switch (membership.kind) {
        case 'absent':
          return { kind: 'done' };
        case 'leaving':
          return { kind: 'todo', why: 'an earlier try to leave broke off' };
        case 'member':
          // A member of that name that a person joined, or that is another cluster, is not ours to take away.
          return isSameSource(sourceOf(membership.labels), sourceFor(context))
            ? { kind: 'todo', why: 'the host has it as a member' }
            : { kind: 'done' };
      }
    },

    async apply(context) {
      const { cluster, signal } = context;
      const stored = await kubeconfigOf(context);
      if (stored === undefined || (await isGone(context))) {
        context.note({ account: 'left in the cluster, which does not answer any more' });
        await registrar.leave({ name: cluster.name, kubeconfig: undefined }, context);
        return;
      }
      const membership = await registrar.membership(cluster.name, signal);
      const candidates = await kubeconfigsFor(context, stored, membership);
      const kubeconfig = await registrar.reachable(cluster.name, candidates, signal);
      await registrar.leave({ name: cluster.name, kubeconfig }, context);
    },

    async verify(context) {
      const { name } = context.cluster;
      const membership = await registrar.membership(name, context.signal);
      if (membership.kind === 'absent') return;
      throw new HansaError(
        `the host still knows ${name}: see metadata.finalizers of its KubeFedCluster and Secret`,
        { reason: 'StillRegistered' },
      );
    },
  };
}

function complaintAbout(context: StepContext, step: Step, member: MemberRecord): string | undefined {
  const { sight } = context;
  if (sight.kind === 'up' && member.clusterUid !== undefined && member.clusterUid !== sight.uid) {
    return 'the host has another cluster under its name';
  }
  if (!hasLabels(member, labelsFor(context, step))) return 'its labels differ';
  const addresses = hostAddresses(context.cluster, planeAddresses(context));
  return addresses.includes(member.apiEndpoint)
    ? undefined
    : `the host reaches it by ${member.apiEndpoint}, which is no address of it any more`;
}

function sourceFor({ cluster: { namespace, name } }: StepContext): RegistrationSource {
  return { by: 'KubeCluster', namespace, name };
}

function labelsFor(context: StepContext, step: Step): Readonly<Record<string, string>> {
  const labels = step.inputs['labels'] as Readonly<Record<string, string>>;
  return { ...labels, ...sourceLabels(sourceFor(context)) };
}

async function kubeconfigOf({ cluster, secrets }: StepContext): Promise<string | undefined> {
  const text = (await secrets.get(`${cluster.name}-kubeconfig`))?.['value'];
  return text && selfContainedKubeconfig(text, cluster.name);
}

/**
 * The stored one, with each address by which the host may reach the cluster; last with the one that the host has on
 * record, which a person may have found where addresses are translated on the way.
 */
async function kubeconfigsFor(
  context: StepContext,
  stored: string,
  membership: Membership,
): Promise<readonly string[]> {
  const well = await context.healthyControlPlane();
  const planes = planeAddresses(context).toSorted(
    (a, b) => Number(b.machine.name === well.spec.name) - Number(a.machine.name === well.spec.name),
  );
  const addresses = hostAddresses(context.cluster, planes);
  const recorded = membership.kind === 'member' ? [membership.apiEndpoint] : [];
  return [...new Set([...addresses, ...recorded])].map((server) => withServer(stored, server));
}

function planeAddresses(context: StepContext) {
  return controlPlanes(context.cluster).map((machine) => ({
    machine,
    internalAddress: machine.internalAddress ?? askedAddress(context, machine.name),
  }));
}

function askedAddress(context: StepContext, name: string): string | undefined {
  try {
    return context.machine(name).internalAddress;
  } catch {
    return undefined;
  }
}

/** Nobody is there any more who could take the account away. */
async function isGone(context: StepContext): Promise<boolean> {
  try {
    await context.healthyControlPlane();
    return false;
  } catch (error) {
    if (error instanceof HansaError && error.reason === 'NoControlPlane') return true;
    throw error;
  }
}
