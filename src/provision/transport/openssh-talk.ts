import { HansaError } from '../../base/index.ts';

/** The last thing ssh said, its own debugging aside. */
export function lastLine(said: string): string {
  const lines = said.split('\n').map((line) => line.trim());
  return lines.findLast((line) => line !== '' && !line.startsWith('debug')) ?? '';
}

export function programMissing(cause: unknown): HansaError {
  return new HansaError('the program ssh is not installed here: install the OpenSSH client, or use ssh2', {
    reason: 'ProgramMissing',
    retry: 'never',
    cause,
  });
}
