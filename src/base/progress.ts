/** Where a long operation tells how far it is. A terminal shows it live, everything else prints plain lines. */
export interface Progress {
  /** Starts a step; the returned handle ends it. Steps may run side by side. */
  step(title: string): ProgressStep;
}

export interface ProgressStep {
  /** What the step is doing now, such as `compiling kube-apiserver (3 of 5)` or `41 of 120 MB`. */
  update(detail: string): void;
  done(detail?: string): void;
  fail(detail: string): void;
}

export const silentProgress: Progress = {
  step: () => ({ update() {}, done() {}, fail() {} }),
};
