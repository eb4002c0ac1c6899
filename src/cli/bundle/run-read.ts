import { silentProgress } from '../../base/index.ts';
import { type Bundle, openBundle } from '../../provision/bundle/index.ts';
import type { ReadFlags, TrustFlags } from '../commands/bundle.ts';
import { interruptSignal, printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { readPublicKeyFlag } from './read-file.ts';
import { renderInspection, renderVerdict } from './render-bundle.ts';

export async function runVerify(path: string, flags: ReadFlags): Promise<void> {
  const format = readOutput(flags.output, ['json']);
  const bundle = await openChecked(path, flags, { isQuiet: format !== undefined });
  const { file, signature, sizeBytes } = bundle;
  if (format) await printData({ path, kubernetes: file.kubernetes, signature, sizeBytes }, format);
  else process.stdout.write(`${renderVerdict(bundle)}\n`);
}

export async function runInspect(path: string, flags: ReadFlags): Promise<void> {
  const format = readOutput(flags.output, ['wide', 'json', 'yaml']);
  // Looking at a bundle trusts it with nothing.
  const trust = flags.publicKey === undefined ? { allowUnsigned: true } : { publicKey: flags.publicKey };
  const isData = format === 'json' || format === 'yaml';
  const bundle = await openChecked(path, trust, { isQuiet: isData });
  if (isData)
    await printData({ ...bundle.file, signature: bundle.signature, sizeBytes: bundle.sizeBytes }, format);
  else process.stdout.write(`${renderInspection(bundle, format === 'wide')}\n`);
}

/** Opens a bundle with what the flags say of trust, and shows how far the check is. */
export async function openChecked(
  path: string,
  { publicKey, allowUnsigned = false }: TrustFlags,
  { isQuiet }: { readonly isQuiet: boolean },
): Promise<Bundle> {
  const step = (isQuiet ? silentProgress : createProgress()).step(`check ${path}`);
  try {
    const bundle = await openBundle(path, {
      publicKey: await readPublicKeyFlag(publicKey),
      allowUnsigned,
      signal: interruptSignal(),
      onProgress: (checked, total) =>
        step.update(`${Math.round(checked / 1_000_000)} of ${Math.round(total / 1_000_000)} MB`),
    });
    step.done();
    return bundle;
  } catch (error) {
    step.fail('');
    throw error;
  }
}
