import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { HansaError } from '../../../../src/base/index.ts';
import type { StepContext } from '../../../../src/provision/engine/executor.ts';
import type { Step } from '../../../../src/provision/plan/steps.ts';
import { serverIn } from '../../../../src/provision/registration/kubeconfig.ts';
import type { Membership } from '../../../../src/provision/registration/membership.ts';
import type { FederationRegistrar } from '../../../../src/provision/registration/registrar.ts';
import { registrationSteps } from '../../../../src/provision/registration/steps.ts';
import { sourceLabels } from '../../../../src/provision/registration/words.ts';

const labels = { region: 'eu', ...sourceLabels({ by: 'KubeCluster', namespace: 'clusters', name: 'shop' }) };

function memberAt(apiEndpoint: string, clusterUid = 'uid-1'): Membership {
  return { kind: 'member', labels, registeredLabels: Object.keys(labels), clusterUid, apiEndpoint };
}

/** A federation that only notes what it is asked for; what it really does is shown with real API servers. */
function federationWith(membership: Membership) {
  const asked: string[] = [];
  const registrar: FederationRegistrar = {
    membership: () => Promise.resolve(membership),
    has: () => Promise.resolve(true),
    reachable: (_, kubeconfigs) => {
      asked.push(...kubeconfigs.map(serverIn));
      return Promise.resolve(kubeconfigs[0] ?? '');
    },
    join: () => Promise.resolve(),
    leave: () => Promise.resolve(),
  };
  return { asked, steps: registrationSteps(registrar) };
}

function plane(name: string, internalAddress: string) {
  return { name, role: 'control-plane', internalAddress, ssh: { kind: 'ssh2', host: `${name}.example` } };
}

/** A cluster of two control planes behind proxies of their own, of which the second is well. */
const context = {
  cluster: {
    name: 'shop',
    namespace: 'clusters',
    endpoint: { mode: 'LocalProxy', host: 'api.shop', port: 7443, virtualRouterId: undefined },
    machines: [plane('m1', '10.0.0.1'), plane('m2', '10.0.0.2')],
  },
  sight: { kind: 'up', uid: 'uid-1' },
  secrets: {
    get: () =>
      Promise.resolve({
        value: stringify({
          clusters: [{ name: 'c', cluster: { server: 'https://api.shop:7443' } }],
          users: [{ name: 'u', user: { token: 't' } }],
          contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
          'current-context': 'x',
        }),
      }),
  },
  machine: (name: string) => {
    throw new HansaError(`${name} can't be reached`, { reason: 'MachineUnreachable' });
  },
  healthyControlPlane: () => Promise.resolve({ spec: { name: 'm2' } }),
  note: () => undefined,
  update: () => undefined,
  signal: new AbortController().signal,
} as unknown as StepContext;

const step = { inputs: { labels: { region: 'eu' } } } as unknown as Step;

describe('a member whose control planes have no address in common', () => {
  it.each([
    ['one of them', memberAt('https://10.0.0.1:6443'), 'done'],
    ['one that was replaced', memberAt('https://10.0.0.9:6443'), 'todo'],
    ['one of another cluster that has its name', memberAt('https://10.0.0.1:6443', 'uid-2'), 'todo'],
  ])('is reached by %s', async (_, membership, expected) => {
    const { steps } = federationWith(membership);
    expect((await steps['register-member'].observe(context, step)).kind).toBe(expected);
  });

  it('is looked for at the one that is well first, then at the others, and last where it was reached', async () => {
    const { steps, asked } = federationWith(memberAt('https://198.51.100.7:443'));
    await steps['register-member'].apply(context, step);
    expect(asked).toEqual(['https://10.0.0.2:6443', 'https://10.0.0.1:6443', 'https://198.51.100.7:443']);
  });

  it('is not registered before its kubeconfig is kept', async () => {
    const { steps } = federationWith({ kind: 'absent' });
    const without = {
      ...context,
      secrets: { get: () => Promise.resolve(undefined) },
    } as unknown as StepContext;
    await expect(steps['register-member'].apply(without, step)).rejects.toThrow(/is not kept here yet/);
  });
});
