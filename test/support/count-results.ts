import { readFileSync } from 'node:fs';

/** The part of vitest's JSON report that is counted. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: 'passed' | 'failed';
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly meta?: { readonly skipReason?: string };
    }[];
  }[];
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What a person should know beside the numbers. */
  readonly notes: readonly string[];
}

/**
 * Counts the tests of a run. A file that failed without a failed test of its own (it did not load, or its teardown
 * threw) counts as one, and so does a run that ended badly for no reason the report shows. A skipped test without
 * `task.meta.skipReason` counts as failed too.
 */
export function countResults({ testResults }: Report, exitCode: number): Counts {
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const passed = tests.filter(({ status }) => status === 'passed').length;
  const failedTests = tests.filter(({ status }) => status === 'failed');
  const left = tests.filter(({ status }) => status !== 'passed' && status !== 'failed');
  const unexplained = left.filter(({ meta }) => !meta?.skipReason);
  const brokenFiles = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  const known = failedTests.length + unexplained.length + brokenFiles.length;
  const hidden = exitCode !== 0 && known === 0 ? 1 : 0;
  return {
    passed,
    failed: known + hidden,
    skipped: left.length,
    notes: [
      ...failedTests.map(({ fullName }) => `failed: ${fullName}`),
      ...brokenFiles.map(({ name, message }) => `failed as a file: ${name}: ${message}`),
      ...left.map(({ fullName, meta }) =>
        meta?.skipReason
          ? `skipped: ${fullName}: ${meta.skipReason}`
          : `skipped without a reason: ${fullName}`,
      ),
      ...(hidden ? [`the run ended with code ${exitCode} although no test failed`] : []),
    ],
  };
}

if (import.meta.main) {
  const [path = '', exitCode = '1'] = process.argv.slice(2);
  let counts: Counts;
  try {
    counts = countResults(JSON.parse(readFileSync(path, 'utf8')) as Report, Number(exitCode));
  } catch (error) {
    counts = { passed: 0, failed: 1, skipped: 0, notes: [`no report: ${String(error)}`] };
  }
  for (const note of counts.notes) console.error(note);
  console.log(`${counts.passed} ${counts.failed} ${counts.skipped}`);
}
