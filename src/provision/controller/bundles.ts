import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/index.ts';
import { type Bundle, openBundle } from '../bundle/index.ts';
import type { DefaultBundle } from './options.ts';

/** Opening reads all of a bundle to check it, so it is done once for each that has not changed. */
export class Bundles {
  readonly #clock: Clock;
  readonly #fallback: DefaultBundle | undefined;
  readonly #open = new Map<
    string,
    { readonly mark: string; readonly bundle: Promise<Bundle>; usedAt: number }
  >();

  constructor({ clock, fallback }: { readonly clock: Clock; readonly fallback: DefaultBundle | undefined }) {
    this.#clock = clock;
    this.#fallback = fallback;
  }

  /** undefined: neither the cluster nor the controller names one. @throws HansaError as `openBundle` does */
  async for(
    asked: { readonly path: string | undefined; readonly publicKey: string | undefined } | undefined,
    signal: AbortSignal,
  ): Promise<Bundle | undefined> {
    const path = asked?.path ?? this.#fallback?.path;
    if (path === undefined) return undefined;
    const publicKey = asked?.publicKey ?? this.#fallback?.publicKey;
    const allowUnsigned = this.#fallback?.allowUnsigned ?? false;
    const now = this.#clock.monotonic();
    this.#dropUnused(now);
    const key = JSON.stringify([path, publicKey ?? '']);
    const mark = await markOf(path);
    const known = this.#open.get(key);
    if (known?.mark === mark) {
      known.usedAt = now;
      return known.bundle;
    }
    const bundle = openBundle(path, { publicKey, allowUnsigned, signal });
    this.#open.set(key, { mark, bundle, usedAt: now });
    // One that could not be opened is tried again by whoever asks next.
    bundle.catch(() => this.#open.get(key)?.bundle === bundle && this.#open.delete(key));
    return bundle;
  }

  #dropUnused(now: number): void {
    for (const [key, { usedAt }] of this.#open) if (now - usedAt > keptMs) this.#open.delete(key);
  }
}

/** What is known of one is some megabytes; its files are opened when they are needed. */
const keptMs = 30 * 60_000;

/** Changes with the bundle: of a tar its own time and size, of a directory those of its description. */
async function markOf(path: string): Promise<string> {
  const marks = await Promise.all(
    [path, join(path, 'bundle.json')].map(async (each) => {
      const found = await stat(each).catch(() => undefined);
      return found ? `${found.mtimeMs}/${found.size}/${found.ino}` : '';
    }),
  );
  return marks.join(' ');
}
