import { describe, expect, it } from 'vitest';
import { createLogger, type LoggerOptions } from '../../../src/telemetry/index.ts';

function loggerToArray(options: Omit<LoggerOptions, 'output'> = {}) {
  const lines: string[] = [];
  const logger = createLogger({ ...options, output: { write: (line) => lines.push(line) } });
  return { logger, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> };
}

const webToken = `eyJhbGciOiJSUzI1NiJ9.${'eyJzdWIiOiJ4In0'}.c2lnbmF0dXJl`;

describe('a log line', () => {
  it('is one JSON object with time, level, message and fields', () => {
    const { logger, lines, last } = loggerToArray();
    logger.child({ room: 'members' }).info('member added', { member: 'eu-1', tookMs: 12 });
    expect(lines).toHaveLength(1);
    expect(last()).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      level: 'info',
      msg: 'member added',
      room: 'members',
      member: 'eu-1',
      tookMs: 12,
    });
  });

  it('is written from the asked level on', () => {
    const { logger, lines } = loggerToArray({ level: 'warn' });
    logger.debug('a');
    logger.info('b');
    logger.child({}).info('c');
    logger.warn('d');
    logger.error('e');
    expect(lines).toHaveLength(2);
  });

  it('can be read on a terminal', () => {
    const { logger, lines } = loggerToArray({ format: 'text' });
    logger.warn('run failed', {
      key: 'shop/web',
      why: 'no answer yet',
      failures: 2,
      stack: 'Error: x\n  at y',
    });
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}run failed {2}key=shop\/web why="no answer yet" failures=2\nError: x\n {2}at y\n$/,
    );
  });

  it.each([
    ['a token', { token: 'abc' }],
    ['a token by a longer name', { bearerToken: 'abc' }],
    ['a header', { headers: { Authorization: 'abc' } }],
    ['a kubeconfig', { kubeconfig: 'abc' }],
    ['key data deep in a list', { users: [{ user: { 'client-key-data': 'abc' } }] }],
    ['a password', { auth: { password: 'abc' } }],
    ['the data of a Secret', { object: { kind: 'Secret', data: { anything: 'abc' } } }],
  ])('hides %s', (_, fields) => {
    const { logger, lines } = loggerToArray();
    logger.info('look', fields);
    logger.child(fields).info('look');
    expect(lines.join('')).not.toContain('abc');
    expect(lines.join('').match(/\[hidden\]/g)).toHaveLength(2);
  });

  it('hides secrets inside texts: messages, fields, errors and their causes', () => {
    const { logger, lines } = loggerToArray();
    const key = '-----BEGIN EC PRIVATE KEY-----\nabcdef\n-----END EC PRIVATE KEY-----';
    logger.warn(`sent ${webToken}`, {
      header: `Bearer ${webToken}`,
      error: new Error(`bad ${key}`, { cause: new Error(webToken) }),
    });
    expect(lines.join('')).not.toMatch(/abcdef|eyJ/);
    expect(lines.join('')).toContain('bad [hidden]');
  });

  it('leaves alone what only looks related', () => {
    const { logger, last } = loggerToArray();
    const fields = { key: 'shop/web', secretName: 'eu-1-x7f2', kind: 'ConfigMap', data: { a: 'b' } };
    logger.info('look', fields);
    expect(last()).toMatchObject(fields);
  });

  it('survives circles, bigints and bytes', () => {
    const { logger, last } = loggerToArray();
    const circle: Record<string, unknown> = { size: 12n, body: Buffer.from('abc'), when: new Date(0) };
    circle.self = circle;
    logger.info('look', circle);
    expect(last()).toMatchObject({ size: '12', body: '[3 bytes]', when: '1970-01-01T00:00:00.000Z' });
  });
});
