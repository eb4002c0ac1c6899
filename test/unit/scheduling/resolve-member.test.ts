import { describe, expect, it } from 'vitest';
import { type Member, type MemberName, resolveMember } from '../../../src/scheduling/index.ts';

const member = (name: string, alias?: string): Member => ({
  name: name as MemberName,
  labels: {},
  ...(alias === undefined ? {} : { alias }),
});

describe('a written cluster name', () => {
  it('means the cluster of that name', () => {
    expect(resolveMember('m1', [member('m2'), member('m1')])).toMatchObject({
      kind: 'found',
      member: { name: 'm1' },
    });
  });

  it('else the one with that alias', () => {
    expect(resolveMember('A', [member('m1', 'A'), member('m2')])).toMatchObject({ member: { name: 'm1' } });
  });

  it('means the name, though another cluster has it as alias', () => {
    expect(resolveMember('m2', [member('m1', 'm2'), member('m2')])).toMatchObject({ member: { name: 'm2' } });
  });

  it('is ambiguous as the alias of two, and the message names both and the mend', () => {
    const found = resolveMember('A', [member('m1', 'A'), member('m2', 'A'), member('m3')]);
    expect(found).toMatchObject({ kind: 'ambiguous' });
    expect((found as { message: string }).message).toMatch(/m1 and m2.*hansa\.dev\/alias/);
  });

  it('that leads nowhere is told with the names there are', () => {
    expect(resolveMember('x', [member('m1', 'A'), member('m2')])).toEqual({
      kind: 'unknown',
      message: '"x" is not the name or alias of a joined cluster; joined are m1 (alias A), m2',
    });
    expect(resolveMember('x', [])).toMatchObject({ message: expect.stringContaining('none has joined') });
    const many = Array.from({ length: 12 }, (_, i) => member(`m${i}`));
    expect(resolveMember('x', many)).toMatchObject({ message: expect.stringMatching(/m9 and 2 more$/) });
  });
});
