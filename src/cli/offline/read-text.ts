import { readFile } from 'node:fs/promises';
import { HansaError, messageOf } from '../../base/index.ts';

/** The text of a file, or of standard input for `-`. */
export async function readText(path: string): Promise<string> {
  try {
    if (path !== '-') return await readFile(path, 'utf8');
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString('utf8');
  } catch (error) {
    throw new HansaError(`${path === '-' ? 'standard input' : path} cannot be read: ${messageOf(error)}`, {
      reason: 'InputNotReadable',
      retry: 'never',
      cause: error,
    });
  }
}
