import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quote, renderCommandLine } from '../../../../src/provision/transport/command-line.ts';

describe('an argument', () => {
  it('arrives as it was given, whatever is in it', () => {
    const argument = fc
      .string({ unit: fc.constantFrom(...'ab \'"\\$`!*?~;&|<>(){}[]#=\n\t\rä'.split('')), maxLength: 12 })
      .filter((one) => !one.includes('\0'));
    fc.assert(
      fc.property(fc.array(argument, { minLength: 1, maxLength: 6 }), (args) => {
        const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' ${args.map(quote).join(' ')}`]);
        expect(stdout.toString().split('\0').slice(0, -1)).toEqual(args);
      }),
      { numRuns: 40 },
    );
  });

  it('with a NUL is refused instead of cut', () => {
    expect(() => quote('a\0b')).toThrow(expect.objectContaining({ reason: 'ArgumentInvalid' }));
  });
});

describe('a command line', () => {
  const command = { args: [], elevation: { kind: 'none' }, startMark: 'm', deadlineMs: 1000 } as const;

  it('ends at the first command that fails', () => {
    const line = renderCommandLine({ ...command, script: 'echo one; false; echo two' });
    expect(spawnSync('sh', ['-c', line]).stdout.toString()).toBe('one\n');
  });

  it('is ended by the machine itself when nobody is there any more', () => {
    const line = renderCommandLine({ ...command, script: 'sleep 60', deadlineMs: -4500 });
    expect(spawnSync('sh', ['-c', line], { timeout: 10_000 }).status).toBe(124);
  });

  it('too long to be an argument is refused in a sentence', () => {
    expect(() => renderCommandLine({ ...command, script: 'x'.repeat(200_000) })).toThrow(/stdin/);
  });
});
