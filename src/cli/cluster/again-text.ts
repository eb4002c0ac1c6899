import type { MachineFlags } from './cluster-options.ts';

/** A command as it can be given again: with what it installs from, and without what was asked of it once. */
export function againText(command: string, { bundle, publicKey, allowUnsigned }: MachineFlags): string {
  return [
    command,
    bundle && `--bundle ${bundle}`,
    publicKey && `--public-key ${publicKey}`,
    allowUnsigned && '--allow-unsigned',
  ]
    .filter(Boolean)
    .join(' ');
}
