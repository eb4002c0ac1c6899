import { describe, expect, it } from 'vitest';
import { countResults } from '../support/count-results.ts';

const passed = { fullName: 'a works', status: 'passed' };
const file = { name: 'a.test.ts', status: 'passed' as const, message: '', assertionResults: [passed] };

describe('the counting of test results', () => {
  it('takes passed and failed tests as they are', () => {
    const results = [
      file,
      { ...file, status: 'failed' as const, assertionResults: [passed, { fullName: 'b', status: 'failed' }] },
    ];
    expect(countResults({ testResults: results }, 1)).toMatchObject({ passed: 2, failed: 1, skipped: 0 });
  });

  it('takes a skipped test for a failure unless it says why', () => {
    const skipped = { fullName: 'c', status: 'skipped' };
    const explained = { ...skipped, meta: { skipReason: 'needs a kernel with nftables' } };
    const count = (tests: readonly (typeof explained | typeof skipped)[]) =>
      countResults({ testResults: [{ ...file, assertionResults: tests }] }, 0);
    expect(count([explained])).toMatchObject({
      failed: 0,
      skipped: 1,
      notes: ['skipped: c: needs a kernel with nftables'],
    });
    expect(count([skipped])).toMatchObject({ failed: 1, skipped: 1, notes: ['skipped without a reason: c'] });
  });

  it('counts a file that did not load, and a run that ended badly for no visible reason', () => {
    const broken = { ...file, status: 'failed' as const, message: 'cannot import', assertionResults: [] };
    expect(countResults({ testResults: [broken] }, 1)).toMatchObject({ passed: 0, failed: 1 });
    expect(countResults({ testResults: [file] }, 137)).toMatchObject({ passed: 1, failed: 1 });
    expect(countResults({ testResults: [file] }, 0)).toMatchObject({ passed: 1, failed: 0, notes: [] });
  });
});
