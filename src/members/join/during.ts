import { HansaError, type Progress, type ProgressStep } from '../../base/index.ts';

/** Runs a step of a long operation, shown while it lasts. */
export async function during<T>(
  progress: Progress,
  title: string,
  work: (step: ProgressStep) => Promise<T>,
): Promise<T> {
  const step = progress.step(title);
  try {
    const result = await work(step);
    step.done();
    return result;
  } catch (error) {
    // Without words: whoever catches the error prints them.
    step.fail('');
    throw error;
  }
}

export function isReason(error: unknown, reason: string): boolean {
  return error instanceof HansaError && error.reason === reason;
}

/** Undefined for an object that is not there, or whose namespace isn't. */
export async function unlessAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isReason(error, 'NotFound') || isReason(error, 'NamespaceNotFound')) return undefined;
    throw error;
  }
}
