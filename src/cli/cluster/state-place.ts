import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../../kube/index.ts';
import { passphraseFrom, StateFile } from '../../provision/index.ts';
import { askHidden } from './ask-hidden.ts';

export interface StateFlags {
  readonly state?: string;
  readonly passphraseFile?: string;
}

export function addStateOptions(command: Command): Command {
  return command
    .option(
      '--state <file>',
      'state file with all clusters (default: HANSA_STATE, else below ~/.local/state)',
    )
    .option(
      '--passphrase-file <file>',
      'file with the passphrase that seals its secrets (or HANSA_STATE_PASSPHRASE)',
    );
}

export function openState({ state, passphraseFile }: StateFlags): StateFile {
  const { env } = process;
  return new StateFile({
    path: state ?? env['HANSA_STATE'] ?? defaultPath(env),
    passphrase: passphraseFrom({
      environment: env,
      path: passphraseFile,
      ask:
        process.stdin.isTTY && process.stderr.isTTY
          ? () => askHidden('Passphrase of the state file: ')
          : undefined,
    }),
    clock: systemClock,
  });
}

function defaultPath(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'hansa', 'clusters.json');
}
