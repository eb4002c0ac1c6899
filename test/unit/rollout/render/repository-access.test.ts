import { describe, expect, it } from 'vitest';
import { redact, repositoryAccess } from '../../../../src/rollout/render/repository-access.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('the access to a repository', () => {
  it('takes user and password out of the address', () => {
    expect(repositoryAccess('https://jdoe:s%40cret@charts.example.com/stable/')).toEqual({
      url: 'https://charts.example.com/stable',
      username: 'jdoe',
      password: 's@cret',
    });
  });

  it('takes them from the Secret rather than from the address', () => {
    const secret = { username: base64('ci'), password: base64('x\n'), 'ca.crt': base64('PEM') };
    expect(repositoryAccess('https://a:b@charts.example.com', secret)).toEqual({
      url: 'https://charts.example.com',
      username: 'ci',
      password: 'x\n',
      ca: 'PEM',
    });
  });

  it('knows registries, with a token and without TLS', () => {
    const secret = { token: base64('abc\n'), plainHttp: base64('true') };
    expect(repositoryAccess('oci://registry:5000/charts', secret)).toEqual({
      url: 'oci://registry:5000/charts',
      token: 'abc',
      plainHttp: true,
    });
  });

  it.each(['charts', 'ftp://charts', 'https://', 'file:///etc', ''])(
    'refuses %s without repeating it',
    (url) => {
      expect(() => repositoryAccess(url)).toThrow(
        expect.objectContaining({
          reason: 'BrokenChartSpec',
          message: expect.stringContaining('such as https://charts.example.com'),
        }),
      );
    },
  );
});

describe('a message', () => {
  const access = { username: 'jdoe', password: 's@cret', token: 'tok-123' };

  it.each([
    ['a password', 'wrong s@cret here'],
    ['a password in an address', 'GET https://jdoe:s%40cret@host/x'],
    ['a token', 'Bearer tok-123'],
    ['a header', `Basic ${base64('jdoe:s@cret')}`],
    ["somebody else's password in an address", 'GET https://x:s@cret@other/'],
  ])('loses %s', (_, text) => {
    const told = redact(text, access);
    for (const secret of ['s@cret', 's%40cret', 'tok-123', base64('jdoe:s@cret')]) {
      expect(told).not.toContain(secret);
    }
  });

  it('loses the signature of an address, and keeps the rest', () => {
    expect(redact('GET https://s3/x.tgz?X-Amz-Signature=abc&part=1 failed', {})).toBe(
      'GET https://s3/x.tgz?X-Amz-Signature=***&part=1 failed',
    );
  });

  it('keeps what is no secret', () => {
    expect(redact('no chart nginx at https://charts.example.com:8443/a', {})).toBe(
      'no chart nginx at https://charts.example.com:8443/a',
    );
  });
});
