import { execFile } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Serving {
  /** All PEM. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** An authority of nobody's and a certificate from it for a server on loopback. */
export async function issueServing(below: string): Promise<Serving> {
  const dir = await mkdtemp(join(below, 'pki-'));
  const openssl = (line: string) => promisify(execFile)('openssl', line.split(' '), { cwd: dir });
  const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
  await openssl(`req -x509 ${newKey} -keyout ca.key -out ca.crt -days 2 -subj /CN=test`);
  await openssl(`req ${newKey} -keyout tls.key -out tls.csr -subj /CN=127.0.0.1`);
  await writeFile(join(dir, 'extensions'), 'subjectAltName=IP:127.0.0.1\n');
  await openssl(
    'x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out tls.crt -days 2 -extfile extensions',
  );
  const read = (name: string) => readFile(join(dir, name), 'utf8');
  return { ca: await read('ca.crt'), certificate: await read('tls.crt'), key: await read('tls.key') };
}
