import { basename, join } from 'node:path';
import type { Progress } from '../../base/index.ts';
import { silentProgress } from '../../base/index.ts';
import { systemClock } from '../../kube/index.ts';
import {
  type CreatedBundle,
  type CreateOptions,
  createBundle,
  createFromDirectories,
  downloadContents,
  ownArchitecture,
  parseMirrors,
  upgradePath,
} from '../../provision/bundle/index.ts';
import { cacheDirFor } from '../../sandbox/index.ts';
import type { CreateFlags } from '../commands/bundle.ts';
import { interruptSignal, invalidOption, printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { credentialsFor } from '../rollout/docker-credentials.ts';
import { readFlagFile } from './read-file.ts';
import { renderCreated } from './render-bundle.ts';

export async function runCreate(path: string, flags: CreateFlags): Promise<void> {
  const format = readOutput(flags.output, ['json']);
  checkFlags(flags);
  const progress = format ? silentProgress : createProgress();
  const signal = interruptSignal();
  const options: CreateOptions = {
    to: path,
    privateKey: flags.key === undefined ? undefined : await readFlagFile('--key', flags.key),
    allowIncomplete: flags.allowIncomplete ?? false,
    clock: systemClock,
    progress,
    signal,
  };
  const made =
    flags.from.length > 0
      ? await createFromDirectories(flags.from, options)
      : await createFromDownloads(flags, options, progress);
  if (format)
    await printData({ path: made.path, sizeBytes: made.sizeBytes, notes: made.notes, ...made.file }, format);
  else process.stdout.write(`${renderCreated(made, flags.key !== undefined)}\n`);
}

function checkFlags({ versions, from, key, unsigned, image, manifest, mirror }: CreateFlags): void {
  if ((versions === undefined) === (from.length === 0)) {
    throw invalidOption(
      'say where it comes from: --versions 1.36.3 loads what is published, --from DIRECTORY takes what you have',
    );
  }
  if ((key === undefined) === !unsigned) {
    throw invalidOption(
      'say whether it is signed: --key FILE with a key from "hansa bundle keygen", or --unsigned',
    );
  }
  if (from.length > 0 && image.length + manifest.length + mirror.length > 0) {
    throw invalidOption(
      '--image, --manifest and --mirror go with --versions; with --from, put the files into the directory',
    );
  }
}

async function createFromDownloads(
  flags: CreateFlags,
  options: CreateOptions,
  progress: Progress,
): Promise<CreatedBundle> {
  const versions = upgradePath((flags.versions ?? '').split(',').map((version) => version.trim()));
  const extraManifests = new Map<string, string>();
  for (const file of flags.manifest)
    extraManifests.set(basename(file), await readFlagFile('--manifest', file));
  const contents = [];
  for (const version of versions) {
    contents.push(
      await downloadContents(version, {
        architectures: (flags.arch ?? ownArchitecture()).split(','),
        mirrors: parseMirrors(flags.mirror),
        cacheDir: flags.cache ?? join(cacheDirFor(), 'bundle'),
        extraImages: flags.image,
        extraManifests,
        loginFor: (registry) => credentialsFor(registry),
        clock: options.clock,
        progress,
        ...(options.signal ? { signal: options.signal } : {}),
      }),
    );
  }
  return createBundle(contents, options);
}
