import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCondition } from '../../../../src/rollout/plan/gates/index.ts';

function holds(text: string, value: number): boolean {
  const condition = parseCondition(text);
  if (!condition.ok) throw new Error(condition.message);
  return condition.test(value);
}

describe('a condition', () => {
  it.each([
    ['result < 0.01', 0.009, true],
    ['result < 0.01', 0.01, false],
    ['result <= 0.01', 0.01, true],
    ['result<1e-3', 0.0009, true],
    ['result > -1', -0.5, true],
    ['result >-1', -2, false],
    ['result == 5', 5, true],
    ['result != 5', 5, false],
    ['0.99 <= result', 0.995, true],
    ['0.99 <= result', 0.98, false],
    ['result >= 1 and result < 5', 5, false],
    ['result >= 1 and result < 5', 1, true],
    ['result < 1 or result > 5', 6, true],
    ['result < 1 or result > 5', 3, false],
    // "and" binds closer than "or".
    ['result > 9 or result > 1 and result < 3', 2, true],
    ['result > 9 or result > 1 and result < 3', 10, true],
    ['(result > 9 or result > 1) and result < 3', 10, false],
    ['not result > 3', 3, true],
    ['not not result > 3', 4, true],
    ['not (result > 3 or result < 1)', 2, true],
    ['result < Inf', 1e300, true],
    ['result == +Inf', Number.POSITIVE_INFINITY, true],
    ['result == -Inf', Number.POSITIVE_INFINITY, false],
    ['result > 1 && !(result > 2) || result == 9', 9, true],
    ['result > 1 && !(result > 2) || result == 9', 3, false],
  ])('"%s" on %d is %s', (text, value, expected) => {
    expect(holds(text, value)).toBe(expected);
  });

  it.each(['result < 1', 'result >= 1', 'result == 0', 'result != 0', '5 != result'])(
    'without a word about NaN, "%s" says no to it',
    (text) => {
      expect(parseCondition(text)).toMatchObject({ ok: true, speaksOfNaN: false });
      expect(holds(text, Number.NaN)).toBe(false);
    },
  );

  it.each([
    ['isNaN(result)', true],
    ['isNaN( result ) or result < 1', true],
    ['not isNaN(result)', false],
    ['result == NaN', true],
    ['result != NaN', false],
  ])('"%s" on NaN is %s', (text, expected) => {
    expect(parseCondition(text)).toMatchObject({ ok: true, speaksOfNaN: true });
    expect(holds(text, Number.NaN)).toBe(expected);
  });

  it.each([
    ['', 'column 1: "result" or a number is expected, but the text ends'],
    ['result', 'column 7: a comparison is expected (<, <=, >, >=, ==, !=), but the text ends'],
    ['result <', 'column 9: "result" or a number is expected, but the text ends'],
    ['result = 5', 'column 8: write "==" for equal'],
    ['result[0] < 5', 'column 7: write "result" alone: of several series each is looked at by itself'],
    ['result < 5 & result > 1', 'column 12: write "and" or "or"'],
    ['result < 5 result', 'column 12: "and", "or" or the end is expected, not "result"'],
    ['0 < result < 5', 'column 12: a comparison has two sides'],
    ['1 < 5', 'column 1: one side of a comparison must be "result" and the other a number'],
    ['result < result', 'column 1: one side of a comparison must be "result" and the other a number'],
    ['(result < 5', 'column 12: ")" is expected'],
    ['result < 5)', 'column 11: "and", "or" or the end is expected, not ")"'],
    ['value < 5', 'column 1: "result" or a number is expected, not "value"'],
    ['result < NaN', 'column 8: nothing is smaller or larger than NaN: write isNaN(result)'],
    ['isNaN(5)', 'column 7: "result" is expected: write isNaN(result)'],
    ['result < 5%', 'column 11: "%" has no meaning here'],
    ['result < 5 😀', 'column 12: "😀" has no meaning here'],
    [`${'('.repeat(80)}result < 5`, 'column 65: this is nested too deep'],
  ])('"%s" is refused, and says where', (text, message) => {
    const condition = parseCondition(text);
    expect(condition.ok ? 'accepted' : condition.message).toContain(message);
  });

  it('never fails otherwise, whatever is written', () => {
    const words = fc.constantFrom(
      'result',
      '<',
      '>=',
      '==',
      'and',
      'or',
      'not',
      '(',
      ')',
      'isNaN',
      '1',
      '-2e3',
      'NaN',
      '&&',
      '!',
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(words, { maxLength: 12 }).map((parts) => parts.join(' ')),
    );
    fc.assert(
      fc.property(texts, fc.double(), (text, value) => {
        const condition = parseCondition(text);
        if (condition.ok) expect(typeof condition.test(value)).toBe('boolean');
        else expect(condition.message).toMatch(/^column \d+: /);
      }),
    );
  });

  it('means the same as the expression it was made of', () => {
    interface Written {
      readonly text: string;
      readonly means: (value: number) => boolean;
    }
    const number = fc.double({ noNaN: true, min: -100, max: 100 });
    const leaf: fc.Arbitrary<Written> = fc
      .record({ sign: fc.constantFrom('<', '>='), limit: number })
      .map(({ sign, limit }) => ({
        text: `result ${sign} ${limit}`,
        means: (value) => (sign === '<' ? value < limit : value >= limit),
      }));
    const { written } = fc.letrec<{ written: Written }>((tie) => ({
      written: fc.oneof(
        { depthSize: 'small' },
        leaf,
        tie('written').map(({ text, means }) => ({
          text: `not (${text})`,
          means: (value: number) => !means(value),
        })),
        fc.tuple(tie('written'), tie('written')).map(([a, b]) => ({
          text: `(${a.text}) and (${b.text})`,
          means: (value: number) => a.means(value) && b.means(value),
        })),
        fc.tuple(tie('written'), tie('written')).map(([a, b]) => ({
          text: `(${a.text}) or (${b.text})`,
          means: (value: number) => a.means(value) || b.means(value),
        })),
      ),
    }));
    fc.assert(
      fc.property(written, number, ({ text, means }, value) => {
        fc.pre(text.length < 1024);
        expect(holds(text, value)).toBe(means(value));
      }),
    );
  });
});
