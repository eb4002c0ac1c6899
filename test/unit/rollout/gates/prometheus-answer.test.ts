import { describe, expect, it } from 'vitest';
import { answerFromPrometheus } from '../../../../src/rollout/plan/gates/index.ts';

function vector(...series: readonly (readonly [Record<string, string>, string])[]): object {
  return {
    status: 'success',
    data: {
      resultType: 'vector',
      result: series.map(([metric, value]) => ({ metric, value: [1_767_225_600.123, value] })),
    },
  };
}

const few = { success: 'result < 0.01' };

describe('an answer of Prometheus', () => {
  it.each([
    ['0.005', few, 'good'],
    ['0.01', few, 'bad'],
    ['0.03', { success: 'result < 0.01', failure: 'result > 0.05' }, 'inconclusive'],
    ['0.06', { success: 'result < 0.01', failure: 'result > 0.05' }, 'bad'],
    ['+Inf', few, 'bad'],
    ['-Inf', few, 'good'],
    ['1e-05', few, 'good'],
    ['NaN', few, 'inconclusive'],
    ['NaN', { success: 'not (result > 0.01)' }, 'inconclusive'],
    ['NaN', { success: 'isNaN(result) or result < 0.01' }, 'good'],
    ['NaN', { success: 'result < 0.01 and not isNaN(result)' }, 'bad'],
    ['NaN', { success: 'result < 0.01', failure: 'isNaN(result)' }, 'bad'],
    // Conditions that overlap err on the safe side.
    ['5', { success: 'result < 10', failure: 'result > 3' }, 'bad'],
  ])('of %s with %o is %s', (value, judgement, kind) => {
    expect(answerFromPrometheus(vector([{ cluster: 'eu-1' }, value]), judgement).kind).toBe(kind);
  });

  it('names the series and its number', () => {
    const body = vector([{ __name__: 'errors', cluster: 'eu-1', app: 'web' }, '0.0512345678']);
    expect(answerFromPrometheus(body, few)).toEqual({
      kind: 'bad',
      message: 'errors{app="web", cluster="eu-1"} is 0.0512346; good is result < 0.01',
    });
  });

  it('is good only if every series is, and bad if one is', () => {
    const series = (...numbers: readonly string[]) =>
      vector(...numbers.map((value, index) => [{ pod: `p${index}` }, value] as const));
    expect(answerFromPrometheus(series('0', '0.001'), few).kind).toBe('good');
    expect(answerFromPrometheus(series('0', 'NaN'), few)).toEqual({
      kind: 'inconclusive',
      message: '{pod="p1"} is NaN, which is neither good nor bad; good is result < 0.01',
    });
    expect(answerFromPrometheus(series('0', 'NaN', '1', '2', '3', '4', '5'), few)).toEqual({
      kind: 'bad',
      message: '{pod="p2"} is 1, {pod="p3"} is 2, {pod="p4"} is 3 and 2 more; good is result < 0.01',
    });
  });

  it('may be a scalar', () => {
    const body = { status: 'success', data: { resultType: 'scalar', result: [1_767_225_600, '0.5'] } };
    expect(answerFromPrometheus(body, few)).toEqual({
      kind: 'bad',
      message: 'result is 0.5; good is result < 0.01',
    });
  });

  it.each([
    ['no data', vector(), 'the query found no data'],
    [
      'a range',
      { status: 'success', data: { resultType: 'matrix', result: [] } },
      'aggregate it, for example with avg_over_time',
    ],
    [
      'a string',
      { status: 'success', data: { resultType: 'string', result: [0, 'x'] } },
      'a string, not a number',
    ],
    [
      'a histogram',
      {
        status: 'success',
        data: { resultType: 'vector', result: [{ metric: { a: 'b' }, histogram: [0, {}] }] },
      },
      '{a="b"} is a native histogram',
    ],
    [
      'an error',
      { status: 'error', errorType: 'bad_data', error: '1:4: parse error: unexpected end of input' },
      'Prometheus refused the query (bad_data): 1:4: parse error',
    ],
    ['a page', '<html>', "no answer of Prometheus' query API: check the url"],
    ['nothing', undefined, "no answer of Prometheus' query API"],
    [
      'a broken vector',
      { status: 'success', data: { resultType: 'vector', result: 'x' } },
      'a vector that is no list',
    ],
    [
      'a broken sample',
      { status: 'success', data: { resultType: 'vector', result: [{ metric: {}, value: [0, ''] }] } },
      'has no value that is a number',
    ],
    ['a new type', { status: 'success', data: { resultType: 'tensor' } }, 'unknown type "tensor"'],
  ])('that holds %s says nothing, and why', (_, body, message) => {
    const answer = answerFromPrometheus(body, few);
    expect(answer.kind).toBe('inconclusive');
    expect(answer.message).toContain(message);
  });

  it('is not judged by a condition that cannot be read', () => {
    expect(answerFromPrometheus(vector([{}, '1']), { success: 'result <' })).toMatchObject({
      kind: 'inconclusive',
      message: expect.stringContaining('success cannot be read: column 9'),
    });
  });

  it('is told at a bearable length', () => {
    const labels = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`label${i}`, 'x'.repeat(50)]));
    const { message } = answerFromPrometheus(
      vector([labels, '1'], [labels, '1'], [labels, '1'], [labels, '1']),
      few,
    );
    expect(message.length).toBeLessThan(800);
  });
});
