import { HansaError } from '../../base/index.ts';

/** Asks a person at the terminal, and shows nothing of the answer. */
export function askHidden(question: string): Promise<string> {
  const { stdin, stderr } = process;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let answer = '';
  const end = (finish: () => void) => {
    stdin.off('data', take);
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
    finish();
  };
  const take = (data: Buffer) => {
    for (const character of data.toString('utf8')) {
      switch (character) {
        case '\r':
        case '\n':
        case '\u0004':
          return end(() => resolve(answer));
        case '\u0003':
          return end(() => reject(new HansaError('interrupted', { reason: 'Interrupted', retry: 'never' })));
        case '\u007f':
        case '\b':
          answer = answer.slice(0, -1);
          break;
        default:
          answer += character;
      }
    }
  };
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.resume();
  stdin.on('data', take);
  return promise;
}
