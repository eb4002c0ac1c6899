import { describe, expect, it } from 'vitest';
import {
  type Intent,
  type Known,
  type Observed,
  stepFor,
  versionOf,
} from '../../../src/propagation/plan/intent.ts';

const desired = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' } };
const present: Intent = { kind: 'present', desired, hash: 'h1', warnings: [] };
const there: Observed = { uid: 'u1', deleting: false, fields: 'f1' };
const going: Observed = { ...there, deleting: true };
const firsthand = (version: string): Known => ({ version, firsthand: true });

describe('the one step towards what is wanted', () => {
  it.each<[string, Intent, Observed | undefined, Known | undefined, object]>([
    ['creates what is not there', present, undefined, undefined, { kind: 'create', desired, hash: 'h1' }],
    [
      'creates anew what was there once',
      present,
      undefined,
      firsthand('h1.f1'),
      { kind: 'create', desired, hash: 'h1' },
    ],
    [
      'does nothing when all is in place',
      present,
      there,
      firsthand('h1.f1'),
      { kind: 'none', version: 'h1.f1' },
    ],
    [
      "does nothing on a predecessor's word when all is in place",
      present,
      there,
      { version: 'h1.f1', firsthand: false },
      { kind: 'none', version: 'h1.f1' },
    ],
    [
      'updates when something else is wanted',
      present,
      there,
      firsthand('h0.f1'),
      { kind: 'update', desired, hash: 'h1', verify: false },
    ],
    [
      'updates when the member changed its fields',
      present,
      there,
      firsthand('h1.f0'),
      { kind: 'update', verify: false },
    ],
    [
      'reads first what a predecessor may have written',
      present,
      there,
      { version: 'h0.f1', firsthand: false },
      { kind: 'update', verify: true },
    ],
    ['reads first what nothing is known of', present, there, undefined, { kind: 'update', verify: true }],
    [
      "takes over at once what has no fields of Hansa's",
      present,
      { ...there, fields: '' },
      undefined,
      { kind: 'update', verify: false },
    ],
    [
      'waits until what is being deleted is gone',
      present,
      going,
      firsthand('h1.f1'),
      { kind: 'await-removal' },
    ],
    [
      'deletes just the object that was seen',
      { kind: 'absent', because: 'left-out' },
      there,
      undefined,
      { kind: 'delete', uid: 'u1', because: 'left-out' },
    ],
    [
      'does not delete twice',
      { kind: 'absent', because: 'deleted' },
      going,
      undefined,
      { kind: 'await-removal' },
    ],
    [
      'does nothing about what is gone',
      { kind: 'absent', because: 'deleted' },
      undefined,
      undefined,
      { kind: 'none' },
    ],
    [
      'releases what is there',
      { kind: 'released', because: 'orphaned' },
      there,
      undefined,
      { kind: 'release', uid: 'u1' },
    ],
    [
      'has nothing to release where nothing is',
      { kind: 'released', because: 'orphaned' },
      undefined,
      undefined,
      { kind: 'none' },
    ],
    ['leaves alone what is held', { kind: 'held', because: 'x' }, there, undefined, { kind: 'none' }],
    [
      'tells what is refused and leaves what is there',
      { kind: 'refused', status: 'ApplyOverridesFailed', message: 'm' },
      there,
      undefined,
      { kind: 'refuse', status: 'ApplyOverridesFailed', message: 'm' },
    ],
  ])('%s', (_, intent, observed, known, step) => {
    expect(stepFor(intent, observed, known)).toMatchObject(step);
  });

  it('is none once it was taken: a second look finds nothing to do', () => {
    const known = firsthand(versionOf('h1', 'f2'));
    expect(stepFor(present, { ...there, fields: 'f2' }, known).kind).toBe('none');
  });
});
