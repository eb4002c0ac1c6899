import type { Command } from 'commander';
import { defaultHostNamespace } from '../../api/names.ts';
import { systemClock } from '../../kube/index.ts';
import { createRegistrar, type RegistrationSteps, registrationSteps } from '../../provision/index.ts';
import { openContext } from '../host-options.ts';

/** The host of a federation that clusters with `spec.register` join. */
export interface FederationFlags {
  readonly hostKubeconfig?: string;
  readonly hostContext?: string;
  readonly hostNamespace?: string;
}

export function addFederationOptions(command: Command): Command {
  return command
    .option('--host-kubeconfig <file>', 'kubeconfig with the host that spec.register joins')
    .option('--host-context <context>', 'context of that host (default: the current one)')
    .option('--host-namespace <namespace>', 'namespace of the cluster objects there', defaultHostNamespace);
}

export function hasFederation({ hostKubeconfig, hostContext }: FederationFlags): boolean {
  return hostKubeconfig !== undefined || hostContext !== undefined;
}

/** undefined: no host was named. Nothing is sent before the first step. */
export async function openFederation(
  flags: FederationFlags,
): Promise<(AsyncDisposable & { readonly steps: RegistrationSteps }) | undefined> {
  if (!hasFederation(flags)) return undefined;
  const host = await openContext({ path: flags.hostKubeconfig, context: flags.hostContext });
  const registrar = createRegistrar({
    host: host.client,
    namespace: flags.hostNamespace ?? defaultHostNamespace,
    hostName: host.context,
    clock: systemClock,
  });
  return { steps: registrationSteps(registrar), [Symbol.asyncDispose]: () => host.client.close() };
}
