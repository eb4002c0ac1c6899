import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { identityOf } from '../../../src/sandbox/process-identity.ts';
import { isLeftBehind, ownerless, ownerMark } from '../../machines/labels.ts';

describe('machines are left behind', () => {
  it('when the process that started them has ended, and not before', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const { pid, start } = identityOf(child.pid ?? 0) ?? { pid: 0, start: '' };
    const mark = `${pid}/${start}`;
    expect(isLeftBehind(mark)).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isLeftBehind(mark)).toBe(true);
  });

  it('when another process has got the number of theirs', () => {
    expect(isLeftBehind(`${process.pid}/1@another`)).toBe(true);
    expect(isLeftBehind(ownerMark())).toBe(false);
  });

  it.each([ownerless, '', '12'])('never when nobody owns them (%j)', (mark) => {
    expect(isLeftBehind(mark)).toBe(false);
  });
});
