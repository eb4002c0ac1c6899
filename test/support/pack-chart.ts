import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface PackedChart {
  readonly name: string;
  readonly version: string;
  readonly bytes: Buffer;
  /** sha256 in hex. */
  readonly digest: string;
}

/** A chart of test/charts as an archive, as `helm package` makes it, if need be under another version. */
export async function packChart(name: string, version = '0.0.1'): Promise<PackedChart> {
  const dir = await mkdtemp(join(tmpdir(), 'hansa-chart-'));
  try {
    await cp(join('test/charts', name), join(dir, name), { recursive: true });
    const about = join(dir, name, 'Chart.yaml');
    const text = await readFile(about, 'utf8');
    await writeFile(about, text.replace(/^version: .*$/m, `version: ${version}`));
    await promisify(execFile)('tar', ['-czf', join(dir, 'chart.tgz'), '-C', dir, name]);
    const bytes = await readFile(join(dir, 'chart.tgz'));
    return { name, version, bytes, digest: digestOf(bytes) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

export function digestOf(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
