import { parse } from 'yaml';
import { HansaError, isJsonObject } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import type { RegistrationSteps } from '../engine/registrar.ts';
import { kubeconfigName } from './steps.ts';

/** Registration as machines have it, with the address that kind gave the API server: it is known only afterwards. */
export function registrationByKubeconfig(steps: RegistrationSteps): RegistrationSteps {
  return {
    'register-member': withKnownEndpoint(steps['register-member']),
    'unregister-member': withKnownEndpoint(steps['unregister-member']),
  };
}

function withKnownEndpoint(executor: Executor): Executor {
  return {
    observe: async (context, step) => executor.observe(await known(context), step),
    apply: async (context, step) => executor.apply(await known(context), step),
    verify: async (context, step) => executor.verify(await known(context), step),
  };
}

async function known(context: StepContext): Promise<StepContext> {
  const { cluster, secrets } = context;
  const server = serverOf((await secrets.get(kubeconfigName(cluster.name)))?.['value']);
  if (!server) return context;
  const { hostname, port } = new URL(server);
  const endpoint = { ...cluster.endpoint, host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) };
  return { ...context, cluster: { ...cluster, endpoint } };
}

function serverOf(kubeconfig: string | undefined): string | undefined {
  const config: unknown = kubeconfig === undefined ? undefined : parse(kubeconfig);
  const clusters = isJsonObject(config) ? config['clusters'] : undefined;
  const [first] = Array.isArray(clusters) ? (clusters as readonly unknown[]) : [];
  const cluster = isJsonObject(first) ? first['cluster'] : undefined;
  const server = isJsonObject(cluster) ? cluster['server'] : undefined;
  return typeof server === 'string' ? server : undefined;
}

/** What registration asks of a control plane is its name alone: nothing in a node of kind is reached by SSH. */
export function nodeAsMachine(name: string): Machine {
  return new Proxy({ spec: { name } } as Machine, {
    get(target, field) {
      if (field in target) return target[field as keyof Machine];
      throw new HansaError(`${name} is a container of kind: it is no machine that is reached by SSH`, {
        reason: 'NoMachine',
        retry: 'never',
      });
    },
  });
}
