/** What an offline command has to say: data, so that it can be tested without a process. */
export interface Printed {
  readonly out: string;
  readonly err: string;
  /** 1 when a part of the input could not be used; what could is in `out` all the same. */
  readonly exitCode: 0 | 1;
}

export function print({ out, err, exitCode }: Printed): void {
  // `| head` closes the pipe when it has seen enough; that is no failure.
  process.stdout.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  if (err) process.stderr.write(err);
  if (out) process.stdout.write(out);
  if (exitCode !== 0) process.exitCode = exitCode;
}
