import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirFor } from '../../src/sandbox/index.ts';

/** Where everything that test machines are made of is kept between runs. */
export function machinesDir(): string {
  const dir = join(cacheDirFor(), 'machines');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
}
