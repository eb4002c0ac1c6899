import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const keptMs = 3 * 24 * 60 * 60_000;

/** Removes what was made days ago from recipes that have changed since; other checkouts may use the younger. */
export function pruneOld(dir: string, keep: string, nowMs: number): void {
  if (!existsSync(dir)) return;
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (name !== keep && nowMs - statSync(path).mtimeMs > keptMs)
      rmSync(path, { recursive: true, force: true });
  }
}
