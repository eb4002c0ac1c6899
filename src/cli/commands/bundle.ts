import type { Command } from 'commander';
import type { StateFlags } from '../cluster/state-place.ts';

export interface CreateFlags {
  readonly versions?: string;
  readonly from: readonly string[];
  readonly arch?: string;
  readonly key?: string;
  readonly unsigned?: boolean;
  readonly mirror: readonly string[];
  readonly image: readonly string[];
  readonly manifest: readonly string[];
  readonly cache?: string;
  readonly allowIncomplete?: boolean;
  readonly output?: string;
}

export interface TrustFlags {
  readonly publicKey?: string;
  readonly allowUnsigned?: boolean;
}

export interface ReadFlags extends TrustFlags {
  readonly output?: string;
}

export interface LoadFlags extends TrustFlags, StateFlags {
  readonly filename: string;
  readonly machine: readonly string[];
  readonly trustNewHosts?: boolean;
  readonly output?: string;
}

/** `hansa bundle`: everything a cluster is made of, in one file, for machines with no way out. */
export function addBundleCommand(program: Command): void {
  const bundle = program
    .command('bundle')
    .description(
      'programs, images and manifests of Kubernetes versions in one signed archive, for clusters without internet',
    );
  addKeygen(bundle);
  addCreate(bundle);
  addVerify(bundle);
  addInspect(bundle);
  addLoad(bundle);
}

function addKeygen(bundle: Command): void {
  bundle
    .command('keygen <file>')
    .description('make keys that sign bundles: the private one into FILE, the public one into FILE.pub')
    .action(async (file: string) => {
      const { runKeygen } = await import('../bundle/run-keygen.ts');
      await runKeygen(file);
    });
}

function addCreate(bundle: Command): void {
  bundle
    .command('create <path>')
    .description('make one: an archive if PATH ends in .tar, else a directory')
    .option(
      '--versions <versions>',
      'load these versions of Kubernetes, such as 1.36.3; several with commas are an upgrade path',
    )
    .option(
      '--from <directory>',
      'take what lies in bin/, cni/, images/ and manifests/ there; repeat it for an upgrade path',
      collect,
      [],
    )
    .option('--arch <architectures>', 'of the machines, with commas (default: that of this machine)')
    .option('--key <file>', 'private key that signs it')
    .option('--unsigned', 'do not sign it')
    .option('--mirror <host=address>', 'ask this address instead of a site or registry', collect, [])
    .option('--image <reference>', 'put this image in too', collect, [])
    .option('--manifest <file>', 'put this manifest in too, and the images it names', collect, [])
    .option('--cache <directory>', 'where downloads are kept, so that nothing is loaded twice')
    .option('--allow-incomplete', 'write it even if no cluster can be made with it alone')
    .option('-o, --output <format>', 'json')
    .action(async (path: string, flags: CreateFlags) => {
      const { runCreate } = await import('../bundle/run-create.ts');
      await runCreate(path, flags);
    });
}

function addVerify(bundle: Command): void {
  withTrust(bundle.command('verify <path>'))
    .description('check the signature and every hash')
    .option('-o, --output <format>', 'json')
    .action(async (path: string, flags: ReadFlags) => {
      const { runVerify } = await import('../bundle/run-read.ts');
      await runVerify(path, flags);
    });
}

function addInspect(bundle: Command): void {
  bundle
    .command('inspect <path>')
    .description('list what is in it, after every hash was checked')
    .option('--public-key <key>', 'check the signature too: the key, or a file with it')
    .option('-o, --output <format>', 'wide, json or yaml')
    .action(async (path: string, flags: ReadFlags) => {
      const { runInspect } = await import('../bundle/run-read.ts');
      await runInspect(path, flags);
    });
}

function addLoad(bundle: Command): void {
  withTrust(bundle.command('load <path>'))
    .description(
      'bring it onto the machines of a cluster ahead of time, so that creation or upgrade has nothing to send',
    )
    .requiredOption(
      '-f, --filename <file>',
      'YAML with the KubeCluster, its KubeMachines, and Secrets unless the state file has them',
    )
    .option('--machine <name>', 'only this machine; may be repeated', collect, [])
    .option('--trust-new-hosts', 'accept the keys of hosts that nobody knows yet, and keep them')
    .option(
      '--state <file>',
      'state file with all clusters (default: HANSA_STATE, else below ~/.local/state)',
    )
    .option(
      '--passphrase-file <file>',
      'file with the passphrase that seals its secrets (or HANSA_STATE_PASSPHRASE)',
    )
    .option('-o, --output <format>', 'json')
    .action(async (path: string, flags: LoadFlags) => {
      const { runLoad } = await import('../bundle/run-load.ts');
      await runLoad(path, flags);
    });
}

function withTrust(command: Command): Command {
  return command
    .option('--public-key <key>', 'the key that must have signed it, or a file with it')
    .option('--allow-unsigned', 'take it whoever made it; hashes are checked all the same');
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
