import { writeFile } from 'node:fs/promises';
import { HansaError, messageOf } from '../../base/index.ts';
import { makeSigningKeys } from '../../provision/bundle/index.ts';

export async function runKeygen(file: string): Promise<void> {
  const { privateKey, publicKey } = makeSigningKeys();
  await writeNew(file, privateKey, 0o600);
  await writeNew(`${file}.pub`, `${publicKey}\n`, 0o644);
  process.stdout.write(`${publicKey}\n`);
  process.stderr.write(
    `${file} signs bundles: keep it to yourself. Whoever uses them checks with the key above, also in ${file}.pub.\n`,
  );
}

/** A key that is there already is not written over: bundles signed with it would lose their maker. */
async function writeNew(path: string, content: string, mode: number): Promise<void> {
  try {
    await writeFile(path, content, { mode, flag: 'wx' });
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw new HansaError(
      isThere
        ? `${path} is there already: name another file`
        : `${path} cannot be written: ${messageOf(error)}`,
      { reason: isThere ? 'FileExists' : 'NotWritable', retry: 'never', cause: error },
    );
  }
}
