import { messageOf, type Progress, type ProgressStep } from '../../src/base/index.ts';

/** Does some work as one step of a progress display, with the time it took. */
export async function inStep<T>(
  progress: Progress,
  title: string,
  work: (step: ProgressStep) => Promise<T>,
): Promise<T> {
  const step = progress.step(title);
  const startedAt = performance.now();
  const elapsed = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  const timer = setInterval(() => step.update(elapsed()), 1_000);
  try {
    const result = await work(step);
    step.done(elapsed());
    return result;
  } catch (error) {
    step.fail(`after ${elapsed()}: ${messageOf(error).split('\n')[0]}`);
    throw error;
  } finally {
    clearInterval(timer);
  }
}
