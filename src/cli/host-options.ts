import { type Command, Option } from 'commander';
import { defaultHostNamespace } from '../api/names.ts';
import { HansaError } from '../base/index.ts';
import type { Access, ApiClient } from '../kube/index.ts';

/** Options of each command that talks to the host. */
export interface HostFlags {
  readonly kubeconfig?: string;
  readonly hostContext?: string;
}

export function addHostOptions(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'kubeconfig with the host (default: $KUBECONFIG, else ~/.kube/config)')
    .option('--host-context <context>', 'context of the host in it (default: the current one)')
    .addOption(new Option('--host-cluster-context <context>', 'as --host-context').hideHelp());
}

/** Where Hansa keeps its own objects on the host. */
export function addHostNamespaceOption(command: Command, flag = '--namespace <namespace>'): Command {
  return command
    .option(flag, "namespace of the cluster objects and Hansa's account", defaultHostNamespace)
    .addOption(new Option('--kubefed-namespace <namespace>', 'as --namespace').hideHelp());
}

export interface Host {
  readonly client: ApiClient;
  readonly access: Access;
  readonly context: string;
  /** Namespace of the context, if it names one. */
  readonly namespace: string | undefined;
}

/** Opens the host that the flags name. Nothing is sent before the first call. */
export async function openHost(flags: HostFlags & { readonly hostClusterContext?: string }): Promise<Host> {
  return openContext({ path: flags.kubeconfig, context: flags.hostContext ?? flags.hostClusterContext });
}

export async function openContext(source: {
  readonly path?: string | undefined;
  readonly context?: string | undefined;
}): Promise<Host> {
  // Imported late, so that `--help` and offline commands need no network library.
  const { createApiClient, loadAccess } = await import('../kube/index.ts');
  const { access, context, namespace } = await loadAccess(source);
  return { client: createApiClient(access), access, context, namespace };
}

/** Where a member is found, for commands that work in it too. */
export interface MemberFlags extends HostFlags {
  readonly clusterContext?: string;
  readonly memberKubeconfig?: string;
}

export function addMemberOptions(command: Command): Command {
  return command
    .option('--cluster-context <context>', 'context of the member (default: NAME)')
    .option('--member-kubeconfig <file>', "kubeconfig with the member, if it isn't the host's");
}

/** Opens the member of that name with the rights of its kubeconfig context. */
export async function openMember(name: string, flags: MemberFlags): Promise<Host> {
  const path = flags.memberKubeconfig ?? flags.kubeconfig;
  try {
    return await openContext({ path, context: flags.clusterContext ?? name });
  } catch (error) {
    const guessed = flags.clusterContext === undefined;
    if (!guessed || !(error instanceof HansaError) || error.reason !== 'ContextNotFound') throw error;
    throw new HansaError(`${error.message}; name the member's with --cluster-context`, {
      reason: error.reason,
      retry: 'never',
    });
  }
}

/** Stops the command on Ctrl-C: what is under way fails with reason `Cancelled`. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort(new HansaError('interrupted', { reason: 'Cancelled' })));
  return controller.signal;
}

/** For an option that can't be read; the command line is wrong, so the exit code is 2. */
export function invalidOption(message: string): HansaError {
  return new HansaError(message, { reason: 'InvalidOption', retry: 'never' });
}

/** `-o json` and the like; undefined = for people. */
export function readOutput<Format extends string>(
  output: string | undefined,
  formats: readonly Format[],
): Format | undefined {
  if (output === undefined) return undefined;
  const found = formats.find((format) => format === output);
  if (!found) throw invalidOption(`--output ${output}: choose one of ${formats.join(', ')}`);
  return found;
}

/** Prints data as asked for. */
export async function printData(data: unknown, format: 'json' | 'yaml'): Promise<void> {
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify(data, null, 2)}\n`);
    return;
  }
  const { stringify } = await import('yaml');
  process.stdout.write(stringify(data));
}
