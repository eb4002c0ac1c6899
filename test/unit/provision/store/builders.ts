import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../../src/kube/index.ts';
import type { JournalRecord } from '../../../../src/provision/plan/journal.ts';
import { StateFile, type StateFileOptions } from '../../../../src/provision/store/state-file.ts';

export const shop = { namespace: 'clusters', name: 'shop' } as const;
export const depot = { namespace: 'clusters', name: 'depot' } as const;

export function record(fields: Partial<JournalRecord> = {}): JournalRecord {
  return {
    at: '2026-01-01T00:00:00Z',
    operation: 'op-1',
    step: 'm1/join-control-plane',
    attempt: 1,
    event: 'started',
    inputs: 'abc',
    evidence: {},
    message: undefined,
    ...fields,
  };
}

export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'hansa-store-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export function stateFile(folder: string, options: Partial<StateFileOptions> = {}): StateFile {
  return new StateFile({
    path: join(folder, 'state.json'),
    passphrase: () => Promise.resolve('correct horse battery'),
    clock: systemClock,
    ...options,
  });
}
