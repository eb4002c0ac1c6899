import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { messageOf } from '../../base/index.ts';
import type { JoinOptions, JoinResult } from '../../members/join/index.ts';
import {
  addHostNamespaceOption,
  addHostOptions,
  addMemberOptions,
  interruptSignal,
  invalidOption,
  type MemberFlags,
  openHost,
  openMember,
  printData,
  readOutput,
} from '../host-options.ts';

interface JoinFlags extends MemberFlags {
  readonly namespace: string;
  readonly kubefedNamespace?: string;
  readonly hostClusterName?: string;
  readonly labels?: string;
  readonly alias?: string;
  readonly apiEndpoint?: string;
  readonly certificateAuthority?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly secretName?: string;
  readonly errorOnExisting: string | boolean;
  readonly updateRbac?: boolean;
  readonly wait: string;
  readonly dryRun?: boolean;
  readonly output?: string;
}

/** `hansa join NAME`: makes a cluster a member. */
export function addJoinCommand(program: Command): void {
  const command = program
    .command('join <name>')
    .description('make a cluster a member: an account there, a Secret and a KubeFedCluster on the host');
  addHostNamespaceOption(addHostOptions(addMemberOptions(command)))
    .option('--labels <key=value,…>', 'labels of the cluster, for placement; "key-" takes one away')
    .option('--alias <name>', 'second name, accepted wherever a cluster is named')
    .option(
      '--api-endpoint <address>',
      'address of the member as the host reaches it (default: from the kubeconfig)',
    )
    .option(
      '--certificate-authority <file>',
      'PEM file with the CA of that address (default: from the kubeconfig)',
    )
    .option('--insecure-skip-tls-verify', "don't check the member's certificate")
    .option('--host-cluster-name <name>', "the host's name in the account's name (default: its context)")
    .option('--secret-name <name>', 'Secret on the host (default: the one in use, else NAME-member-token)')
    .addOption(new Option('--error-on-existing [yes]', 'fail if NAME has joined already').default(false))
    .option('--update-rbac', "only bring the account's rights up to date, as after an upgrade")
    .option('--wait <seconds>', "wait for the controller's word on the member", '0')
    .option('--dry-run', 'look at everything, write nothing')
    .option('-o, --output <format>', 'json or yaml')
    .action(async (name: string, flags: JoinFlags) => {
      const format = readOutput(flags.output, ['json', 'yaml']);
      const result = await run(name, flags);
      for (const warning of result.warnings) process.stderr.write(`warning: ${warning}\n`);
      if (format) await printData(result, format);
      else process.stdout.write(`${renderJoin(result)}\n`);
      if (result.controller?.kind === 'not-ready') process.exitCode = 1;
    });
}

async function run(name: string, flags: JoinFlags): Promise<JoinResult> {
  const { checkMemberName, joinMember } = await import('../../members/join/index.ts');
  // Before the kubeconfig is looked at, since NAME is also the default of the context.
  checkMemberName(name);
  const request = {
    labels: parseLabels(flags.labels),
    waitMs: parseSeconds(flags.wait),
    endpoint: await endpointFlags(flags),
  };
  const host = await openHost(flags);
  const member = await openMember(name, flags);
  const { systemClock } = await import('../../kube/index.ts');
  const { createProgress } = await import('../progress.ts');
  const options: JoinOptions = {
    ...request,
    name,
    hostClient: host.client,
    memberClient: member.client,
    memberAccess: member.access,
    namespace: flags.kubefedNamespace ?? flags.namespace,
    hostName: flags.hostClusterName ?? host.context,
    alias: flags.alias,
    secretName: flags.secretName,
    errorOnExisting: flags.errorOnExisting !== false && flags.errorOnExisting !== 'false',
    dryRun: flags.dryRun ?? false,
    updateRbac: flags.updateRbac ?? false,
    clock: systemClock,
    progress: createProgress(),
    signal: interruptSignal(),
  };
  try {
    return await joinMember(options);
  } finally {
    await Promise.all([host.client.close(), member.client.close()]);
  }
}

async function endpointFlags(flags: JoinFlags): Promise<NonNullable<JoinOptions['endpoint']>> {
  return {
    apiEndpoint: flags.apiEndpoint,
    ca: flags.certificateAuthority ? await readCa(flags.certificateAuthority) : undefined,
    insecureSkipTlsVerify: flags.insecureSkipTlsVerify,
  };
}

async function readCa(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw invalidOption(`--certificate-authority: ${messageOf(error)}`);
  });
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw invalidOption(`--certificate-authority: ${path} holds no PEM certificate`);
}

const labelKey = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** `region=eu,tier-`: the first sets a label, the second takes one away. */
export function parseLabels(text: string | undefined): Readonly<Record<string, string | null>> {
  const labels: Record<string, string | null> = {};
  for (const part of (text ?? '').split(',').filter(Boolean)) {
    const equals = part.indexOf('=');
    const removes = equals < 0 && part.endsWith('-');
    const key = removes ? part.slice(0, -1) : part.slice(0, Math.max(equals, 0));
    const value = removes ? null : part.slice(equals + 1);
    if (!labelKey.test(key) || (value !== null && !labelValue.test(value))) {
      throw invalidOption(`--labels: "${part}" is not a label; write key=value, or key- to take one away`);
    }
    labels[key] = value;
  }
  return labels;
}

function parseSeconds(text: string): number {
  const seconds = Number(text.replace(/s$/, ''));
  if (!(seconds >= 0 && seconds <= 3600)) throw invalidOption(`--wait ${text}: give seconds, from 0 to 3600`);
  return seconds * 1000;
}

/** What happened, for people. */
export function renderJoin(result: JoinResult): string {
  const { name, apiEndpoint, version, account, objects } = result;
  switch (result.done) {
    case 'nothing-dry-run':
      return [
        `Dry run: joining ${name} (${apiEndpoint}) would write`,
        ...objects.map((object) => `  ${object.where}: ${object.kind} ${object.name}`),
      ].join('\n');
    case 'rights-updated':
      return `The rights of ${account.namespace}/${account.name} in ${name} are up to date.`;
    case 'joined':
    case 'joined-again':
      return [
        `${name} (${apiEndpoint}, Kubernetes ${version ?? 'unknown'}) has joined${result.done === 'joined' ? '' : ' again'}.`,
        ...controllerLine(result),
      ].join('\n');
  }
}

function controllerLine({ controller, name }: JoinResult): string[] {
  switch (controller?.kind) {
    case undefined:
      return [];
    case 'ready':
      return ['The controller finds it ready.'];
    case 'not-ready':
      return [`The controller can't use it yet: ${controller.message}`];
    case 'unseen':
      return [
        `No controller has looked at it yet: run "hansa controller", then "hansa get clusters ${name}".`,
      ];
  }
}
