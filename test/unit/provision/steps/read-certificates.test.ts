import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TlsOptions } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../../../src/provision/transport/index.ts';
import {
  certificateOfFlight,
  clientHello,
  readServedCertificate,
} from '../../../../src/provision/steps/read-certificates.ts';
import { issueServing, type Serving } from '../../../support/certificates.ts';

let below = '';
let serving: Serving;
let fingerprint = '';

beforeAll(async () => {
  below = await mkdtemp(join(tmpdir(), 'hansa-handshake-'));
  serving = await issueServing(below);
  fingerprint = new X509Certificate(serving.certificate).fingerprint256.replaceAll(':', '').toLowerCase();
});
afterAll(() => rm(below, { recursive: true }));

async function listening(options: TlsOptions): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer({ cert: serving.certificate, key: serving.key, ...options });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Everything a server says to our greeting. */
async function flightOf(port: number): Promise<Buffer> {
  const socket = connectTcp(port, '127.0.0.1');
  socket.write(clientHello());
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => {
    parts.push(part);
    if (certificateOfFlight(Buffer.concat(parts))) socket.destroy();
  });
  socket.setTimeout(2000, () => socket.destroy());
  await new Promise((resolve) => socket.on('close', resolve));
  return Buffer.concat(parts);
}

describe('a handshake', () => {
  it('shows the certificate of a server, also of one that wants the client’s', async () => {
    await using server = await listening({ requestCert: true, rejectUnauthorized: true, ca: serving.ca });
    const found = certificateOfFlight(await flightOf(server.port));
    expect(found && new X509Certificate(found).toString()).toBe(
      new X509Certificate(serving.certificate).toString(),
    );
  });

  it('shows nothing where the server refuses our version, or the answer is cut off', async () => {
    await using server = await listening({ minVersion: 'TLSv1.3' });
    expect(certificateOfFlight(await flightOf(server.port))).toBeUndefined();
    await using plain = await listening({});
    const flight = await flightOf(plain.port);
    expect(certificateOfFlight(flight.subarray(0, 200))).toBeUndefined();
    expect(certificateOfFlight(Buffer.from('HTTP/1.1 400 Bad Request'))).toBeUndefined();
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'is done on the machine by its own shell, with a server of %s',
    async (minVersion) => {
      await using server = await listening({ minVersion });
      await using transport = await connect(
        {
          kind: 'local',
          host: '',
          port: 0,
          user: '',
          credential: '',
          hostKeys: [],
          bastion: undefined,
          insecureIgnoreHostKey: false,
        },
        {},
      );
      const served = await readServedCertificate({ transport }, server.port);
      expect(served?.fingerprint).toBe(fingerprint);
      expect(served?.notAfter).toBeGreaterThan(0);
    },
  );

  it('finds nothing where nobody listens', async () => {
    await using server = await listening({});
    const { port } = server;
    await server[Symbol.asyncDispose]();
    await using transport = await connect(
      {
        kind: 'local',
        host: '',
        port: 0,
        user: '',
        credential: '',
        hostKeys: [],
        bastion: undefined,
        insecureIgnoreHostKey: false,
      },
      {},
    );
    expect(await readServedCertificate({ transport }, port)).toBeUndefined();
  });
});
