import { HansaError } from '../../base/index.ts';
import type { Runner } from './machine-transport.ts';

const notThere = 44;

const script = `
[ -e "$1" ] || exit ${notThere}
cat -- "$1"
`;

export async function readRemoteFile(
  machine: Runner,
  path: string,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<Buffer | undefined> {
  const { code, stdout, stderr } = await machine.run({ script, args: [path], root: true, maxBytes, signal });
  if (code === notThere) return undefined;
  if (code === 0) return stdout;
  throw new HansaError(
    `${path} on ${machine.address} can't be read: ${stderr.trim() || `exit code ${code}`}`,
    {
      reason: 'FileUnreadable',
    },
  );
}
