import { type Command, Option } from 'commander';
import { addConsentOption, addMachineOptions, addOutputOption } from '../cluster/cluster-options.ts';
import type { CreateClusterOptions } from '../cluster/run-create-cluster.ts';
import type { CredentialFlags } from '../cluster/run-create-credential.ts';
import type { CreateMachineOptions } from '../cluster/run-create-machine.ts';
import { addStateOptions } from '../cluster/state-place.ts';
import { readOutput } from '../host-options.ts';
import { addKeptClusterOptions, shortForms } from './short-options.ts';

/** `hansa create credential|cluster|machine`: a cluster without a file, piece by piece. */
export function addCreateCommand(program: Command): void {
  const create = program
    .command('create')
    .helpGroup(shortForms)
    .description(
      'make a cluster of machines piece by piece, without a file ("hansa cluster apply" does it with one)',
    );
  addCredential(create);
  addCluster(create);
  addMachine(create);
}

function addCredential(create: Command): void {
  addKeptClusterOptions(addStateOptions(create.command('credential')))
    .description(
      'the SSH credential of all its machines, sealed in the state file; it may come before the cluster',
    )
    .option('--user <user>', 'who logs in; others than root need sudo', 'root')
    .option('--private-key <file>', 'SSH key')
    .option('--key-passphrase-file <file>', 'passphrase of the key')
    .option('--agent', 'let the SSH agent log in')
    .option('--password-file <file>', 'password for the login')
    .option('--sudo-password-file <file>', 'password for sudo')
    .action(async (flags: CredentialFlags) => {
      const { runCreateCredential } = await import('../cluster/run-create-credential.ts');
      await runCreateCredential(flags);
    });
}

function addCluster(create: Command): void {
  addKeptClusterOptions(addStateOptions(create.command('cluster [name]')))
    .description('what the cluster shall be; it is made with its first machine')
    .option('--version <version>', 'of Kubernetes, such as 1.36.3')
    .option('-f, --filename <file>', 'YAML with a KubeCluster, in place of the options below')
    .option('--pod-network <cidr>', 'addresses of pods (default: 10.244.0.0/16)')
    .option('--service-network <cidr>', 'addresses of Services (default: 10.96.0.0/12)')
    .option('--vip <address>', 'address that moves between control planes; with --router-id')
    .option('--router-id <number>', 'of VRRP, 1 to 255')
    .option('--endpoint-mode <mode>', 'Direct, LocalProxy, Keepalived or External')
    .option('--apiserver-ca-cert <file>', 'CA of the cluster')
    .option('--apiserver-ca-key <file>', 'its key')
    .option('--etcd-ca-cert <file>', 'CA of etcd')
    .option('--etcd-ca-key <file>', 'its key')
    .option('--front-proxy-ca-cert <file>', 'CA of the front proxy')
    .option('--front-proxy-ca-key <file>', 'its key')
    .option('--sa-public-key <file>', 'key that service account tokens are checked with')
    .option('--sa-private-key <file>', 'key that signs them')
    .option('--cluster-config <file>', 'flags of components, and configuration of kubelet and kube-proxy')
    .action(async (name: string | undefined, flags: CreateClusterOptions) => {
      const { runCreateCluster } = await import('../cluster/run-create-cluster.ts');
      await runCreateCluster(name, flags);
    });
}

function addMachine(create: Command): void {
  const command = addKeptClusterOptions(addMachineOptions(create.command('machine')))
    .description('bring a machine into the cluster; the first control plane makes it')
    .requiredOption('--ip <address>', 'address of the machine, for SSH and for the other machines')
    .option('--port <number>', 'of SSH (default: 22)')
    .requiredOption('--role <role>', 'master or node; control-plane and worker mean the same')
    .option('--public-keys <keys>', 'host keys that are trusted, with commas')
    .addOption(new Option('--iface <name>', 'not needed: the card that has the address is taken').hideHelp())
    .option('--no-apply', 'only keep it; "hansa cluster apply" brings it in, together with others');
  addOutputOption(addConsentOption(command), 'json').action(async (flags: CreateMachineOptions) => {
    readOutput(flags.output, ['json']);
    const { runCreateMachine } = await import('../cluster/run-create-machine.ts');
    process.exitCode = await runCreateMachine(flags);
  });
}
