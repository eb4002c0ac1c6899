import type { Command } from 'commander';

interface DirFlag {
  readonly dir?: string;
  readonly output?: string;
}

export interface UpFlags extends DirFlag {
  readonly members: string;
  readonly regions?: string;
  readonly aliases?: string;
  readonly parts: string;
  readonly hostParts?: string;
  readonly nodes: string;
  readonly podDelay: string;
  readonly kubernetesVersion?: string;
  readonly basePort?: string;
  readonly keep?: boolean;
}

export interface DownFlags extends DirFlag {
  readonly all?: boolean;
  readonly keep?: boolean;
}

export type StatusFlags = DirFlag;

export interface KubeconfigFlags extends DirFlag {
  readonly member?: string;
}

export interface BinariesFlags {
  readonly kubernetesVersion?: string;
  readonly from?: string;
  readonly output?: string;
}

const defaultName = 'default';

/** `hansa sandbox`: real control planes on this machine. */
export function addSandboxCommand(program: Command): void {
  const sandbox = program
    .command('sandbox')
    .description('run a host and members on this machine: real control planes with simulated nodes and pods');
  addUp(sandbox);
  addDown(sandbox);
  addStatus(sandbox);
  addKubeconfig(sandbox);
  addBinaries(sandbox);
}

function addUp(sandbox: Command): void {
  withDir(sandbox.command('up [name]'))
    .description(
      `start one (name: "${defaultName}"); what a crash has left under the name is cleaned up first`,
    )
    .option('--members <number or names>', 'how many members, or their names with commas', '3')
    .option('--regions <regions>', 'regions of the members with commas, dealt out in turn', 'eu,us,ap')
    .option('--aliases <alias=member,…>', 'second names, such as A=cluster1')
    .option(
      '--parts <parts>',
      'what a member consists of: api, controllers, or full with nodes and pods',
      'full',
    )
    .option(
      '--host-parts <parts>',
      'the same for the host (default: controllers beside full members, else api)',
    )
    .option('--nodes <number>', 'simulated nodes of each member', '2')
    .option('--pod-delay <ms>', 'how long a placed pod takes until it is Ready', '0')
    .option('--kubernetes-version <version>', 'such as 1.36 or 1.36.3')
    .option(
      '--base-port <port>',
      'use this port and the ones after it, two a control plane (default: free ones)',
    )
    .option('--keep', 'keep the data when it is taken down, and go on with it at the next "up"')
    .option('-o, --output <format>', 'json')
    .action(async (name: string | undefined, flags: UpFlags) => {
      const { runUp } = await import('../run-sandbox.ts');
      await runUp(name ?? defaultName, flags);
    });
}

function addDown(sandbox: Command): void {
  withDir(sandbox.command('down [name]'))
    .description('end one, or what a crash has left of it (without a name: the only one)')
    .option('--all', 'end all of them')
    .option('--keep', 'keep the data, even if "up" did not ask for it')
    .option('-o, --output <format>', 'json')
    .action(async (name: string | undefined, flags: DownFlags) => {
      const { runDown } = await import('../run-sandbox.ts');
      await runDown(name, flags);
    });
}

function addStatus(sandbox: Command): void {
  withDir(sandbox.command('status [name]'))
    .description('show each process: whether it runs, its port and its memory')
    .option('-o, --output <format>', 'json')
    .action(async (name: string | undefined, flags: StatusFlags) => {
      const { runStatus } = await import('../run-sandbox.ts');
      await runStatus(name, flags);
    });
}

function addKubeconfig(sandbox: Command): void {
  withDir(sandbox.command('kubeconfig [name]'))
    .description('print the path of its kubeconfig, which has a context for the host and for each member')
    .option('--member <name>', 'the file of this control plane alone')
    .option(
      '-o, --output <format>',
      'path, or yaml for the file itself (it opens everything: keep it to yourself)',
    )
    .action(async (name: string | undefined, flags: KubeconfigFlags) => {
      const { runKubeconfig } = await import('../run-sandbox.ts');
      await runKubeconfig(name, flags);
    });
}

function addBinaries(sandbox: Command): void {
  sandbox
    .command('binaries')
    .description('find the programs, or download or build them once, and show where they are')
    .option('--kubernetes-version <version>', 'such as 1.36 or 1.36.3')
    .option('--from <way>', 'get what is missing only by download, or only by build')
    .option('-o, --output <format>', 'json')
    .action(async (flags: BinariesFlags) => {
      const { runBinaries } = await import('../run-sandbox.ts');
      await runBinaries(flags);
    });
}

function withDir(command: Command): Command {
  return command.option(
    '--dir <directory>',
    'where sandboxes live (default: $HANSA_SANDBOX_DIR, else the data directory)',
  );
}
