import { generateKeyPairSync, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../../src/provision/transport/lines.ts';
import { createRedactor, redact } from '../../../../src/provision/transport/redact.ts';

const lower = 'abcdefghijklmnopqrstuvwxyz0123456789';
const text = (alphabet: string, length: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet.split('')), minLength: length, maxLength: length });
const around = fc.string({ unit: fc.constantFrom(...' \n\t"\'{}:,;/=<>()[]|'.split('')) });
const bootstrapToken = fc.tuple(text(lower, 6), text(lower, 16)).map(([id, secret]) => `${id}.${secret}`);
const certificateKey = text('0123456789abcdef', 64);
const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** What the caller of exec sees line by line, however the bytes were cut. */
function shownLines(output: Buffer, cuts: readonly number[], secrets: readonly string[]): string {
  const shown: string[] = [];
  const masked = createRedactor(secrets).lines();
  const splitter = new LineSplitter((line) => {
    const one = masked(line);
    if (one !== undefined) shown.push(one);
  });
  let at = 0;
  for (const cut of [
    ...cuts.map((share) => Math.floor(share * output.length)).toSorted((a, b) => a - b),
    output.length,
  ]) {
    splitter.push(output.subarray(at, cut));
    at = cut;
  }
  splitter.end();
  return shown.join('\n');
}

describe('secrets that nobody told us of', () => {
  it('masks a bootstrap token wherever it stands', () => {
    fc.assert(
      fc.property(around, bootstrapToken, around, (before, token, after) => {
        expect(redact(before + token + after)).not.toContain(token);
      }),
    );
  });

  it('masks a certificate key wherever it stands', () => {
    fc.assert(
      fc.property(around, certificateKey, around, (before, key, after) => {
        expect(redact(before + key + after)).not.toContain(key);
      }),
    );
  });

  it('leaves the public hash of the CA and the digests of images readable', () => {
    const hash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    const join = `--discovery-token-ca-cert-hash sha256:${hash} --certificate-key ${hash}`;
    expect(redact(join)).toBe(`--discovery-token-ca-cert-hash sha256:${hash} --certificate-key ***`);
    expect(redact(`registry.k8s.io/pause@sha256:${hash}`)).toContain(hash);
    expect(redact(`/var/cache/hansa/blobs/sha256/${hash}`)).toContain(hash);
  });

  it('masks what kubeadm prints to join', () => {
    const said = 'kubeadm join 10.0.0.1:6443 --token abcdef.0123456789abcdef \\';
    expect(redact(said)).toBe('kubeadm join 10.0.0.1:6443 --token *** \\');
  });

  it('masks keys in PEM: whole, cut off, in JSON, in base64, line by line', () => {
    const body = pem.split('\n')[1] ?? '';
    expect(redact(`before ${pem} after`)).not.toContain(body);
    expect(redact(`before ${pem} after`)).toMatch(/^before .* after$/s);
    expect(redact(pem.slice(0, 70))).not.toContain(body.slice(0, 20));
    expect(redact(JSON.stringify({ key: pem }))).not.toContain(body);
    const encoded = Buffer.from(pem).toString('base64');
    expect(redact(`client-key-data: ${encoded}`)).toBe('client-key-data: ***');
    expect(redact(`  tls.key: ${encoded}`)).not.toContain(encoded.slice(0, 40));
    const lines = shownLines(Buffer.from(`first\n${pem}last\n`), [], []);
    expect(lines).not.toContain(body);
    expect(lines.split('\n').at(0)).toBe('first');
    expect(lines.split('\n').at(-1)).toBe('last');
  });

  it('shows what follows a PEM block that never ends', () => {
    expect(
      shownLines(Buffer.from('-----BEGIN PRIVATE KEY-----\nQUJD\nerror: no such file\nQUJD'), [], []),
    ).toContain('error: no such file');
  });

  it('masks a client key that is no PEM, and the token of a service account', () => {
    const random = randomBytes(60).toString('base64');
    expect(redact(`"client-key-data":"${random}"`)).toBe('"client-key-data":"***"');
    const jwt = `eyJhbGciOiJSUzI1NiJ9.${randomBytes(40).toString('base64url')}.${randomBytes(40).toString('base64url')}`;
    expect(redact(`Authorization: Bearer ${jwt}`)).toBe('Authorization: Bearer ***');
  });

  it('leaves plain talk alone', () => {
    const talk =
      '[init] Using Kubernetes version: v1.36.3; node "m1" is NotReady: see https://10.0.0.1:6443/readyz?verbose';
    expect(redact(talk)).toBe(talk);
  });
});

describe('secrets that were told', () => {
  const secret = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter((one) => /[^*]/.test(one));

  it('never come out in a text, whatever they and their surroundings are', () => {
    fc.assert(
      fc.property(
        fc.array(secret, { minLength: 1, maxLength: 4 }),
        fc.string({ unit: 'binary' }),
        (secrets, filler) => {
          const redactor = createRedactor(secrets);
          const out = redactor.text(filler + secrets.join(filler) + filler);
          for (const one of secrets) expect(out).not.toContain(one);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('never come out in lines, however the output is cut into pieces', () => {
    const plain = fc.string({
      unit: fc.constantFrom(...'abcXYZ019 *\'"$!%äß'.split('')),
      minLength: 4,
      maxLength: 20,
    });
    fc.assert(
      fc.property(
        plain.filter((one) => /[^*]/.test(one)),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }),
        (one, cuts) => {
          const output = Buffer.from(`sudo: ${one}\n{"password":${JSON.stringify(one)}}\n${one}${one}`);
          expect(shownLines(output, cuts, [one])).not.toContain(one);
        },
      ),
    );
  });

  it('never come out in base64 at any alignment, in JSON or in a URL', () => {
    const one = 'pass "word" & more/ü';
    const redactor = createRedactor([one]);
    const mask = (text: string) => redactor.text(text);
    for (const prefix of ['', 'x', 'xy', 'xyz']) {
      const encoded = Buffer.from(`${prefix}${one}tail`).toString('base64');
      const clear = Buffer.from(mask(encoded).replaceAll('*', ''), 'base64').toString();
      expect(clear).not.toContain('word');
    }
    expect(mask(JSON.stringify({ one }))).not.toContain('word');
    expect(mask(`https://u:${encodeURIComponent(one)}@host/`)).not.toContain('word');
  });

  it('covers each line of a secret of many lines', () => {
    const [, body = ''] = pem.split('\n');
    expect(createRedactor([pem]).text(`it has ${body} in it`)).toBe('it has *** in it');
  });

  it('does not show a line that is too long to be looked at as a whole', () => {
    const one = 'hunter2hunter2';
    const shown = shownLines(
      Buffer.from(`${'x'.repeat(65_530)}${one}${'x'.repeat(70_000)}\nnext`),
      [0.3, 0.4, 0.5],
      [one],
    );
    expect(shown).toBe('(a line of 135544 characters, not shown)\nnext');
  });
});
