import { X509Certificate } from 'node:crypto';
import { type CertificateSight, readCertificate } from '../plan/certificates.ts';
import type { Transport } from '../transport/transport.ts';

/** A certificate on a machine, and when its file was last written, by the machine's clock. */
export interface CertificateFile extends CertificateSight {
  readonly path: string;
  readonly writtenAtSeconds: number;
}

/**
 * All certificates that kubeadm and kubelet keep on a machine. Of kubeconfigs only the certificate is taken out, there:
 * no private key leaves the machine.
 */
export async function readCertificates(
  machine: { readonly spec: { readonly name: string }; readonly transport: Transport },
  signal?: AbortSignal,
): Promise<readonly CertificateFile[]> {
  const { stdout } = await machine.transport.exec({ script, root: true, ...(signal && { signal }) });
  return stdout.split('\n').flatMap((line) => {
    const [path, written, encoded] = line.split(' ');
    if (!path || !written || !encoded) return [];
    const sight = readCertificate(machine.spec.name, nameOf(path), pemOf(encoded));
    return [{ ...sight, path, writtenAtSeconds: Number(written) }];
  });
}

/** What a server on the machine shows in a handshake. */
export interface ServedCertificate {
  readonly fingerprint: string;
  readonly notAfter: number;
}

/**
 * The certificate that a port of the machine shows, asked on the machine itself, since some listen on 127.0.0.1 only.
 * undefined if nothing answers with one.
 *
 * Machines often have no openssl. So a TLS 1.2 greeting made here is sent by the shell, and the answer, whose certificate
 * is not yet encrypted in TLS 1.2, is read here. A server that wants TLS 1.3 is asked with openssl where there is one.
 */
export async function readServedCertificate(
  machine: { readonly transport: Transport },
  port: number,
  { host = '127.0.0.1', signal }: { readonly host?: string; readonly signal?: AbortSignal | undefined } = {},
): Promise<ServedCertificate | undefined> {
  const { stdout } = await machine.transport.exec({
    script: handshakeScript,
    args: [host, String(port), Buffer.concat([clientHello(), goodbye]).toString('base64')],
    deadlineMs: 30_000,
    ...(signal && { signal }),
  });
  const [kind, encoded] = stdout.trim().split(' ');
  if (!encoded) return undefined;
  const found = kind === 'pem' ? new X509Certificate(Buffer.from(encoded, 'base64')) : certificateIn(encoded);
  return (
    found && {
      fingerprint: found.fingerprint256.replaceAll(':', '').toLowerCase(),
      notAfter: found.validToDate.getTime(),
    }
  );
}

function certificateIn(encoded: string): X509Certificate | undefined {
  const der = certificateOfFlight(Buffer.from(encoded, 'base64'));
  return der && new X509Certificate(der);
}

/** The greeting of a TLS 1.2 client that takes RSA and ECDSA certificates. Nothing is ever decided by what it negotiates. */
export function clientHello(): Buffer {
  const suites = [0xc02f, 0xc02b, 0xc030, 0xc02c, 0xcca8, 0xcca9, 0x009c, 0x002f];
  const extensions = Buffer.concat([
    extension(10, list16([0x001d, 0x0017, 0x0018])),
    extension(11, Buffer.from([1, 0])),
    extension(13, list16([0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601])),
  ]);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    // Random bytes that needn't be random: the handshake is never finished.
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    list16(suites),
    Buffer.from([1, 0]),
    sized(extensions, 2),
  ]);
  const handshake = Buffer.concat([Buffer.from([1]), sized(body, 3)]);
  return Buffer.concat([Buffer.from([22, 3, 1]), sized(handshake, 2)]);
}

/** A fatal alert: having answered the greeting, the server hangs up, and nobody waits for more. */
const goodbye = Buffer.from([21, 3, 3, 0, 2, 2, 40]);

/** First certificate of a server's answer, DER; undefined if there is none in it. */
export function certificateOfFlight(flight: Buffer): Buffer | undefined {
  const messages: Buffer[] = [];
  for (let at = 0; at + 5 <= flight.length; ) {
    const length = flight.readUInt16BE(at + 3);
    // 22: handshake. An alert (21) ends the flight.
    if (flight[at] !== 22) break;
    messages.push(flight.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  const handshake = Buffer.concat(messages);
  for (let at = 0; at + 4 <= handshake.length; ) {
    const length = handshake.readUIntBE(at + 1, 3);
    // 11: Certificate. Then the length of the list, the length of its first, and that.
    if (handshake[at] === 11 && at + 10 <= handshake.length) {
      const size = handshake.readUIntBE(at + 7, 3);
      return at + 10 + size <= handshake.length ? handshake.subarray(at + 10, at + 10 + size) : undefined;
    }
    at += 4 + length;
  }
  return undefined;
}

function extension(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(type);
  return Buffer.concat([head, sized(body, 2)]);
}

function list16(values: readonly number[]): Buffer {
  const body = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) body.writeUInt16BE(value, index * 2);
  return sized(body, 2);
}

function sized(body: Buffer, bytes: number): Buffer {
  const head = Buffer.alloc(bytes);
  head.writeUIntBE(body.length, 0, bytes);
  return Buffer.concat([head, body]);
}

/** `/etc/kubernetes/pki/etcd/server.crt` → `etcd-server`, `/etc/kubernetes/admin.conf` → `admin.conf`, as kubeadm lists them. */
function nameOf(path: string): string {
  if (path.startsWith('/var/lib/kubelet/') || path.endsWith('/kubelet.conf')) return 'kubelet';
  const inPki = path.split('/etc/kubernetes/pki/')[1];
  return inPki ? inPki.replace(/\.crt$/, '').replaceAll('/', '-') : (path.split('/').at(-1) ?? path);
}

function pemOf(encoded: string): Buffer {
  return Buffer.from(encoded, 'base64');
}

const script = `
tell() { printf '%s %s ' "$1" "$(stat -L -c %Y "$1")"; }
for file in /etc/kubernetes/pki/*.crt /etc/kubernetes/pki/etcd/*.crt; do
  [ -f "$file" ] || continue
  tell "$file"; base64 -w0 "$file"; echo
done
for file in /etc/kubernetes/*.conf; do
  [ -f "$file" ] || continue
  data=$(sed -n 's/^ *client-certificate-data: *//p' "$file" | head -n 1)
  [ -n "$data" ] || continue
  tell "$file"; echo "$data"
done
file=/var/lib/kubelet/pki/kubelet-client-current.pem
if [ -f "$file" ]; then
  tell "$file"; sed -n '/BEGIN CERT/,/END CERT/p' "$file" | base64 -w0; echo
fi
`;

// /dev/tcp is bash's. A server that asks for a client certificate shows its own before.
const handshakeScript = `
flight=$(bash -c '
  exec 3<>"/dev/tcp/$1/$2" || exit 1
  echo "$3" | base64 -d >&3
  timeout 3 head -c 16384 <&3 | base64 -w0
' hansa "$1" "$2" "$3" 2>/dev/null) || true
case $flight in
  Fg*) echo "flight $flight" ;;
  *)
    if command -v openssl >/dev/null; then
      pem=$(openssl s_client -connect "$1:$2" </dev/null 2>/dev/null | sed -n '/BEGIN CERT/,/END CERT/p' | base64 -w0)
      [ -z "$pem" ] || echo "pem $pem"
    fi ;;
esac
`;
